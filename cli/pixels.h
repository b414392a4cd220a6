/* What --mean and its like make of pixels. */
#ifndef CLI_PIXELS_H
#define CLI_PIXELS_H

#include "progress.h"

/* Warns of means that are larger than any pixel of which they are taken away: those of pixels 0 to 255 beside
 * a scale that makes pixels smaller. Nothing is said of an input that takes no pictures. */
void pixels_check_means(const convoy_image_options *options, const convoy_value_info *input,
                        struct progress *progress);

#endif
