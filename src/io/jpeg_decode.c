/* JPEG by libjpeg-turbo. */
#include "io/image.h"

#include "base/error.h"

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
    default:
        job->status = error_set(
            job->error, CONVOY_E_UNSUPPORTED,
            "is a JPEG picture of %d channels that are no RGB (CMYK, say); grey and RGB are accepted",
            job->jpeg.num_components);
        return false;
    }
}

static void jpeg_rows(struct jpeg_job *job) {
    jpeg_start_decompress(&job->jpeg);
    if (job->jpeg.output_components != job->image.channels)
        ERREXIT(&job->jpeg, JERR_BAD_J_COLORSPACE);
    while (job->jpeg.output_scanline < job->jpeg.output_height) {
        JSAMPROW row = job->image.pixels +
                       (size_t)job->jpeg.output_scanline * (size_t)(job->image.width * job->image.channels);
        jpeg_read_scanlines(&job->jpeg, &row, 1);
    }
    jpeg_finish_decompress(&job->jpeg);
}

static void jpeg_run(struct jpeg_job *job, const uint8_t *bytes, size_t length) {
    if (setjmp(job->failed))
        return;
    jpeg_create_decompress(&job->jpeg);
    job->jpeg.progress = &job->progress;
    jpeg_mem_src(&job->jpeg, bytes, length);
    jpeg_read_header(&job->jpeg, TRUE);
    if (!jpeg_ask_for_colours(job))
        return;
    job->status = image_create(&job->image, job->jpeg.image_height, job->jpeg.image_width,
                               job->jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3, job->error);
    if (job->status == CONVOY_OK)
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
