/* ONNX's ModelProto as a convoy_model (onnx.proto, IR versions 3 to 8 and on). */
#ifndef MODEL_ONNX_READER_H
#define MODEL_ONNX_READER_H

#include "io/file_map.h"
#include "model/graph.h"

/* Fills the zero-initialised *model from its map and path. Initializers view the map where they can. folders:
 * where external weights may be; NULL: none are taken. After a failure the caller destroys what is there.
 * CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status onnx_read(convoy_model *model, struct file_folders *folders, convoy_error *error);

#endif
