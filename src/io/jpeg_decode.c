/* JPEG by libjpeg-turbo. */
#include "io/image.h"

#include "base/error.h"
#include "io/orientation.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Scans of one progressive picture. Each runs over all coefficients, and a few bytes suffice to ask for one.
 */
#define MAX_SCANS 256

/* All that outlives a jump lives here, in the frame of the caller of setjmp, never in that function's own
 * variables. */
struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    struct image image;
    convoy_status status;
    convoy_error *error;
};

static struct jpeg_job *job_of(j_common_ptr jpeg) {
    return jpeg->client_data;
}

static void jpeg_failed(j_common_ptr jpeg) {
    struct jpeg_job *job = job_of(jpeg);
    char problem[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, problem);
    job->status =
        jpeg->err->msg_code == JERR_OUT_OF_MEMORY
            ? error_memory(job->error)
            : error_set(job->error, CONVOY_E_INPUT, "is a damaged or cut off JPEG picture: %s", problem);
    longjmp(job->failed, 1);
}

/* libjpeg fills what is missing with grey and warns. Only warnings that leave every pixel as it was written
 * are let pass. */
static void jpeg_warned(j_common_ptr jpeg, int level) {
    if (level >= 0)
        return; /* a trace */
    switch (jpeg->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
        return;
    default:
        jpeg_failed(jpeg);
    }
}

static void jpeg_silent(j_common_ptr jpeg) {
    (void)jpeg;
}

static void jpeg_progressed(j_common_ptr jpeg) {
    struct jpeg_job *job = job_of(jpeg);
    if (job->jpeg.input_scan_number <= MAX_SCANS)
        return;
    job->status = error_set(job->error, CONVOY_E_INPUT, "is a JPEG picture of more than %d scans", MAX_SCANS);
    longjmp(job->failed, 1);
}

static bool jpeg_ask_for_colours(struct jpeg_job *job) {
    switch (job->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
        job->jpeg.out_color_space = JCS_GRAYSCALE;
        return true;
    case JCS_RGB:
    case JCS_YCbCr:
        job->jpeg.out_color_space = JCS_RGB;
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        job->jpeg.out_color_space = JCS_CMYK;
        return true;
    default:
        job->status = error_set(job->error, CONVOY_E_UNSUPPORTED,
                                "is a JPEG picture of %d channels of an unknown kind; grey, RGB, YCbCr, CMYK "
                                "and YCCK are accepted",
                                job->jpeg.num_components);
        return false;
    }
}

/* Ink C, M, Y, K to red, green, blue, rounded. Adobe's programs, whose mark is in the file, store what is
 * left of the paper's white, 255 - C. */
static void row_from_cmyk(uint16_t *to, const uint8_t *from, int64_t width, bool inverted) {
    const unsigned flip = inverted ? 0 : 255;
    for (int64_t x = 0; x < width; x++, from += 4)
        for (int c = 0; c < 3; c++)
            *to++ = (uint16_t)(((from[c] ^ flip) * (from[3] ^ flip) + 127) / 255);
}

static void jpeg_rows(struct jpeg_job *job) {
    j_decompress_ptr jpeg = &job->jpeg;
    const struct image *image = &job->image;
    jpeg_start_decompress(jpeg);
    const bool inks = jpeg->out_color_space == JCS_CMYK;
    if (jpeg->output_components != (inks ? 4 : image->channels))
        ERREXIT(jpeg, JERR_BAD_J_COLORSPACE);
    const int64_t length = image->width * image->channels;
    JSAMPARRAY row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                             (JDIMENSION)image->width * (inks ? 4 : 3), 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint16_t *to = image->pixels + jpeg->output_scanline * length;
        jpeg_read_scanlines(jpeg, row, 1);
        if (inks)
            row_from_cmyk(to, row[0], image->width, jpeg->saw_Adobe_marker);
        else
            for (int64_t i = 0; i < length; i++)
                to[i] = row[0][i];
    }
    jpeg_finish_decompress(jpeg);
}

/* That of the first APP1 marker with EXIF data. */
static int jpeg_orientation(const struct jpeg_job *job) {
    for (jpeg_saved_marker_ptr marker = job->jpeg.marker_list; marker; marker = marker->next)
        if (marker->data_length > 6 && memcmp(marker->data, "Exif\0\0", 6) == 0)
            return exif_orientation(marker->data + 6, marker->data_length - 6);
    return 1;
}

static void jpeg_run(struct jpeg_job *job, const uint8_t *bytes, size_t length) {
    if (setjmp(job->failed))
        return;
    jpeg_create_decompress(&job->jpeg);
    job->jpeg.progress = &job->progress;
    jpeg_mem_src(&job->jpeg, bytes, length);
    jpeg_save_markers(&job->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&job->jpeg, TRUE);
    if (!jpeg_ask_for_colours(job))
        return;
    job->status = image_create(&job->image, job->jpeg.image_height, job->jpeg.image_width,
                               job->jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3, job->error);
    if (job->status != CONVOY_OK)
        return;
    job->image.orientation = jpeg_orientation(job);
    jpeg_rows(job);
}

convoy_status jpeg_decode(struct image *image, const uint8_t *bytes, size_t length, convoy_error *error) {
    struct jpeg_job job = {.error = error};
    job.jpeg.err = jpeg_std_error(&job.manager);
    job.jpeg.client_data = &job;
    job.manager.error_exit = jpeg_failed;
    job.manager.emit_message = jpeg_warned;
    job.manager.output_message = jpeg_silent;
    job.progress.progress_monitor = jpeg_progressed;
    jpeg_run(&job, bytes, length);
    jpeg_destroy_decompress(&job.jpeg);
    if (job.status != CONVOY_OK)
        image_release(&job.image);
    else
        *image = job.image;
    return job.status;
}
