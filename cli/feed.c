#include "feed.h"

#include <stdlib.h>
#include <string.h>

static convoy_status no_inputs(const char *file, convoy_error *error) {
    return cli_error(error, CONVOY_E_USAGE, "%s: the model has no inputs, and takes no files", file);
}

/* Puts each --input NAME=FILE in file_of[input]. */
static convoy_status assign_named(const struct feed *feed, const struct text_list *named,
                                  const char **file_of, convoy_error *error) {
    for (size_t k = 0; k < named->count; k++) {
        const char *text = named->items[k];
        size_t i = 0, length = 0;
        if (feed->input_count == 0)
            return no_inputs(text, error);
        for (; i < feed->input_count; i++) {
            length = strlen(feed->inputs[i].name);
            if (strncmp(text, feed->inputs[i].name, length) == 0 && text[length] == '=' && text[length + 1])
                break;
        }
        if (i == feed->input_count)
            return cli_error(error, CONVOY_E_USAGE,
                             "--input %s: must be NAME=FILE; the model's first input is '%s'", text,
                             feed->inputs[0].name);
        if (file_of[i])
            return cli_error(error, CONVOY_E_USAGE, "--input %s: this input has a file already, %s", text,
                             file_of[i]);
        file_of[i] = text + length + 1;
    }
    return CONVOY_OK;
}

/* Decides which input the files of the command line feed. */
static convoy_status choose_fed(struct feed *feed, const char *const *files, size_t file_count,
                                const char **file_of, convoy_error *error) {
    size_t unnamed = 0;
    if (feed->input_count == 0) { /* one inference, named after the model */
        feed->files = feed->only_file;
        feed->file_count = 1;
        return file_count > 0 ? no_inputs(files[0], error) : CONVOY_OK;
    }
    for (size_t i = feed->input_count; i-- > 0;) {
        if (!file_of[i]) {
            feed->fed = i;
            unnamed++;
        }
    }
    if (file_count > 0 && unnamed == 0)
        return cli_error(error, CONVOY_E_USAGE,
                         "%s: every input of the model has its file by --input already", files[0]);
    if (file_count == 0 && unnamed > 0)
        return cli_error(error, CONVOY_E_USAGE, "no file for the model's input '%s'",
                         feed->inputs[feed->fed].name);
    for (size_t i = feed->fed + 1; i < feed->input_count; i++) {
        if (unnamed > 0 && !file_of[i])
            return cli_error(error, CONVOY_E_USAGE,
                             "no file for the model's input '%s': give --input %s=FILE", feed->inputs[i].name,
                             feed->inputs[i].name);
    }
    if (unnamed == 0) {
        feed->only_file[0] = file_of[0];
        file_of[0] = NULL;
        feed->files = feed->only_file;
        feed->file_count = 1;
    } else {
        feed->files = files;
        feed->file_count = file_count;
    }
    return CONVOY_OK;
}

/* Whether dims of a tensor, from its axis `skip` on, are those that the model wants from its axis `from` on.
 */
static bool axes_fit(const convoy_shape *wanted, uint32_t from, const convoy_shape *shape, uint32_t skip) {
    if (wanted->rank - from != shape->rank - skip)
        return false;
    for (uint32_t i = 0; from + i < wanted->rank; i++) {
        if (wanted->dims[from + i] != -1 && wanted->dims[from + i] != shape->dims[skip + i])
            return false;
    }
    return true;
}

static convoy_status bad_shape(const char *file, const convoy_shape *shape, const convoy_value_info *input,
                               const convoy_shape *wanted, convoy_error *error) {
    char has[128], takes[128];
    return cli_error(error, CONVOY_E_INPUT, "%s has the shape %s, but the input '%s' takes %s", file,
                     convoy_shape_text(shape, has, sizeof has), input->name,
                     convoy_shape_text(wanted, takes, sizeof takes));
}

static convoy_status other_shape(const char *file, const convoy_shape *shape, const char *first,
                                 const convoy_shape *wanted, convoy_error *error) {
    char has[128], takes[128];
    return cli_error(error, CONVOY_E_INPUT,
                     "%s has the shape %s, but %s has %s: all inputs of one command have the same shape",
                     file, convoy_shape_text(shape, has, sizeof has), first,
                     convoy_shape_text(wanted, takes, sizeof takes));
}

