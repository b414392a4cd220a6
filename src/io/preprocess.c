#include "io/preprocess.h"

#include "base/dtype.h"
#include "base/error.h"
#include "io/resample.h"

#include <math.h>

#define DEFAULT_SIZE 224

/* Means and deviations of ImageNet's pixels in 0..1, red, green, blue, as torchvision's models take them. */
static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_deviation[3] = {0.229f, 0.224f, 0.225f};

/* Means of ImageNet's pixels in 0..255, red, green, blue, as Caffe's VGG models take them. */
static const float caffe_mean[3] = {123.68f, 116.779f, 103.939f};

static bool is_channels(int64_t extent) {
    return extent == 1 || extent == 3;
}

convoy_layout convoy_layout_find(const convoy_shape *shape) {
    if (shape->rank != 4)
        return CONVOY_LAYOUT_AUTO;
    if (is_channels(shape->dims[1]))
        return CONVOY_LAYOUT_NCHW;
    if (is_channels(shape->dims[3]))
        return CONVOY_LAYOUT_NHWC;
    return shape->dims[1] < 0 ? CONVOY_LAYOUT_NCHW : CONVOY_LAYOUT_AUTO;
}

/* Where the channels stand, as the options say or the shape. */
static convoy_status plan_layout(struct preprocess *plan, const convoy_shape *shape, convoy_layout wanted,
                                 convoy_error *error) {
    char text[192];
    plan->layout = wanted == CONVOY_LAYOUT_AUTO ? convoy_layout_find(shape) : wanted;
    if (plan->layout != CONVOY_LAYOUT_AUTO && plan->layout != CONVOY_LAYOUT_NCHW &&
        plan->layout != CONVOY_LAYOUT_NHWC)
        return error_set(error, CONVOY_E_USAGE, "%d is no layout", (int)plan->layout);
    int64_t channels = shape->rank == 4 ? shape->dims[plan->layout == CONVOY_LAYOUT_NHWC ? 3 : 1] : 0;
    if (plan->layout == CONVOY_LAYOUT_AUTO || (channels >= 0 && !is_channels(channels)))
        return error_set(
            error, CONVOY_E_INPUT,
            "is a picture, but the model's input is %s; pictures go into %s with 1 or 3 channels",
            convoy_shape_text(shape, text, sizeof text),
            wanted == CONVOY_LAYOUT_NCHW   ? "[N,C,H,W]"
            : wanted == CONVOY_LAYOUT_NHWC ? "[N,H,W,C]"
                                           : "[N,C,H,W] or [N,H,W,C]");
    plan->channels = channels < 0 ? 3 : (int)channels;
    return CONVOY_OK;
}

/* Height and width. */
static convoy_status plan_sides(struct preprocess *plan, const convoy_shape *shape, int64_t size,
                                convoy_error *error) {
    const int first = plan->layout == CONVOY_LAYOUT_NHWC ? 1 : 2;
    char text[192];
    convoy_shape_text(shape, text, sizeof text);
    if (size < 0 || size > IMAGE_MAX_SIDE)
        return error_set(error, CONVOY_E_USAGE, "a size of %lld pixels makes no sense; 1 to %d are accepted",
                         (long long)size, IMAGE_MAX_SIDE);
    int64_t sides[2];
    for (int i = 0; i < 2; i++) {
        int64_t fixed = shape->dims[first + i];
        sides[i] = fixed >= 0 ? fixed : size ? size : DEFAULT_SIZE;
        if (sides[i] < 1 || sides[i] > IMAGE_MAX_SIDE)
            return error_set(error, CONVOY_E_INPUT,
                             "is a picture, but the model's input is %s; pictures have 1 to %d pixels a side",
                             text, IMAGE_MAX_SIDE);
        if (size && sides[i] != size)
            return error_set(error, CONVOY_E_USAGE,
                             "the size is to be %lld, but the model's input is %s; leave out the size",
                             (long long)size, text);
    }
    plan->height = sides[0];
    plan->width = sides[1];
    return CONVOY_OK;
}

/* What a preset does to the pixels 0..255 of one colour: (v*scale - mean)/deviation. */
struct colour_rule {
    float scale, mean, deviation;
};

static struct colour_rule preset_colour(convoy_preset preset, int colour) {
    switch (preset) {
    case CONVOY_PRESET_IMAGENET:
        return (struct colour_rule){1 / 255.0f, imagenet_mean[colour], imagenet_deviation[colour]};
    case CONVOY_PRESET_TF:
        return (struct colour_rule){1 / 127.5f, 1, 1};
    case CONVOY_PRESET_CAFFE:
        return (struct colour_rule){1, caffe_mean[colour], 1};
    case CONVOY_PRESET_RAW:
        return (struct colour_rule){1, 0, 1};
    default:
        return (struct colour_rule){1 / 255.0f, 0, 1};
    }
}

