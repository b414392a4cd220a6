#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint32_t, min..max */
    OPTION_SIZE,   /* int64_t, min..max */
    OPTION_LARGE,  /* uint64_t, min..max */
    OPTION_TIME,   /* uint64_t, nanoseconds: seconds, or a number with "s" or "ms" */
    OPTION_PARTS,  /* uint32_t[2], "KA,KB", each min..max */
    OPTION_RANGE,  /* uint32_t[2], "N" or "A..B", each min..max */
    OPTION_LAMBDA, /* double[4]: three or four numbers from 0 to 1e12 */
    OPTION_NUMBER, /* float */
    OPTION_COLOUR, /* float[3]: three numbers, or one for all */
    OPTION_RGB,    /* uint8_t[3]: "#rrggbb", "#rgb", "white" or "black" */
    OPTION_CHOICE, /* unsigned: the place of the word in `words` */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST    /* struct text_list */
};

struct option {
    const char *name;
    const char *value; /* what the help calls the argument; NULL: none */
    const char *help;
    enum option_type type;
    int commands;  /* bits of enum command */
    size_t offset; /* of the field in struct cli_options */
    uint64_t min, max;
    const char *words; /* OPTION_CHOICE: words separated by "," */
    size_t given;      /* where not 0: offset of a bool that becomes true */
};

#define AT(field)     offsetof(struct cli_options, field)
#define RUN           COMMAND_RUN
#define WORKER        COMMAND_WORKER
#define KEYGEN        COMMAND_KEYGEN
#define BOTH          (COMMAND_RUN | COMMAND_INSPECT)
#define BENCH         COMMAND_BENCH
#define PLAN          COMMAND_PLAN
#define STUDY         COMMAND_STUDY
#define PLANNED       (BOTH | BENCH | PLAN)
#define ALL           (BOTH | WORKER | KEYGEN | BENCH | PLAN | STUDY)
#define LARGEST_COUNT UINT32_C(1000000)

