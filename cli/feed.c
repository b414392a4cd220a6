#include "feed.h"

#include "read_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LARGEST_PIPE ((size_t)1 << 30) /* bytes that are read of one: they are held in memory */

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
                         "%s: every input of the model has its file by --input already; leave out this file",
                         files[0]);
    if (file_count == 0 && unnamed > 0)
        return cli_error(
            error, CONVOY_E_USAGE,
            "no file for the model's input '%s': give files behind the model, or --input %s=FILE",
            feed->inputs[feed->fed].name, feed->inputs[feed->fed].name);
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

static bool is_pipe(const char *file) {
    struct stat info;
    return is_standard_input(file) || (stat(file, &info) == 0 && S_ISFIFO(info.st_mode));
}

/* Of an input that cannot be mapped. */
static convoy_status load_pipe(const struct feed *feed, const char *file, const convoy_value_info *info,
                               convoy_tensor *tensor, convoy_error *error) {
    char *bytes = NULL;
    size_t size = 0;
    convoy_status status = whole_read(&bytes, &size, file, LARGEST_PIPE, error);
    if (status == CONVOY_OK && size > LARGEST_PIPE)
        status = cli_error(error, CONVOY_E_INPUT,
                           "%s: more than %zu MiB come through this pipe; a file may be larger", file,
                           LARGEST_PIPE >> 20);
    if (status == CONVOY_OK)
        status = convoy_input_parse(tensor, bytes, size, file, info->dtype, &info->shape, feed->image, error);
    free(bytes);
    return status;
}

