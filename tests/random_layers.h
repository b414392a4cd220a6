/* Random layers for the tests of compute/, small, of every kind that a backend knows. */
#ifndef TESTS_RANDOM_LAYERS_H
#define TESTS_RANDOM_LAYERS_H

#include "layer_sample.h"

/* A whole number, low to high. */
int64_t random_between(struct random *random, int64_t low, int64_t high);

/* Each begins a sample with inputs and weights; sample_end frees it. */
void random_conv(struct sample *s, struct random *random);
void random_conv_transpose(struct sample *s, struct random *random);
void random_pool(struct sample *s, struct random *random);
void random_activation_layer(struct sample *s, struct random *random);
void random_binary(struct sample *s, struct random *random);
void random_affine(struct sample *s, struct random *random);
void random_softmax(struct sample *s, struct random *random);
void random_lrn(struct sample *s, struct random *random);
void random_matmul(struct sample *s, struct random *random);
void random_concat(struct sample *s, struct random *random);
void random_transpose(struct sample *s, struct random *random);
void random_reduce(struct sample *s, struct random *random);
void random_normalize(struct sample *s, struct random *random);
void random_where(struct sample *s, struct random *random);
void random_binary_of_any(struct sample *s, struct random *random);
void random_unpool(struct sample *s, struct random *random);
void random_roi(struct sample *s, struct random *random);
void random_grid_sample(struct sample *s, struct random *random);
void random_resize(struct sample *s, struct random *random);

/* (random_index_layers.c) */
void random_pad(struct sample *s, struct random *random);
void random_gather(struct sample *s, struct random *random);
void random_gather_elements(struct sample *s, struct random *random);
void random_gather_nd(struct sample *s, struct random *random);
void random_scatter_elements(struct sample *s, struct random *random);
void random_scatter_nd(struct sample *s, struct random *random);
void random_arg(struct sample *s, struct random *random);
void random_top_k(struct sample *s, struct random *random);
void random_cumulative_sum(struct sample *s, struct random *random);
void random_reverse_sequence(struct sample *s, struct random *random);

#endif
