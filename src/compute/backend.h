/* Seam: who computes a layer. A backend is oneDNN here, the naive reference, or a whole cluster (runtime/):
 * the executor cannot tell. Layers are described, prepared once, and run many times. */
#ifndef COMPUTE_BACKEND_H
#define COMPUTE_BACKEND_H

#include "base/activation.h"
#include "base/axis_map.h"
#include "base/conv.h"
#include "base/conv_transpose.h"
#include "base/tracing.h"

#include <convoy/report.h>
#include <convoy/tensor.h>

/* What a layer computes. kinds.c has a row for each: inputs, outputs and their types. */
enum layer_kind {
    LAYER_CONV, /* conv; weights [N,C/groups,kernel...], bias [N] or none; activation fused. Also Gemm, MatMul
                   by a constant. A second input, of the output's shape, is added before the activation */
    LAYER_POOL, /* pool */
    LAYER_ACTIVATION, /* activation, element by element */
    LAYER_BINARY,     /* binary: two inputs, numpy broadcasting; activation fused */
    LAYER_AFFINE, /* affine: v * weights[c] + bias[c], both [channels]; activation fused (batch normalisation)
                   */
    LAYER_SOFTMAX,        /* softmax */
    LAYER_LRN,            /* lrn: local response normalisation across channels */
    LAYER_NORMALIZE,      /* normalize: by mean and variance; weights [inner] or none, bias [inner] or none */
    LAYER_MATMUL,         /* matmul: product of two run-time tensors, numpy rules */
    LAYER_CONCAT,         /* axis */
    LAYER_TRANSPOSE,      /* transpose */
    LAYER_PAD,            /* pad: constant, reflect, edge or wrap */
    LAYER_SLICE,          /* slice */
    LAYER_GATHER,         /* gather: inputs data, indices (int32 or int64) */
    LAYER_REDUCE,         /* reduce */
    LAYER_WHERE,          /* inputs condition (bool), a, b: condition ? a : b, numpy broadcasting */
    LAYER_CAST,           /* to the type of the output */
    LAYER_CONV_TRANSPOSE, /* conv_transpose; weights [C,N/groups,kernel...], bias [N] or none; activation
                             fused */
    LAYER_UNPOOL,         /* inputs values, indices: y[indices[i]] = values[i], all else is zero */
    LAYER_ROI,            /* roi: inputs maps [N,C,H,W], regions [R,4], images [R]; output [R,C,h,w] */
    LAYER_GRID_SAMPLE,    /* grid_sample: inputs maps [N,C,in...], positions [N,out...,spatial] */
    LAYER_RESIZE,         /* resize: one axis, by weighted sums of neighbours */
    LAYER_GATHER_ELEMENTS,  /* gather: inputs data, indices (int32 or int64) of the output's shape */
    LAYER_GATHER_ND,        /* gather_nd: inputs data, indices of the first axes behind the batch */
    LAYER_SCATTER_ELEMENTS, /* scatter: inputs data, indices (int32 or int64), updates of their shape */
    LAYER_SCATTER_ND,       /* scatter: inputs data, indices of the first axes, updates */
    LAYER_ARG,              /* arg: where the extremes lie along an axis, int64 */
    LAYER_TOP_K,            /* top_k: the k extremes along an axis, in order; where they lie, int64 */
    LAYER_CUMULATIVE_SUM,   /* cumulative */
    LAYER_REVERSE_SEQUENCE, /* reverse: inputs data, lengths (int32 or int64) for each position of the batch
                             */
    LAYER_KINDS
};

enum binary_op {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MAX,
    BINARY_MIN,
    BINARY_POW,
    BINARY_MOD,       /* with the sign of the divisor */
    BINARY_REMAINDER, /* with the sign of the dividend */
    BINARY_PRELU,     /* a < 0 ? a*b : a */
    BINARY_AND,
    BINARY_OR,
    BINARY_XOR,
    BINARY_SHIFT_LEFT,
    BINARY_SHIFT_RIGHT,
    BINARY_EQUAL, /* this one and those behind it give bool (binary_compares) */
    BINARY_LESS,
    BINARY_LESS_OR_EQUAL,
    BINARY_GREATER,
    BINARY_GREATER_OR_EQUAL,
    BINARY_OPS
};
enum reduce_op {
    REDUCE_MEAN,
    REDUCE_SUM,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_SUM_SQUARE,
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP,
    REDUCE_OPS
};
enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODES };
enum pool_op {
    POOL_MAX, /* padding is minus infinity. A second output, of integers, has the places of the maxima in the
                 flattened input */
    POOL_AVERAGE,
    POOL_LP /* the p-th root of the sum of |v|^p */
};
enum roi_op {
    ROI_MAX,      /* the region is rounded to positions, and the maximum of each bin is taken */
    ROI_AVERAGE,  /* of samples in each bin, interpolated */
    ROI_ALIGN_MAX /* the maximum of all weighted neighbours of the samples in each bin */
};
enum grid_mode { GRID_NEAREST, GRID_LINEAR, GRID_CUBIC };
enum grid_padding { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION };
enum resize_filter { RESIZE_LINEAR, RESIZE_CUBIC };

