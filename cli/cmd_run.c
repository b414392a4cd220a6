/* convoy run: its options, and who runs the model. */
#include "commands.h"
#include "mpi_ranks.h"
#include "pardon.h"
#include "run_model.h"

#define AT(field)     offsetof(struct run_options, field)
#define LARGEST_COUNT UINT32_C(1000000)

/* clang-format off */
static const struct option answer_rows[] = {
    {.name = "top", .value = "K", .type = OPTION_COUNT, .offset = AT(answers.top), .min = 1, .max = 1000, .given = AT(answers.top_given), .help = "the K best classes"},
    {.name = "labels", .value = "FILE", .type = OPTION_TEXT, .offset = AT(answers.labels), .help = "names of the classes, one a line, or imagenet"},
    {.name = "expect", .value = "FILE", .type = OPTION_TEXT, .offset = AT(answers.expect), .help = "lines \"NAME LABEL\": print the accuracy, and of more than 20 inputs only the misses"},
    {.name = "scores", .type = OPTION_FLAG, .offset = AT(answers.scores), .help = "scores as the model gives them, instead of probabilities"},
    {.name = "layers", .type = OPTION_FLAG, .offset = AT(answers.layers), .help = "a table of the layers, and more about the run"},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .offset = AT(answers.layers), .help = "the same as --layers"},
    {.name = "json", .letter = 'j', .type = OPTION_FLAG, .offset = AT(answers.json), .help = "one JSON object on standard output"},
    {.name = "json-lines", .type = OPTION_FLAG, .offset = AT(answers.json_lines), .help = "a JSON object for each inference as it comes, and one behind them"},
    {.name = "output", .value = "[NAME=]FILE", .type = OPTION_LIST, .offset = AT(answers.outputs), .help = "write an output as .npy; repeatable"},
    {.name = "trace", .value = "FILE", .type = OPTION_TEXT, .offset = AT(trace), .help = "write every step of the master and its workers, for Perfetto"},
    {.name = "finite", .type = OPTION_FLAG, .offset = AT(cluster.session.finite), .help = "name the first layer whose output is not finite; nothing is fused"},
    {.name = "check", .type = OPTION_FLAG, .offset = AT(check), .help = "run uncoded as well and compare"},
    {.name = NULL},
};

static const struct option input_rows[] = {
    {.name = "input", .value = "NAME=FILE", .type = OPTION_LIST, .offset = AT(input.named), .help = "one input of several; repeatable"},
    {.name = "batch", .type = OPTION_FLAG, .offset = AT(input.batch), .help = "the first axis of a file is a batch: an inference for each row"},
    {.name = "one", .type = OPTION_FLAG, .offset = AT(input.one), .help = "every file is one inference, whatever its first axis"},
    {.name = "strict", .type = OPTION_FLAG, .offset = AT(input.strict), .help = "end with the first input that is bad, with status 3"},
    {.name = "preset", .value = "HOW", .type = OPTION_CHOICE, .offset = AT(input.image.preset), .words = "auto,imagenet,unit,raw,tf,caffe", .help = "imagenet, unit, raw, tf or caffe: how pixels become numbers"},
    {.name = "mean", .value = "M,M,M", .type = OPTION_COLOUR, .offset = AT(input.image.mean), .given = AT(input.image.has_mean), .help = "taken from the scaled pixels, per channel"},
    {.name = "std", .value = "S,S,S", .type = OPTION_COLOUR, .offset = AT(input.image.deviation), .given = AT(input.image.has_deviation), .help = "divides them after that, per channel"},
    {.name = "scale", .value = "F", .type = OPTION_NUMBER, .offset = AT(input.image.scale), .given = AT(input.image.has_scale), .help = "multiplies the pixels 0..255"},
    {.name = "size", .value = "S", .type = OPTION_SIZE, .offset = AT(input.image.size), .min = 1, .max = 65536, .unset = "224", .help = "side of the image if the model leaves it open"},
    {.name = "channels", .value = "ORDER", .type = OPTION_CHOICE, .offset = AT(input.channels), .words = "rgb,bgr", .given = AT(input.channels_given), .unset = "rgb; of the preset caffe bgr", .help = "rgb or bgr"},
    {.name = "layout", .value = "HOW", .type = OPTION_CHOICE, .offset = AT(input.image.layout), .words = "auto,nchw,nhwc", .unset = "as the model's shape tells", .help = "nchw or nhwc: where the channels of the image stand"},
    {.name = "background", .value = "COLOUR", .type = OPTION_RGB, .offset = AT(input.image.background), .given = AT(input.image.has_background), .unset = "white", .help = "under transparent pixels: #rrggbb, #rgb, white or black"},
    {.name = NULL},
};

