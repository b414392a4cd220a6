/* Tells what each pixel of a picture shows, on coded workers, of which some may be missing, and lays the mask
 * over the picture.
 *
 *     segment --labels labels.txt -o drawn model.onnx picture.png...
 *
 * The model has an output of scores [1,C,H,W]: the class of a pixel is that of its largest score. With one
 * channel, the class is 1 if the score is at least --threshold, else 0. Class 0 is the background.
 *
 * Prints a line for each picture: its file and the share of pixels of each class that it has. With --truth
 * lines follow that say how right the masks are, over all pictures: of each class the pixels of the class in
 * both mask and truth, divided by those in at least one (intersection over union). A line about the workers
 * ends the output. Exit status 2 for usage and 1 for other errors, with one sentence on standard error. */
#include "drawing.h"
#include "vision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_CLASSES 256 /* as many as a byte tells apart */

/* The class of each pixel. */
struct mask {
    int64_t height, width;
    size_t kinds;
    uint8_t *at;
};

struct segmenter {
    struct vision vision;
    const char *output, *truth_folder, *folder;
    size_t output_at;
    double threshold;
    /* Pixels of each class over all pictures: in masks and truths both, and in at least one of them. */
    size_t kinds, both[MOST_CLASSES], either[MOST_CLASSES];
    size_t compared, ties; /* pixels, with --check */
};

static size_t kind_of(const convoy_tensor *scores, size_t kinds, size_t pixels, size_t at, double threshold) {
    if (kinds == 1)
        return convoy_tensor_element(scores, at) >= threshold;
    size_t best = 0;
    for (size_t kind = 1; kind < kinds; kind++)
        if (convoy_tensor_element(scores, kind * pixels + at) >
            convoy_tensor_element(scores, best * pixels + at))
            best = kind;
    return best;
}

static convoy_status make_mask(struct mask *mask, const convoy_tensor *scores, double threshold,
                               convoy_error *error) {
    const int64_t *dims = scores->shape.dims;
    char text[192];
    if (scores->shape.rank != 4 || dims[0] != 1 || dims[1] < 1 || dims[1] > MOST_CLASSES || dims[2] < 1 ||
        dims[3] < 1)
        return fail(error, CONVOY_E_INPUT,
                    "scores are [1,C,H,W] with C up to %d, but the model's output is %s", MOST_CLASSES,
                    convoy_shape_text(&scores->shape, text, sizeof text));
    const size_t pixels = (size_t)dims[2] * (size_t)dims[3];
    *mask = (struct mask){dims[2], dims[3], dims[1] == 1 ? 2 : (size_t)dims[1], malloc(pixels)};
    if (!mask->at)
        return fail(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < pixels; i++)
        mask->at[i] = (uint8_t)kind_of(scores, (size_t)dims[1], pixels, i, threshold);
    return CONVOY_OK;
}

static void print_shares(const struct segmenter *segmenter, const char *path, const struct mask *mask,
                         bool degraded) {
    size_t counts[MOST_CLASSES] = {0};
    const size_t pixels = (size_t)(mask->height * mask->width);
    char text[24];
    for (size_t i = 0; i < pixels; i++)
        counts[mask->at[i]]++;
    printf("%s:", path);
    const char *between = " ";
    for (size_t kind = 0; kind < mask->kinds; kind++) {
        if (counts[kind] == 0)
            continue;
        printf("%s%s %.2f %%", between, vision_label(&segmenter->vision, kind, text),
               100 * (double)counts[kind] / (double)pixels);
        between = ", ";
    }
    printf("%s\n", degraded ? ", degraded" : "");
}

/* A mask that is smaller than the picture is enlarged. */
static convoy_status draw(const struct segmenter *segmenter, const char *path, const struct mask *mask,
                          convoy_error *error) {
    struct picture picture;
    convoy_status status = picture_load(&picture, &segmenter->vision, path, error);
    if (status != CONVOY_OK)
        return status;
    for (int64_t y = 0; y < picture.height; y++)
        for (int64_t x = 0; x < picture.width; x++) {
            const int64_t row = y * mask->height / picture.height, column = x * mask->width / picture.width;
            const size_t kind = mask->at[row * mask->width + column];
            if (kind > 0)
                picture_tint(&picture, x, y, kind - 1);
        }
    status = picture_save(&picture, segmenter->folder, path, "mask", error);
    picture_release(&picture);
    return status;
}

/* Counts the pixels of a mask beside those of the truth, the PNG file of the same name. */
static convoy_status judge(struct segmenter *segmenter, const char *path, const struct mask *mask,
                           convoy_error *error) {
    char truth_path[4096];
    uint8_t *truth;
    snprintf(truth_path, sizeof truth_path, "%s/%s", segmenter->truth_folder, base_name(path));
    convoy_status status = grey_load(&truth, mask->height, mask->width, truth_path, error);
    if (status != CONVOY_OK)
        return status;
    for (int64_t i = 0; i < mask->height * mask->width && status == CONVOY_OK; i++) {
        const uint8_t found = mask->at[i], wanted = truth[i];
        if (wanted >= mask->kinds)
            status = fail(error, CONVOY_E_INPUT, "%s: has a pixel of class %d, but the model has %zu classes",
                          truth_path, wanted, mask->kinds);
        segmenter->both[found] += found == wanted;
        segmenter->either[found]++;
        segmenter->either[wanted] += found != wanted;
    }
    segmenter->kinds = mask->kinds;
    free(truth);
    return status;
}

