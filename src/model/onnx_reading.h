/* What the files share that read a ModelProto.
 *
 * Nodes are read as drafts: names first. Names are looked up in scopes: the graph's, those of the branches of
 * an If, and one for each call of a function. Starting from the outputs of the graph, the drafts that they
 * depend on are found (onnx_live.c); only for those is anything else read: functions that they call take
 * their place (onnx_function.c), branches become graphs of their own. What was found is put in order, and
 * becomes the nodes of the model (onnx_order.c). Nothing recurses; calls and branches nest to a bounded
 * depth, and what calls repeat is bounded in nodes and bytes, so that time and memory are bounded by the
 * size of the file and these limits. */
#ifndef MODEL_ONNX_READING_H
#define MODEL_ONNX_READING_H

#include "io/file_map.h"
#include "io/protobuf.h"
#include "model/graph.h"
#include "model/onnx_names.h"

#define NO_DRAFT UINT32_MAX

#define MAX_ATTRIBUTES     64     /* of a node or a function; ONNX's largest operators have about 15 */
#define MAX_NESTING        16     /* of branches and calls */
#define MAX_REPEATED_NODES 100000 /* in place of calls of functions that were called before */
#define MAX_REPEATED_BYTES ((size_t)64 << 20) /* of the file, that are read again for them */

struct scope {
    struct name_table values;
    struct scope *outer;         /* where names are looked for that are not here; of a function's call: the
                                    caller's, in which only its inputs are looked for; NULL: nowhere */
    struct reading_graph *graph; /* whose nodes make its values */
    const struct function *function; /* called; NULL: none */
    uint32_t call;                   /* draft that calls it */
    uint32_t depth;                  /* 0: the graph's */
    bool repeated;                   /* of a function that was called before, or inside of such a scope */
    struct scope *next;              /* of all */
};

/* The graph of the model, or a branch. */
struct reading_graph {
    struct reading_graph *outer; /* NULL: this is the model's */
    uint32_t holder;             /* draft of the If whose branch it is */
    uint32_t first, count;       /* drafts of its nodes, in the order of the file */
    struct subgraph *branch;     /* what it becomes, with its outputs; NULL: the model's */
    struct reading_graph *next;  /* of all branches */
};

struct draft {
    struct node node;         /* its inputs and attributes come last */
    struct proto_range range; /* NodeProto; length 0: made by the reader, without attributes */
    const char **input_names; /* [node.input_count] "": left out */
    struct scope *scope;
    const struct function *function; /* that it calls; NULL: it is an operator */
    uint32_t body_first, body_count; /* drafts that took the place of a call */
    bool expanded, live;             /* a call whose place was taken; an operator that an output depends on */
    bool open, placed;               /* while it is put in order; done */
    uint32_t *captured;              /* [captured_count] values around an If that its branches read */
    size_t captured_count, captured_capacity;
    struct reading_graph *
        *branches; /* [branch_count] of an If, in the order of its attributes that are graphs */
    size_t branch_count;
};

/* Where a value comes from. */
struct origin {
    struct reading_graph *graph; /* its constants belong to the model's graph */
    uint32_t maker;              /* draft; NO_DRAFT: an input or a constant */
    bool needed;                 /* an output depends on it */
};

/* A FunctionProto. */
struct function {
    const char *name; /* "domain:name" */
    struct proto_range range;
    struct name_table inputs; /* to their numbers */
    bool called;              /* by a node whose place was taken */
    size_t input_count, output_count;
    const char **outputs; /* [output_count] */
    struct proto_range
        *attributes; /* [attribute_count] with the values that they have if a call leaves them out */
    size_t attribute_count;
    const char *conflict; /* an operator set that it imports in another version than the model; NULL: none */
};

