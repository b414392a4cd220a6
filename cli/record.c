#include "record.h"

#include "commands.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_TEXT 24

static struct pending *pending_at(const struct record *record, size_t index) {
    return &record->pending[index % record->capacity];
}

convoy_status record_open(struct record *record, const convoy_model *model, const struct cli_options *options,
                          const struct feed *feed, struct progress *progress, convoy_error *error) {
    *record = (struct record){.options = options, .feed = feed, .progress = progress, .rows = 1};
    record->best = calloc(options->top + 1, sizeof *record->best);
    if (!record->best)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    convoy_status status = labels_load(&record->labels, options->labels, error);
    if (status == CONVOY_OK)
        status = expectations_load(&record->expectations, options->expect, error);
    if (status == CONVOY_OK)
        status = saves_open(&record->saves, model, options, error);
    return status;
}

void record_close(struct record *record) {
    for (size_t i = record->printed; i < record->begun; i++) {
        free(pending_at(record, i)->run_ms);
        free(pending_at(record, i)->text);
    }
    free(record->pending);
    free(record->best);
    summary_close(&record->summary);
    saves_close(&record->saves);
    expectations_free(&record->expectations);
    labels_free(&record->labels);
}

static bool grow(struct record *record) {
    const size_t capacity = record->capacity ? 2 * record->capacity : 16;
    struct pending *more = calloc(capacity, sizeof *more);
    if (!more)
        return false;
    for (size_t i = record->printed; i < record->begun; i++)
        more[i % capacity] = *pending_at(record, i);
    free(record->pending);
    record->pending = more;
    record->capacity = capacity;
    return true;
}

/* Makes room for one more; NULL: there is no memory. */
static struct pending *pending_add(struct record *record) {
    if (record->begun - record->printed == record->capacity && !grow(record))
        return NULL;
    return pending_at(record, record->begun++);
}

/* The input of an inference that is pending. Files that could not be read are inputs, and no inferences. */
static struct pending *pending_find(const struct record *record, size_t index) {
    size_t i = index > record->printed ? index : record->printed;
    while (pending_at(record, i)->index != index)
        i++;
    return pending_at(record, i);
}

static void count_rows_of_file(struct summary *summary, const struct origin *origin) {
    summary->split_rows += origin->row >= 0;
    summary->split_files += origin->row == 0;
    if (!summary->split_file && origin->row == 0)
        summary->split_file = origin->file;
}

