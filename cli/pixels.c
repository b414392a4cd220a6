#include "pixels.h"

#include <math.h>
#include <stdio.h>

#define FAR_BEYOND 1.5 /* times the largest pixel: a mean of pixels is below it */

/* What a white pixel is before means are taken away; NaN: the input takes no pictures. */
static double white_pixel(const convoy_image_options *given, const convoy_value_info *input) {
    static const char picture[] = "P6 1 1 255 \xff\xff\xff";
    convoy_image_options options = *given;
    convoy_tensor tensor;
    options.has_mean = options.has_deviation = true;
    for (int c = 0; c < 3; c++) {
        options.mean[c] = 0;
        options.deviation[c] = 1;
    }
    if (convoy_input_parse(&tensor, picture, sizeof picture - 1, "white", input->dtype, &input->shape,
                           &options, NULL) != CONVOY_OK)
        return (double)NAN;
    const double white = convoy_tensor_element(&tensor, 0);
    convoy_tensor_release(&tensor);
    return white;
}

void pixels_check_means(const convoy_image_options *options, const convoy_value_info *input,
                        struct progress *progress) {
    char line[256];
    if (!options->has_mean)
        return;
    const double white = white_pixel(options, input);
    const double largest =
        fmax(fmax((double)options->mean[0], (double)options->mean[1]), (double)options->mean[2]);
    if (!(largest > FAR_BEYOND * fabs(white)))
        return;
    snprintf(line, sizeof line,
             "--mean %g,%g,%g is taken away from pixels of 0 to %.3g, and seems to be meant for 0 to 255: "
             "--scale 1 leaves them so",
             (double)options->mean[0], (double)options->mean[1], (double)options->mean[2], white);
    progress_log(progress, CONVOY_LOG_WARNING, line);
}
