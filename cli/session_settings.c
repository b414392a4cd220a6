#include "session_settings.h"

#include "commands.h"

#include <string.h>

#define AT(field)     offsetof(struct session_settings, field)
#define LARGEST_COUNT UINT32_C(1000000)
#define NS_PER_MS     UINT64_C(1000000)

/* clang-format off */
const struct option worker_count_rows[] = {
    {.name = "workers", .value = "N", .type = OPTION_COUNT, .offset = AT(session.workers), .min = 1, .max = CONVOY_MAX_WORKERS, .given = AT(workers_given), .help = "size of the cluster, 1 to 256"},
    {.name = NULL},
};

const struct option worker_range_rows[] = {
    {.name = "workers", .value = "N", .type = OPTION_RANGE, .offset = AT(worker_range), .min = 1, .max = CONVOY_MAX_WORKERS, .given = AT(workers_given), .unset = "6", .help = "size of the cluster, or A..B: a line for each size"},
    {.name = NULL},
};

const struct option cluster_rows[] = {
    {.name = "stragglers", .value = "G", .type = OPTION_COUNT, .offset = AT(session.stragglers), .min = 0, .max = CONVOY_MAX_WORKERS, .given = AT(stragglers_given), .help = "how many workers may be missing at any moment"},
    {.name = "threads", .value = "T", .type = OPTION_COUNT, .offset = AT(session.threads), .min = 1, .max = 256, .help = "threads of one worker's compute"},
    {.name = "backend", .value = "NAME", .type = OPTION_TEXT, .offset = AT(session.backend), .help = "kernels: onednn or reference"},
    {.name = NULL},
};

const struct option local_rows[] = {
    {.name = "local", .type = OPTION_FLAG, .offset = AT(session.local), .help = "no cluster, no code: this process alone"},
    {.name = NULL},
};

const struct option endpoint_rows[] = {
    {.name = "spawn", .value = "N", .type = OPTION_COUNT, .offset = AT(session.spawn), .min = 1, .max = CONVOY_MAX_WORKERS, .unset = "worker threads", .help = "start N worker processes on this machine"},
    {.name = "listen", .value = "URL", .type = OPTION_TEXT, .offset = AT(session.listen), .help = "workers dial in here: tcp://HOST:PORT or ipc://PATH"},
    {.name = "key", .value = "FILE", .type = OPTION_TEXT, .offset = AT(session.key_file), .help = "with --listen: the master's key pair, NAME.key or env:VARIABLE"},
    {.name = "allow", .value = "DIR", .type = OPTION_TEXT, .offset = AT(session.allowed_folder), .help = "with --key: NAME.pub of every worker that may come"},
    {.name = "insecure", .type = OPTION_FLAG, .offset = AT(session.insecure), .help = "no keys on an address that other machines reach"},
    {.name = "join", .value = "SECONDS", .type = OPTION_TIME, .offset = AT(session.join_ns), .help = "how long to wait for workers if none comes"},
    {.name = "reserve", .value = "R", .type = OPTION_COUNT, .offset = AT(session.reserve), .min = 0, .max = CONVOY_MAX_WORKERS, .help = "room for R machines that join later"},
    {.name = NULL},
};