convoy_status record_begin(struct record *record, convoy_error *error) {
    double *run_ms = calloc(record->options->repeat, sizeof *run_ms);
    struct pending *pending = run_ms ? pending_add(record) : NULL;
    if (!pending) {
        free(run_ms);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    *pending = (struct pending){.origin = record->feed->origin,
                                .index = record->inferences++,
                                .run_ms = run_ms,
                                .check.top1_agrees = true};
    count_rows_of_file(&record->summary, &pending->origin);
    return CONVOY_OK;
}

/* What is expected of a result, and whether it came; files of several results have no expectation. */
static const char *judge(struct record *record, const struct origin *origin, size_t top_count,
                         bool *correct) {
    const char *expected =
        origin->row < 0 && record->rows == 1 ? expectations_find(&record->expectations, origin->file) : NULL;
    if (!expected)
        return NULL;
    char number[24] = "";
    const char *label = NULL;
    if (top_count > 0) {
        snprintf(number, sizeof number, "%zu", record->best[0].index);
        label = labels_name(&record->labels, record->best[0].index);
    }
    *correct = strcmp(expected, label ? label : number) == 0;
    record->summary.expected++;
    record->summary.correct += *correct;
    return expected;
}

/* A first axis that is the same in the input and in an output of several axes is a batch; of an input of
 * [C,H,W] it is not. */
static size_t count_rows(const struct record *record, const convoy_result *result) {
    if (record->feed->input_count == 0)
        return 1;
    const convoy_shape *in = &record->feed->inputs[record->feed->fed].shape; /* as the model has it */
    const convoy_shape *out = result->output_count > 0 ? &result->outputs[0].shape : NULL;
    const bool batch = out && out->rank > 1 && in->rank > 1 && in->dims[0] > 1 && out->dims[0] == in->dims[0];
    return batch ? (size_t)in->dims[0] : 1;
}

/* One line for many inputs, one line a class for a single one. */
static void print_top(FILE *file, const struct record *record, const struct origin *origin, size_t row,
                      size_t count) {
    const bool lines = record->options->top > 1 && record->feed->file_count == 1 && origin->row < 0;
    fputs(origin->file, file);
    if (origin->row >= 0 || record->rows > 1)
        fprintf(file, "[%lld]", (long long)(origin->row >= 0 ? origin->row : (int64_t)row));
    fputc(':', file);
    for (size_t i = 0; i < count; i++) {
        const struct best_class *best = &record->best[i];
        const char *label = labels_name(&record->labels, best->index);
        fputs(lines ? "\n  " : i ? "; " : " ", file);
        if (label)
            fprintf(file, "%s (%.5g)", label, best->score);
        else
            fprintf(file, "%zu (%.5g)", best->index, best->score);
    }
}

static void print_result(FILE *file, struct record *record, const struct pending *pending, size_t row,
                         double ms, const convoy_result *result, const convoy_check *check) {
    struct origin origin = pending->origin;
    if (record->rows > 1)
        origin.row = (int64_t)row;
    size_t count = 0;
    if (result->output_count > 0)
        count = classes_find(&result->outputs[0], record->rows, row, record->best, record->options->top);
    bool correct = true;
    const char *expected = judge(record, &origin, count, &correct);
    if (record->options->json) {
        char *text = json_result_text(&(struct json_result){
            .options = record->options,
            .input = origin.file,
            .row = origin.row,
            .run_ms = pending->run_ms,
            .ms = ms,
            .top = record->best,
            .top_count = count,
            .labels = &record->labels,
            .check = check ? &pending->check : NULL,
            .first_not_finite = record->options->session.finite ? &pending->first_not_finite : NULL,
            .result = result,
        });
        fprintf(file, "%s%s", row ? ",\n" : "", text ? text : "null");
        free(text);
        return;
    }
    print_top(file, record, &origin, row, count);
    if (!correct)
        fprintf(file, "%s expected: %s", record->options->top > 1 ? "\n " : ",", expected);
    fputc('\n', file);
}

static void show_progress(const struct record *record) {
    const size_t repeat = record->options->repeat;
    progress_show(record->progress, repeat > 1 ? "runs" : "inferences", record->summary.runs,
                  feed_expected(record->feed) * repeat);
}

/* Prints what is finished up to the first that is not. CONVOY_E_MEMORY; CONVOY_E_IO: nobody takes it. */
static convoy_status print_finished(struct record *record, convoy_error *error) {
    const bool json = record->options->json;
    for (; record->printed < record->begun && pending_at(record, record->printed)->text; record->printed++) {
        struct pending *pending = pending_at(record, record->printed);
        progress_make_way(record->progress);
        if (json && record->printed == 0 && !json_run_begin(record->options))
            return cli_error(error, CONVOY_E_MEMORY, "out of memory");
        printf("%s%s", !json ? "" : record->printed ? ",\n" : "\n", pending->text);
        free(pending->text);
        pending->text = NULL;
    }
    show_progress(record);
    return flush_output(error); /* who reads a pipe gets each result when it is there */
}

/* "[ROW]", which follows a file's name; "" if the file is one input. */
static const char *row_text(const struct origin *origin, char text[ROW_TEXT]) {
    text[0] = '\0';
    if (origin->row >= 0)
        snprintf(text, ROW_TEXT, "[%lld]", (long long)origin->row);
    return text;
}

/* Tells of a failure and finishes the input with it. */
static convoy_status finish_failed(struct record *record, struct pending *pending, const char *why,
                                   convoy_error *error) {
    progress_clear(record->progress);
    fprintf(stderr, "convoy: %s\n", why);
    record->summary.failed++;
    pending->text = record->options->json ? json_failure_text(&pending->origin, why) : calloc(1, 1);
    free(pending->run_ms);
    pending->run_ms = NULL;
    return pending->text ? print_finished(record, error) : cli_error(error, CONVOY_E_MEMORY, "out of memory");
}

convoy_status record_bad_file(struct record *record, const convoy_error *why, convoy_error *error) {
    struct pending *pending = pending_add(record);
    if (!pending)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    *pending = (struct pending){.origin = {feed_file(record->feed), -1}, .index = NO_INFERENCE};
    return finish_failed(record, pending, why->message, error);
}

convoy_status record_refused(struct record *record, size_t index, const convoy_error *why,
                             convoy_error *error) {
    struct pending *pending = pending_find(record, index);
    char row[ROW_TEXT], *sentence = NULL;
    if (asprintf(&sentence, "%s%s: %s", pending->origin.file, row_text(&pending->origin, row), why->message) <
        0)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    convoy_status status = finish_failed(record, pending, sentence, error);
    free(sentence);
    return status;
}

/* Tells of the first layer whose output is not finite, once for each input. */
static void watch(const struct record *record, struct pending *pending, const convoy_not_finite *found) {
    char row[ROW_TEXT], text[256];
    if (!found->layer || pending->first_not_finite.layer)
        return;
    pending->first_not_finite = *found;
    progress_clear(record->progress);
    fprintf(stderr, "convoy: %s%s: the first layer whose output is not finite is '%s' (%s): element %s\n",
            pending->origin.file, row_text(&pending->origin, row), found->layer, found->op,
            convoy_element_text(&found->element, text, sizeof text));
}

convoy_status record_run(struct record *record, size_t index, uint32_t run, const convoy_result *result,
                         const convoy_check *check, convoy_error *error) {
    struct pending *pending = pending_find(record, index);
    convoy_status status = summary_add(&record->summary, result, check, error);
    if (status != CONVOY_OK)
        return status;
    pending->run_ms[run] = result->ms;
    watch(record, pending, &result->first_not_finite);
    if (check)
        check_worsen(&pending->check, check);
    if (run + 1 < record->options->repeat) {
        show_progress(record);
        return CONVOY_OK;
    }

    status = saves_keep(&record->saves, index, result, error);
    if (status != CONVOY_OK)
        return status;
    double *sorted = calloc(record->options->repeat, sizeof *sorted);
    size_t size = 0;
    FILE *file = sorted ? open_memstream(&pending->text, &size) : NULL;
    if (!file) {
        free(sorted);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    memcpy(sorted, pending->run_ms, record->options->repeat * sizeof *sorted);
    const double ms = median(sorted, record->options->repeat);
    record->rows = count_rows(record, result);
    for (size_t row = 0; row < record->rows; row++)
        print_result(file, record, pending, row, ms, result, check);
    fclose(file);
    free(sorted);
    free(pending->run_ms);
    pending->run_ms = NULL;
    return print_finished(record, error);
}
