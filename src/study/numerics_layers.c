/* Every layer is drawn and computed directly once; then each code that admits it codes, computes and decodes
 * it, several codes at once. */
#include "base/error.h"
#include "study/equal_work.h"
#include "study/network_shapes.h"
#include "study/numerics.h"
#include "study/study_threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A layer with more weights is left out: fc6 and fc7 of AlexNet and VGG-16, whose coded filters would take
 * gigabytes. */
enum { WEIGHTS_MOST = 5000000 };

/* Which networks, and for what. */
static const struct choice {
    const char *name;
    bool noise;  /* is added to answers */
    bool unlike; /* convolutions are also coded with channels of unlike size, with and without scales */
    bool quick;  /* in the quick version, too */
    uint32_t quick_threshold; /* there with this δ alone; 0: all */
} choices[] = {
    {"lenet5", true, false, true, 0}, {"alexnet", true, true, true, 16}, {"vgg16", false, false, false, 0}};

#define CHOICES (sizeof choices / sizeof choices[0])

/* One layer for all codes. */
struct scene {
    struct numerics *numerics;
    const struct choice *choice;
    const struct study_layer *layer;
    struct study_operands operands, unlike; /* unlike: channels of unlike size, if they are wanted */
    bool with_unlike;
    struct numerics_code **codes; /* [count] */
    size_t count;
    struct backend *backends[STUDY_THREADS_MOST];
};

/* ---- one code ---- */

static struct numerics_error *new_error(struct numerics_code *code) {
    if (code->error_count == code->error_room) {
        const size_t room = code->error_room ? 2 * code->error_room : 64;
        struct numerics_error *errors = realloc(code->errors, room * sizeof *errors);
        if (!errors)
            return NULL;
        code->errors = errors;
        code->error_room = room;
    }
    return &code->errors[code->error_count++];
}

/* How a layer is coded and what is decoded of it. */
struct way {
    convoy_dtype frames;
    bool unlike, scaled, noise;
};

/* Decodes for one loss and amount of noise. sample: NULL if no loss can be decoded. */
static convoy_status decode_loss(const struct scene *scene, struct numerics_code *n, const struct code *code,
                                 const struct way *way, const struct coded_sample *sample,
                                 enum numerics_loss loss, double decibels, convoy_error *error) {
    struct numerics_error *e = new_error(n);
    const uint32_t *workers = study_set(n->sets, n->chosen[loss]);
    if (!e)
        return error_memory(error);
    *e = (struct numerics_error){.network = scene->layer->network,
                                 .layer = scene->layer->name,
                                 .input_parts = code->input_parts,
                                 .filter_parts = code->filter_parts,
                                 .frames = way->frames,
                                 .unlike = way->unlike,
                                 .scaled = way->scaled,
                                 .decibels = decibels,
                                 .loss = loss};
    if (!sample) {
        const struct conditioning c = code_conditioning(code, workers, n->threshold);
        e->found = (struct decoded_error){.condition = c.condition, .noise_gain = c.noise_gain};
        return CONVOY_OK;
    }
    const struct answer_noise noise = {.any = decibels > 0,
                                       .decibels = decibels,
                                       .seed = scene->numerics->study->options->seed + (uint64_t)decibels};
    return coded_sample_decode(sample, workers, &noise, &e->found, error);
}

static bool is_quick(const struct scene *scene) {
    return scene->numerics->study->options->quick;
}

static convoy_status measure_way(const struct scene *scene, struct numerics_code *n, const struct code *code,
                                 const struct way *way, const struct study_hand *hand, convoy_error *error) {
    struct coded_sample sample;
    bool any = false;
    for (int loss = 0; loss < NUMERICS_LOSSES; loss++)
        any = any || n->found[n->chosen[loss]].condition < NUMERICS_MOST;
    const struct coded_setup setup = {.code = code,
                                      .operands = way->unlike ? &scene->unlike : &scene->operands,
                                      .frames = way->frames,
                                      .scaled = way->scaled,
                                      .backend =
                                          way->frames == CONVOY_F64 ? NULL : scene->backends[hand->number],
                                      .hand = hand};
    convoy_status status = any ? coded_sample_create(&sample, &setup, error) : CONVOY_OK;
    if (status != CONVOY_OK)
        return status;
    for (int loss = 0; loss < NUMERICS_LOSSES && status == CONVOY_OK; loss++) {
        status = decode_loss(scene, n, code, way, any ? &sample : NULL, (enum numerics_loss)loss, 0, error);
        const bool noise = way->noise && (loss == NUMERICS_TYPICAL || !is_quick(scene));
        for (int i = 0; i < NUMERICS_NOISES && noise && status == CONVOY_OK; i++)
            status = decode_loss(scene, n, code, way, any ? &sample : NULL, (enum numerics_loss)loss,
                                 numerics_noises[i], error);
    }
    if (any)
        coded_sample_destroy(&sample);
    return status;
}