struct pool_geometry {
    enum pool_op op;
    bool count_include_pad; /* AVERAGE */
    bool column_major; /* MAX: in the second output the first spatial axis counts fastest, the last slowest */
    double p;          /* LP */
    uint32_t spatial;  /* 1..3 */
    int64_t batch, channels; /* [batch, channels, spatial...] */
    int64_t in[CONV_MAX_SPATIAL], kernel[CONV_MAX_SPATIAL], stride[CONV_MAX_SPATIAL],
        dilation[CONV_MAX_SPATIAL];
    int64_t pad_begin[CONV_MAX_SPATIAL], pad_end[CONV_MAX_SPATIAL];
    int64_t out[CONV_MAX_SPATIAL]; /* given: ceil_mode is the operator's business; windows are clipped to the
                                      padded input */
};

/* A tensor between layers. */
struct value_desc {
    convoy_dtype dtype;
    convoy_shape shape;
    uint32_t block; /* 0: dense row-major; B: a map [N,C,spatial...] of float32 that lies in blocks of B
                       channels, [N,C/B,spatial...,B], C padded with zeros */
};

enum { LAYER_MAX_OUTPUTS = 2 };

/* What a layer computes, of what. Shapes are complete. Borrowed during layer_prepare, but name and op, which
 * must outlive the layer. */
struct layer_desc {
    const char *name; /* the node's name, for reports and faults */
    const char *op;   /* ONNX operator */
    size_t step; /* which of its network's layers it is, in order of execution: where a plan speaks of it */
    enum layer_kind kind;
    uint32_t input_count, output_count;
    const struct value_desc *inputs;              /* [input_count] */
    struct value_desc outputs[LAYER_MAX_OUTPUTS]; /* dense, as they are asked for */
    struct activation activation; /* applied last, where the kind says so, or the layer itself */
    bool free_output;             /* output 0, of float32, may lie in blocks as well (layer_output) */
    bool own_weights; /* weights that are read from end to end at every run, as a product's, may be copied
                         from the model's file to where reading them is faster */
    enum conv_kernel kernel; /* CONV */
    bool exact; /* CONV: sums of integers, of which all digits count: no other kernels, no halves */
    union {
        struct conv_geometry conv;
        struct pool_geometry pool;
        enum binary_op binary;
        struct {
            uint32_t axis;
        } concat;
        struct {
            size_t outer, axis, inner;
            bool logarithm;
        } softmax; /* over the middle of [outer][axis][inner] */
        struct {
            size_t batch, channels, inner;
        } affine; /* [batch][channels][inner] */
        struct {
            size_t batch, channels, inner;
            int64_t size;
            float alpha, beta, bias;
        } lrn;
        struct {
            size_t outer, inner;
            bool centered; /* else by the mean of squares alone */
            double epsilon;
        } normalize; /* over the last of [outer][inner] */
        struct {
            uint32_t permutation[CONVOY_MAX_RANK];
        } transpose;
        struct {
            enum pad_mode mode;
            int64_t begin[CONVOY_MAX_RANK];       /* negative: crops */
            _Alignas(8) unsigned char element[8]; /* CONSTANT: one of the input's type */
        } pad;
        struct {
            int64_t start[CONVOY_MAX_RANK], step[CONVOY_MAX_RANK];
        } slice; /* start within the input; step not 0 */
        struct {
            uint32_t axis;
        } gather; /* and of GATHER_ELEMENTS */
        struct {
            enum reduce_op op;
            uint32_t axes;
        } reduce; /* axes: bit per axis of the input */
        struct conv_transpose_geometry conv_transpose;
        struct {
            enum roi_op op;
            bool half_pixel; /* not MAX: a pixel's centre, not its corner, has whole coordinates */
            int64_t samples; /* not MAX: in each bin along each axis; 0: one for each position it spans */
            double scale;    /* from the coordinates of regions, x1, y1, x2, y2, to those of maps */
        } roi;
        struct {
            enum grid_mode mode;
            enum grid_padding padding;
            bool align_corners; /* -1 and 1 are the centres of the first and last position, not their outer
                                   ends */
        } grid_sample;
        struct {
            enum resize_filter filter;
            size_t outer, in, out, inner; /* [outer][in][inner] becomes [outer][out][inner] */
            struct axis_map map;          /* of positions of the output to the input */
            double stretch; /* the filter is so many times as wide: 1, or more against aliasing */
            double cubic_a;
            bool exclude_outside; /* neighbours outside have no weight, else the value at the border */
            bool extrapolate;     /* what is at less than 0 or more than in-1 becomes value */
            double value;
        } resize;
        struct {
            uint32_t batch_axes;
        } gather_nd;
        struct {
            uint32_t axis; /* of SCATTER_ELEMENTS */
            bool combines; /* data op update, with op one of add, multiply, max and min; else the update */
            enum binary_op op;
        } scatter;
        struct {
            size_t outer, axis, inner;
            bool least; /* else the largest */
            bool last;  /* of equal ones the last, else the first */
        } arg; /* along the middle of [outer][axis][inner]; a NaN is both the largest and the least */
        struct {
            size_t outer, axis, inner, k;
            bool least;
        } top_k; /* of [outer][axis][inner] to [outer][k][inner]; of equal ones the first is before the
                    others, and a NaN is larger than any number */
        struct {
            size_t outer, axis, inner;
            bool exclusive; /* an element is no part of its own sum */
            bool backward;  /* sums begin at the end of the axis */
        } cumulative;
        struct {
            uint32_t batch_axis, time_axis; /* 0 and 1, or 1 and 0 */
        } reverse;
    };
};