static convoy_status load(const struct feed *feed, const char *file, size_t input, convoy_tensor *tensor,
                          convoy_error *error) {
    const convoy_value_info *info = &feed->inputs[input];
    const convoy_status status =
        convoy_input_load(tensor, file, info->dtype, &info->shape, feed->image, error);
    if (status != CONVOY_OK)
        return status;
    if (tensor->dtype != info->dtype)
        return cli_error(error, CONVOY_E_INPUT, "%s holds %s, but the input '%s' takes %s", file,
                         convoy_dtype_text(tensor->dtype), info->name, convoy_dtype_text(info->dtype));
    if (convoy_tensor_elements(tensor) == 0)
        return cli_error(error, CONVOY_E_INPUT, "%s holds no elements", file);
    convoy_element element;
    char text[256];
    if (convoy_tensor_find_not_finite(tensor, &element))
        return cli_error(error, CONVOY_E_INPUT, "%s: element %s; every element must be finite", file,
                         convoy_element_text(&element, text, sizeof text));
    return CONVOY_OK;
}

/* Whether the first axis of an input is a batch. */
static bool has_batch_axis(const struct feed *feed, size_t input) {
    const convoy_shape *shape = &feed->inputs[input].shape;
    return convoy_model_batched(feed->model, input) ||
           (feed->batch && shape->rank >= 2 && shape->dims[0] == -1);
}

/* Gives a tensor that lacks the batch axis of an input that axis, as a batch of 1. */
static void add_batch_axis(const struct feed *feed, size_t input, convoy_shape *shape) {
    const convoy_shape *wanted = &feed->inputs[input].shape;
    if (!has_batch_axis(feed, input) || shape->rank + 1 != wanted->rank || !axes_fit(wanted, 1, shape, 0))
        return;
    memmove(shape->dims + 1, shape->dims, shape->rank * sizeof shape->dims[0]);
    shape->dims[0] = 1;
    shape->rank++;
}

/* Reads the next file into feed->current and finds out how many inferences it is: one, if it has the shape
 * that the model takes, with its batch axis or without; or its rows, if the model takes one at a time or
 * leaves the batch open. */
static convoy_status open_file(struct feed *feed, convoy_error *error) {
    const char *file = feed->files[feed->files_read++];
    if (feed->input_count == 0) {
        feed->rows = 1;
        return CONVOY_OK;
    }
    const convoy_value_info *info = &feed->inputs[feed->fed];
    const convoy_shape *wanted = &info->shape;
    convoy_tensor_release(&feed->current);
    feed->row = feed->rows = 0;
    convoy_status status = load(feed, file, feed->fed, &feed->current, error);
    if (status != CONVOY_OK)
        return status;

    convoy_shape *shape = &feed->current.shape;
    const bool in_rows = has_batch_axis(feed, feed->fed) && !feed->one_each;
    add_batch_axis(feed, feed->fed, shape);
    if (!axes_fit(wanted, in_rows, shape, in_rows))
        return bad_shape(file, shape, info, wanted, error);
    convoy_shape each = *shape;
    if (in_rows)
        each.dims[0] = 1;
    if (!feed->shaped_by) {
        feed->shapes[feed->fed] = each;
        feed->shaped_by = file;
    } else if (!axes_fit(&feed->shapes[feed->fed], 0, &each, 0)) {
        return other_shape(file, &each, feed->shaped_by, &feed->shapes[feed->fed], error);
    }
    feed->rows = in_rows ? shape->dims[0] : 1;
    return CONVOY_OK;
}

/* --batch needs an axis that can be one. */
static convoy_status check_batch(const struct feed *feed, convoy_error *error) {
    const convoy_value_info *info = &feed->inputs[feed->fed];
    char takes[128];
    if (!feed->batch)
        return CONVOY_OK;
    if (feed->input_count == 0)
        return cli_error(error, CONVOY_E_USAGE, "--batch: the model has no inputs");
    if (has_batch_axis(feed, feed->fed))
        return CONVOY_OK;
    return cli_error(
        error, CONVOY_E_USAGE,
        "--batch: the input '%s' takes %s; a batch is a first axis of 1, or one that is open, of "
        "at least two",
        info->name, convoy_shape_text(&info->shape, takes, sizeof takes));
}

