#include "coding_tally.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* C and ε. In 65,000 survivor sets of clusters up to 60 the largest error/(κ·ε) was 1.1 in float32 and 2.6 in
 * float64; in 100,000 random layers, 2.6 and 8.3: both at κ = 1, where what rounds is the inverse of up to 36
 * nodes and not the system. (Workers computed in double and rounded once: the float32 kernels of a real
 * backend add their own error.) */
const struct coding_tolerance coding_tolerances[CODING_FRAMES] = {
    {CONVOY_F32, 4, 6.0e-8},
    {CONVOY_F64, 16, 1.1e-16},
    {CONVOY_BF16, 1, 0x1p-8},
    {CONVOY_F16, 1, 0x1p-11},
};

void tally_error(struct tally *tally, const struct pipeline *pipeline, double condition, double error,
                 double norm) {
    int index = 0;
    while (coding_tolerances[index].dtype != pipeline_frames(pipeline))
        index++;
    const struct coding_tolerance *t = &coding_tolerances[index];
    double ratio = error / norm / (condition * t->epsilon);
    bool vacuous = t->factor * condition * t->epsilon >= 1;
    tally->decodes++;
    tally->vacuous += vacuous;
    if (!vacuous && ratio > tally->largest[index])
        tally->largest[index] = ratio;
    if (!(ratio <= t->factor)) {
        char text[512];
        fail_msg("error %.3g, condition %.3g, ratio %.3g: seed %d, %s", error / norm, condition, ratio,
                 CODING_SEED, pipeline_text(pipeline, text, sizeof text));
    }
}

double tally_survivors(struct tally *tally, const struct pipeline *pipeline, const uint32_t *workers,
                       uint32_t count, double least_norm, void *out) {
    double condition = pipeline_decode(pipeline, workers, count, NULL, NULL, out);
    tally_error(tally, pipeline, condition, pipeline_distance(pipeline, out, pipeline->y),
                fmax(pipeline_norm(pipeline, pipeline->y), least_norm));
    return condition;
}

void tally_print(const struct tally *tally) {
    print_message("seed %d, %ld decodes, %ld of them with C·κ·ε >= 1; error/(κ·ε) at most", CODING_SEED,
                  tally->decodes, tally->vacuous);
    const char *separator = "";
    for (int i = 0; i < CODING_FRAMES; i++) {
        if (tally->largest[i] == 0)
            continue;
        print_message("%s %.2f in %s (C = %g)", separator, tally->largest[i],
                      convoy_dtype_text(coding_tolerances[i].dtype), coding_tolerances[i].factor);
        separator = ",";
    }
    print_message("%s\n", CODING_REDUCTION > 1 ? "; REDUCED, since a sanitizer is on" : "");
}

uint32_t set_members(uint32_t set, uint32_t *workers) {
    uint32_t count = 0;
    for (uint32_t j = 0; set >> j; j++)
        if (set >> j & 1)
            workers[count++] = j;
    return count;
}

void random_survivors(struct random *random, uint32_t workers, uint32_t count, uint32_t *survivors) {
    bool taken[256] = {false};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t worker;
        do
            worker = (uint32_t)random_below(random, workers);
        while (taken[worker]);
        taken[worker] = true;
    }
    for (uint32_t worker = 0; worker < workers; worker++)
        if (taken[worker])
            *survivors++ = worker;
}

struct conv_geometry coding_layer(uint32_t kind) {
    static const struct conv_geometry layers[] = {
        {CONV_CHANNELS_FIRST, 2, 0, 0, 1, 1, 2, 17, {19, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 0}, {0, 2}, {0}},
        {CONV_CHANNELS_LAST, 1, 0, 0, 1, 1, 7, 19, {17}, {1}, {1}, {1}, {0}, {0}, {0}},
        {CONV_CHANNELS_FIRST, 1, 0, 0, 2, 2, 4, 34, {37}, {4}, {2}, {2}, {2}, {3}, {0}},
        {CONV_CHANNELS_LAST,
         3,
         0,
         0,
         2,
         1,
         2,
         16,
         {18, 3, 2},
         {3, 2, 2},
         {1, 2, 1},
         {1, 1, 1},
         {1, 0, 1},
         {0, 0, 1},
         {0}},
        {CONV_CHANNELS_LAST, 2, 0, 0, 1, 2, 2, 36, {35, 3}, {2, 2}, {2, 1}, {1, 1}, {0, 1}, {0, 0}, {0}},
    };
    struct conv_geometry g = layers[kind % (sizeof layers / sizeof *layers)];
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    assert_true(g.out[0] >= 16 && g.out_channels / g.groups >= 16);
    return g;
}

struct placement coding_placement(bool spread, uint32_t workers, uint32_t stragglers) {
    struct placement placement = placement_plain(workers);
    if (spread)
        assert_int_equal(placement_spread(workers, stragglers, &placement), CONVOY_OK);
    return placement;
}