static void plan_preset(struct preprocess *plan, convoy_preset preset) {
    const bool cut =
        preset == CONVOY_PRESET_IMAGENET || preset == CONVOY_PRESET_TF || preset == CONVOY_PRESET_CAFFE;
    int64_t side = plan->height > plan->width ? plan->height : plan->width;
    plan->short_side = cut ? 256 * side / 224 : 0;
    plan->bgr = plan->bgr || preset == CONVOY_PRESET_CAFFE;
    for (int c = 0; c < 3; c++) {
        const struct colour_rule rule = preset_colour(preset, plan->bgr ? 2 - c : c);
        plan->scale = rule.scale;
        plan->mean[c] = rule.mean;
        plan->deviation[c] = rule.deviation;
    }
    if (plan->channels == 1) { /* grey is all colours alike */
        plan->mean[0] = (plan->mean[0] + plan->mean[1] + plan->mean[2]) / 3;
        plan->deviation[0] = (plan->deviation[0] + plan->deviation[1] + plan->deviation[2]) / 3;
    }
}

/* The type of the numbers that pixels become, and the preset that makes them. */
static convoy_status plan_numbers(struct preprocess *plan, convoy_preset preset, convoy_error *error) {
    const bool real = dtype_is(plan->dtype, DTYPE_REALS);
    if (!real && plan->dtype != CONVOY_U8)
        return error_set(
            error, CONVOY_E_UNSUPPORTED,
            "is a picture, which becomes floating-point numbers or uint8, but the model takes %s",
            convoy_dtype_text(plan->dtype));
    switch (preset) {
    case CONVOY_PRESET_AUTO:
        plan_preset(plan, !real                 ? CONVOY_PRESET_RAW
                          : plan->channels == 3 ? CONVOY_PRESET_IMAGENET
                                                : CONVOY_PRESET_UNIT);
        return CONVOY_OK;
    case CONVOY_PRESET_IMAGENET:
    case CONVOY_PRESET_UNIT:
    case CONVOY_PRESET_TF:
    case CONVOY_PRESET_CAFFE:
        if (!real)
            return error_set(error, CONVOY_E_USAGE,
                             "the preset makes fractions, but the model takes uint8; raw is accepted");
        plan_preset(plan, preset);
        return CONVOY_OK;
    case CONVOY_PRESET_RAW:
        plan_preset(plan, preset);
        return CONVOY_OK;
    }
    return error_set(error, CONVOY_E_USAGE, "%d is no preset", (int)preset);
}

convoy_status preprocess_plan(struct preprocess *plan, convoy_dtype dtype, const convoy_shape *shape,
                              const convoy_image_options *options, convoy_error *error) {
    static const convoy_image_options defaults = {0};
    const convoy_image_options *o = options ? options : &defaults;
    struct preprocess p = {.dtype = dtype, .bgr = o->bgr};
    convoy_status status = plan_layout(&p, shape, o->layout, error);
    if (status == CONVOY_OK)
        status = plan_sides(&p, shape, o->size, error);
    if (status == CONVOY_OK)
        status = plan_numbers(&p, o->preset, error);
    if (status != CONVOY_OK)
        return status;
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

/* A sample becomes a number from 0 to 255, with digits behind the point if it has more than 8 bits.
 * Integers are rounded, and cut to what the type holds. */
static void fill(const convoy_tensor *tensor, const struct preprocess *plan, const struct image *image) {
    const struct dtype *dtype = dtype_find(plan->dtype);
    const bool real = dtype_is(plan->dtype, DTYPE_REALS);
    const int64_t count = image->height * image->width;
    const int64_t pixel_step = plan->layout == CONVOY_LAYOUT_NHWC ? plan->channels : 1;
    const float full = (float)image->maximum;
    for (int c = 0; c < plan->channels; c++) {
        const float scale = plan->scale, mean = plan->mean[c], deviation = plan->deviation[c];
        const uint16_t *sample = image->pixels + (plan->bgr && plan->channels == 3 ? 2 - c : c);
        int64_t at = plan->layout == CONVOY_LAYOUT_NHWC ? c : c * count;
        for (int64_t i = 0; i < count; i++, at += pixel_step) {
            float value = (float)(sample[i * image->channels] * 255u) / full; /* below 2^24: rounded once */
            value = (value * scale - mean) / deviation;
            dtype->store((char *)tensor->data + (size_t)at * dtype->bytes,
                         (double)(real ? value : rintf(value)));
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
    if (plan->layout == CONVOY_LAYOUT_NHWC)
        shape = (convoy_shape){.rank = 4, .dims = {1, plan->height, plan->width, plan->channels}};
    status = convoy_tensor_create(&made, plan->dtype, &shape, error);
    if (status == CONVOY_OK) {
        fill(&made, plan, &resized);
        *tensor = made;
    }
    image_release(&resized);
    return status;
}
