/* What an ONNX file says: read, checked, and with every name resolved to a number. */
#ifndef MODEL_GRAPH_H
#define MODEL_GRAPH_H

#include "base/memory.h"
#include "model/arena.h"

#include <convoy/model.h>

#include <stdbool.h>

#define NO_VALUE UINT32_MAX /* an optional input or output that a node leaves out */

enum attribute_kind {
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_INT,
    ATTRIBUTE_TEXT,
    ATTRIBUTE_TENSOR,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_INTS,
    ATTRIBUTE_GRAPH, /* a branch of an If; graph NULL: another subgraph, or several, not read */
    ATTRIBUTE_OTHER  /* strings, sparse tensors, types; not read */
};

struct attribute {
    const char *name;
    enum attribute_kind kind;
    size_t count; /* of floats or integers */
    union {
        float number;
        int64_t integer;
        const char *text;
        convoy_tensor tensor;
        const float *floats;
        const int64_t *integers;
        const struct subgraph *graph;
    };
};

/* One operator. Inputs and outputs are numbers of the model's values, or NO_VALUE. Behind the inputs of an If
 * stand the values around it that its branches read. */
struct node {
    const char *name; /* unique, not empty */
    const char *op, *domain;
    uint32_t *inputs, *outputs;
    size_t input_count, output_count;
    struct attribute *attributes;
    size_t attribute_count;
};

/* A branch of an If. Its values are the model's, too. */
struct subgraph {
    struct node *nodes; /* [node_count] in an order in which they can be computed */
    size_t node_count;
    uint32_t *outputs; /* [output_count] values */
    size_t output_count;
    struct subgraph *next; /* of all in the model */
};

/* A version of an operator set. */
struct opset {
    const char *domain; /* "": ONNX's own */
    int64_t version;
};

struct graph_value {
    const char *name;
    convoy_tensor constant; /* an initializer; data NULL: none */
};

/* Operators of some nodes that Convoy does not have. */
struct unsupported_list {
    convoy_unsupported *operators; /* [count] */
    size_t count;
    size_t nodes; /* that use them */
};

/* Nodes are in an order in which every value is made before it is read, and once. Only those are kept that an
 * output depends on. Everything small lives in the arena. */
struct convoy_model {
    struct arena arena;
    struct buffer *map;          /* the file */
    const struct buffer **files; /* [file_count] whose memory it uses (model_files.h); map and the values hold
                                    the references */
    size_t file_count;
    const char *path;
    struct opset *opsets; /* [opset_count] that it imports */
    size_t opset_count;
    int64_t opset; /* of ONNX's own operators */
    struct node *nodes;
    size_t node_count;
    struct subgraph *subgraphs;   /* all branches, of nodes and of nodes of branches */
    convoy_node_info *node_infos; /* [info_count] also of nodes of branches */
    size_t info_count;
    struct unsupported_list unsupported;
    struct graph_value *values;
    size_t value_count;
    convoy_value_info *inputs; /* that a user feeds */
    uint32_t *input_values;    /* [input_count] */
    bool *batched;             /* [input_count] */
    size_t input_count;
    const char **symbols; /* [symbol_count] names of open axes */
    size_t symbol_count;
    convoy_value_info *outputs;
    uint32_t *output_values; /* [output_count] */
    size_t output_count;
};

#endif
