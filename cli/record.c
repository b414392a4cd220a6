#include "record.h"

#include "answers.h"
#include "commands.h"
#include "run_json.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_TEXT  24
#define ALL_SHOWN 20 /* inputs; of more with an expectation only the misses are shown */

static struct pending *pending_at(const struct record *record, size_t index) {
    return &record->pending[index % record->capacity];
}

struct files_read record_files_read(const struct run_options *options, const struct feed *feed) {
    struct files_read read = {
        .inputs = feed->files,
        .input_count = feed->file_count,
        .arguments = &options->common.arguments,
        .named = &options->input.named,
        .others = {run_options_model(options), options->answers.labels, options->answers.expect}};
    save_note_session(&read, 3, &options->cluster.session);
    return read;
}

convoy_status record_open(struct record *record, const convoy_model *model, const struct run_options *options,
                          const struct feed *feed, struct progress *progress, convoy_error *error) {
    const struct answer_options *answers = &options->answers;
    const struct files_read read = record_files_read(options, feed);
    *record = (struct record){.options = options,
                              .feed = feed,
                              .progress = progress,
                              .rows = 1,
                              .width = terminal_width(stdout, SIZE_MAX)};
    convoy_model_outputs(model, &record->outputs);
    record->best = calloc(answers->top + 1, sizeof *record->best);
    if (!record->best)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    convoy_status status = labels_load(&record->labels, answers->labels, error);
    if (status == CONVOY_OK)
        status = expectations_load(&record->expectations, answers->expect, error);
    if (status == CONVOY_OK)
        status = expectations_check(&record->expectations, answers->expect, &record->labels, progress, error);
    if (status == CONVOY_OK)
        status = saves_open(&record->saves, model, &answers->outputs, &read, error);
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

/* The number of the first input of an inference that is pending. Files that could not be read are inputs, and
 * no inferences; they may stand between the inputs of one. */
static size_t pending_find(const struct record *record, size_t index) {
    size_t i = index > record->printed ? index : record->printed;
    while (pending_at(record, i)->index != index)
        i++;
    return i;
}

/* How many inputs the inference of the input number `first` has; *end: the number behind the last of them. */
static size_t count_inputs(const struct record *record, size_t first, size_t *end) {
    const size_t index = pending_at(record, first)->index;
    size_t count = 0;
    for (size_t i = first; i < record->begun; i++)
        if (pending_at(record, i)->index == index) {
            count++;
            *end = i + 1;
        }
    return count;
}

static void count_rows_of_file(struct summary *summary, const struct origin *origin) {
    summary->split_rows += origin->row >= 0;
    summary->split_files += origin->row == 0;
    if (!summary->split_file && origin->row == 0)
        summary->split_file = origin->file;
}

convoy_status record_join(struct record *record, convoy_error *error) {
    const bool first = record->joined == 0;
    double *run_ms = first ? calloc(record->options->repeat, sizeof *run_ms) : NULL;
    struct pending *pending = first && !run_ms ? NULL : pending_add(record);
    if (!pending) {
        free(run_ms);
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    }
    *pending = (struct pending){.origin = record->feed->origin,
                                .index = record->inferences,
                                .place = record->joined++,
                                .single = record->feed->group > 1 && !record->feed->whole,
                                .run_ms = run_ms,
                                .check.top1_agrees = true};
    if (record->feed->group == 1)
        count_rows_of_file(&record->summary, &pending->origin);
    return CONVOY_OK;
}

void record_begin(struct record *record) {
    record->inferences++;
    record->joined = 0;
}

/* What is expected of a result, and whether it came; rows of a file have no expectation. */
static const char *judge(struct record *record, const struct origin *origin, size_t top_count,
                         bool *correct) {
    const char *expected = origin->row < 0 ? expectations_find(&record->expectations, origin->file) : NULL;
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

/* Among many inputs with an expectation only the misses are of interest. */
static bool is_of_interest(const struct record *record, bool correct) {
    return !correct || !record->options->answers.expect || record->feed->file_count <= ALL_SHOWN;
}

static void print_json(FILE *file, const struct record *record, const struct pending *first,
                       const struct answer *answer, const char *expected, double ms,
                       const convoy_check *check) {
    char *text = run_json_result_text(&(struct json_result){
        .input = answer->input,
        .row = answer->row,
        .run_ms = first->run_ms,
        .runs = record->options->repeat,
        .ms = ms,
        .top = answer->best,
        .top_count = answer->count,
        .labels = answer->labels,
        .expected = expected,
        .correct = !answer->expected,
        .check = check ? &first->check : NULL,
        .first_not_finite = record->options->cluster.session.finite ? &first->first_not_finite : NULL,
        .result = answer->result,
        .outputs = answer->outputs,
        .rows = answer->rows,
        .at = answer->at,
    });
    fputs(text ? text : "null", file);
    free(text);
}

/* Row `row` of the first output, which belongs to origin. first: the first input of the inference. */
static void print_result(FILE *file, struct record *record, const struct pending *first,
                         const struct origin *origin, size_t row, double ms, const convoy_result *result,
                         const convoy_check *check) {
    const struct answer_options *shown = &record->options->answers;
    struct answer answer = {
        .input = origin->file,
        .row = origin->row,
        .result = result,
        .outputs = record->outputs,
        .rows = record->rows,
        .at = row,
        .best = record->best,
        .labels = &record->labels,
        .scores = shown->scores,
        .all = shown->top_given,
        .width = record->width,
    };
    if (result->output_count > 0)
        answer.count = classes_find(&result->outputs[0], record->rows, row, record->best, shown->top);
    bool correct = true;
    const char *expected = judge(record, origin, answer.count, &correct);
    answer.expected = correct ? NULL : expected;
    if (shown->json)
        print_json(file, record, first, &answer, expected, ms, check);
    else if (is_of_interest(record, correct))
        answer_print(file, &answer);
}

/* All results of an input. first: the first input of its inference. */
static convoy_status print_input(struct record *record, const struct pending *first, struct pending *input,
                                 double ms, const convoy_result *result, const convoy_check *check,
                                 convoy_error *error) {
    size_t size = 0;
    FILE *file = open_memstream(&input->text, &size);
    if (!file)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    const size_t rows = input->single ? 1 : record->rows;
    for (size_t row = 0; row < rows; row++) {
        struct origin origin = input->origin;
        if (rows > 1)
            origin.row = (int64_t)row;
        if (record->options->answers.json && row > 0)
            fputs(record->options->answers.json_lines ? "\n" : ",\n", file);
        print_result(file, record, first, &origin, input->single ? input->place : row, ms, result, check);
    }
    fclose(file);
    return CONVOY_OK;
}

/* Not between the pieces of an object that go to the same terminal. */
static void show_progress(const struct record *record) {
    const struct answer_options *shown = &record->options->answers;
    if (record->progress->shared && shown->json && !shown->json_lines)
        return;
    const size_t repeat = record->options->repeat;
    progress_show(record->progress, repeat > 1 ? "runs" : "inferences", record->summary.runs,
                  feed_expected(record->feed) * repeat);
}

/* Prints what is finished up to the first that is not. CONVOY_E_MEMORY; CONVOY_E_IO: nobody takes it. */
static convoy_status print_finished(struct record *record, convoy_error *error) {
    const bool json = record->options->answers.json;
    for (; record->printed < record->begun && pending_at(record, record->printed)->text; record->printed++) {
        struct pending *pending = pending_at(record, record->printed);
        progress_make_way(record->progress);
        if (json && record->printed == 0 && !run_json_begin(record->options))
            return cli_error(error, CONVOY_E_MEMORY, "out of memory");
        if (json)
            run_json_print(record->options, pending->text, record->printed == 0);
        else
            fputs(pending->text, stdout);
        free(pending->text);
        pending->text = NULL;
        record->shown += pending->last;
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
    pending->text = record->options->answers.json
                        ? run_json_failure_text(pending->origin.file, pending->origin.row, why)
                        : calloc(1, 1);
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

/* The sentence of an inference that failed, for one of its inputs; NULL: no memory. The caller frees it. */
static char *refusal_text(const struct pending *pending, size_t inputs, const convoy_error *why) {
    char row[ROW_TEXT], others[64] = "", *sentence = NULL;
    if (inputs > 1)
        snprintf(others, sizeof others, ", in one inference with %zu more", inputs - 1);
    const int length = asprintf(&sentence, "%s%s%s: %s", pending->origin.file,
                                row_text(&pending->origin, row), others, why->message);
    return length < 0 ? NULL : sentence;
}

convoy_status record_refused(struct record *record, size_t index, const convoy_error *why,
                             convoy_error *error) {
    const size_t first = pending_find(record, index);
    size_t end = first;
    const size_t inputs = count_inputs(record, first, &end);
    convoy_status status = CONVOY_OK;
    for (size_t i = first; i < end && status == CONVOY_OK; i++) {
        struct pending *pending = pending_at(record, i);
        if (pending->index != index)
            continue;
        char *sentence = refusal_text(pending, inputs, why);
        status = sentence ? finish_failed(record, pending, sentence, error)
                          : cli_error(error, CONVOY_E_MEMORY, "out of memory");
        free(sentence);
    }
    return status;
}

convoy_status record_blame(const struct record *record, size_t index, const convoy_error *why,
                           convoy_error *error) {
    const size_t first = pending_find(record, index);
    size_t end = first;
    const size_t inputs = count_inputs(record, first, &end);
    char *sentence = refusal_text(pending_at(record, first), inputs, why);
    const convoy_status status = sentence ? cli_error(error, why->status, "%s", sentence)
                                          : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    free(sentence);
    return status;
}

/* Tells of the first layer whose output is not finite, once for each inference. */
static void watch(const struct record *record, struct pending *pending, size_t inputs,
                  const convoy_not_finite *found) {
    char row[ROW_TEXT], others[64] = "", text[256];
    if (!found->layer || pending->first_not_finite.layer)
        return;
    pending->first_not_finite = *found;
    progress_clear(record->progress);
    if (inputs > 1)
        snprintf(others, sizeof others, " and %zu more in one inference", inputs - 1);
    fprintf(stderr, "convoy: %s%s%s: the first layer whose output is not finite is '%s' (%s): element %s\n",
            pending->origin.file, row_text(&pending->origin, row), others, found->layer, found->op,
            convoy_element_text(&found->element, text, sizeof text));
}

/* Finishes all inputs of an inference with the result of its last run. */
static convoy_status finish_inference(struct record *record, size_t first, size_t end,
                                      const convoy_result *result, const convoy_check *check,
                                      convoy_error *error) {
    struct pending *head = pending_at(record, first);
    const size_t group = record->feed->group;
    record->rows = count_rows(record, result);
    if (head->single && record->rows != group)
        return cli_error(error, CONVOY_E_UNSUPPORTED,
                         "%s: the first output has no row for each of the %zu images of an inference; with "
                         "--one an array of all of them is accepted",
                         head->origin.file, group);
    if (result->output_count > 0 && classes_are_scores(&result->outputs[0], record->rows))
        labels_meet(&record->labels, convoy_tensor_elements(&result->outputs[0]) / record->rows,
                    record->progress);
    double *sorted = calloc(record->options->repeat, sizeof *sorted);
    if (!sorted)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    memcpy(sorted, head->run_ms, record->options->repeat * sizeof *sorted);
    const double ms = median(sorted, record->options->repeat);
    free(sorted);
    convoy_status status = CONVOY_OK;
    for (size_t i = first; i < end && status == CONVOY_OK; i++)
        if (pending_at(record, i)->index == head->index)
            status = print_input(record, head, pending_at(record, i), ms, result, check, error);
    if (status != CONVOY_OK)
        return status;
    free(head->run_ms);
    head->run_ms = NULL;
    pending_at(record, end - 1)->last = true;
    return print_finished(record, error);
}

convoy_status record_run(struct record *record, size_t index, uint32_t run, const convoy_result *result,
                         const convoy_check *check, convoy_error *error) {
    const size_t first = pending_find(record, index);
    size_t end = first;
    const size_t inputs = count_inputs(record, first, &end);
    struct pending *head = pending_at(record, first);
    convoy_status status = summary_add(&record->summary, result, check, error);
    if (status != CONVOY_OK)
        return status;
    head->run_ms[run] = result->ms;
    watch(record, head, inputs, &result->first_not_finite);
    if (check)
        check_worsen(&head->check, check);
    if (run + 1 < record->options->repeat) {
        show_progress(record);
        return CONVOY_OK;
    }
    status = saves_keep(&record->saves, index, result, head->single ? record->feed->group : 0, inputs, error);
    return status == CONVOY_OK ? finish_inference(record, first, end, result, check, error) : status;
}
