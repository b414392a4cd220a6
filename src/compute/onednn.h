/* Inside of the oneDNN backend. A kind of layer becomes a recipe: one primitive, its operands in plain
 * layouts, its constants (onednn_conv.c and its like). What surrounds a primitive is done once for all kinds:
 * onednn_prepare.c settles layouts and memory, onednn.c runs it. */
#ifndef COMPUTE_ONEDNN_H
#define COMPUTE_ONEDNN_H

#include "compute/backend.h"

#include <dnnl.h>
#include <stdatomic.h>

enum { ONEDNN_MAX_INPUTS = 2, ONEDNN_MAX_CONSTANTS = 2 };

struct onednn_operand {
    int arg;                  /* DNNL_ARG_... */
    dnnl_memory_desc_t plain; /* the tensor were it dense, with the dimensions that the primitive sees */
    uint32_t index;           /* of an input: which of the layer's */
};

struct onednn_constant {
    int arg;
    dnnl_memory_desc_t plain;
    const convoy_tensor *tensor;
};

/* How a layer is asked for. */
enum onednn_variant {
    ONEDNN_DENSE,   /* the tensors around it are dense, or brought there */
    ONEDNN_ROWS,    /* the same, a product as a convolution over channels last */
    ONEDNN_BLOCKED, /* it takes its inputs as they lie, and convolutions work in blocks of channels */
    ONEDNN_WINOGRAD /* the same, a convolution by Winograd's algorithm */
};

struct onednn_recipe {
    union {
        dnnl_convolution_desc_t conv;
        dnnl_deconvolution_desc_t deconv;
        dnnl_inner_product_desc_t product;
        dnnl_pooling_v2_desc_t pool;
        dnnl_eltwise_desc_t eltwise;
        dnnl_binary_desc_t binary;
        dnnl_softmax_v2_desc_t softmax;
        dnnl_lrn_desc_t lrn;
        dnnl_layer_normalization_desc_t normalize;
        dnnl_reduction_desc_t reduce;
        dnnl_resampling_desc_t resampling;
        dnnl_matmul_desc_t matmul;
    } op;
    enum onednn_variant variant; /* what is wanted; all else is zero at first */
    dnnl_post_ops_t post_ops;    /* empty at first; owned by onednn_prepare.c, which appends the activation */
    struct activation activation;
    struct onednn_operand inputs[ONEDNN_MAX_INPUTS];
    uint32_t input_count;
    struct onednn_operand output;
    struct onednn_constant constants[ONEDNN_MAX_CONSTANTS];
    uint32_t constant_count;
    /* The second input of a convolution. */
    bool adds;       /* the primitive adds onto it: it is brought to where the output goes */
    bool adds_after; /* it is added behind the primitive, and then the activation applied */
};

/* Writes the recipe of a checked float32 layer; false where oneDNN cannot do it, or means something else by
 * it. */
typedef bool onednn_recipe_writer(const struct layer_desc *desc, const struct layer_params *params,
                                  struct onednn_recipe *recipe);

onednn_recipe_writer onednn_conv;   /* onednn_conv.c */
onednn_recipe_writer onednn_deconv; /* onednn_deconv.c */
onednn_recipe_writer onednn_pool;   /* onednn_pool.c */
onednn_recipe_writer onednn_lrn;
onednn_recipe_writer onednn_normalize;
onednn_recipe_writer onednn_reduce;
onednn_recipe_writer onednn_activation; /* onednn_elementwise.c */
onednn_recipe_writer onednn_binary;
onednn_recipe_writer onednn_affine;
onednn_recipe_writer onednn_softmax;
onednn_recipe_writer onednn_matmul; /* onednn_matmul.c */
onednn_recipe_writer onednn_resize; /* onednn_resize.c */

/* Appends the activation; false where oneDNN has none that is equal. (onednn_elementwise.c) */
bool onednn_fuse_activation(dnnl_post_ops_t post_ops, const struct activation *activation);

/* A dense float32 tensor, row-major; the same with the layout left to oneDNN. false where oneDNN cannot
 * describe it. */
bool onednn_plain(dnnl_memory_desc_t *md, int rank, const int64_t *dims);
bool onednn_any(dnnl_memory_desc_t *md, int rank, const int64_t *dims);

/* The same in blocks of so many channels, 8 or 16. False for other numbers, and if the tensor is no map.
 */
bool onednn_blocked(dnnl_memory_desc_t *md, int rank, const int64_t *dims, uint32_t block);

/* The blocks that this processor's kernels work in; 0 where it has none that do. */
uint32_t onednn_block(void);

/* Whether every window along an axis has a tap inside the input. (onednn_pool.c) */
bool onednn_windows_meet(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                         int64_t pad);

bool onednn_same_dims(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);

/* How input number index lies, in *md; NULL: dense. */
static inline const dnnl_memory_desc_t *onednn_given(const struct layer_desc *desc, uint32_t index,
                                                     dnnl_memory_desc_t *md) {
    const convoy_shape *shape = &desc->inputs[index].shape;
    uint32_t block = desc->inputs[index].block;
    return block && onednn_blocked(md, (int)shape->rank, shape->dims, block) ? md : NULL;
}

/* The layout in which the recipe takes its only input, or the first of two: as it lies, where the variant
 * allows. */
static inline const dnnl_memory_desc_t *
onednn_taken(const struct layer_desc *desc, const struct onednn_recipe *recipe, dnnl_memory_desc_t *md) {
    return recipe->variant != ONEDNN_DENSE ? onednn_given(desc, 0, md) : NULL;
}

/* values[CONV_MAX_SPATIAL] in an array of the length that oneDNN declares. */
static inline void onednn_widen(dnnl_dims_t wide, const int64_t *values) {
    for (int i = 0; i < DNNL_MAX_NDIMS; i++)
        wide[i] = i < CONV_MAX_SPATIAL ? values[i] : 0;
}

