/* ONNX's AttributeProto. */
#ifndef MODEL_ONNX_ATTRIBUTE_H
#define MODEL_ONNX_ATTRIBUTE_H

#include "io/file_map.h"
#include "io/protobuf.h"
#include "model/graph.h"

/* Reads the attributes of a node, a NodeProto in a range of map of which node->attribute_count attributes
 * were counted. Lists and texts go to the arena; the references of tensors are the node's, those that were
 * read before a failure too. The sentence names the attribute. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED,
 * CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status onnx_read_attributes(struct node *node, struct arena *arena, struct buffer *map,
                                   struct proto_range range, struct file_folders *folders,
                                   convoy_error *error);

#endif
