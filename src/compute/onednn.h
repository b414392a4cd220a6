/* Inside of the oneDNN backend. A kind of layer becomes a recipe: one primitive, its operands in plain
 * layouts, its constants (onednn_conv.c and its like). What surrounds a primitive is done once for all kinds:
 * onednn_prepare.c settles layouts and memory, onednn.c runs it. */
#ifndef COMPUTE_ONEDNN_H
#define COMPUTE_ONEDNN_H

#include "compute/backend.h"

#include <dnnl.h>
#include <stdatomic.h>

enum { ONEDNN_MAX_INPUTS = 2, ONEDNN_MAX_CONSTANTS = 2, ONEDNN_MAX_OPERANDS = ONEDNN_MAX_INPUTS + 1 };

struct onednn_operand {
    int arg;                  /* DNNL_ARG_... */
    dnnl_memory_desc_t plain; /* as the caller's tensor lies in memory */
    uint32_t index;           /* of an input: which of the layer's */
};

struct onednn_constant {
    int arg;
    dnnl_memory_desc_t plain;
    const convoy_tensor *tensor;
};

struct onednn_recipe {
    union {
        dnnl_convolution_desc_t conv;
        dnnl_inner_product_desc_t product;
        dnnl_pooling_v2_desc_t pool;
        dnnl_eltwise_desc_t eltwise;
        dnnl_binary_desc_t binary;
        dnnl_softmax_v2_desc_t softmax;
        dnnl_lrn_desc_t lrn;
        dnnl_matmul_desc_t matmul;
    } op;
    dnnl_post_ops_t post_ops; /* empty at first; owned by onednn_prepare.c, which appends the activation */
    struct activation activation;
    struct onednn_operand inputs[ONEDNN_MAX_INPUTS];
    uint32_t input_count;
    struct onednn_operand output;
    struct onednn_constant constants[ONEDNN_MAX_CONSTANTS];
    uint32_t constant_count;
};

/* Writes the recipe of a checked float32 layer; false where oneDNN cannot do it, or means something else by
 * it. */
typedef bool onednn_recipe_writer(const struct layer_desc *desc, const struct layer_params *params,
                                  struct onednn_recipe *recipe);

onednn_recipe_writer onednn_conv; /* onednn_conv.c */
onednn_recipe_writer onednn_pool; /* onednn_pool.c */
onednn_recipe_writer onednn_lrn;
onednn_recipe_writer onednn_activation; /* onednn_elementwise.c */
onednn_recipe_writer onednn_binary;
onednn_recipe_writer onednn_affine;
onednn_recipe_writer onednn_softmax;
onednn_recipe_writer onednn_matmul; /* onednn_matmul.c */

/* Appends the activation; false where oneDNN has none that is equal. (onednn_elementwise.c) */
bool onednn_fuse_activation(dnnl_post_ops_t post_ops, const struct activation *activation);

/* A dense float32 tensor, row-major; the same with the layout left to oneDNN. false where oneDNN cannot
 * describe it. */
bool onednn_plain(dnnl_memory_desc_t *md, int rank, const int64_t *dims);
bool onednn_any(dnnl_memory_desc_t *md, int rank, const int64_t *dims);

/* values[CONV_MAX_SPATIAL] in an array of the length that oneDNN declares. */
static inline void onednn_widen(dnnl_dims_t wide, const int64_t *values) {
    for (int i = 0; i < DNNL_MAX_NDIMS; i++)
        wide[i] = i < CONV_MAX_SPATIAL ? values[i] : 0;
}

struct onednn_backend {
    struct backend base;
    struct backend *inner; /* the reference, for what oneDNN lacks */
    dnnl_engine_t engine;
    int threads;
    atomic_uint_fast64_t serial; /* of the next layer */
};

/* An operand, and the step that brings it from the caller's layout to the primitive's or back; NULL where
 * they are one. */
struct operand {
    int arg;
    uint32_t index;
    dnnl_memory_desc_t plain, chosen;
    dnnl_primitive_t reorder;
    size_t offset; /* of the buffer in the primitive's layout, within the context's arena */
};

struct onednn_layer {
    struct layer base;
    struct layer *inner; /* not NULL: the reference computes it, and nothing else here is set */
    uint64_t serial;
    dnnl_primitive_t primitive;
    struct operand operands[ONEDNN_MAX_OPERANDS]; /* the output is the last one */
    uint32_t operand_count;
    struct {
        int arg;
        dnnl_memory_t memory;
        struct buffer *owner;
    } constants[ONEDNN_MAX_CONSTANTS];
    uint32_t constant_count;
    size_t scratch_bytes, arena_bytes; /* the scratch memory begins the arena */
    struct activation after;           /* what the primitive could not fuse */
};

/* Slots of the table (compute/backend.h); both in onednn_prepare.c. */
convoy_status onednn_layer_prepare(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **layer,
                                   convoy_error *error);
void onednn_layer_destroy(struct layer **layer);

/* Sets the calling thread's number of OpenMP threads; returns what it was, to be set again. */
int onednn_threads_set(int threads);

/* A handle for bytes of scratch memory at data, which may be DNNL_MEMORY_NONE. */
dnnl_status_t onednn_scratch_create(dnnl_memory_t *scratch, size_t bytes, void *data, dnnl_engine_t engine);

/* Copies from one layout to another. */
dnnl_status_t onednn_reorder_run(dnnl_primitive_t reorder, dnnl_stream_t stream, dnnl_memory_t from,
                                 dnnl_memory_t to, dnnl_memory_t scratch);

/* The sentence for a call of oneDNN that failed. */
convoy_status onednn_failure(dnnl_status_t status, const char *what, convoy_error *error);

#endif