const struct option code_rows[] = {
    {.name = "code", .value = "FAMILY", .type = OPTION_TEXT, .offset = AT(session.code), .more = convoy_code_at, .help = "one of those below, table:FILE.npz, or auto: what the plan finds best"},
    {.name = "cut", .value = "AXIS", .type = OPTION_CHOICE, .offset = AT(session.cut), .words = "height,width", .help = "height or width: along which inputs are cut"},
    {.name = "placement", .value = "HOW", .type = OPTION_CHOICE, .offset = AT(session.placement), .words = "spread,plain", .help = "spread or plain: nodes of the workers"},
    {.name = "precision", .value = "TYPE", .type = OPTION_CHOICE, .offset = AT(session.precision), .words = "f32,bf16,f16,auto", .help = "f32, bf16, f16 or auto: what travels to workers and back"},
    {.name = "parts", .value = "KA,KB", .type = OPTION_PARTS, .offset = AT(parts), .min = 1, .max = LARGEST_COUNT, .unset = "chosen for each layer", .help = "the same partition for every layer that admits it"},
    {.name = "distribute", .value = "WHAT", .type = OPTION_CHOICE, .offset = AT(session.distribute), .words = "auto,paying,all", .unset = "all; plan, --listen, --mpi: paying", .help = "paying, all or auto: the layers that workers compute"},
    {.name = "objective", .value = "WHAT", .type = OPTION_CHOICE, .offset = AT(session.objective), .words = "latency,throughput,bytes,paper", .help = "latency, throughput, bytes or paper: what a plan makes small"},
    {.name = "lambda", .value = "UP,DOWN,STORE[,COMP]", .type = OPTION_LAMBDA, .offset = AT(session.lambda), .given = AT(lambda_given), .help = "of --objective paper: the price of an element"},
    {.name = "profile", .value = "FILE|NAME", .type = OPTION_TEXT, .offset = AT(session.profile), .unset = "this machine", .help = "the machines, as measured by plan --calibrate, or a preset"},
    {.name = "no-trials", .type = OPTION_FLAG, .offset = AT(session.no_trials), .help = "kernels as defined, parts by what travels, without timing them: slower, more exact"},
    {.name = "retrial", .type = OPTION_FLAG, .offset = AT(session.retrial), .help = "time kernels anew, whatever is remembered of earlier runs"},
    {.name = "seed", .value = "S", .type = OPTION_LARGE, .offset = AT(session.seed), .min = 0, .max = UINT64_MAX, .help = "of everything random"},
    {.name = NULL},
};

const struct option verify_rows[] = {
    {.name = "verify", .value = "WHAT", .type = OPTION_CHOICE, .offset = AT(session.verify), .words = "auto,off,sample,all", .unset = "off; --listen, --mpi: sample", .help = "off, sample or all: the answers that are checked"},
    {.name = NULL},
};

const struct option fault_rows[] = {
    {.name = "fault", .value = "W:KIND", .type = OPTION_LIST, .offset = AT(faults), .help = "kill, kill@LAYER, delay=500ms, slow=10x, busy=10x, drop=0.2, corrupt, lie=0.01 of worker W; repeatable"},
    {.name = "deadline", .value = "MS", .type = OPTION_COUNT, .offset = AT(deadline_ms), .min = 1, .max = 86400000, .help = "the longest that one layer may wait, ms"},
    {.name = "no-fallback", .type = OPTION_FLAG, .offset = AT(session.no_fallback), .help = "fail instead of computing here what workers do not deliver"},
    {.name = NULL},
};
/* clang-format on */

void session_settings_init(struct session_settings *options) {
    convoy_options_init(&options->session);
    options->deadline_ms = (uint32_t)(options->session.deadline_ns / NS_PER_MS);
}

convoy_status session_settings_finish(struct session_settings *options, convoy_error *error) {
    convoy_options *session = &options->session;
    if (session->retrial && session->no_trials)
        return cli_error(error, CONVOY_E_USAGE, "--retrial and --no-trials: it is the one or the other");
    if (options->lambda_given && session->objective != CONVOY_OBJECTIVE_PAPER && !options->lambda_shown)
        return cli_error(error, CONVOY_E_USAGE,
                         "--lambda changes nothing without --objective paper (or plan's --explain, --svg)");
    session->input_parts = options->parts[0];
    session->filter_parts = options->parts[1];
    session->deadline_ns = options->deadline_ms * NS_PER_MS;
    session->faults = options->faults.items;
    session->fault_count = options->faults.count;
    if (options->worker_range[1])
        session->workers = options->worker_range[1];
    if (session->spawn && !options->workers_given)
        session->workers = session->spawn;
    if (!options->stragglers_given && session->stragglers >= session->workers)
        session->stragglers = session->workers - 1;
    return CONVOY_OK;
}

const char *precision_text(convoy_precision precision) {
    static const char *const texts[] = {[CONVOY_PRECISION_F32] = "f32",
                                        [CONVOY_PRECISION_BF16] = "bf16",
                                        [CONVOY_PRECISION_F16] = "f16",
                                        [CONVOY_PRECISION_AUTO] = "auto"};
    return texts[precision];
}

void session_settings_settle(convoy_options *options, const convoy_session *session) {
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    if (strcmp(options->code, "auto") == 0)
        options->code = totals.code; /* static: the plan chooses among codes that are */
    options->precision = totals.precision;
}
