#include "vision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_SIDE 65536

#define PRESET_WORDS "auto,imagenet,unit,raw,tf,caffe" /* in the order of convoy_preset */

static convoy_status read_command_line(struct vision *vision, const struct vision_program *program, int argc,
                                       char **argv, convoy_error *error) {
    const struct argument common[] = {
        {"--labels", "FILE", "names of the classes, one a line", ARGUMENT_TEXT, &vision->labels_path, 0, 0,
         NULL},
        {"--preset", "HOW",
         "numbers of pixels: unit (0..1; detect, segment), raw (0..255), imagenet, tf, caffe, or auto, as "
         "convoy run (classify)",
         ARGUMENT_CHOICE, &vision->preset, 0, 0, PRESET_WORDS},
        {"--size", "S", "side of the picture, if the model leaves it open", ARGUMENT_COUNT, &vision->size, 1,
         LARGEST_SIDE, NULL},
        {"--local", NULL, "no workers and no code: this process alone", ARGUMENT_FLAG, &vision->options.local,
         0, 0, NULL},
        {"--workers", "N", "number of workers (6)", ARGUMENT_COUNT, &vision->options.workers, 1,
         CONVOY_MAX_WORKERS, NULL},
        {"--stragglers", "G", "how many of them may be missing (2)", ARGUMENT_COUNT,
         &vision->options.stragglers, 0, CONVOY_MAX_WORKERS, NULL},
        {"--fault", "W:KIND", "break worker W: 0:kill, 1:delay=2s, ... as of convoy(1); repeatable",
         ARGUMENT_LIST, &vision->faults, 0, 0, NULL},
        {"--check", NULL, "run the uncoded model as well: it must decide the same", ARGUMENT_FLAG,
         &vision->check, 0, 0, NULL},
        {"--help", NULL, "print this", ARGUMENT_FLAG, &vision->help, 0, 0, NULL},
    };
    const struct argument_table tables[] = {
        {program->own, program->own_count}, {common, sizeof common / sizeof *common}, {NULL, 0}};
    convoy_status status = arguments_read(argc, argv, tables, &vision->others, error);
    if (status != CONVOY_OK)
        return status;
    if (vision->help) {
        printf("usage: %s [OPTION]... MODEL.onnx PICTURE...\n%s\n\n", program->name, program->purpose);
        arguments_print(tables);
    } else if (vision->others.count < 2) {
        return fail(error, CONVOY_E_USAGE, "a model and at least one picture are needed; see %s --help",
                    program->name);
    }
    vision->inputs = vision->others.texts + 1;
    vision->input_count = vision->help ? 0 : vision->others.count - 1;
    vision->options.faults = vision->faults.texts;
    vision->options.fault_count = vision->faults.count;
    vision->image.preset = (convoy_preset)vision->preset;
    vision->image.size = vision->size;
    return CONVOY_OK;
}

/* The shape of the model's only input for one picture: axes that the model leaves open become 1 picture, 3
 * channels, and the size that was given. */
static convoy_status take_shape(struct vision *vision, convoy_error *error) {
    const convoy_value_info *inputs;
    if (convoy_model_inputs(vision->model, &inputs) != 1)
        return fail(error, CONVOY_E_INPUT, "the model must have one input, the picture");
    vision->shape = inputs[0].shape;
    vision->dtype = inputs[0].dtype;
    const convoy_layout layout = convoy_layout_find(&vision->shape);
    if (layout == CONVOY_LAYOUT_AUTO)
        return fail(error, CONVOY_E_INPUT, "the model's input '%s' takes no pictures", inputs[0].name);
    const int channels = layout == CONVOY_LAYOUT_NCHW ? 1 : 3;
    for (int axis = 0; axis < 4; axis++) {
        int64_t *extent = &vision->shape.dims[axis];
        if (*extent >= 0)
            continue;
        *extent = axis == 0 ? 1 : axis == channels ? 3 : (int64_t)vision->size;
        if (*extent == 0)
            return fail(error, CONVOY_E_USAGE,
                        "the model leaves the size of pictures open: --size is needed");
    }
    vision->image.layout = layout;
    return CONVOY_OK;
}

convoy_status vision_open(struct vision *vision, const struct vision_program *program, int argc, char **argv,
                          convoy_error *error) {
    vision->program = program->name;
    vision->preset = program->preset;
    convoy_options_init(&vision->options);
    vision->options.no_trials = true; /* small models are run before their kernels are timed */
    convoy_status status = read_command_line(vision, program, argc, argv, error);
    if (status != CONVOY_OK || vision->help)
        return status;
    if (vision->labels_path)
        status = lines_load(&vision->labels, vision->labels_path, error);
    if (status == CONVOY_OK)
        status = convoy_model_load(&vision->model, vision->others.texts[0], error);
    if (status == CONVOY_OK)
        status = take_shape(vision, error);
    if (status == CONVOY_OK)
        status =
            convoy_session_create(&vision->session, vision->model, &vision->shape, &vision->options, error);
    if (status == CONVOY_OK && vision->check) {
        convoy_options alone = vision->options;
        alone.local = true;
        alone.fault_count = 0;
        status = convoy_session_create(&vision->alone, vision->model, &vision->shape, &alone, error);
    }
    return status;
}