/* Compares a mask with that of the uncoded model. Where the two best scores of a pixel are a tie but for
 * rounding (SAME, of the largest score of the picture), it may be of either class: such pixels are counted.
 */
static void compare(struct segmenter *segmenter, const struct mask *mask, const struct mask *alone,
                    const convoy_tensor *scores) {
    const size_t pixels = (size_t)(mask->height * mask->width);
    double largest = 0;
    bool same = true;
    for (size_t i = 0; i < convoy_tensor_elements(scores); i++)
        largest = fmax(largest, fabs(convoy_tensor_element(scores, i)));
    for (size_t i = 0; i < pixels; i++) {
        if (mask->at[i] == alone->at[i])
            continue;
        const double apart = scores->shape.dims[1] == 1
                                 ? convoy_tensor_element(scores, i) - segmenter->threshold
                                 : convoy_tensor_element(scores, mask->at[i] * pixels + i) -
                                       convoy_tensor_element(scores, alone->at[i] * pixels + i);
        same = same && fabs(apart) <= SAME * largest;
        segmenter->ties++;
    }
    segmenter->compared += pixels;
    vision_count_check(&segmenter->vision, same);
}

/* Of each class that is there, and the mean of them. */
static void tell_overlaps(const struct segmenter *segmenter) {
    char text[24];
    double sum = 0;
    size_t there = 0;
    printf("overlap of masks:");
    for (size_t kind = 0; kind < segmenter->kinds; kind++) {
        if (segmenter->either[kind] == 0)
            continue;
        const double overlap = (double)segmenter->both[kind] / (double)segmenter->either[kind];
        printf(" %s %.3f,", vision_label(&segmenter->vision, kind, text), overlap);
        sum += overlap;
        there++;
    }
    printf(" mean %.3f\n", there ? sum / (double)there : 0);
}

static convoy_status segment(struct segmenter *segmenter, const char *path, convoy_error *error) {
    const size_t at = segmenter->output_at;
    struct answer answer;
    struct mask mask = {0}, alone = {0};
    convoy_status status = vision_run(&segmenter->vision, path, &answer, error);
    if (status == CONVOY_OK)
        status = make_mask(&mask, &answer.result->outputs[at], segmenter->threshold, error);
    if (status == CONVOY_OK)
        print_shares(segmenter, path, &mask, answer.result->degraded);
    if (status == CONVOY_OK && answer.alone) {
        status = make_mask(&alone, &answer.alone->outputs[at], segmenter->threshold, error);
        if (status == CONVOY_OK)
            compare(segmenter, &mask, &alone, &answer.alone->outputs[at]);
    }
    if (status == CONVOY_OK && segmenter->folder)
        status = draw(segmenter, path, &mask, error);
    if (status == CONVOY_OK && segmenter->truth_folder)
        status = judge(segmenter, path, &mask, error);
    free(mask.at);
    free(alone.at);
    answer_release(&answer);
    return status;
}

int main(int argc, char **argv) {
    struct segmenter segmenter = {.threshold = 0.5};
    struct vision *vision = &segmenter.vision;
    convoy_error error = {0};
    const struct argument own[] = {
        {"--output", "NAME", "the output of scores [1,C,H,W] (the first)", ARGUMENT_TEXT, &segmenter.output,
         0, 0, NULL},
        {"--threshold", "T", "if C is 1: the least score of class 1 (0.5)", ARGUMENT_NUMBER,
         &segmenter.threshold, -1e9, 1e9, NULL},
        {"--truth", "FOLDER",
         "masks, grey PNG files of the pictures' names whose values are classes: print how "
         "right those of the model are",
         ARGUMENT_TEXT, &segmenter.truth_folder, 0, 0, NULL},
        {"-o", "FOLDER", "lay the mask of PICTURE.png over it in FOLDER/PICTURE-mask.png", ARGUMENT_TEXT,
         &segmenter.folder, 0, 0, NULL},
    };
    const struct vision_program program = {"segment", "Tells what each pixel of a picture shows.", own,
                                           sizeof own / sizeof *own, CONVOY_PRESET_UNIT};
    convoy_status status = vision_open(vision, &program, argc, argv, &error);
    if (status == CONVOY_OK && !vision->help)
        status = vision_find_output(vision, segmenter.output, &segmenter.output_at, &error);
    if (status == CONVOY_OK && !vision->help)
        status = drawing_prepare(segmenter.folder, vision, &error);
    for (size_t i = 0; i < vision->input_count && status == CONVOY_OK; i++)
        status = segment(&segmenter, vision->inputs[i], &error);
    if (status == CONVOY_OK && !vision->help) {
        if (segmenter.truth_folder)
            tell_overlaps(&segmenter);
        if (vision->check)
            printf("ties: %zu of %zu pixels are of another class than the uncoded model's\n", segmenter.ties,
                   segmenter.compared);
        status = vision_tell(vision, &error);
    }
    return vision_close(vision, status, &error);
}
