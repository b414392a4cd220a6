#include "plan_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

const struct code_family *plan_family(const char *name) {
    const struct code_family *found = NULL;
    assert_int_equal(code_family_find(name, &found, NULL), CONVOY_OK);
    return found;
}

struct conv_geometry plan_conv(int64_t channels, int64_t size, int64_t filters, int64_t kernel, int64_t pad) {
    struct conv_geometry g = {.spatial = 2,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = channels,
                              .out_channels = filters,
                              .in = {size, size},
                              .kernel = {kernel, kernel},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .pad_begin = {pad, pad},
                              .pad_end = {pad, pad}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    return g;
}

struct conv_geometry plan_product(int64_t rows, int64_t inputs, int64_t outputs) {
    struct conv_geometry g = {.layout = CONV_CHANNELS_LAST,
                              .spatial = 1,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = inputs,
                              .out_channels = outputs,
                              .in = {rows},
                              .kernel = {1},
                              .stride = {1},
                              .dilation = {1}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    return g;
}

struct profile plan_threads(uint32_t workers) {
    struct profile profile;
    profile_of_this_machine(&profile, workers ? workers : 1, 2, false);
    return profile;
}

struct profile plan_calm(const char *preset) {
    struct profile profile;
    assert_int_equal(profile_preset(&profile, preset, NULL), CONVOY_OK);
    for (uint32_t k = 0; k < profile.worker_kinds; k++)
        profile.workers[k].slowness = (struct slowness){0};
    return profile;
}

struct plan_request plan_request_for(const struct profile *profile, const char *name, uint32_t workers,
                                     uint32_t stragglers) {
    return (struct plan_request){
        .cluster = {.family = plan_family(name), .workers = workers, .stragglers = stragglers},
        .placement = placement_plain(workers),
        .frames = CONVOY_F32,
        .distribute = PLAN_ALL,
        .lambda = {1, 1, 0, 0},
        .costs = cost_model_counted(profile),
        .seed = 1};
}

#define MOST_LAYERS 16

struct plan *plan_layers(const struct plan_request *request, const struct conv_geometry *layers,
                         size_t count) {
    static const char *const names[MOST_LAYERS] = {
        "layer0", "layer1", "layer2",  "layer3",  "layer4",  "layer5",  "layer6",  "layer7",
        "layer8", "layer9", "layer10", "layer11", "layer12", "layer13", "layer14", "layer15"};
    struct plan_subject subjects[MOST_LAYERS];
    struct plan *plan = NULL;
    convoy_error error;
    assert_true(count <= MOST_LAYERS);
    for (size_t i = 0; i < count; i++)
        subjects[i] = (struct plan_subject){.name = names[i], .geometry = &layers[i], .dtype = CONVOY_F32};
    if (plan_create(&plan, request, subjects, count, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return plan;
}

struct conv_geometry plan_random_layer(struct random *random) {
    if (random_below(random, 4) == 0)
        return plan_product(1 + (int64_t)random_below(random, 2) * 49, 64 << random_below(random, 6),
                            10 + (int64_t)random_below(random, 4000));
    const int64_t channels = 3 + (int64_t)random_below(random, 256);
    const int64_t kernel = 1 + 2 * (int64_t)random_below(random, 3);
    return plan_conv(channels, 7 << random_below(random, 5), 8 + (int64_t)random_below(random, 256), kernel,
                     kernel / 2);
}

/* 10 to the power of a number from least to most. */
static double log_uniform(struct random *random, double least, double most) {
    return pow(10, least + (most - least) * random_unit(random));
}

struct profile plan_random_profile(struct random *random) {
    struct profile profile = {
        .name = "random",
        .bytes_per_ns = log_uniform(random, 0, 1.5),
        .task_ns = log_uniform(random, 4, 6),
        .link = {log_uniform(random, -2.5, 1), log_uniform(random, -2.5, 1), log_uniform(random, 4, 6)},
        .worker_kinds = 1 + (uint32_t)random_below(random, 2)};
    const double rate = log_uniform(random, 0, 2);
    for (int kind = 0; kind < RATE_KINDS; kind++)
        profile.master.macs_per_ns[kind] = rate * (1 - 0.2 * kind);
    for (uint32_t k = 0; k < profile.worker_kinds; k++) {
        struct worker_profile *worker = &profile.workers[k];
        const double times = log_uniform(random, -0.5, 0.5);
        worker->count = 1 + (uint32_t)random_below(random, 4);
        for (int kind = 0; kind < RATE_KINDS; kind++)
            worker->rates.macs_per_ns[kind] = times * profile.master.macs_per_ns[kind];
        if (random_below(random, 4) > 0)
            worker->slowness = (struct slowness){.deviation = 0.3 * random_unit(random),
                                                 .exponential = 2 * random_unit(random),
                                                 .stall_share = 0.05 * random_unit(random),
                                                 .stall_times = 20};
    }
    return profile;
}
