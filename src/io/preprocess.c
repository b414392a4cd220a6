#include "io/preprocess.h"

#include "base/error.h"
#include "io/resample.h"

#include <math.h>

#define DEFAULT_SIZE 224

/* Means and deviations of ImageNet's pixels in 0..1, red, green, blue, as torchvision's models take them. */
static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_deviation[3] = {0.229f, 0.224f, 0.225f};

/* Height, width and channels. */
static convoy_status plan_shape(struct preprocess *plan, const convoy_shape *shape, int64_t size,
                                convoy_error *error) {
    char text[192];
    convoy_shape_text(shape, text, sizeof text);
    int64_t channels = shape->rank == 4 && shape->dims[1] >= 0 ? shape->dims[1] : 3;
    if (shape->rank != 4 || (channels != 1 && channels != 3))
        return error_set(
            error, CONVOY_E_INPUT,
            "is a picture, but the model's input is %s; pictures go into [N,C,H,W] with 1 or 3 channels",
            text);
    if (size < 0 || size > IMAGE_MAX_SIDE)
        return error_set(error, CONVOY_E_USAGE, "a size of %lld pixels makes no sense; 1 to %d are accepted",
                         (long long)size, IMAGE_MAX_SIDE);
    int64_t sides[2];
    for (int i = 0; i < 2; i++) {
        int64_t fixed = shape->dims[2 + i];
        sides[i] = fixed >= 0 ? fixed : size ? size : DEFAULT_SIZE;
        if (sides[i] < 1 || sides[i] > IMAGE_MAX_SIDE)
            return error_set(error, CONVOY_E_INPUT,
                             "is a picture, but the model's input is %s; pictures have 1 to %d pixels a side",
                             text, IMAGE_MAX_SIDE);
        if (size && sides[i] != size)
            return error_set(error, CONVOY_E_USAGE, "the size is to be %lld, but the model's input is %s",
                             (long long)size, text);
    }
    plan->channels = (int)channels;
    plan->height = sides[0];
    plan->width = sides[1];
    return CONVOY_OK;
}

static void plan_preset(struct preprocess *plan, convoy_preset preset) {
    plan->scale = preset == CONVOY_PRESET_RAW ? 1 : 1 / 255.0f;
    int64_t side = plan->height > plan->width ? plan->height : plan->width;
    plan->short_side = preset == CONVOY_PRESET_IMAGENET ? 256 * side / 224 : 0;
    for (int c = 0; c < 3; c++) {
        int colour = plan->bgr ? 2 - c : c;
        plan->mean[c] = preset == CONVOY_PRESET_IMAGENET ? imagenet_mean[colour] : 0;
        plan->deviation[c] = preset == CONVOY_PRESET_IMAGENET ? imagenet_deviation[colour] : 1;
    }
    if (plan->channels == 1) { /* grey is all colours alike */
        plan->mean[0] = (plan->mean[0] + plan->mean[1] + plan->mean[2]) / 3;
        plan->deviation[0] = (plan->deviation[0] + plan->deviation[1] + plan->deviation[2]) / 3;
    }
}

convoy_status preprocess_plan(struct preprocess *plan, const convoy_shape *shape,
                              const convoy_image_options *options, convoy_error *error) {
    static const convoy_image_options defaults = {0};
    const convoy_image_options *o = options ? options : &defaults;
    struct preprocess p = {.bgr = o->bgr};
    convoy_status status = plan_shape(&p, shape, o->size, error);
    if (status != CONVOY_OK)
        return status;
    switch (o->preset) {
    case CONVOY_PRESET_AUTO:
        plan_preset(&p, p.channels == 3 ? CONVOY_PRESET_IMAGENET : CONVOY_PRESET_UNIT);
        break;
    case CONVOY_PRESET_IMAGENET:
    case CONVOY_PRESET_UNIT:
    case CONVOY_PRESET_RAW:
        plan_preset(&p, o->preset);
        break;
    default:
        return error_set(error, CONVOY_E_USAGE, "%d is no preset", (int)o->preset);
    }
    if (o->has_scale)
        p.scale = o->scale;
    for (int c = 0; c < 3; c++) {
        if (o->has_mean)
            p.mean[c] = o->mean[c];
        if (o->has_deviation)
            p.deviation[c] = o->deviation[c];
        if (c < p.channels &&
            (!isfinite(p.scale) || !isfinite(p.mean[c]) || !isfinite(p.deviation[c]) || p.deviation[c] == 0))
            return error_set(
                error, CONVOY_E_USAGE,
                "scale %g, mean %g and deviation %g of channel %d: numbers are accepted, and no deviation 0",
                (double)p.scale, (double)p.mean[c], (double)p.deviation[c], c);
    }
    *plan = p;
    return CONVOY_OK;
}

/* Half of what surrounds the centre; a half pixel goes to the even number, as in Python's round() and thus in
 * torchvision. */
static int64_t margin(int64_t full, int64_t part) {
    int64_t half = (full - part) / 2;
    return (full - part) % 2 ? half + half % 2 : half;
}

static struct window plan_window(const struct preprocess *plan, const struct image *image) {
    struct window w = {.full_height = plan->height, .full_width = plan->width};
    if (plan->short_side) {
        bool upright = image->height > image->width;
        int64_t shorter = upright ? image->width : image->height,
                longer = upright ? image->height : image->width;
        int64_t grown = plan->short_side * longer / shorter;
        w.full_height = upright ? grown : plan->short_side;
        w.full_width = upright ? plan->short_side : grown;
    }
    w.height = plan->height;
    w.width = plan->width;
    w.top = margin(w.full_height, w.height);
    w.left = margin(w.full_width, w.width);
    return w;
}

/* A sample becomes a number from 0 to 255, with digits behind the point where it has more than 8 bits. */
static void fill(float *out, const struct preprocess *plan, const struct image *image) {
    int64_t count = image->height * image->width;
    const float full = (float)image->maximum;
    for (int c = 0; c < plan->channels; c++) {
        const float scale = plan->scale, mean = plan->mean[c], deviation = plan->deviation[c];
        const uint16_t *sample = image->pixels + (plan->bgr && plan->channels == 3 ? 2 - c : c);
        for (int64_t i = 0; i < count; i++) {
            float value = (float)(sample[i * image->channels] * 255u) / full; /* below 2^24: rounded once */
            *out++ = (value * scale - mean) / deviation;
        }
    }
}

convoy_status preprocess_image(convoy_tensor *tensor, const struct preprocess *plan,
                               const struct image *image, convoy_error *error) {
    struct window window = plan_window(plan, image);
    struct image resized;
    convoy_tensor made;
    convoy_status status = image_resample(&resized, image, &window, error);
    if (status != CONVOY_OK)
        return status;
    convoy_shape shape = {.rank = 4, .dims = {1, plan->channels, plan->height, plan->width}};
    status = convoy_tensor_create(&made, CONVOY_F32, &shape, error);
    if (status == CONVOY_OK) {
        fill(made.data, plan, &resized);
        *tensor = made;
    }
    image_release(&resized);
    return status;
}
