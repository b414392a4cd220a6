/* What the tests of plans share: layers, profiles and requests. What fails fails the test. */
#ifndef TESTS_PLAN_RIG_H
#define TESTS_PLAN_RIG_H

#include "base/random.h"
#include "plan/plan.h"

const struct code_family *plan_family(const char *name);

/* A square 2-D convolution with stride 1. */
struct conv_geometry plan_conv(int64_t channels, int64_t size, int64_t filters, int64_t kernel, int64_t pad);

/* rows vectors times a constant matrix. */
struct conv_geometry plan_product(int64_t rows, int64_t inputs, int64_t outputs);

/* n threads of this machine on two processors. */
struct profile plan_threads(uint32_t workers);

/* A preset, without slowness. */
struct profile plan_calm(const char *preset);

/* Every layer, by counted costs: no kernel is timed. The profile is borrowed. */
struct plan_request plan_request_for(const struct profile *profile, const char *name, uint32_t workers,
                                     uint32_t stragglers);

/* The plan of count layers, which are named layer0, layer1, ... */
struct plan *plan_layers(const struct plan_request *request, const struct conv_geometry *layers,
                         size_t count);

/* Convolutions and products as in networks, of 1e5 to 1e9 multiply-adds. */
struct conv_geometry plan_random_layer(struct random *random);

/* Machines and links of any proportion, mostly slow at times. */
struct profile plan_random_profile(struct random *random);

#endif
