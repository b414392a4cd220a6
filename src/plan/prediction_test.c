#include "plan/prediction.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 5

/* One worker's task takes so long, its way up and its answer's way down. */
#define TASK_NS    1e6
#define UP_NS      40e3
#define DOWN_NS    10e3
#define LATENCY_NS 1e3

/* 1000 elements up, 250 down: 4000 and 1000 bytes. */
static struct candidate candidate(uint32_t threshold) {
    return (struct candidate){.input_parts = 4,
                              .filter_parts = 4,
                              .input_pieces = 2,
                              .filter_pieces = 2,
                              .threshold = threshold,
                              .decode_macs = 2.0 * threshold,
                              .cost = {.up = 1000, .down = 250, .stored = 100, .macs = 1e6},
                              .task = {.spatial = 1, .groups = 1, .kernel = {3}, .out = {1}, .batch = 1}};
}

#define RATES(rate)                                                                                          \
    {                                                                                                        \
        .macs_per_ns = { rate, rate, rate, rate }                                                            \
    }

/* A link on which tasks take UP_NS and answers DOWN_NS, and `count` workers as fast as the master. */
static struct profile alike(uint32_t count) {
    return (struct profile){.master = RATES(1),
                            .bytes_per_ns = 10,
                            .task_ns = 5e3,
                            .link = {4000 / UP_NS, 1000 / DOWN_NS, LATENCY_NS},
                            .workers = {{.count = count, .rates = RATES(1)}},
                            .worker_kinds = 1};
}

/* The prediction over so many draws. */
static struct prediction predict_drawn(struct prediction_job job, const struct candidate *c, uint32_t draws,
                                       uint64_t seed) {
    double *times = NULL;
    assert_int_equal(prediction_draw(&times, job.profile, job.workers, draws, seed), CONVOY_OK);
    job.draws = draws;
    job.times = times;
    const struct prediction p = predict(&job, c);
    free(times);
    return p;
}

static struct prediction predict_of(const struct profile *profile, const struct candidate *c,
                                    uint32_t workers, uint32_t asked) {
    const struct prediction_job job = {.profile = profile,
                                       .workers = workers,
                                       .asked = asked,
                                       .frames = CONVOY_F32,
                                       .task_master_ns = TASK_NS};
    const struct prediction p = predict_drawn(job, c, 16, SEED);
    if (!(fabs(p.total_ns - (p.tasks_ns + p.encode_ns + p.answers_ns + p.decode_ns)) <= 1e-6 * p.total_ns))
        fail_msg("%g ns in all: tasks %g, encode %g, answers %g, decode %g", p.total_ns, p.tasks_ns,
                 p.encode_ns, p.answers_ns, p.decode_ns);
    return p;
}

static void assert_ns(const char *what, double found, double expected) {
    if (!(fabs(found - expected) <= 1e-9 * expected))
        fail_msg("%s: %.12g ns, not %.12g", what, found, expected);
}

/* ---- without slowness ---- */

/* Tasks leave one after the other, so the δ-th answer comes when the δ-th task was sent, computed and
 * answered. */
static void test_equal_workers_on_a_link_that_is_narrower_up(void **state) {
    (void)state;
    const struct profile profile = alike(6);
    const struct candidate c = candidate(4);
    const struct prediction few = predict_of(&profile, &c, 6, 4), all = predict_of(&profile, &c, 6, 6);
    assert_ns("asked 4", few.answers_ns, 4 * UP_NS + LATENCY_NS + TASK_NS + DOWN_NS + LATENCY_NS);
    assert_ns("asked 6", all.answers_ns, few.answers_ns); /* the last two tasks are in nobody's way */
    assert_ns("up", few.up_ns, UP_NS);
    assert_ns("task", few.task_ns, TASK_NS);
    assert_ns("down", few.down_ns, DOWN_NS);
    assert_true(few.up_bytes == 4 * 4000 && few.down_bytes == 4 * 1000);
    assert_true(all.up_bytes == 6 * 4000 && all.down_bytes == 6 * 1000);
    assert_true(few.workers_ns == 4 * TASK_NS && all.workers_ns == 6 * TASK_NS);
    assert_true(few.tasks_ns == 4 * 5e3 && all.tasks_ns == 6 * 5e3 && all.encode_ns > few.encode_ns &&
                all.total_ns > few.total_ns);
}

/* Answers wait for each other. */
static void test_equal_workers_on_a_link_that_is_narrower_down(void **state) {
    (void)state;
    struct profile profile = alike(6);
    profile.link.down_bytes_per_ns = 1000 / (3 * UP_NS);
    const struct candidate c = candidate(4);
    const double expected = UP_NS + LATENCY_NS + TASK_NS + 4 * 3 * UP_NS + LATENCY_NS;
    assert_ns("asked 4", predict_of(&profile, &c, 6, 4).answers_ns, expected);
    assert_ns("asked 6", predict_of(&profile, &c, 6, 6).answers_ns, expected);
}