static const struct option mpi_rows[] = {
    {.name = "mpi", .type = OPTION_FLAG, .offset = AT(mpi), .help = "this process is a rank of an MPI job: rank 0 is the master"},
    {.name = NULL},
};

static const struct option plan_rows[] = {
    {.name = "plan", .value = "FILE", .type = OPTION_TEXT, .offset = AT(cluster.session.plan_file), .help = "follow a plan that convoy plan has written"},
    {.name = "adapt", .type = OPTION_FLAG, .offset = AT(cluster.session.adapt), .help = "follow what is measured: how many workers are asked, and whether any is"},
    {.name = NULL},
};

static const struct option audit_rows[] = {
    {.name = "audit", .value = "FILE", .type = OPTION_TEXT, .offset = AT(audit), .help = "with --verify: append a line of JSON for every wrong answer"},
    {.name = NULL},
};

static const struct option timing_rows[] = {
    {.name = "repeat", .value = "R", .type = OPTION_COUNT, .offset = AT(repeat), .min = 1, .max = LARGEST_COUNT, .help = "runs of every inference, for timing"},
    {.name = "in-flight", .value = "J", .type = OPTION_COUNT, .offset = AT(in_flight), .min = 1, .max = CONVOY_MAX_IN_FLIGHT, .help = "inferences at once"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {
    {.title = "What is shown", .rows = answer_rows},
    {.title = "Inputs", .rows = input_rows},
    {.title = "Workers", .rows = worker_count_rows, .offset = AT(cluster)},
    {.rows = cluster_rows, .offset = AT(cluster)},
    {.rows = local_rows, .offset = AT(cluster)},
    {.rows = endpoint_rows, .offset = AT(cluster)},
    {.rows = mpi_rows},
    {.title = "Code and plan", .rows = code_rows, .offset = AT(cluster)},
    {.rows = plan_rows},
    {.title = "Faults and wrong answers", .rows = fault_rows, .offset = AT(cluster)},
    {.rows = verify_rows, .offset = AT(cluster)},
    {.rows = audit_rows},
    {.title = "Several inferences", .rows = timing_rows},
};

const char *run_options_model(const struct run_options *options) {
    return options->common.arguments.count > 0 ? options->common.arguments.items[0] : NULL;
}

static void init(void *given) {
    struct run_options *options = given;
    session_settings_init(&options->cluster);
    options->answers.top = 5;
    options->repeat = 1;
    options->in_flight = 1;
}

static bool checks_answers(const struct run_options *options) {
    const convoy_options *session = &options->cluster.session;
    return session->verify == CONVOY_VERIFY_AUTO ? session->listen || options->mpi
                                                 : session->verify != CONVOY_VERIFY_OFF;
}

static convoy_status finish(void *given, convoy_error *error) {
    struct run_options *options = given;
    if (!run_options_model(options))
        return cli_error(error, CONVOY_E_USAGE, "no model; usage: convoy run MODEL INPUT...");
    if (options->input.batch && options->input.one)
        return cli_error(error, CONVOY_E_USAGE, "--batch and --one: it is the one or the other");
    if (options->audit && !checks_answers(options))
        return cli_error(error, CONVOY_E_USAGE,
                         "--audit %s: no answers are checked; --verify sample or all does", options->audit);
    if (options->input.channels_given && options->input.channels == 0 &&
        options->input.image.preset == CONVOY_PRESET_CAFFE)
        return cli_error(error, CONVOY_E_USAGE,
                         "--channels rgb: the preset caffe is blue first; --preset raw takes --channels and "
                         "--mean");
    options->input.image.bgr = options->input.channels == 1;
    options->answers.json = options->answers.json || options->answers.json_lines;
    return session_settings_finish(&options->cluster, error);
}

static int run(void *given) {
    struct run_options *options = given;
    pardon_prepare(); /* also in ranks that are workers: mpirun passes the signal on to all */
    return options->mpi ? mpi_ranks_run(options) : run_model(options);
}

const struct command command_run = {
    .name = "run",
    .arguments = "MODEL INPUT...",
    .summary = "run a model, coded over workers that may fail",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .options_size = sizeof(struct run_options),
    .init = init,
    .finish = finish,
    .run = run,
    .defers = true,
};