/* clang-format off */
static const struct option option_table[] = {
    {"workers", "N", "size of the cluster, 1 to 256 (6)", OPTION_COUNT, BOTH | BENCH, AT(session.workers), 1, CONVOY_MAX_WORKERS, NULL, AT(workers_given)},
    {"workers", "N", "size of the cluster (6), or A..B: a line for each size", OPTION_RANGE, PLAN, AT(worker_range), 1, CONVOY_MAX_WORKERS, NULL, AT(workers_given)},
    {"stragglers", "G", "how many workers may be missing at any moment (2)", OPTION_COUNT, PLANNED, AT(session.stragglers), 0, CONVOY_MAX_WORKERS, NULL, AT(stragglers_given)},
    {"distribute", "WHAT", "paying, all or auto: the layers that workers compute (auto: all; plan, --listen, --mpi: paying)", OPTION_CHOICE, PLANNED, AT(session.distribute), 0, 0, "auto,paying,all", 0},
    {"objective", "WHAT", "latency, throughput, bytes or paper: what a plan makes small (latency)", OPTION_CHOICE, PLANNED, AT(session.objective), 0, 0, "latency,throughput,bytes,paper", 0},
    {"lambda", "UP,DOWN,STORE[,COMP]", "of --objective paper: the price of an element (1,1,1,0)", OPTION_LAMBDA, PLANNED, AT(session.lambda), 0, 0, NULL, AT(lambda_given)},
    {"profile", "FILE|NAME", "the machines, as measured by --calibrate, or a preset (this machine)", OPTION_TEXT, PLANNED, AT(session.profile), 0, 0, NULL, 0},
    {"verify", "WHAT", "off, sample or all: the answers that are checked (off; --listen, --mpi: sample)", OPTION_CHOICE, RUN | BENCH, AT(session.verify), 0, 0, "auto,off,sample,all", 0},
    {"audit", "FILE", "with --verify: append a line of JSON for every wrong answer", OPTION_TEXT, RUN, AT(audit), 0, 0, NULL, 0},
    {"adapt", NULL, "follow what is measured: how many workers are asked, and whether any is", OPTION_FLAG, RUN, AT(session.adapt), 0, 0, NULL, 0},
    {"plan", "FILE", "follow a plan that convoy plan has written", OPTION_TEXT, RUN, AT(session.plan_file), 0, 0, NULL, 0},
    {"calibrate", NULL, "no model: measure this machine and the workers, and write a profile to --out", OPTION_FLAG, PLAN, AT(calibrate), 0, 0, NULL, 0},
    {"explain", "LAYER", "every way to code this layer, and what it takes", OPTION_TEXT, PLAN, AT(explain), 0, 0, NULL, 0},
    {"svg", "FILE", "draw what each layer's workers get, send and store over k_A (gnuplot)", OPTION_TEXT, PLAN, AT(svg), 0, 0, NULL, 0},
    {"out", "FILE", "write the plan, for run --plan; with --calibrate the profile", OPTION_TEXT, PLAN, AT(plan_out), 0, 0, NULL, 0},
    {"local", NULL, "no cluster, no code: this process alone", OPTION_FLAG, RUN, AT(session.local), 0, 0, NULL, 0},
    {"listen", "URL", "workers dial in here: tcp://HOST:PORT or ipc://PATH", OPTION_TEXT, RUN | PLAN, AT(session.listen), 0, 0, NULL, 0},
    {"spawn", "N", "start N worker processes on this machine", OPTION_COUNT, RUN | PLAN, AT(session.spawn), 1, CONVOY_MAX_WORKERS, NULL, 0},
    {"mpi", NULL, "this process is a rank of an MPI job: rank 0 is the master", OPTION_FLAG, RUN, AT(mpi), 0, 0, NULL, 0},
    {"key", "FILE", "with --listen: the master's key pair, NAME.key or env:VARIABLE", OPTION_TEXT, RUN | PLAN, AT(session.key_file), 0, 0, NULL, 0},
    {"allow", "DIR", "with --key: NAME.pub of every worker that may come", OPTION_TEXT, RUN | PLAN, AT(session.allowed_folder), 0, 0, NULL, 0},
    {"insecure", NULL, "no keys on an address that other machines reach", OPTION_FLAG, RUN | PLAN, AT(session.insecure), 0, 0, NULL, 0},
    {"join", "SECONDS", "how long to wait for workers when none comes (60)", OPTION_TIME, RUN | PLAN, AT(session.join_ns), 0, 0, NULL, 0},
    {"connect", "URL", "the master: tcp://HOST:PORT or ipc://PATH", OPTION_TEXT, WORKER, AT(worker.connect), 0, 0, NULL, 0},
    {"key", "FILE", "the worker's key pair, NAME.key or env:VARIABLE", OPTION_TEXT, WORKER, AT(worker.key_file), 0, 0, NULL, 0},
    {"server-key", "FILE", "with --key: the master's public key, NAME.pub or env:VARIABLE", OPTION_TEXT, WORKER, AT(worker.server_key_file), 0, 0, NULL, 0},
    {"insecure", NULL, "no keys to another machine", OPTION_FLAG, WORKER, AT(worker.insecure), 0, 0, NULL, 0},
    {"cache-bytes", "B", "of the filters that it keeps; 0: no bound (0)", OPTION_LARGE, WORKER, AT(worker.cache_bytes), 0, UINT64_MAX, NULL, 0},
    {"cache-dir", "DIR", "keep them there across restarts", OPTION_TEXT, WORKER, AT(worker.cache_folder), 0, 0, NULL, 0},
    {"give-up", "SECONDS", "end when no master was there for so long, and with the master; 0: neither (0)", OPTION_TIME, WORKER, AT(worker.give_up_ns), 0, 0, NULL, 0},
    {"fault", "KIND", "kill@LAYER, slow=10x, busy=10x or lie=0.01,0.001,1; repeatable", OPTION_LIST, WORKER, AT(faults), 0, 0, NULL, 0},
    {"seed", "S", "of faults that are up to chance (1)", OPTION_LARGE, WORKER, AT(worker.seed), 0, UINT64_MAX, NULL, 0},
    {"backend", "NAME", "kernels: onednn or reference (onednn)", OPTION_TEXT, WORKER, AT(worker.backend), 0, 0, NULL, 0},
    {"threads", "T", "threads of its compute (1)", OPTION_COUNT, WORKER, AT(worker.threads), 1, 256, NULL, 0},
    {"out", "DIR", "the folder of the two files (.); -: print the pair, no NAME", OPTION_TEXT, KEYGEN, AT(folder), 0, 0, NULL, 0},
    {"out", "DIR", "the folder of the study's files (.): TOPIC.csv, .md, .svg, .png", OPTION_TEXT, STUDY, AT(folder), 0, 0, NULL, 0},
    {"quick", NULL, "a smaller version, for a look", OPTION_FLAG, STUDY, AT(quick), 0, 0, NULL, 0},
    {"parts", "KA,KB", "the same partition for every layer that admits it", OPTION_PARTS, PLANNED, AT(parts), 1, LARGEST_COUNT, NULL, 0},
    {"code", "FAMILY", "one of those below, or auto: what the plan finds best (rotation)", OPTION_TEXT, PLANNED, AT(session.code), 0, 0, NULL, 0},
    {"cut", "AXIS", "height or width: along which inputs are cut (height)", OPTION_CHOICE, PLANNED, AT(session.cut), 0, 0, "height,width", 0},
    {"placement", "HOW", "spread or plain: nodes of the workers (spread)", OPTION_CHOICE, RUN | BENCH | PLAN, AT(session.placement), 0, 0, "spread,plain", 0},
    {"precision", "TYPE", "f32, bf16, f16 or auto: what travels to workers and back (f32)", OPTION_CHOICE, PLANNED, AT(session.precision), 0, 0, "f32,bf16,f16,auto", 0},
    {"reserve", "R", "room for R machines that join later (0)", OPTION_COUNT, RUN | PLAN, AT(session.reserve), 0, CONVOY_MAX_WORKERS, NULL, 0},
    {"input", "NAME=FILE", "one input of several; repeatable", OPTION_LIST, RUN, AT(inputs), 0, 0, NULL, 0},
    {"batch", NULL, "the first axis of a file is a batch: an inference for each row", OPTION_FLAG, RUN, AT(batch), 0, 0, NULL, 0},
    {"one", NULL, "every file is one inference, whatever its first axis", OPTION_FLAG, RUN, AT(one), 0, 0, NULL, 0},
    {"output", "[NAME=]FILE", "write an output as .npy; repeatable", OPTION_LIST, RUN, AT(outputs), 0, 0, NULL, 0},
    {"top", "K", "the K best classes (5)", OPTION_COUNT, RUN, AT(top), 1, 1000, NULL, 0},
    {"labels", "FILE", "names of the classes, one a line", OPTION_TEXT, RUN, AT(labels), 0, 0, NULL, 0},
    {"expect", "FILE", "lines \"NAME LABEL\": print the accuracy", OPTION_TEXT, RUN, AT(expect), 0, 0, NULL, 0},
    {"preset", "HOW", "imagenet, unit, raw, tf or caffe: how pixels become numbers", OPTION_CHOICE, RUN, AT(image.preset), 0, 0, "auto,imagenet,unit,raw,tf,caffe", 0},
    {"mean", "M,M,M", "taken from the scaled pixels, per channel", OPTION_COLOUR, RUN, AT(image.mean), 0, 0, NULL, AT(image.has_mean)},
    {"std", "S,S,S", "divides them after that, per channel", OPTION_COLOUR, RUN, AT(image.deviation), 0, 0, NULL, AT(image.has_deviation)},
    {"scale", "F", "multiplies the pixels 0..255", OPTION_NUMBER, RUN, AT(image.scale), 0, 0, NULL, AT(image.has_scale)},
    {"size", "S", "side of the image where the model leaves it open (224)", OPTION_SIZE, PLANNED, AT(image.size), 1, 65536, NULL, 0},
    {"channels", "ORDER", "rgb or bgr (rgb; of the preset caffe bgr)", OPTION_CHOICE, RUN, AT(channels), 0, 0, "rgb,bgr", AT(channels_given)},
    {"layout", "HOW", "nchw or nhwc: where the channels of the image stand (as the model's shape tells)", OPTION_CHOICE, RUN, AT(image.layout), 0, 0, "auto,nchw,nhwc", 0},
    {"finite", NULL, "name the first layer whose output is not finite; nothing is fused", OPTION_FLAG, RUN, AT(session.finite), 0, 0, NULL, 0},
    {"background", "COLOUR", "under transparent pixels: #rrggbb, #rgb, white or black (white)", OPTION_RGB, RUN, AT(image.background), 0, 0, NULL, AT(image.has_background)},
    {"operators", NULL, "no model: each operator that is supported, and the first and last operator set", OPTION_FLAG, COMMAND_INSPECT, AT(operators), 0, 0, NULL, 0},
    {"check", NULL, "run uncoded as well and compare", OPTION_FLAG, RUN, AT(check), 0, 0, NULL, 0},
    {"fault", "W:KIND", "kill, kill@LAYER, delay=500ms, slow=10x, busy=10x, drop=0.2, corrupt, lie=0.01; repeatable", OPTION_LIST, RUN, AT(faults), 0, 0, NULL, 0},
    {"seed", "S", "of everything random (1)", OPTION_LARGE, PLANNED | STUDY, AT(session.seed), 0, UINT64_MAX, NULL, 0},
    {"repeat", "R", "runs of every inference, for timing (1)", OPTION_COUNT, RUN, AT(repeat), 1, LARGEST_COUNT, NULL, 0},
    {"in-flight", "J", "inferences at once (1)", OPTION_COUNT, RUN, AT(in_flight), 1, CONVOY_MAX_IN_FLIGHT, NULL, 0},
    {"threads", "T", "threads of one worker's compute (1)", OPTION_COUNT, RUN | BENCH | PLAN, AT(session.threads), 1, 256, NULL, 0},
    {"deadline", "MS", "the longest that one layer may wait, ms (10000)", OPTION_COUNT, RUN, AT(deadline_ms), 1, 86400000, NULL, 0},
    {"no-fallback", NULL, "fail instead of computing here what workers do not deliver", OPTION_FLAG, RUN, AT(session.no_fallback), 0, 0, NULL, 0},
    {"no-trials", NULL, "kernels as defined, parts by what travels, without timing them: slower, more exact", OPTION_FLAG, PLANNED, AT(session.no_trials), 0, 0, NULL, 0},
    {"backend", "NAME", "kernels: onednn or reference (onednn)", OPTION_TEXT, BOTH | PLAN, AT(session.backend), 0, 0, NULL, 0},
    {"runs", "R", "of which medians are taken (9)", OPTION_COUNT, BENCH, AT(runs), 1, 1000, NULL, 0},
    {"csv", NULL, "comma separated values on standard output", OPTION_FLAG, BENCH, AT(csv), 0, 0, NULL, 0},
    {"json", NULL, "one JSON object on standard output", OPTION_FLAG, PLANNED, AT(json), 0, 0, NULL, 0},
    {"quiet", NULL, "no progress and no messages on standard error, errors excepted", OPTION_FLAG, PLANNED | WORKER | STUDY, AT(quiet), 0, 0, NULL, 0},
    {"version", NULL, "print the version", OPTION_FLAG, ALL, AT(version), 0, 0, NULL, 0},
    {"help", NULL, "print this", OPTION_FLAG, ALL, AT(help), 0, 0, NULL, 0},
};
/* clang-format on */
#define OPTION_COUNT_OF_TABLE (sizeof option_table / sizeof *option_table)

