/* Shapes for models that leave some open. */
#ifndef CLI_SHAPES_H
#define CLI_SHAPES_H

#include <convoy/convoy.h>

#define LARGEST_SIDE 65536 /* of --size */
#define USUAL_SIDE   224   /* of an image whose sides the model leaves open */

/* The model's input shapes, open axes closed: batch 1, 3 channels, `size` otherwise; axes of one
 * name alike. To be freed; NULL if there is no memory. */
convoy_shape *shapes_close(const convoy_model *model, int64_t size);

#endif