static convoy_status load(const struct feed *feed, const char *file, size_t input, convoy_tensor *tensor,
                          convoy_error *error) {
    const convoy_value_info *info = &feed->inputs[input];
    const convoy_status status =
        is_pipe(file) ? load_pipe(feed, file, info, tensor, error)
                      : convoy_input_load(tensor, file, info->dtype, &info->shape, feed->image, error);
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
    return convoy_model_batched(feed->model, input) || (feed->group > 1 && input == feed->fed) ||
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

/* The shape of one row of feed->current, or of all of a whole group. CONVOY_E_INPUT: it is not what the model
 * takes, or what it took before. */
static convoy_status check_shape(struct feed *feed, const char *file, bool in_rows, convoy_error *error) {
    const convoy_value_info *info = &feed->inputs[feed->fed];
    const convoy_shape *wanted = &info->shape;
    convoy_shape each = feed->current.shape;
    if (!axes_fit(wanted, in_rows, &each, in_rows))
        return bad_shape(file, &each, info, wanted, error);
    if (in_rows)
        each.dims[0] = (int64_t)feed->group;
    if (!feed->shaped_by) {
        feed->shapes[feed->fed] = each;
        feed->shaped_by = file;
    } else if (!axes_fit(&feed->shapes[feed->fed], 0, &each, 0)) {
        return other_shape(file, &each, feed->shaped_by, &feed->shapes[feed->fed], error);
    }
    return CONVOY_OK;
}

/* Reads the next file into feed->current and finds out how many inputs it is: one, if it has the shape that
 * the model takes, with its batch axis or without; or its rows, if the model takes one at a time, leaves the
 * batch open, or takes a group that the file does not fill. */
static convoy_status open_file(struct feed *feed, convoy_error *error) {
    const char *file = feed->files[feed->files_read];
    if (feed->input_count == 0) {
        feed->files_read++;
        feed->rows = 1;
        return CONVOY_OK;
    }
    convoy_tensor_release(&feed->current);
    feed->row = feed->rows = 0;
    convoy_status status = load(feed, file, feed->fed, &feed->current, error);
    feed->files_read += status != CONVOY_E_CANCELLED; /* one that did not come is still to be read */
    if (status != CONVOY_OK)
        return status;
    convoy_shape *shape = &feed->current.shape;
    const bool in_rows = has_batch_axis(feed, feed->fed) && !feed->one_each;
    add_batch_axis(feed, feed->fed, shape);
    status = check_shape(feed, file, in_rows, error);
    if (status != CONVOY_OK)
        return status;
    feed->whole = feed->group > 1 && shape->dims[0] == (int64_t)feed->group;
    feed->rows = in_rows && !feed->whole ? shape->dims[0] : 1;
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

convoy_status feed_open(struct feed *feed, const convoy_model *model, const struct text_list *arguments,
                        const struct input_options *input, convoy_error *error) {
    *feed =
        (struct feed){.model = model, .image = &input->image, .one_each = input->one, .batch = input->batch};
    feed->input_count = convoy_model_inputs(model, &feed->inputs);
    feed->group = 1;
    feed->only_file[0] = arguments->items[0];
    feed->shapes = calloc(feed->input_count + 1, sizeof *feed->shapes);
    feed->fixed = calloc(feed->input_count + 1, sizeof *feed->fixed);
    const char **file_of = calloc(feed->input_count + 1, sizeof *file_of);
    convoy_status status = CONVOY_OK;
    if (!feed->shapes || !feed->fixed || !file_of) {
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
        goto out;
    }
    status = assign_named(feed, &input->named, file_of, error);
    if (status == CONVOY_OK)
        status = choose_fed(feed, arguments->items + 1, arguments->count - 1, file_of, error);
    if (status == CONVOY_OK && feed->input_count > 0 && !feed->one_each)
        feed->group = convoy_model_group(model, feed->fed);
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
    convoy_tensor_release(&feed->gathered);
    free(feed->fixed);
    free(feed->shapes);
}

convoy_status feed_read(struct feed *feed, bool *end, convoy_error *error) {
    *end = true;
    if (feed->gathered_count == feed->group)
        return CONVOY_OK;
    if (feed->row == feed->rows) {
        if (feed->files_read == feed->file_count)
            return CONVOY_OK;
        const convoy_status status = open_file(feed, error);
        if (status != CONVOY_OK)
            return status;
    }
    *end = feed->whole && feed->gathered_count > 0;
    return CONVOY_OK;
}

const char *feed_file(const struct feed *feed) {
    return feed->files[feed->files_read - 1];
}

/* Copies the next row of the current file to its place in the next inference. */
static convoy_status copy_row(struct feed *feed, convoy_error *error) {
    convoy_tensor *to = &feed->gathered;
    if (feed->gathered_count == 0) {
        const convoy_status status =
            convoy_tensor_create(to, feed->current.dtype, &feed->shapes[feed->fed], error);
        if (status != CONVOY_OK)
            return status;
    }
    const size_t bytes = convoy_tensor_elements(to) / feed->group * convoy_dtype_bytes(feed->current.dtype);
    memcpy((char *)to->data + feed->gathered_count * bytes,
           (const char *)feed->current.data + (size_t)feed->row * bytes, bytes);
    return CONVOY_OK;
}

convoy_status feed_take(struct feed *feed, convoy_error *error) {
    if (feed->input_count > 0 && feed->rows == 1 && (feed->group == 1 || feed->whole)) {
        feed->gathered = feed->current;
        feed->current = (convoy_tensor){0};
    } else if (feed->input_count > 0) {
        const convoy_status status = copy_row(feed, error);
        if (status != CONVOY_OK)
            return status;
    }
    feed->origin = (struct origin){feed_file(feed), feed->rows > 1 ? feed->row : -1};
    feed->gathered_count += feed->whole ? feed->group : 1;
    feed->row++;
    return CONVOY_OK;
}

/* Fills the places of the group that have no input of their own. */
static void fill_group(struct feed *feed) {
    const convoy_tensor *group = &feed->gathered;
    const size_t bytes = convoy_tensor_elements(group) / feed->group * convoy_dtype_bytes(group->dtype);
    char *last = (char *)group->data + (feed->gathered_count - 1) * bytes;
    for (size_t i = feed->gathered_count; i < feed->group; i++)
        memcpy((char *)group->data + i * bytes, last, bytes);
}

void feed_next(struct feed *feed, convoy_tensor *inputs) {
    for (size_t i = 0; i < feed->input_count; i++) { /* borrowed: the feed outlives the run */
        inputs[i] = feed->fixed[i];
        inputs[i].owner = NULL;
    }
    if (feed->input_count > 0) {
        fill_group(feed);
        inputs[feed->fed] = feed->gathered;
    }
    feed->gathered = (convoy_tensor){0};
    feed->gathered_count = 0;
    feed->handed++;
}

size_t feed_expected(const struct feed *feed) {
    const size_t files = feed->file_count - feed->files_read;
    const size_t inputs = feed->gathered_count + (size_t)(feed->rows - feed->row) + files;
    if (feed->whole) /* as the others, presumably */
        return feed->handed + inputs;
    return feed->handed + (inputs + feed->group - 1) / feed->group;
}