convoy_status cli_error(convoy_error *error, convoy_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->status = status;
    return status;
}

/* Digits up to `stop` (or the end), min..max. */
static bool read_integer(const char *text, const char *stop, uint64_t min, uint64_t max, uint64_t *value) {
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end = NULL;
    errno = 0;
    const unsigned long long read = strtoull(text, &end, 10);
    if (errno != 0 || (stop ? end != stop : *end != '\0') || read < min || read > max)
        return false;
    *value = read;
    return true;
}

/* A finite number; *end is where it stops. */
static bool read_number(const char *text, float *value, char **end) {
    if (isspace((unsigned char)text[0]))
        return false;
    *value = strtof(text, end);
    return *end != text && isfinite(*value);
}

#define LONGEST_TIME_S 1e9 /* in nanoseconds it is still far below 2^64 */

static bool read_time(const char *text, uint64_t *time_ns) {
    float number;
    char *end = NULL;
    if (!read_number(text, &number, &end) || number < 0)
        return false;
    const double unit_s = strcmp(end, "ms") == 0 ? 1e-3 : 1;
    if ((*end && unit_s == 1 && strcmp(end, "s") != 0) || number * unit_s > LONGEST_TIME_S)
        return false;
    *time_ns = (uint64_t)(number * unit_s * 1e9);
    return true;
}

