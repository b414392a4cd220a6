#include "answers.h"

#include "element_range.h"
#include "table.h"
#include "terminal.h"

#include <math.h>
#include <string.h>

#define CLASS_TEXT  512
#define LABEL_SHOWN 80   /* characters, of at most four bytes */
#define HARDLY_EVER 5e-5 /* a probability that would be printed as 0.00 % */

/* "000.png", or "batch.npy[3]". */
static int name_text(char *text, size_t size, const struct answer *answer) {
    if (answer->row >= 0)
        return snprintf(text, size, "%s[%lld]", answer->input, (long long)answer->row);
    return snprintf(text, size, "%s", answer->input);
}

/* "tabby (87.3 %)", or the score. */
static void class_text(char *text, size_t size, const struct answer *answer, const struct best_class *best) {
    const char *label = labels_name(answer->labels, best->index);
    char number[24], sure[40];
    snprintf(number, sizeof number, "%zu", best->index);
    if (answer->scores || isnan(best->probability))
        snprintf(sure, sizeof sure, "%.5g", best->score);
    else
        snprintf(sure, sizeof sure, "%.*f %%", best->probability < 0.0999 ? 2 : 1, 100 * best->probability);
    const char *name = label ? label : number;
    snprintf(text, size, "%.*s (%s)", (int)table_text_bytes(name, LABEL_SHOWN), name, sure);
}

/* The best classes, as many as there is room for, but at least one. What hardly ever is so says nothing. */
static void print_classes(FILE *file, const struct answer *answer, size_t used) {
    char text[CLASS_TEXT];
    for (size_t i = 0; i < answer->count; i++) {
        const bool rare = !answer->scores && answer->best[i].probability < HARDLY_EVER;
        class_text(text, sizeof text, answer, &answer->best[i]);
        used += table_text_width(text) + 2;
        if (i > 0 && !answer->all && (rare || used > answer->width))
            break;
        fprintf(file, "%s%s", i ? ", " : " ", text);
    }
}

/* "float32 1x21x224x224, least -3.1, mean 0.02, largest 12". */
static void print_range(FILE *file, const struct answer *answer, const convoy_tensor *tensor) {
    char shape[128];
    struct element_range range;
    fprintf(file, " %s %s", convoy_dtype_text(tensor->dtype),
            convoy_shape_text(&tensor->shape, shape, sizeof shape));
    element_range_find(&range, tensor, answer->rows, answer->at);
    if (range.count == 1)
        fprintf(file, ", %.6g", range.mean);
    else if (range.count > 1)
        fprintf(file, ", least %.5g, mean %.5g, largest %.5g", range.least, range.mean, range.largest);
}

static void print_output(FILE *file, const struct answer *answer, size_t output, size_t used) {
    const convoy_tensor *tensor = &answer->result->outputs[output];
    if (output == 0 && classes_are_scores(tensor, answer->rows))
        print_classes(file, answer, used);
    else
        print_range(file, answer, tensor);
}

void answer_print(FILE *file, const struct answer *answer) {
    char name[4096];
    const int length = name_text(name, sizeof name, answer);
    const size_t count = answer->result->output_count, used = length > 0 ? (size_t)length + 1 : 0;
    fprintf(file, "%s:", name);
    if (count == 1 && classes_are_scores(&answer->result->outputs[0], answer->rows)) {
        print_output(file, answer, 0, used);
    } else {
        for (size_t i = 0; i < count; i++) {
            fprintf(file, "%s %s:", count > 1 ? "\n " : "", answer->outputs[i].name);
            print_output(file, answer, i, strlen(answer->outputs[i].name) + 3);
        }
    }
    if (answer->expected)
        fprintf(file, "; %sexpected %s%s", terminal_begin(stdout, STYLE_ERROR), answer->expected,
                terminal_end(stdout));
    fputc('\n', file);
}