/* A study_items.run: one code does everything with the layer. */
static convoy_status measure_code(void *context, size_t index, const struct study_hand *hand,
                                  convoy_error *error) {
    const struct scene *scene = context;
    struct numerics_code *n = scene->codes[index];
    struct code code;
    uint32_t input_parts, filter_parts;
    if (!equal_work_parts(n->family, &scene->operands.layer, n->workers, n->threshold, &input_parts,
                          &filter_parts))
        return CONVOY_OK;
    convoy_status status = code_create(&code, n->family, input_parts, filter_parts, &n->placement,
                                       scene->numerics->study->options->seed, error);
    if (status != CONVOY_OK)
        return status;
    for (int f = 0; f < NUMERICS_FRAMES && status == CONVOY_OK; f++) {
        struct way way = {.frames = numerics_frames[f], .scaled = true};
        way.noise = scene->choice->noise && way.frames == CONVOY_F64;
        status = measure_way(scene, n, &code, &way, hand, error);
        for (int scaled = 0; scaled < 2 && scene->with_unlike && status == CONVOY_OK; scaled++) {
            way = (struct way){.frames = numerics_frames[f], .unlike = true, .scaled = scaled};
            status = measure_way(scene, n, &code, &way, hand, error);
        }
    }
    code_destroy(&code);
    return status;
}

/* ---- layers ---- */

/* The codes that take part. */
static void choose_codes(struct scene *scene) {
    const bool quick = is_quick(scene);
    scene->count = 0;
    for (size_t c = 0; c < scene->numerics->count; c++) {
        struct numerics_code *code = &scene->numerics->codes[c];
        const uint32_t only = quick ? scene->choice->quick_threshold : 0;
        if (code->compared && code->with_layers && (only == 0 || only == code->threshold))
            scene->codes[scene->count++] = code;
    }
}

static convoy_status measure_layer(struct scene *scene, size_t done, size_t total, convoy_error *error) {
    const struct conv_geometry *g = &scene->layer->geometry;
    const uint64_t seed = scene->numerics->study->options->seed;
    scene->with_unlike = scene->choice->unlike && g->spatial == 2;
    convoy_status status = study_operands_create(&scene->operands, g, false, seed, error);
    if (status != CONVOY_OK)
        return status;
    if (scene->with_unlike)
        status = study_operands_create(&scene->unlike, g, true, seed, error);
    const struct study_items items = {.what = "layers",
                                      .done = done,
                                      .total = total,
                                      .count = scene->count,
                                      .run = measure_code,
                                      .context = scene};
    if (status == CONVOY_OK)
        status = study_items_run(scene->numerics->study, &items, error);
    study_operands_destroy(&scene->operands);
    study_operands_destroy(&scene->unlike);
    return status;
}

static bool is_left_out(const struct study_layer *layers, size_t index) {
    const convoy_shape filter = conv_filter_shape(&layers[index].geometry);
    int64_t weights = 1;
    for (uint32_t i = 0; i < filter.rank; i++)
        weights *= filter.dims[i];
    const bool repeated = index > 0 && strcmp(layers[index].name, layers[index - 1].name) == 0;
    return repeated || weights > WEIGHTS_MOST;
}

static convoy_status measure_network(struct scene *scene, convoy_error *error) {
    struct study_layer *layers = NULL;
    size_t count = 0, kept = 0, done = 0;
    convoy_status status = study_layers_create(&layers, &count, scene->choice->name, error);
    for (size_t i = 0; i < count && status == CONVOY_OK; i++)
        kept += !is_left_out(layers, i);
    choose_codes(scene);
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        if (is_left_out(layers, i))
            continue;
        scene->layer = &layers[i];
        status = measure_layer(scene, done, kept * scene->count, error);
        done += scene->count;
    }
    free(layers);
    return status;
}

convoy_status numerics_layers(struct numerics *numerics, convoy_error *error) {
    struct scene scene = {.numerics = numerics, .codes = calloc(numerics->count + 1, sizeof *scene.codes)};
    convoy_status status = scene.codes ? CONVOY_OK : error_memory(error);
    for (uint32_t t = 0; t < study_threads() && status == CONVOY_OK; t++)
        status = backend_create(&scene.backends[t], "onednn", 1, error);
    for (size_t c = 0; c < CHOICES && status == CONVOY_OK; c++)
        if (!numerics->study->options->quick || choices[c].quick) {
            scene.choice = &choices[c];
            status = measure_network(&scene, error);
        }
    for (uint32_t t = 0; t < STUDY_THREADS_MOST; t++)
        if (scene.backends[t])
            scene.backends[t]->ops->destroy(&scene.backends[t]);
    free(scene.codes);
    return status;
}