/* Constants of a layer. Borrowed during layer_prepare: a backend that needs them later keeps a reference to
 * the owner (the model's mapped file, usually), or a copy in its own layout and discards the original
 * (tensor_discard). data NULL: none. */
struct layer_params {
    convoy_tensor weights; /* at any address, of a single byte even: as the model file has them */
    convoy_tensor bias;    /* aligned to its elements */
};

/* Where a layer leaves output 0. Others are dense. */
struct layer_output {
    uint32_t block; /* as value_desc.block */
    size_t bytes;
    size_t weights_bytes; /* of the weights in memory of the layer's own */
    bool joins;           /* of a concatenation: the output is the inputs one behind the other; where they lie
                             so already, there is nothing to do */
    bool over_input;      /* of a convolution: the output may take the memory of the second input */
};

struct backend;
struct layer;
struct context;

/* Rules for every slot: thread-safe but for destroy; outputs set only on success; the first to detect an
 * error fills *error. */
struct backend_ops {
    const char *name;

    /* Once per node. CONVOY_E_UNSUPPORTED, with *error filled, where this backend has no kernel for it:
     * a backend that wraps it asks the next. The layer is immutable afterwards and may be shared by threads.
     */
    convoy_status (*layer_prepare)(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **layer,
                                   convoy_error *error);

    /* Takes NULL. No run of the layer may be under way. */
    void (*layer_destroy)(struct layer **layer);

    /* Scratch memory and stream of one inference at a time; used by one thread at a time, whichever it is. */
    convoy_status (*context_create)(struct backend *backend, struct context **context, convoy_error *error);
    void (*context_destroy)(struct context **context);

    /* How the output lies, and what memory it needs. NULL: the backend knows dense tensors alone. */
    void (*layer_output)(const struct layer *layer, struct layer_output *output);

    /* The memory of the weights as the layer reads it at every run; it lives as long as the layer. Returns
     * NULL if there are none. NULL: the backend keeps none itself. */
    const struct buffer *(*layer_weights)(const struct layer *layer);

    /* Computes out[0..output_count) from in[0..input_count): tensors with the description's types and shapes,
     * aligned to their elements, dense row-major or in the blocks agreed on, allocated by the caller; none of
     * out overlaps an input (but see joins and over_input). report may be NULL; the backend fills what it
     * knows (names are filled by the caller). */
    convoy_status (*layer_run)(const struct layer *layer, struct context *context, const convoy_tensor *in,
                               convoy_tensor *out, convoy_layer_report *report, convoy_error *error);

    /* Takes NULL. All layers and contexts are gone. */
    void (*destroy)(struct backend **backend);
};

/* The first members of what an implementation allocates. */
struct backend {
    const struct backend_ops *ops;
    uint32_t threads; /* of a layer's run */
    uint32_t block;   /* channels that its layers like to lie together; 0: it knows dense tensors alone */
};
struct layer {
    const struct backend_ops *ops;
};
struct context {
    const struct backend_ops *ops;
    struct trace_place place; /* of the inference under way, for the trace; set by who runs it */
};

/* The naive loops: the definition of every kind of layer, and the oracle of the tests. Computes in double and
 * int64, for all types that kinds.c admits. (compute/reference*.c) */
convoy_status reference_backend_create(struct backend **backend, convoy_error *error);

/* oneDNN, float32, with the reference for what it lacks. threads: of one call, in the calling thread's OpenMP
 * pool. (compute/onednn*.c) */
convoy_status onednn_backend_create(struct backend **backend, uint32_t threads, convoy_error *error);

/* The backends by name: "onednn", "reference". CONVOY_E_USAGE with the names that exist. (compute/backend.c)
 */
convoy_status backend_create(struct backend **backend, const char *name, uint32_t threads,
                             convoy_error *error);

/* The version of oneDNN that is loaded, "2.6.0", cut to size bytes. Returns text. Thread-safe. */
const char *onednn_version_text(char *text, size_t size);

#endif
