/* ONNX's AttributeProto. */
#ifndef MODEL_ONNX_ATTRIBUTE_H
#define MODEL_ONNX_ATTRIBUTE_H

#include "io/file_map.h"
#include "io/protobuf.h"
#include "model/graph.h"

/* Reads the message in a range of map. Lists and texts go to the arena; a tensor's reference is the
 * attribute's. On failure nothing of *attribute needs releasing. The sentence names the attribute.
 * CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status onnx_read_attribute(struct attribute *attribute, struct arena *arena, struct buffer *map,
                                  struct proto_range range, const struct file_folders *folders,
                                  convoy_error *error);

#endif
