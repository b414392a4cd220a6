#include "latency.h"

#include "signals.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_MS       UINT64_C(1000000)
#define WARM_UP_NS      (1000 * NS_PER_MS) /* of each case */
#define TURNS           10                 /* of each case, unless they would be long or few */
#define LONGEST_TURN_NS (500 * NS_PER_MS)
#define LEAST_COUNTED   5  /* inferences of each case: the median takes so many */
#define ROOMY           20 /* times as many inferences as are in flight: the first may be left out */

const struct latency_percentile latency_percentiles[LATENCY_PERCENTILES] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

/* What the turns share. */
struct measuring {
    struct latency *latency;
    const struct latency_setup *setup;
    struct histogram turn_times; /* of the turn that is under way */
};

struct turn {
    struct measuring *measuring;
    struct latency_row *row;
    bool warm_up; /* nothing of it counts */
    uint64_t start_ns, length_ns;
    uint64_t first; /* number of the first inference that counts */
    uint64_t begun, ended;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t least_of(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- one turn ---- */

static void show_progress(const struct turn *turn, uint64_t passed_ns) {
    const struct latency *latency = turn->measuring->latency;
    const uint64_t total_ns = latency->count * (latency->warm_up_ns + latency->duration_ns);
    uint64_t done_ns = 0;
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_row *row = &latency->rows[i];
        uint64_t turns_ns = row->turns_ns + (row == turn->row && !turn->warm_up ? passed_ns : 0);
        uint64_t warm_ns = row->warm_up ? latency->warm_up_ns : 0;
        if (row == turn->row && turn->warm_up)
            warm_ns = passed_ns;
        done_ns += least_of(warm_ns, latency->warm_up_ns) + least_of(turns_ns, latency->duration_ns);
    }
    progress_show(turn->measuring->setup->progress, "seconds measured", (size_t)(done_ns / NS_PER_MS / 1000),
                  (size_t)((total_ns + 999 * NS_PER_MS) / NS_PER_MS / 1000));
}

/* Every turn has an inference, however short it is. The inputs are borrowed. */
static convoy_status next_inputs(void *context, convoy_tensor *inputs, bool *end, convoy_error *error) {
    struct turn *turn = context;
    const struct latency_setup *setup = turn->measuring->setup;
    const uint64_t passed_ns = now_ns() - turn->start_ns;
    (void)error;
    *end = signals_taken() || (turn->begun > 0 && passed_ns >= turn->length_ns);
    if (*end)
        return CONVOY_OK;
    show_progress(turn, passed_ns);
    for (size_t i = 0; i < setup->input_count; i++) {
        inputs[i] = setup->inputs[i];
        inputs[i].owner = NULL;
    }
    turn->begun++;
    return CONVOY_OK;
}

static convoy_status take_run(void *context, size_t index, uint32_t run, const convoy_result *result,
                              const convoy_check *check, convoy_error *error) {
    struct turn *turn = context;
    (void)run, (void)check, (void)error;
    turn->ended++;
    if (turn->warm_up || index < turn->first)
        return CONVOY_OK;
    const uint64_t took_ns = (uint64_t)(result->ms * 1e6);
    histogram_add(&turn->row->times, took_ns);
    histogram_add(&turn->measuring->turn_times, took_ns);
    turn->row->degraded += result->degraded;
    return CONVOY_OK;
}

/* Leaves workers out until γ are missing, the lost among them: those with the lowest numbers, to which some
 * codes give what needs no decoding. */
static convoy_status leave_out(struct latency *latency, const struct latency_setup *setup, bool missing,
                               convoy_error *error) {
    uint32_t lost[CONVOY_MAX_WORKERS], needed;
    bool is_lost[CONVOY_MAX_WORKERS] = {false};
    const uint32_t live = convoy_session_live(setup->coded, &needed);
    const uint32_t gone = live < setup->workers ? setup->workers - live : 0;
    size_t count = convoy_session_lost(setup->coded, lost, CONVOY_MAX_WORKERS);
    if (!missing)
        return convoy_session_leave_out(setup->coded, NULL, 0, error);
    for (size_t i = 0; i < count && i < CONVOY_MAX_WORKERS; i++)
        is_lost[lost[i]] = true;
    latency->left_out_count = 0;
    for (uint32_t w = 0; w < setup->workers && latency->left_out_count + gone < setup->stragglers; w++)
        if (!is_lost[w])
            latency->left_out[latency->left_out_count++] = w;
    return convoy_session_leave_out(setup->coded, latency->left_out, latency->left_out_count, error);
}

/* If a turn has room for many inferences, those that begin it do not count: they find the caches, and the
 * workers' threads, as the turn before has left them. */
static convoy_status take_turn(struct measuring *measuring, enum latency_case which, bool warm_up,
                               convoy_error *error) {
    struct latency *latency = measuring->latency;
    const struct latency_setup *setup = measuring->setup;
    struct latency_row *row = &latency->rows[which];
    struct turn turn = {.measuring = measuring,
                        .row = row,
                        .warm_up = warm_up,
                        .start_ns = now_ns(),
                        .length_ns = warm_up ? latency->warm_up_ns : latency->turn_ns,
                        .first = row->each_turn >= ROOMY * setup->in_flight ? setup->in_flight : 0};
    const convoy_stream stream = {
        .context = &turn, .in_flight = setup->in_flight, .repeat = 1, .next = next_inputs, .done = take_run};
    double busy_ms = 0;
    histogram_clear(&measuring->turn_times);
    convoy_status status =
        which == LATENCY_ALONE ? CONVOY_OK : leave_out(latency, setup, which == LATENCY_MISSING, error);
    if (status == CONVOY_OK)
        status = convoy_session_stream(which == LATENCY_ALONE ? setup->alone : setup->coded, &stream,
                                       &busy_ms, error);
    if (status != CONVOY_OK)
        return status;
    const uint64_t took_ns = now_ns() - turn.start_ns;
    row->each_turn = (double)turn.ended * fmin(1, (double)latency->turn_ns / (double)took_ns);
    if (warm_up) {
        row->warm_up += turn.ended;
        return CONVOY_OK;
    }
    row->turns_ns += took_ns;
    row->ended += turn.ended;
    row->busy_ms += busy_ms;
    return CONVOY_OK;
}

/* ---- all of them ---- */

static convoy_status take_round(struct measuring *measuring, bool warm_up, convoy_error *error) {
    struct latency *latency = measuring->latency;
    double medians[LATENCY_CASES] = {0};
    for (size_t i = 0; i < latency->count && !signals_taken(); i++) {
        const convoy_status status = take_turn(measuring, (enum latency_case)i, warm_up, error);
        if (status != CONVOY_OK)
            return status;
        medians[i] = histogram_quantile(&measuring->turn_times, 0.5);
        if (i != LATENCY_ALONE && medians[LATENCY_ALONE] > 0 && medians[i] > 0)
            histogram_add(&latency->rows[i].ratios, (uint64_t)(1e6 * medians[i] / medians[LATENCY_ALONE]));
    }
    return CONVOY_OK;
}

static bool is_measured(const struct latency *latency) {
    for (size_t i = 0; i < latency->count; i++)
        if (latency->rows[i].turns_ns < latency->duration_ns || latency->rows[i].times.count < LEAST_COUNTED)
            return false;
    return true;
}

static void name_rows(struct latency *latency, const struct latency_setup *setup) {
    static const char *const names[] = {"alone", "coded", "missing"};
    latency->count = !setup->coded ? 1 : setup->stragglers ? 3 : 2;
    for (size_t i = 0; i < latency->count; i++) {
        struct latency_row *row = &latency->rows[i];
        row->name = names[i];
        if (i == LATENCY_MISSING)
            snprintf(row->title, sizeof row->title, "coded, %u missing", setup->stragglers);
        else
            snprintf(row->title, sizeof row->title, "%s", names[i]);
    }
}

convoy_status latency_measure(struct latency *latency, const struct latency_setup *setup,
                              convoy_error *error) {
    struct measuring measuring = {.latency = latency, .setup = setup};
    name_rows(latency, setup);
    latency->duration_ns = setup->duration_ns;
    latency->warm_up_ns = least_of(WARM_UP_NS, setup->duration_ns);
    latency->turn_ns = least_of(LONGEST_TURN_NS, setup->duration_ns / TURNS);
    convoy_status status = take_round(&measuring, true, error);
    while (status == CONVOY_OK && !signals_taken() && !is_measured(latency))
        status = take_round(&measuring, false, error);
    latency->interrupted = signals_taken() != 0;
    return latency->interrupted ? CONVOY_OK : status;
}

uint64_t latency_inferences(const struct latency *latency) {
    uint64_t count = 0;
    for (size_t i = 0; i < latency->count; i++)
        count += latency->rows[i].times.count;
    return count;
}

double latency_rate(const struct latency_row *row) {
    return row->busy_ms > 0 ? (double)row->ended * 1e3 / row->busy_ms : 0;
}

double latency_ratio(const struct latency *latency, const struct latency_row *row) {
    if (row->ratios.count > 0)
        return histogram_quantile(&row->ratios, 0.5) / 1e6;
    const double alone = histogram_quantile(&latency->rows[LATENCY_ALONE].times, 0.5);
    return alone > 0 ? histogram_quantile(&row->times, 0.5) / alone : 0;
}
