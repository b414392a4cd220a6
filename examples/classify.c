/* Classifies pictures on coded workers, of which some may be missing.
 *
 *     classify --labels labels.txt model.onnx picture.png...
 *
 * Prints a line for each picture: its file, the class (of the largest score; its number, if no labels are
 * given), and whether a layer had to be computed here because too few workers answered ("degraded"). A line
 * about the workers ends the output. Exit status 2 for usage and 1 for other errors, with one sentence on
 * standard error. */
#include "vision.h"

#include <stdio.h>
#include <string.h>

struct classifier {
    struct vision vision;
    const char *output, *truth_path;
    size_t output_at;
    struct lines truth;
    size_t right;
};

static size_t largest(const convoy_tensor *scores) {
    size_t best = 0;
    for (size_t i = 1; i < convoy_tensor_elements(scores); i++)
        if (convoy_tensor_element(scores, i) > convoy_tensor_element(scores, best))
            best = i;
    return best;
}

/* Counts a picture whose class is its label in the truth. */
static convoy_status judge(struct classifier *classifier, const char *path, const char *label,
                           convoy_error *error) {
    size_t at = 0;
    const char *truth = lines_next(&classifier->truth, path, &at);
    if (!truth)
        return fail(error, CONVOY_E_INPUT, "%s: says nothing of %s", classifier->truth_path, path);
    classifier->right += strcmp(truth, label) == 0;
    return CONVOY_OK;
}

static convoy_status classify(struct classifier *classifier, const char *path, convoy_error *error) {
    struct vision *vision = &classifier->vision;
    const size_t at = classifier->output_at;
    struct answer answer;
    convoy_status status = vision_run(vision, path, &answer, error);
    if (status == CONVOY_OK) {
        char text[24];
        const size_t kind = largest(&answer.result->outputs[at]);
        const char *label = vision_label(vision, kind, text);
        printf("%s: class %s%s\n", path, label, answer.result->degraded ? ", degraded" : "");
        if (answer.alone)
            vision_count_check(vision, largest(&answer.alone->outputs[at]) == kind);
        if (classifier->truth_path)
            status = judge(classifier, path, label, error);
    }
    answer_release(&answer);
    return status;
}

int main(int argc, char **argv) {
    struct classifier classifier = {0};
    struct vision *vision = &classifier.vision;
    convoy_error error = {0};
    const struct argument own[] = {
        {"--output", "NAME", "the output that holds the scores (the first)", ARGUMENT_TEXT,
         &classifier.output, 0, 0, NULL},
        {"--truth", "FILE", "lines \"PICTURE LABEL\": print how many are right", ARGUMENT_TEXT,
         &classifier.truth_path, 0, 0, NULL},
    };
    const struct vision_program program = {"classify", "Tells the class of each picture.", own,
                                           sizeof own / sizeof *own, CONVOY_PRESET_AUTO};
    convoy_status status = vision_open(vision, &program, argc, argv, &error);
    if (status == CONVOY_OK && !vision->help)
        status = vision_find_output(vision, classifier.output, &classifier.output_at, &error);
    if (status == CONVOY_OK && classifier.truth_path && !vision->help)
        status = lines_load(&classifier.truth, classifier.truth_path, &error);
    for (size_t i = 0; i < vision->input_count && status == CONVOY_OK; i++)
        status = classify(&classifier, vision->inputs[i], &error);
    if (status == CONVOY_OK && !vision->help) {
        if (classifier.truth_path)
            printf("accuracy: %zu of %zu = %.4f\n", classifier.right, vision->input_count,
                   (double)classifier.right / (double)vision->input_count);
        status = vision_tell(vision, &error);
    }
    lines_release(&classifier.truth);
    return vision_close(vision, status, &error);
}