/* "A..B", or "N" for both. */
static bool read_range(const struct option *option, const char *text, uint32_t *range) {
    const char *dots = strstr(text, "..");
    uint64_t least = 0, most = 0;
    if (!read_integer(text, dots, option->min, option->max, &least) ||
        !read_integer(dots ? dots + 2 : text, NULL, least, option->max, &most))
        return false;
    range[0] = (uint32_t)least;
    range[1] = (uint32_t)most;
    return true;
}

#define LARGEST_LAMBDA 1e12

static bool read_lambda(const char *text, double lambda[CONVOY_LAMBDAS]) {
    float number;
    char *end = NULL;
    for (int i = 0; i < CONVOY_LAMBDAS; i++, text = end + 1) {
        if (!read_number(text, &number, &end) || !(number >= 0 && (double)number <= LARGEST_LAMBDA))
            return false;
        lambda[i] = (double)number;
        if (*end == '\0')
            return i >= CONVOY_LAMBDA_STORE;
        if (*end != ',')
            return false;
    }
    return false;
}

static bool read_colour(const char *text, float *colour) {
    char *end = NULL;
    for (int i = 0; i < 3; i++, text = end + 1) {
        if (!read_number(text, &colour[i], &end))
            return false;
        if (i == 0 && *end == '\0') {
            colour[1] = colour[2] = colour[0];
            return true;
        }
        if (*end != (i < 2 ? ',' : '\0'))
            return false;
    }
    return true;
}