struct reader {
    convoy_model *model;
    struct file_folders *folders;
    struct proto_range range; /* GraphProto */
    struct reading_graph graph;
    struct reading_graph *branches;
    struct scope *scopes;
    struct name_table node_names, symbol_names;
    struct origin *origins; /* [model->value_count] */
    size_t value_capacity;
    struct draft *drafts;
    uint32_t draft_count, draft_capacity;
    struct function *functions;
    size_t function_count, opset_capacity, symbol_capacity;
    struct name_table function_names;
    uint32_t *open_values; /* [open_count] needed values whose makers were not looked at yet */
    size_t open_count, open_capacity;
    size_t repeated_nodes, repeated_bytes; /* read again for calls beyond the first of a function */
    convoy_error *error;
};

/* --- onnx_reader.c --- */

/* Fails with "FILE: ...". Returns the status. */
convoy_status reading_fail(struct reader *r, convoy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
convoy_status reading_damaged(struct reader *r, const struct proto_cursor *cursor);

/* The same with "FILE: node 'x' (Op): ...". */
convoy_status draft_fail(struct reader *r, const struct draft *draft, convoy_status status,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The next field with this key. */
bool proto_next_of(struct proto_cursor *cursor, uint32_t key, struct proto_range *range);

/* A name, the model's. */
convoy_status read_name(struct reader *r, struct proto_range range, const char **name);

/* An OperatorSetIdProto: *domain is "" for ONNX's own. */
convoy_status read_opset(struct reader *r, struct proto_range range, struct opset *opset);
convoy_status opset_add(struct reader *r, const struct opset *opset);

/* --- onnx_values.c --- */

/* A TensorProto or ValueInfoProto of a graph. */
convoy_status read_initializer(struct reader *r, struct scope *scope, struct proto_range range);
convoy_status read_input(struct reader *r, struct proto_range range);
convoy_status read_output(struct reader *r, struct proto_range range);

/* --- onnx_scope.c --- */

/* A scope inside of another, NULL for the first. *scope NULL: it would be nested too deep. */
convoy_status scope_create(struct reader *r, struct scope *outer, struct reading_graph *graph,
                           struct scope **scope);

/* A new value of this name, made by a draft or NO_DRAFT. *number NO_VALUE: the name is taken. */
convoy_status value_new(struct reader *r, struct scope *scope, const char *name, uint32_t maker,
                        uint32_t *number);

/* The value of a name as it is seen from a scope: NO_VALUE for an input that a call leaves out. False: there
 * is none. */
bool value_find(const struct reader *r, const struct scope *scope, const char *name, uint32_t *number);

/* --- onnx_draft.c --- */

/* Reads the nodes of a GraphProto or FunctionProto, which are fields `field`, as drafts of a scope:
 * first..count of all drafts. */
convoy_status drafts_read(struct reader *r, struct scope *scope, struct proto_range range, uint32_t field,
                          uint32_t *first, uint32_t *count);

/* CONVOY_E_UNSUPPORTED if calls repeat more than is allowed. */
convoy_status repeated_check(struct reader *r);

/* A node that hands on a value: `output` is declared already, in the scope of the call that it belongs to. */
convoy_status draft_identity(struct reader *r, struct scope *scope, const char *input, uint32_t output);

/* --- onnx_function.c --- */

/* Reads the functions of the model: fields 25 of the ModelProto. */
convoy_status functions_read(struct reader *r);

/* *function NULL: the model has no such function. */
convoy_status function_find(struct reader *r, const char *domain, const char *op, const char *overload,
                            const struct function **function);

/* Puts the nodes of the function in the place of a call. */
convoy_status call_expand(struct reader *r, uint32_t call);

/* Where the value of an attribute stands that a node of the scope has: in the node itself, or, by reference,
 * in the call of the function around it or in the function. *range of length 0: nowhere, the node has no such
 * attribute. */
convoy_status attribute_follow(struct reader *r, const struct scope *scope, struct proto_range *range);

/* --- onnx_live.c --- */

/* Notes that an output depends on a value. */
convoy_status value_need(struct reader *r, uint32_t value);

/* Finds the drafts that the needed values depend on, and reads their inputs and branches. */
convoy_status live_find(struct reader *r);

/* --- onnx_order.c --- */

/* Makes the nodes of the model and of its branches of the drafts that are live. */
convoy_status nodes_make(struct reader *r);

#endif
