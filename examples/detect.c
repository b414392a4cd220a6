/* Finds things in pictures on coded workers, of which some may be missing, and draws boxes around them.
 *
 *     detect --selected selected --labels labels.txt -o drawn model.onnx picture.png...
 *
 * The model has an output of N boxes [1,N,4] and one of their scores [1,C,N], as ONNX's NonMaxSuppression
 * takes them, and may have the result of that, the boxes that it selected, int64 [K,3]. Without it
 * (--selected) the boxes are selected here. What the numbers of a box mean says --format.
 *
 * Prints a line for each picture: its file and the boxes, the best first, each with its class, its score and
 * its corners in pixels of the picture as the model sees it. With --truth a line follows that says how right
 * they are: a box is right if it overlaps with a thing of its class by at least half (intersection over
 * union), and no better box has taken that. A line about the workers ends the output. Exit status 2 for usage
 * and 1 for other errors, with one sentence on standard error. */
#include "boxes.h"
#include "drawing.h"
#include "vision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct detector {
    struct vision vision;
    struct box_outputs outputs;
    double threshold, overlap;
    const char *boxes_name, *scores_name, *selected_name, *truth_path, *folder;
    size_t boxes_at, scores_at, selected_at; /* among the outputs of the model */
    struct lines truth;
    struct tally tally;
};

/* The boxes of a result that count, the best first. */
static convoy_status select_boxes(const struct detector *detector, const convoy_result *result,
                                  struct box_list *list, convoy_error *error) {
    const convoy_tensor *selected = detector->selected_name ? &result->outputs[detector->selected_at] : NULL;
    struct box_outputs outputs = detector->outputs;
    outputs.boxes = &result->outputs[detector->boxes_at];
    outputs.scores = &result->outputs[detector->scores_at];
    vision_sides(&detector->vision, &outputs.height, &outputs.width);
    convoy_status status = boxes_check(&outputs, selected, error);
    if (status == CONVOY_OK)
        status = selected ? boxes_take(list, &outputs, selected, detector->threshold, error)
                          : boxes_find(list, &outputs, detector->threshold, detector->overlap, error);
    return status;
}

static void print_boxes(const struct detector *detector, const char *path, const struct box_list *list,
                        bool degraded) {
    char text[24];
    printf("%s: %zu box%s", path, list->count, list->count == 1 ? "" : "es");
    for (size_t i = 0; i < list->count; i++) {
        const struct box *box = &list->boxes[i];
        double at[4];
        for (int c = 0; c < 4; c++)
            at[c] = rint(box->corners[c]) + 0.0; /* a negative zero becomes a zero */
        printf("%s %s %.2f at %.0f,%.0f to %.0f,%.0f", i ? ";" : ":",
               vision_label(&detector->vision, box->kind, text), box->score, at[0], at[1], at[2], at[3]);
    }
    printf("%s\n", degraded ? ", degraded" : "");
}

static convoy_status draw(const struct detector *detector, const char *path, const struct box_list *list,
                          convoy_error *error) {
    struct picture picture;
    convoy_status status = picture_load(&picture, &detector->vision, path, error);
    if (status != CONVOY_OK)
        return status;
    for (size_t i = list->count; i-- > 0;) { /* the best last, so that its words can be read */
        char text[24], words[64];
        const struct box *box = &list->boxes[i];
        snprintf(words, sizeof words, "%.48s %.0f", vision_label(&detector->vision, box->kind, text),
                 100 * box->score);
        picture_frame(&picture, box->corners, box->kind, words);
    }
    status = picture_save(&picture, detector->folder, path, "boxes", error);
    picture_release(&picture);
    return status;
}