static bool read_rgb(const char *text, uint8_t *rgb) {
    static const char hex[] = "0123456789abcdef";
    const char *digits = strcmp(text, "white") == 0 ? "#fff" : strcmp(text, "black") == 0 ? "#000" : text;
    const size_t length = strlen(digits), each = length / 3; /* digits of a channel */
    if (digits[0] != '#' || (length != 4 && length != 7))
        return false;
    for (size_t i = 0; i < 3 * each; i++) {
        const char *digit = strchr(hex, tolower((unsigned char)digits[1 + i]));
        if (!digit)
            return false;
        const unsigned value = (unsigned)(digit - hex);
        rgb[i / each] = (uint8_t)(each == 1 ? value * 17 : i % 2 ? rgb[i / each] * 16u + value : value);
    }
    return true;
}

static bool read_choice(const char *text, const char *words, unsigned *choice) {
    const size_t length = strlen(text);
    for (unsigned i = 0; words; i++) {
        if (length > 0 && strncmp(words, text, length) == 0 &&
            (words[length] == ',' || words[length] == '\0')) {
            *choice = i;
            return true;
        }
        words = strchr(words, ',');
        words = words ? words + 1 : NULL;
    }
    return false;
}

static bool list_add(struct text_list *list, const char *text) {
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return false;
    items[list->count++] = text;
    list->items = items;
    return true;
}