static void test_memory_instead_of_a_link(void **state) {
    (void)state;
    struct profile profile = alike(6);
    profile.link.up_bytes_per_ns = profile.link.down_bytes_per_ns = INFINITY;
    profile.link.latency_ns = 0;
    const struct candidate c = candidate(4);
    assert_ns("answers", predict_of(&profile, &c, 6, 6).answers_ns, TASK_NS);
}

/* Coding, by hand: bytes at a share of memcpy's rate (0.9 and 0.55) or multiply-adds, whichever takes longer.
 */
static void test_coding(void **state) {
    (void)state;
    struct profile profile = alike(6);
    const struct candidate c = candidate(4);
    struct prediction p = predict_of(&profile, &c, 6, 5);
    assert_ns("encode", p.encode_ns, 5 * 1000 * 4 /* multiply-adds */);
    assert_ns("decode", p.decode_ns, 2 * 4 * (250.0 / 4 * 16));
    profile.master = (struct compute_rates)RATES(1000);
    profile.workers[0].rates = profile.master;
    p = predict_of(&profile, &c, 6, 5);
    assert_ns("encode", p.encode_ns, (500 * 4 * 4 + 5 * 4000) / (10 * 0.9));
    assert_ns("decode", p.decode_ns, (250.0 / 4 * 16 * 4 + 4 * 1000) / (10 * 0.55));
}

/* What travels: halves take half of it, float64 twice of it, in the network as on the link. */
static void test_types_of_frames(void **state) {
    (void)state;
    static const struct {
        convoy_dtype frames;
        double frame_bytes, element_bytes;
    } cases[] = {{CONVOY_F32, 4, 4}, {CONVOY_F16, 2, 4}, {CONVOY_BF16, 2, 4}, {CONVOY_F64, 8, 8}};
    struct profile profile = alike(6);
    profile.master = (struct compute_rates)RATES(1000);
    const struct candidate c = candidate(4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct prediction_job job = {
            .profile = &profile, .workers = 6, .asked = 5, .frames = cases[i].frames, .task_master_ns = 1};
        const struct prediction p = predict(&job, &c);
        const double frame = cases[i].frame_bytes, element = cases[i].element_bytes;
        assert_ns("up", p.up_ns, UP_NS * frame / 4);
        assert_ns("down", p.down_ns, DOWN_NS * frame / 4);
        assert_ns("encode", p.encode_ns, (500 * 4 * element + 5 * 1000 * frame) / (10 * 0.9));
        assert_ns("decode", p.decode_ns, (250.0 / 4 * 16 * element + 4 * 250 * frame) / (10 * 0.55));
    }
}

/* Two of six compute half as fast, and are listed first: they are asked last, and nobody waits for them
 * unless δ is 5. */
static void test_two_slow_workers(void **state) {
    (void)state;
    struct profile profile = alike(6);
    profile.workers[0] = (struct worker_profile){.count = 2, .rates = RATES(0.5)};
    profile.workers[1] = (struct worker_profile){.count = 4, .rates = RATES(1)};
    profile.worker_kinds = 2;
    const struct candidate four = candidate(4), five = candidate(5);
    const double beside = LATENCY_NS + DOWN_NS + LATENCY_NS;
    assert_ns("4 of 4", predict_of(&profile, &four, 6, 4).answers_ns, 4 * UP_NS + TASK_NS + beside);
    assert_ns("4 of 6", predict_of(&profile, &four, 6, 6).answers_ns, 4 * UP_NS + TASK_NS + beside);
    assert_ns("5 of 6", predict_of(&profile, &five, 6, 6).answers_ns, 5 * UP_NS + 2 * TASK_NS + beside);
    assert_ns("task", predict_of(&profile, &five, 6, 6).task_ns, TASK_NS); /* of the fastest */
    assert_ns("workers", predict_of(&profile, &five, 6, 5).workers_ns, 6 * TASK_NS);
}

/* Six workers on two processors. Tasks of more than a turn (3 ms) end together; of very short ones δ are done
 * first. */
