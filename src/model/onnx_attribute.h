/* ONNX's AttributeProto. */
#ifndef MODEL_ONNX_ATTRIBUTE_H
#define MODEL_ONNX_ATTRIBUTE_H

#include "io/file_map.h"
#include "io/protobuf.h"
#include "model/graph.h"

/* An attribute of a node: AttributeProtos in ranges of a map. */
struct attribute_source {
    struct proto_range named;     /* with its name */
    struct proto_range value;     /* with its value: the same, unless that refers to another */
    const struct subgraph *graph; /* what was read of its value; NULL: it is no graph, or not read */
};

/* The GraphProto in an AttributeProto; false: it holds none. */
bool attribute_graph(const struct buffer *map, struct proto_range range, struct proto_range *graph);

/* Reads the attributes of a node, which has none yet. Lists and texts go to the arena; the references of
 * tensors are the node's, those that were read before a failure too. The sentence names the attribute.
 * CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status onnx_read_attributes(struct node *node, const struct attribute_source *sources, size_t count,
                                   struct arena *arena, struct buffer *map, struct file_folders *folders,
                                   convoy_error *error);

#endif
