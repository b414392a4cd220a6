/* ONNX TensorProto: weights of a model, and .pb tensors. */
#ifndef IO_TENSOR_PROTO_H
#define IO_TENSOR_PROTO_H

#include "base/memory.h"
#include "io/elements.h"
#include "io/file_map.h"

#include <convoy/tensor.h>

/* A parsed TensorProto. name is a copy that the caller frees (never NULL on success, perhaps empty). */
struct tensor_proto {
    char *name;
    convoy_tensor tensor;
};

/* Parses the TensorProto in bytes [offset, offset+length) of map. Elements in raw_data are viewed in place:
 * the tensor holds a reference to map, and its data is read-only memory at any address (tensor_is_aligned);
 * all else (float_data, int32_data, int64_data, double_data) is copied. External data
 * (data_location EXTERNAL) is mapped, and viewed too, from its location inside of the folders, see
 * file_map_within; folders NULL: external data is refused. Checks that the number of elements matches dims,
 * with the sizes computed overflow-checked, before memory is taken. The sentence names the tensor. Types that
 * models do not compute with are CONVOY_E_UNSUPPORTED. CONVOY_E_INPUT,
 * CONVOY_E_UNSUPPORTED, CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status tensor_proto_parse(struct tensor_proto *proto, struct buffer *map, size_t offset, size_t length,
                                 struct file_folders *folders, convoy_error *error);

/* The same for a tensor that is a whole file: its elements, of any type that elements_to_tensor converts.
 * They must be in this file. */
convoy_status tensor_proto_elements(struct elements *elements, struct buffer *map, convoy_error *error);

/* Frees the name and releases the tensor; takes empty ones and NULL. */
void tensor_proto_release(struct tensor_proto *proto);

#endif