/* Reads the file of an input that is the same in every inference. */
static convoy_status load_fixed(struct feed *feed, size_t input, const char *file, convoy_error *error) {
    const convoy_value_info *info = &feed->inputs[input];
    convoy_status status = load(feed, file, input, &feed->fixed[input], error);
    if (status != CONVOY_OK)
        return status;
    convoy_shape *shape = &feed->fixed[input].shape;
    add_batch_axis(feed, input, shape);
    feed->shapes[input] = *shape;
    return axes_fit(&info->shape, 0, shape, 0) ? CONVOY_OK
                                               : bad_shape(file, shape, info, &info->shape, error);
}

convoy_status feed_open(struct feed *feed, const convoy_model *model, const struct cli_options *options,
                        convoy_error *error) {
    *feed = (struct feed){
        .model = model, .image = &options->image, .one_each = options->one, .batch = options->batch};
    feed->input_count = convoy_model_inputs(model, &feed->inputs);
    feed->only_file[0] = options->arguments.items[0];
    feed->shapes = calloc(feed->input_count + 1, sizeof *feed->shapes);
    feed->fixed = calloc(feed->input_count + 1, sizeof *feed->fixed);
    const char **file_of = calloc(feed->input_count + 1, sizeof *file_of);
    convoy_status status = CONVOY_OK;
    if (!feed->shapes || !feed->fixed || !file_of) {
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
        goto out;
    }
    status = assign_named(feed, &options->inputs, file_of, error);
    if (status == CONVOY_OK)
        status = choose_fed(feed, options->arguments.items + 1, options->arguments.count - 1, file_of, error);
    if (status == CONVOY_OK)
        status = check_batch(feed, error);
    for (size_t i = 0; i < feed->input_count && status == CONVOY_OK; i++)
        if (file_of[i])
            status = load_fixed(feed, i, file_of[i], error);
out:
    free(file_of);
    return status;
}

void feed_close(struct feed *feed) {
    for (size_t i = 0; feed->fixed && i < feed->input_count; i++)
        convoy_tensor_release(&feed->fixed[i]);
    convoy_tensor_release(&feed->current);
    free(feed->fixed);
    free(feed->shapes);
}

convoy_status feed_read(struct feed *feed, bool *end, convoy_error *error) {
    if (feed->row < feed->rows)
        return CONVOY_OK;
    *end = feed->files_read == feed->file_count;
    return *end ? CONVOY_OK : open_file(feed, error);
}

const char *feed_file(const struct feed *feed) {
    return feed->files[feed->files_read - 1];
}

/* The next row of the current file as an input. */
static convoy_status take_row(struct feed *feed, convoy_tensor *fed, convoy_error *error) {
    if (feed->rows == 1) {
        *fed = feed->current;
        feed->current = (convoy_tensor){0};
        return CONVOY_OK;
    }
    const convoy_status status =
        convoy_tensor_create(fed, feed->current.dtype, &feed->shapes[feed->fed], error);
    if (status != CONVOY_OK)
        return status;
    const size_t bytes = convoy_tensor_elements(fed) * convoy_dtype_bytes(fed->dtype);
    memcpy(fed->data, (const char *)feed->current.data + (size_t)feed->row * bytes, bytes);
    return CONVOY_OK;
}

convoy_status feed_next(struct feed *feed, convoy_tensor *inputs, convoy_error *error) {
    feed->origin = (struct origin){feed_file(feed), feed->rows > 1 ? feed->row : -1};
    for (size_t i = 0; i < feed->input_count; i++) { /* borrowed: the feed outlives the run */
        inputs[i] = feed->fixed[i];
        inputs[i].owner = NULL;
    }
    const convoy_status status =
        feed->input_count > 0 ? take_row(feed, &inputs[feed->fed], error) : CONVOY_OK;
    feed->row += status == CONVOY_OK;
    feed->handed += status == CONVOY_OK;
    return status;
}

size_t feed_expected(const struct feed *feed) {
    return feed->handed + (size_t)(feed->rows - feed->row) + (feed->file_count - feed->files_read);
}
