/* Shapes for models that leave some open. */
#ifndef CLI_SHAPES_H
#define CLI_SHAPES_H

#include <convoy/convoy.h>

/* The model's input shapes, open axes closed: batch 1, 3 channels, `size` otherwise (0: 224); axes of one
 * name alike. To be freed; NULL if there is no memory. */
convoy_shape *shapes_close(const convoy_model *model, int64_t size);

#endif