/* Counts what became of the workers in one run. */
static void count_workers(struct vision *vision, const convoy_result *result) {
    for (size_t i = 0; i < result->layer_count; i++) {
        const convoy_layer_report *layer = &result->layers[i];
        vision->coded += layer->coded;
        vision->here += layer->fallback;
        for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
            vision->lost[w] |= layer->outcome[w] == CONVOY_OUTCOME_LOST;
            vision->late[w] |= layer->outcome[w] == CONVOY_OUTCOME_LATE;
        }
    }
}

convoy_status vision_run(struct vision *vision, const char *path, struct answer *answer,
                         convoy_error *error) {
    convoy_tensor picture = {0};
    *answer = (struct answer){0};
    convoy_status status =
        convoy_input_load(&picture, path, vision->dtype, &vision->shape, &vision->image, error);
    if (status == CONVOY_OK)
        status = convoy_session_run(vision->session, &picture, &answer->result, error);
    if (status == CONVOY_OK)
        count_workers(vision, answer->result);
    if (status == CONVOY_OK && vision->alone)
        status = convoy_session_run(vision->alone, &picture, &answer->alone, error);
    convoy_tensor_release(&picture);
    return status;
}

void answer_release(struct answer *answer) {
    convoy_result_destroy(&answer->result);
    convoy_result_destroy(&answer->alone);
}

void vision_count_check(struct vision *vision, bool same) {
    vision->checked++;
    vision->agreeing += same;
}

static void tell_some(const char *what, const bool *some) {
    bool any = false;
    printf("%s", what);
    for (int w = 0; w < CONVOY_MAX_WORKERS; w++)
        if (some[w]) {
            printf(" %d", w);
            any = true;
        }
    printf("%s", any ? "" : " none");
}

static void tell_workers(const struct vision *vision) {
    if (vision->options.local) {
        printf("workers: none\n");
        return;
    }
    printf("workers: %u, %zu layers computed by them, %zu here instead", vision->options.workers,
           vision->coded, vision->here);
    tell_some("; lost:", vision->lost);
    tell_some("; late:", vision->late);
    printf("\n");
}

convoy_status vision_tell(const struct vision *vision, convoy_error *error) {
    if (vision->check)
        printf("check: the uncoded model decides the same on %zu of %zu pictures\n", vision->agreeing,
               vision->checked);
    tell_workers(vision);
    if (vision->agreeing < vision->checked)
        return fail(error, CONVOY_E_INTERNAL, "the uncoded model decides otherwise on %zu of %zu pictures",
                    vision->checked - vision->agreeing, vision->checked);
    return CONVOY_OK;
}

int vision_close(struct vision *vision, convoy_status status, const convoy_error *error) {
    if (status != CONVOY_OK)
        fprintf(stderr, "%s: %s\n", vision->program, error->message);
    convoy_session_destroy(&vision->session);
    convoy_session_destroy(&vision->alone);
    convoy_model_destroy(&vision->model);
    lines_release(&vision->labels);
    free(vision->faults.texts);
    free(vision->others.texts);
    return status == CONVOY_OK ? 0 : status == CONVOY_E_USAGE ? 2 : 1;
}

convoy_status vision_find_output(const struct vision *vision, const char *name, size_t *at,
                                 convoy_error *error) {
    const convoy_value_info *outputs;
    const size_t count = convoy_model_outputs(vision->model, &outputs);
    for (*at = 0; *at < count; ++*at)
        if (!name || strcmp(outputs[*at].name, name) == 0)
            return CONVOY_OK;
    return fail(error, CONVOY_E_USAGE, "the model has no output '%s'; convoy inspect lists those that it has",
                name ? name : "");
}

const char *vision_label(const struct vision *vision, size_t kind, char text[24]) {
    if (kind < vision->labels.count)
        return vision->labels.lines[kind];
    snprintf(text, 24, "%zu", kind);
    return text;
}

void vision_sides(const struct vision *vision, int64_t *height, int64_t *width) {
    const int first = vision->image.layout == CONVOY_LAYOUT_NHWC ? 1 : 2;
    *height = vision->shape.dims[first];
    *width = vision->shape.dims[first + 1];
}
