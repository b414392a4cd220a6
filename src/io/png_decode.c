/* PNG by libpng. */
#include "io/image.h"

#include "base/error.h"
#include "io/orientation.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that outlives a jump lives here, in the frame of the caller of setjmp, never in that function's own
 * variables. */
struct png_job {
    const uint8_t *at;
    size_t left;
    png_structp png;
    png_infop info;
    struct image image;
    convoy_status status;
    char problem[128]; /* what libpng said */
    convoy_error *error;
};

static void png_failed(png_structp png, png_const_charp message) {
    struct png_job *job = png_get_error_ptr(png);
    snprintf(job->problem, sizeof job->problem, "%s", message);
    png_longjmp(png, 1);
}

/* Damage of what the pixels do not depend on (a text, a date). */
static void png_ignored(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void png_bytes(png_structp png, png_bytep to, size_t count) {
    struct png_job *job = png_get_io_ptr(png);
    if (count > job->left)
        png_error(png, "the file is cut off");
    memcpy(to, job->at, count);
    job->at += count;
    job->left -= count;
}

/* Everything becomes 16 bits a sample in memory's order and 1 to 4 channels. */
static void png_ask_for_16_bits(struct png_job *job) {
    png_set_expand_16(job->png); /* palette to RGB, fewer bits to 16, a transparent colour to alpha */
    png_set_swap(job->png);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

static void png_rows(struct png_job *job) {
    size_t stride = (size_t)(job->image.width * job->image.channels);
    if (png_get_rowbytes(job->png, job->info) != stride * sizeof *job->image.pixels)
        png_error(job->png, "its rows are of an unknown kind");
    for (int pass = png_set_interlace_handling(job->png); pass > 0; pass--)
        for (int64_t y = 0; y < job->image.height; y++)
            png_read_row(job->png, (png_bytep)(job->image.pixels + (size_t)y * stride), NULL);
    png_read_end(job->png, job->info);
}

/* Samples of at most 8 bits, which libpng made 16 bits by writing each twice. */
static void samples_to_8_bits(struct image *image) {
    int64_t count = image->height * image->width * image->channels;
    for (int64_t i = 0; i < count; i++)
        image->pixels[i] &= 255;
}

static int png_orientation(struct png_job *job) {
    png_uint_32 length = 0;
    png_bytep exif = NULL;
    return png_get_eXIf_1(job->png, job->info, &length, &exif) ? exif_orientation(exif, length) : 1;
}

static void png_run(struct png_job *job) {
    if (setjmp(png_jmpbuf(job->png))) {
        job->status =
            error_set(job->error, CONVOY_E_INPUT, "is a damaged or cut off PNG picture: %s", job->problem);
        return;
    }
    png_set_user_limits(job->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_read_fn(job->png, job, png_bytes);
    png_read_info(job->png, job->info);
    bool deep = png_get_bit_depth(job->png, job->info) == 16;
    png_ask_for_16_bits(job);
    job->status = image_create(&job->image, png_get_image_height(job->png, job->info),
                               png_get_image_width(job->png, job->info),
                               png_get_channels(job->png, job->info), job->error);
    if (job->status != CONVOY_OK)
        return;
    png_rows(job);
    job->image.orientation = png_orientation(job);
    if (deep)
        job->image.maximum = 65535;
    else
        samples_to_8_bits(&job->image);
}

convoy_status png_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error) {
    struct png_job job = {.at = bytes, .left = length, .error = error};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, png_failed, png_ignored);
    if (job.png)
        job.info = png_create_info_struct(job.png);
    if (job.info)
        png_run(&job);
    else
        job.status = error_memory(error);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    if (job.status != CONVOY_OK)
        image_release(&job.image);
    else
        *image = job.image;
    return job.status;
}