/* False where the text is not a value of the option's type. */
static bool read_value(const struct option *option, const char *text, void *field) {
    uint64_t number = 0, second = 0;
    char *end = NULL;
    const char *comma;
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_COUNT:
        if (!read_integer(text, NULL, option->min, option->max, &number))
            return false;
        *(uint32_t *)field = (uint32_t)number;
        return true;
    case OPTION_SIZE:
        if (!read_integer(text, NULL, option->min, option->max, &number))
            return false;
        *(int64_t *)field = (int64_t)number;
        return true;
    case OPTION_LARGE:
        return read_integer(text, NULL, option->min, option->max, field);
    case OPTION_TIME:
        return read_time(text, field);
    case OPTION_PARTS:
        comma = strchr(text, ',');
        if (!comma || !read_integer(text, comma, option->min, option->max, &number) ||
            !read_integer(comma + 1, NULL, option->min, option->max, &second))
            return false;
        ((uint32_t *)field)[0] = (uint32_t)number;
        ((uint32_t *)field)[1] = (uint32_t)second;
        return true;
    case OPTION_RANGE:
        return read_range(option, text, field);
    case OPTION_LAMBDA:
        return read_lambda(text, field);
    case OPTION_NUMBER:
        return read_number(text, field, &end) && *end == '\0';
    case OPTION_COLOUR:
        return read_colour(text, field);
    case OPTION_RGB:
        return read_rgb(text, field);
    case OPTION_CHOICE:
        return read_choice(text, option->words, field);
    case OPTION_TEXT:
        *(const char **)field = text;
        return text[0] != '\0';
    case OPTION_LIST:
        return text[0] != '\0' && list_add(field, text);
    }
    return false;
}

static convoy_status bad_value(const struct option *option, const char *text, convoy_error *error) {
    const char *name = option->name;
    switch (option->type) {
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_LARGE:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be a whole number from %llu to %llu", name,
                         text, (unsigned long long)option->min, (unsigned long long)option->max);
    case OPTION_PARTS:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be two whole numbers from %llu on, as in 4,8",
                         name, text, (unsigned long long)option->min);
    case OPTION_RANGE:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be a whole number from %llu to %llu, or A..B",
                         name, text, (unsigned long long)option->min, (unsigned long long)option->max);
    case OPTION_LAMBDA:
        return cli_error(error, CONVOY_E_USAGE,
                         "--%s %s: must be three or four numbers from 0 to 1e12, as in 1,1,0.5", name, text);
    case OPTION_TIME:
        return cli_error(error, CONVOY_E_USAGE,
                         "--%s %s: must be a number of seconds, as in 10, 10s or 500ms", name, text);
    case OPTION_NUMBER:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be a number", name, text);
    case OPTION_COLOUR:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be one number, or three as in 0.5,0.4,0.3",
                         name, text);
    case OPTION_RGB:
        return cli_error(error, CONVOY_E_USAGE,
                         "--%s %s: must be a colour, as in #ff8000, #f80, white or black", name, text);
    case OPTION_CHOICE:
        return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be one of %s", name, text, option->words);
    default:
        return cli_error(error, CONVOY_E_USAGE, "--%s: the value is empty", name);
    }
}

static const char *command_name(enum command command) {
    switch (command) {
    case COMMAND_RUN:
        return "run";
    case COMMAND_INSPECT:
        return "inspect";
    case COMMAND_WORKER:
        return "worker";
    case COMMAND_BENCH:
        return "bench";
    case COMMAND_PLAN:
        return "plan";
    case COMMAND_STUDY:
        return "study";
    default:
        return "keygen";
    }
}

/* "-l", the same as an option's name. */
static const struct {
    char letter;
    const char *name;
} letters[] = {{'h', "help"}, {'o', "out"}};

#define LETTERS (sizeof letters / sizeof letters[0])

/* The letter of an option, or 0. */
static char letter_of(const char *name) {
    for (size_t i = 0; i < LETTERS; i++)
        if (strcmp(letters[i].name, name) == 0)
            return letters[i].letter;
    return 0;
}

static bool is_named(const struct option *option, const char *argument, size_t length) {
    if (length == 2 && argument[0] == '-' && argument[1] != '-')
        return argument[1] == letter_of(option->name);
    return length == strlen(option->name) + 2 && memcmp(argument, "--", 2) == 0 &&
           memcmp(argument + 2, option->name, length - 2) == 0;
}