struct onednn_backend {
    struct backend base;
    struct backend *inner; /* the reference, for what oneDNN lacks */
    dnnl_engine_t engine;
    atomic_uint_fast64_t serial; /* of the next layer */
};

/* A tensor of the caller's, and what brings it to the layout in which it is used or back; no reorder where
 * the two are one. A reorder may end in a dense tensor that the primitive sees under other dimensions:
 * between and inside then differ in these alone. */
struct operand {
    int arg; /* 0: none of the primitive's */
    uint32_t index;
    dnnl_memory_desc_t outside, between, inside;
    dnnl_primitive_t reorder;
    bool onto_output; /* inside is where the primitive leaves its output */
    size_t offset;    /* of what is inside, within the context's arena */
};

/* A function of each element of one or two tensors. */
struct onednn_loops {
    bool used, two;
    bool single[2];    /* the input is one number, for all elements */
    enum binary_op op; /* of two: maximum or minimum */
    struct activation activation;
};

struct onednn_layer {
    struct layer base;
    uint64_t serial;
    struct operand *operands;            /* the inputs; of a primitive also its output, the last one */
    uint32_t operand_count, input_count; /* input_count: of the description */
    /* One of four: a primitive, a layer of the reference, a concatenation, loops. */
    dnnl_primitive_t primitive;
    struct layer *inner;
    struct onednn_loops loops;
    size_t outer, *chunks; /* [operand_count] bytes of each input, one behind the other outer times */
    struct {
        int arg;
        dnnl_memory_t memory;
        struct buffer *owner;
    } constants[ONEDNN_MAX_CONSTANTS];
    uint32_t constant_count;
    size_t scratch_bytes, arena_bytes; /* the scratch memory begins the arena */
    bool adds_after;                   /* the second input, by loops of ours */
    struct activation after;           /* what the primitive could not fuse */
    size_t weights_bytes;              /* as layer_output's */
    uint32_t output_block;             /* as layer_output.block */
    size_t output_bytes;
};

/* The best primitive for a layer, and its recipe; *pd stays NULL, without an error, where oneDNN cannot
 * compute it. *after: the part of the activation that is left to do. (onednn_choose.c) */
dnnl_status_t onednn_choose(struct onednn_backend *backend, const struct layer_desc *desc,
                            const struct layer_params *params, struct onednn_recipe *recipe,
                            dnnl_primitive_desc_t *pd, struct activation *after);

/* Attributes of every primitive: scratch memory from outside, and float32 that stays float32.
 * (onednn_choose.c) */
dnnl_status_t onednn_attributes_create(dnnl_primitive_attr_t *attributes, const_dnnl_post_ops_t post_ops);

/* Makes the layer a concatenation: operands and chunks, in the inputs' layout where they share one that
 * allows it. (onednn_concat.c) */
convoy_status onednn_concat(struct onednn_layer *layer, const struct layer_desc *desc, dnnl_engine_t engine,
                            convoy_error *error);

/* Whether the layer can be a transposition by oneDNN; and makes it one. (onednn_transpose.c) */
bool onednn_transposes(const struct layer_desc *desc);
convoy_status onednn_transpose(struct onednn_layer *layer, const struct layer_desc *desc,
                               dnnl_engine_t engine, convoy_error *error);

/* Whether loops of ours compute the layer; makes it such a layer; and runs it on inputs that were brought.
 * (onednn_loops.c) */
bool onednn_loops_apply(const struct layer_desc *desc);
convoy_status onednn_loops_prepare(struct onednn_layer *layer, const struct layer_desc *desc,
                                   dnnl_engine_t engine, convoy_error *error);
void onednn_loops_run(const struct onednn_layer *layer, const convoy_tensor *in, convoy_tensor *out);

/* Whether oneDNN has the activation as one operation, whose results are those of its definition.
 * (onednn_elementwise.c)
 */
bool onednn_has_activation(const struct activation *activation);

/* Adds an operand that lies outside as given and is used as inside; see struct operand. (onednn_prepare.c) */
convoy_status onednn_operand_add(struct onednn_layer *layer, const struct operand *operand, bool output,
                                 dnnl_engine_t engine, convoy_error *error);

/* Slots of the table (compute/backend.h); both in onednn_prepare.c. */
convoy_status onednn_layer_prepare(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **layer,
                                   convoy_error *error);
void onednn_layer_destroy(struct layer **layer);

/* Sets the calling thread's number of OpenMP threads; returns what it was, to be set again. */
int onednn_threads_set(int threads);

/* A handle for bytes of scratch memory at data, which may be DNNL_MEMORY_NONE. */
dnnl_status_t onednn_scratch_create(dnnl_memory_t *scratch, size_t bytes, void *data, dnnl_engine_t engine);

/* A primitive that copies between two layouts; *scratch_bytes grows to what it needs. (onednn_prepare.c) */
dnnl_status_t onednn_reorder_create(dnnl_primitive_t *reorder, size_t *scratch_bytes,
                                    const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                                    dnnl_engine_t engine);

/* Copies from one layout to another. */
dnnl_status_t onednn_reorder_run(dnnl_primitive_t reorder, dnnl_stream_t stream, dnnl_memory_t from,
                                 dnnl_memory_t to, dnnl_memory_t scratch);

/* Whether oneDNN has room to make a primitive, with the code that it generates: dnnl_success, or
 * dnnl_out_of_memory. It writes through a null pointer if it has none. (onednn_prepare.c) */
dnnl_status_t onednn_room(void);

/* The sentence for a call of oneDNN that failed. */
convoy_status onednn_failure(dnnl_status_t status, const char *what, convoy_error *error);

#endif