static convoy_status detect(struct detector *detector, const char *path, convoy_error *error) {
    struct answer answer;
    struct box_list list = {0}, alone = {0};
    convoy_status status = vision_run(&detector->vision, path, &answer, error);
    if (status == CONVOY_OK)
        status = select_boxes(detector, answer.result, &list, error);
    if (status == CONVOY_OK)
        print_boxes(detector, path, &list, answer.result->degraded);
    if (status == CONVOY_OK && answer.alone) {
        status = select_boxes(detector, answer.alone, &alone, error);
        if (status == CONVOY_OK)
            vision_count_check(&detector->vision, boxes_same(&list, &alone, detector->threshold));
    }
    if (status == CONVOY_OK && detector->folder)
        status = draw(detector, path, &list, error);
    if (status == CONVOY_OK && detector->truth_path)
        status = tally_add(&detector->tally, &list, &detector->truth, path, error);
    free(list.boxes);
    free(alone.boxes);
    answer_release(&answer);
    return status;
}

static convoy_status begin(struct detector *detector, convoy_error *error) {
    const struct vision *vision = &detector->vision;
    convoy_status status = vision_find_output(vision, detector->boxes_name, &detector->boxes_at, error);
    if (status == CONVOY_OK)
        status = vision_find_output(vision, detector->scores_name, &detector->scores_at, error);
    if (status == CONVOY_OK && detector->selected_name)
        status = vision_find_output(vision, detector->selected_name, &detector->selected_at, error);
    if (status == CONVOY_OK && detector->truth_path)
        status = lines_load(&detector->truth, detector->truth_path, error);
    if (status == CONVOY_OK)
        status = drawing_prepare(detector->folder, vision, error);
    return status;
}

int main(int argc, char **argv) {
    struct detector detector = {
        .threshold = 0.5, .overlap = 0.45, .boxes_name = "boxes", .scores_name = "scores"};
    struct vision *vision = &detector.vision;
    convoy_error error = {0};
    const struct argument own[] = {
        {"--boxes", "NAME", "the output of boxes [1,N,4] (boxes)", ARGUMENT_TEXT, &detector.boxes_name, 0, 0,
         NULL},
        {"--scores", "NAME", "the output of scores [1,C,N] (scores)", ARGUMENT_TEXT, &detector.scores_name, 0,
         0, NULL},
        {"--selected", "NAME", "the output of NonMaxSuppression [K,3]; without it boxes are selected here",
         ARGUMENT_TEXT, &detector.selected_name, 0, 0, NULL},
        {"--format", "HOW",
         "the numbers of a box: y1,x1,y2,x2 (yxyx, the default), xyxy, or centre and size (cxcywh)",
         ARGUMENT_CHOICE, &detector.outputs.format, 0, 0, BOX_FORMATS},
        {"--relative", NULL, "they are fractions of the picture's sides, and not pixels", ARGUMENT_FLAG,
         &detector.outputs.relative, 0, 0, NULL},
        {"--threshold", "T", "the least score of a box that counts (0.5)", ARGUMENT_NUMBER,
         &detector.threshold, 0, 1, NULL},
        {"--overlap", "O", "without --selected: the most that boxes of a class overlap (0.45)",
         ARGUMENT_NUMBER, &detector.overlap, 0, 1, NULL},
        {"--truth", "FILE", "lines \"PICTURE CLASS X1 Y1 X2 Y2\": print how right the boxes are",
         ARGUMENT_TEXT, &detector.truth_path, 0, 0, NULL},
        {"-o", "FOLDER", "draw the boxes of PICTURE.png into FOLDER/PICTURE-boxes.png", ARGUMENT_TEXT,
         &detector.folder, 0, 0, NULL},
    };
    const struct vision_program program = {"detect", "Finds things in pictures, and draws boxes around them.",
                                           own, sizeof own / sizeof *own, CONVOY_PRESET_UNIT};
    convoy_status status = vision_open(vision, &program, argc, argv, &error);
    if (status == CONVOY_OK && !vision->help)
        status = begin(&detector, &error);
    for (size_t i = 0; i < vision->input_count && status == CONVOY_OK; i++)
        status = detect(&detector, vision->inputs[i], &error);
    if (status == CONVOY_OK && !vision->help) {
        if (detector.truth_path)
            tally_tell(&detector.tally);
        status = vision_tell(vision, &error);
    }
    lines_release(&detector.truth);
    return vision_close(vision, status, &error);
}