/* The option that argv[*i] names, its value into *value; *i moves on where the value is the next argument. */
static convoy_status find_option(enum command command, int argc, char **argv, int *i,
                                 const struct option **found, const char **value, convoy_error *error) {
    const char *argument = argv[*i];
    const size_t length = strcspn(argument, "=");
    const struct option *option = NULL;
    for (size_t k = 0; k < OPTION_COUNT_OF_TABLE && !option; k++)
        if ((option_table[k].commands & command) && is_named(&option_table[k], argument, length))
            option = &option_table[k];
    if (!option)
        return cli_error(error, CONVOY_E_USAGE,
                         "unknown option %.*s; 'convoy %s --help' lists those that there are", (int)length,
                         argument, command_name(command));
    *value = argument[length] == '=' ? argument + length + 1 : NULL;
    if (!option->value && *value)
        return cli_error(error, CONVOY_E_USAGE, "--%s takes no value", option->name);
    if (option->value && !*value) {
        if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
            return cli_error(error, CONVOY_E_USAGE, "--%s needs a value, %s", option->name, option->value);
        *value = argv[++*i];
    }
    *found = option;
    return CONVOY_OK;
}

convoy_status options_parse(struct cli_options *options, enum command command, int argc, char **argv,
                            convoy_error *error) {
    *options = (struct cli_options){
        .top = 5, .repeat = 1, .in_flight = 1, .runs = 9, .deadline_ms = 10000, .folder = "."};
    convoy_options_init(&options->session);
    convoy_worker_options_init(&options->worker);

    bool only_arguments = false; /* after "--" */
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i], *value = NULL;
        const struct option *option = NULL;
        if (only_arguments || argument[0] != '-' || argument[1] == '\0') { /* "-" is no option */
            if (!list_add(&options->arguments, argument))
                return cli_error(error, CONVOY_E_MEMORY, "out of memory");
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            only_arguments = true;
            continue;
        }
        const convoy_status status = find_option(command, argc, argv, &i, &option, &value, error);
        if (status != CONVOY_OK)
            return status;
        if (!read_value(option, value, (char *)options + option->offset))
            return bad_value(option, value, error);
        if (option->given)
            *(bool *)((char *)options + option->given) = true;
    }
    if (options->batch && options->one)
        return cli_error(error, CONVOY_E_USAGE, "--batch and --one: it is the one or the other");
    if (options->channels_given && options->channels == 0 && options->image.preset == CONVOY_PRESET_CAFFE)
        return cli_error(error, CONVOY_E_USAGE,
                         "--channels rgb: the preset caffe is blue first; --preset raw takes --channels and "
                         "--mean");
    if (options->lambda_given && options->session.objective != CONVOY_OBJECTIVE_PAPER && !options->explain &&
        !options->svg)
        return cli_error(error, CONVOY_E_USAGE,
                         "--lambda changes nothing without --objective paper (or plan's --explain, --svg)");
    options->session.input_parts = options->parts[0];
    options->session.filter_parts = options->parts[1];
    options->image.bgr = options->channels == 1;
    options->session.deadline_ns = options->deadline_ms * UINT64_C(1000000);
    options->session.faults = options->faults.items;
    options->session.fault_count = options->faults.count;
    options->worker.faults = options->faults.items;
    options->worker.fault_count = options->faults.count;
    if (options->worker_range[1])
        options->session.workers = options->worker_range[1];
    if (options->session.spawn && !options->workers_given)
        options->session.workers = options->session.spawn;
    return CONVOY_OK;
}

void options_free(struct cli_options *options) {
    free(options->arguments.items);
    free(options->inputs.items);
    free(options->outputs.items);
    free(options->faults.items);
}

/* The families of codes, below the option that takes one. */
static void print_codes(void) {
    const char *name, *summary;
    for (size_t i = 0; (name = convoy_code_at(i, &summary)); i++)
        printf("  %-22s   %-12s %s\n", "", name, summary);
}

void options_print(enum command command) {
    for (size_t i = 0; i < OPTION_COUNT_OF_TABLE; i++) {
        const struct option *option = &option_table[i];
        if (!(option->commands & command))
            continue;
        char left[40];
        const char letter[] = {'-', letter_of(option->name), ',', ' ', '\0'};
        snprintf(left, sizeof left, "%s--%s %s", letter[1] ? letter : "", option->name,
                 option->value ? option->value : "");
        printf("  %-22s %s\n", left, option->help);
        if (option->offset == AT(session.code))
            print_codes();
    }
}
