/* How small a lie may be and still be found: the floor of every kernel and type, how many lies of ten times
 * the floor are found, and how much of smaller ones gets through.
 *
 *   lies_test [LIES]      (of each kind; default 300, 20,000 for figures)
 */
#include "base/random.h"
#include "cluster_rig.h"
#include "runtime/coded_layer.h"
#include "runtime/own_answer.h"
#include "transport/lie.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 20261129

/* 40·κ·ε is what may get through, ε being this for the direct kernel in float32, and for others what is
 * measured of their rounding. */
#define EPSILON 6e-8

static unsigned long lies_each = 300;

struct kind {
    const char *name;
    enum conv_kernel kernel;
    convoy_dtype frames;
    int64_t channels; /* of the output */
    uint32_t input_parts, filter_parts;
    double floor; /* of a lie's size, relative to the answer's root mean square */
};

static const struct kind kinds[] = {
    {"direct, m = 16", CONV_DIRECT, CONVOY_F32, 64, 4, 4, 1e-5},
    {"direct, m = 128", CONV_DIRECT, CONVOY_F32, 128, 8, 1, 2e-5},
    {"F(2x2), m = 128", CONV_WINOGRAD_2, CONVOY_F32, 128, 8, 1, 2e-5},
    {"F(4x4), m = 128", CONV_WINOGRAD_4, CONVOY_F32, 128, 8, 1, 5e-5},
    {"direct, float16", CONV_DIRECT, CONVOY_F16, 128, 8, 1, 1e-2},
    {"direct, bfloat16", CONV_DIRECT, CONVOY_BF16, 128, 8, 1, 1e-1},
};

struct scene {
    struct cluster_rig rig;
    struct coded_layer *layer;
    struct context *inner;
    struct verification_run run;
    struct random random;
    struct own_answer own; /* of the worker that lies */
};

enum { LIAR = 2 };

static void scene_open(struct scene *scene, const struct kind *kind) {
    const struct conv_geometry conv = {.spatial = 2,
                                       .batch = 1,
                                       .groups = 1,
                                       .in_channels = 64,
                                       .out_channels = kind->channels,
                                       .in = {28, 28},
                                       .kernel = {3, 3},
                                       .stride = {1, 1},
                                       .dilation = {1, 1},
                                       .pad_begin = {1, 1},
                                       .pad_end = {1, 1}};
    *scene = (struct scene){0};
    random_seed(&scene->random, SEED);
    cluster_rig_open(&scene->rig, &(struct cluster_rig_setup){.workers = 6,
                                                              .stragglers = 2,
                                                              .seed = SEED,
                                                              .conv = &conv,
                                                              .backend = "onednn",
                                                              .kernel = kind->kernel,
                                                              .frames = kind->frames,
                                                              .input_parts = kind->input_parts,
                                                              .filter_parts = kind->filter_parts,
                                                              .verify = VERIFY_ALL});
    scene->layer = (struct coded_layer *)scene->rig.layer;
    struct backend *inner = scene->layer->inner;
    assert_int_equal(inner->ops->context_create(inner, &scene->inner, NULL), CONVOY_OK);
    assert_int_equal(
        own_answer_compute(&scene->own, scene->layer, scene->inner, &scene->rig.in, LIAR, &scene->random),
        CONVOY_OK);
    assert_non_null(scene->own.answer);
}

/* A new draw of r, as every thousand runs, and the input once more. */
static struct finding judge(struct scene *scene, struct buffer *answer) {
    assert_int_equal(
        verification_begin(scene->layer->verification, &scene->run, scene->inner, &scene->rig.in), CONVOY_OK);
    assert_non_null(scene->run.check);
    struct finding finding = verification_judge(scene->layer->verification, &scene->run, scene->inner,
                                                &scene->rig.in, LIAR, answer);
    verification_end(&scene->run);
    return finding;
}

static void scene_close(struct scene *scene) {
    verification_run_clear(&scene->run);
    own_answer_clear(&scene->own);
    scene->inner->ops->context_destroy(&scene->inner);
    cluster_rig_close(&scene->rig);
}

static bool is_found(struct scene *scene, double size, double elements, double *change) {
    const struct fault fault = {.kind = FAULT_LIE, .size = size, .elements = elements, .answers = 1};
    const convoy_dtype frames = scene->layer->frames;
    struct buffer *lie = lie_about(scene->own.answer, frames, &fault, &scene->random);
    assert_non_null(lie);
    const size_t count = lie->bytes / convoy_dtype_bytes(frames);
    const convoy_tensor right = {.dtype = frames, .data = scene->own.answer->data};
    const convoy_tensor wrong = {.dtype = frames, .data = lie->data};
    double errors = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double a = convoy_tensor_element(&right, i), off = convoy_tensor_element(&wrong, i) - a;
        errors += off * off;
        squares += a * a;
    }
    *change = sqrt(errors / squares);
    const struct finding finding = judge(scene, lie);
    buffer_release(&lie);
    return finding.verdict == VERDICT_WRONG;
}

static void test_lies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct scene scene;
        double change = 0, through = 0;
        unsigned long found = 0, tried = 0;
        scene_open(&scene, &kinds[i]);
        const struct finding right = judge(&scene, scene.own.answer);
        assert_int_equal(right.verdict, VERDICT_RIGHT);
        for (unsigned long k = 0; k < lies_each; k++)
            found += is_found(&scene, 10 * kinds[i].floor, 1e-3, &change);
        for (unsigned long k = 0; k < lies_each; k++) {
            const double share = k % 2 ? 1e-3 : 1;
            const double size =
                kinds[i].floor * exp2(6 - 12 * random_unit(&scene.random)) * (share == 1 ? 0.1 : 1);
            tried++;
            if (!is_found(&scene, size, share, &change))
                through = fmax(through, change);
        }
        const double epsilon = kinds[i].kernel == CONV_DIRECT && kinds[i].frames == CONVOY_F32
                                   ? EPSILON
                                   : fmax(EPSILON, scene.own.rounding);
        const double most = 40 * epsilon * sqrt(scene.layer->code.threshold);
        print_message(
            "%-17s rounding %.2g, floor %.2g of the rms; of ten times that %lu of %lu found; of %lu "
            "around it changes up to %.2g of an answer got through (40·ε·√δ: %.2g)\n",
            kinds[i].name, scene.own.rounding, kinds[i].floor, found, lies_each, tried, through, most);
        if (found < lies_each - lies_each / 10000 || through > most)
            fail_msg("%s: too many lies, or too large ones, got through", kinds[i].name);
        scene_close(&scene);
    }
    print_message("seed %d\n", SEED);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lies)};
    if (argc > 1)
        lies_each = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
