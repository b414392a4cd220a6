/* convoy worker: this process as a worker. */
#include "commands.h"
#include "progress.h"

struct serving_options {
    struct common_options common;
    convoy_worker_options worker;
    struct text_list faults;
};

#define AT(field) offsetof(struct serving_options, field)

/* clang-format off */
static const struct option master_rows[] = {
    {.name = "connect", .value = "URL", .type = OPTION_TEXT, .offset = AT(worker.connect), .help = "the master: tcp://HOST:PORT or ipc://PATH"},
    {.name = "key", .value = "FILE", .type = OPTION_TEXT, .offset = AT(worker.key_file), .help = "the worker's key pair, NAME.key or env:VARIABLE"},
    {.name = "server-key", .value = "FILE", .type = OPTION_TEXT, .offset = AT(worker.server_key_file), .help = "with --key: the master's public key, NAME.pub or env:VARIABLE"},
    {.name = "insecure", .type = OPTION_FLAG, .offset = AT(worker.insecure), .help = "no keys to another machine"},
    {.name = "give-up", .value = "SECONDS", .type = OPTION_TIME, .offset = AT(worker.give_up_ns), .help = "end when no master was there for so long, and with the master; 0: neither"},
    {.name = NULL},
};

static const struct option compute_rows[] = {
    {.name = "threads", .value = "T", .type = OPTION_COUNT, .offset = AT(worker.threads), .min = 1, .max = 256, .help = "threads of its compute"},
    {.name = "backend", .value = "NAME", .type = OPTION_TEXT, .offset = AT(worker.backend), .help = "kernels: onednn or reference"},
    {.name = "cache-bytes", .value = "B", .type = OPTION_LARGE, .offset = AT(worker.cache_bytes), .min = 0, .max = UINT64_MAX, .help = "of the filters that it keeps; 0: no bound"},
    {.name = "cache-dir", .value = "DIR", .type = OPTION_TEXT, .offset = AT(worker.cache_folder), .help = "keep them there across restarts"},
    {.name = NULL},
};

static const struct option fault_rows[] = {
    {.name = "fault", .value = "KIND", .type = OPTION_LIST, .offset = AT(faults), .help = "kill@LAYER, slow=10x, busy=10x or lie=0.01,0.001,1; repeatable"},
    {.name = "seed", .value = "S", .type = OPTION_LARGE, .offset = AT(worker.seed), .min = 0, .max = UINT64_MAX, .help = "of faults that are up to chance"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {{.title = "Master", .rows = master_rows},
                                             {.title = "Compute", .rows = compute_rows},
                                             {.title = "Faults", .rows = fault_rows}};

static void init(void *options) {
    convoy_worker_options_init(&((struct serving_options *)options)->worker);
}

static convoy_status finish(void *given, convoy_error *error) {
    struct serving_options *options = given;
    const struct text_list *arguments = &options->common.arguments;
    options->worker.faults = options->faults.items;
    options->worker.fault_count = options->faults.count;
    if (arguments->count > 0)
        return cli_error(error, CONVOY_E_USAGE,
                         "%s: a worker takes no arguments; usage: convoy worker --connect URL",
                         arguments->items[0]);
    if (!options->worker.connect)
        return cli_error(error, CONVOY_E_USAGE, "no master; usage: convoy worker --connect URL");
    return CONVOY_OK;
}

static int run(void *given) {
    struct serving_options *options = given;
    convoy_error error;
    struct progress progress;
    progress_open(&progress, options->common.quiet);
    options->worker.log = progress_log;
    options->worker.log_context = &progress;
    return convoy_worker_run(&options->worker, &error) == CONVOY_OK ? EXIT_DONE : report_error(&error);
}

const struct command command_worker = {
    .name = "worker",
    .arguments = "--connect URL",
    .summary = "serve a master as a worker",
    .groups = groups,
    .group_count = 3,
    .options_size = sizeof(struct serving_options),
    .init = init,
    .finish = finish,
    .run = run,
};