static void test_shared_processors(void **state) {
    (void)state;
    struct profile profile = alike(6);
    profile.link.up_bytes_per_ns = profile.link.down_bytes_per_ns = INFINITY;
    profile.link.latency_ns = 0;
    const struct candidate c = candidate(4);
    static const struct {
        uint32_t processors, asked;
        double task_ns, times;
    } cases[] = {
        {2, 6, 3e6, 3}, {2, 6, 9e6, 3}, {2, 6, 3e4, 2.01}, {2, 4, 3e6, 2}, {1, 6, 3e6, 6},
        {6, 6, 3e6, 1}, {8, 6, 3e6, 1}, {4, 6, 3e6, 1.5},  {4, 4, 3e6, 1}, {0, 6, 3e6, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        profile.shared_processors = cases[i].processors;
        const struct prediction_job job = {.profile = &profile,
                                           .workers = 6,
                                           .asked = cases[i].asked,
                                           .frames = CONVOY_F32,
                                           .task_master_ns = cases[i].task_ns};
        const struct prediction p = predict(&job, &c);
        assert_ns("task", p.task_ns, cases[i].times * cases[i].task_ns);
        assert_ns("answers", p.answers_ns, p.task_ns);
    }
}

/* ---- with slowness ---- */

/* Stalls that always come are no matter of chance: every draw is the same. */
static struct profile stalling(uint32_t count, double times, uint32_t spares) {
    struct profile profile = alike(count);
    profile.workers[0].slowness = (struct slowness){.stall_share = 1, .stall_times = times};
    profile.workers[1] = (struct worker_profile){.count = spares, .rates = RATES(0.8)};
    profile.worker_kinds = 2;
    return profile;
}

static const double come_ns = LATENCY_NS + DOWN_NS + LATENCY_NS;

static void test_nobody_else_is_asked_before_an_answer_is_overdue(void **state) {
    (void)state;
    const struct profile profile = stalling(4, 1.5, 2);
    const struct candidate c = candidate(2);
    assert_ns("answers", predict_of(&profile, &c, 6, 4).answers_ns, 2 * UP_NS + 1.5 * TASK_NS + come_ns);
}

static void test_others_are_asked_when_answers_are_overdue(void **state) {
    (void)state;
    const struct profile profile = stalling(4, 100, 2);
    const struct candidate c = candidate(2);
    const double usual = 2 * UP_NS + TASK_NS + come_ns;
    assert_ns("answers", predict_of(&profile, &c, 6, 4).answers_ns,
              PREDICTION_OVERDUE * usual + 2 * UP_NS + TASK_NS / 0.8 + come_ns);
    assert_ns("without others", predict_of(&profile, &c, 4, 4).answers_ns,
              2 * UP_NS + 100 * TASK_NS + come_ns);
    assert_ns("if all are asked", predict_of(&profile, &c, 6, 6).answers_ns,
              6 * UP_NS + TASK_NS / 0.8 + come_ns);
}

/* What is sent late comes behind what was sent at once: on a narrow link the sixteen tasks leave for longer
 * than it takes until an answer is overdue. */
static void test_the_others_tasks_wait_for_the_link(void **state) {
    (void)state;
    struct profile profile = stalling(16, 1e4, 2);
    profile.link.up_bytes_per_ns /= 100;
    const struct candidate c = candidate(2);
    const double up = 100 * UP_NS;
    assert_true(PREDICTION_OVERDUE * (2 * up + TASK_NS + come_ns) < 16 * up);
    assert_ns("answers", predict_of(&profile, &c, 18, 16).answers_ns, 18 * up + TASK_NS / 0.8 + come_ns);
}

static void test_draws_are_of_the_seed(void **state) {
    (void)state;
    struct profile profile = alike(6);
    profile.workers[0].slowness = (struct slowness){.exponential = 1};
    const struct candidate c = candidate(4);
    const struct prediction_job job = {
        .profile = &profile, .workers = 6, .asked = 5, .frames = CONVOY_F32, .task_master_ns = TASK_NS};
    const double first = predict_drawn(job, &c, 64, SEED).answers_ns;
    assert_true(predict_drawn(job, &c, 64, SEED).answers_ns == first);
    assert_true(predict_drawn(job, &c, 64, SEED + 1).answers_ns != first);
    assert_ns("answers", predict(&job, &c).answers_ns, /* nobody is slow */
              4 * UP_NS + TASK_NS + come_ns);
}

/* Draws belong to workers, in whatever order these are asked: the fastest, which is the last of the profile,
 * stalls. */
static void test_draws_are_of_the_workers(void **state) {
    (void)state;
    struct profile profile = alike(3);
    profile.worker_kinds = 2;
    profile.workers[1] = (struct worker_profile){
        .count = 1, .rates = RATES(4), .slowness = {.stall_share = 1, .stall_times = 100}};
    const struct candidate c = candidate(1);
    double *times = NULL;
    assert_int_equal(prediction_draw(&times, &profile, 4, 2, SEED), CONVOY_OK);
    for (int i = 0; i < 8; i++)
        assert_true(times[i] == (i % 4 == 3 ? 100 : 1));
    free(times);
    assert_ns("answers", predict_of(&profile, &c, 4, 1).answers_ns,
              PREDICTION_OVERDUE * (UP_NS + TASK_NS / 4 + come_ns) + UP_NS + TASK_NS + come_ns);
    profile.workers[1].slowness = (struct slowness){0};
    assert_int_equal(prediction_draw(&times, &profile, 4, 2, SEED), CONVOY_OK);
    assert_null(times); /* nobody is ever slow */
}

/* The δ-th smallest of n exponentials of mean 1 is, on average, 1/n + 1/(n-1) + ... + 1/(n-δ+1). */
static void test_order_statistics(void **state) {
    (void)state;
    struct profile profile = alike(8);
    profile.workers[0].slowness = (struct slowness){.exponential = 1};
    profile.link.up_bytes_per_ns = profile.link.down_bytes_per_ns = INFINITY;
    profile.link.latency_ns = 0;
    const struct candidate c = candidate(6);
    const struct prediction_job job = {
        .profile = &profile, .workers = 8, .asked = 8, .frames = CONVOY_F32, .task_master_ns = TASK_NS};
    double expected = 1;
    for (int i = 0; i < 6; i++)
        expected += 1.0 / (8 - i);
    const double found = predict_drawn(job, &c, 20000, SEED).answers_ns / TASK_NS;
    if (fabs(found - expected) > 0.01 * expected)
        fail_msg("seed %d: %g usual times, not %g", SEED, found, expected);
}

/* ---- monotone ---- */

static struct profile random_profile(struct random *random) {
    struct profile profile = {.master = RATES(1 + 50 * random_unit(random)),
                              .bytes_per_ns = 1 + 20 * random_unit(random),
                              .link = {.latency_ns = 1e6 * random_unit(random)},
                              .shared_processors = (uint32_t)random_below(random, 3),
                              .worker_kinds = 1 + (uint32_t)random_below(random, 3)};
    profile.link.up_bytes_per_ns = pow(10, -4 + 5 * random_unit(random));
    profile.link.down_bytes_per_ns = pow(10, -4 + 5 * random_unit(random));
    for (uint32_t k = 0; k < profile.worker_kinds; k++)
        profile.workers[k] = (struct worker_profile){
            .count = 1 + (uint32_t)random_below(random, 4),
            .rates = RATES(1 + 50 * random_unit(random)),
            .slowness = {.deviation = random_unit(random), .exponential = random_unit(random)}};
    return profile;
}

static double answers_of(const struct profile *profile, const struct candidate *c, uint32_t workers,
                         uint32_t asked) {
    const struct prediction_job job = {.profile = profile,
                                       .workers = workers,
                                       .asked = asked,
                                       .frames = CONVOY_F32,
                                       .task_master_ns = TASK_NS};
    return predict_drawn(job, c, 16, SEED).answers_ns;
}

/* Faster links and faster workers never take longer. */
static void test_monotone(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (int i = 0; i < 2000; i++) {
        const struct profile profile = random_profile(&random);
        const uint32_t workers = 2 + (uint32_t)random_below(&random, 12);
        const struct candidate c = candidate(1 + (uint32_t)random_below(&random, workers));
        const uint32_t asked = c.threshold + (uint32_t)random_below(&random, workers - c.threshold + 1);
        const double before = answers_of(&profile, &c, workers, asked), rounding = 1 + 1e-12;
        struct profile up = profile, down = profile, fast = profile;
        up.link.up_bytes_per_ns *= 1.7;
        down.link.down_bytes_per_ns *= 1.7;
        for (uint32_t k = 0; k < fast.worker_kinds; k++)
            for (int kind = 0; kind < RATE_KINDS; kind++)
                fast.workers[k].rates.macs_per_ns[kind] *= 1.7;
        if (answers_of(&up, &c, workers, asked) > before * rounding ||
            answers_of(&down, &c, workers, asked) > before * rounding ||
            answers_of(&fast, &c, workers, asked) > before * rounding)
            fail_msg("seed %d, profile %d: slower with a faster link or faster workers", SEED, i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_workers_on_a_link_that_is_narrower_up),
        cmocka_unit_test(test_equal_workers_on_a_link_that_is_narrower_down),
        cmocka_unit_test(test_memory_instead_of_a_link),
        cmocka_unit_test(test_coding),
        cmocka_unit_test(test_types_of_frames),
        cmocka_unit_test(test_two_slow_workers),
        cmocka_unit_test(test_shared_processors),
        cmocka_unit_test(test_nobody_else_is_asked_before_an_answer_is_overdue),
        cmocka_unit_test(test_others_are_asked_when_answers_are_overdue),
        cmocka_unit_test(test_the_others_tasks_wait_for_the_link),
        cmocka_unit_test(test_draws_are_of_the_seed),
        cmocka_unit_test(test_draws_are_of_the_workers),
        cmocka_unit_test(test_order_statistics),
        cmocka_unit_test(test_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
