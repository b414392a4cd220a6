/* What workers owe to which jobs, by events and times alone, without clocks, threads or a transport. */
#include "runtime/assignments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3
#define MS      UINT64_C(1000000)
#define LONGEST (10000 * MS)
#define USUAL   (5 * MS)
#define BYTES   16

struct scene {
    struct assignments assignments;
    struct job jobs[4];
    struct job_task tasks[4][WORKERS];
};

static void scene_open(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    assert_int_equal(assignments_init(&scene->assignments, WORKERS), CONVOY_OK);
    for (uint32_t w = 0; w < WORKERS; w++)
        scene->assignments.peers[w].state = PEER_ALIVE;
}

static void scene_close(struct scene *scene) {
    for (size_t i = 0; i < 4; i++)
        job_release(&scene->jobs[i], scene->jobs[i].tasks ? WORKERS : 0);
    assignments_clear(&scene->assignments);
}

/* Opens job i at time 0: its tasks are w(aiting), h(eld) or none. */
static struct job *open_job(struct scene *scene, size_t i, const char *tasks) {
    struct job *job = &scene->jobs[i];
    *job = (struct job){
        .answer_bytes = BYTES, .usual_ns = USUAL, .longest_ns = LONGEST, .tasks = scene->tasks[i]};
    for (uint32_t w = 0; w < WORKERS; w++)
        job->tasks[w] = (struct job_task){.state = tasks[w] == 'w'   ? TASK_WAITING
                                                   : tasks[w] == 'h' ? TASK_HELD
                                                                     : TASK_NONE};
    assignments_open(&scene->assignments, job, 0);
    return job;
}

static void send_frame(struct scene *scene, uint32_t worker) {
    peer_note_frame(&scene->assignments.peers[worker], 0);
}

/* Sends whatever may be sent, to workers that all hold the layer. How many tasks. */
static uint32_t send_tasks(struct scene *scene) {
    uint32_t sent = 0;
    for (struct job *job = scene->assignments.jobs.first; job; job = job->next)
        for (uint32_t w = 0; w < WORKERS; w++)
            if (assignments_sends(&scene->assignments, job, w)) {
                send_frame(scene, w);
                assignments_note_task(&scene->assignments, job, w);
                sent++;
            }
    return sent;
}

/* An answer of the right size, or one of another. Whether it was taken. */
static bool answer(struct scene *scene, uint32_t worker, uint64_t job, size_t bytes) {
    struct buffer *payload = buffer_create(bytes);
    assert_non_null(payload);
    const struct frame_header header = {.kind = FRAME_ANSWER, .job = job, .bytes = bytes, .took_us = 100};
    assignments_take_answer(&scene->assignments, worker, &header, &payload);
    bool taken = !payload;
    buffer_release(&payload);
    return taken;
}

static void decline(struct scene *scene, uint32_t worker, uint64_t job) {
    const struct frame_header header = {.kind = FRAME_DECLINED, .job = job};
    struct buffer *payload = NULL;
    assignments_take_answer(&scene->assignments, worker, &header, &payload);
}

/* The states as a thread that waits sees them: none, held, waiting, sent, answered, lost (x), wrong (!),
 * declined, late.
 */
static void expect_states(const struct job *job, const char *letters) {
    enum task_state states[WORKERS];
    job_states(job, WORKERS, states);
    for (uint32_t w = 0; w < WORKERS; w++)
        if (".hwsax!dl"[states[w]] != letters[w])
            fail_msg("worker %u: state %d, not %c", w, (int)states[w], letters[w]);
}

/* A worker holds two tasks at most; the third waits until one is answered. */
static void test_two_ahead(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct job *jobs[3];
    for (size_t i = 0; i < 3; i++)
        jobs[i] = open_job(&scene, i, "w..");
    assert_int_equal(send_tasks(&scene), 2);
    expect_states(jobs[2], "w..");
    assert_true(answer(&scene, 0, jobs[0]->id, BYTES));
    expect_states(jobs[0], "a..");
    assert_int_equal(send_tasks(&scene), 1);
    expect_states(jobs[2], "s..");
    assert_false(answer(&scene, 0, jobs[0]->id, BYTES)); /* once more: of no use */
    scene_close(&scene);
}

/* An answer tells that what was asked before it is lost; a pong tells so of everything before the ping. */
static void test_order(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct job *first = open_job(&scene, 0, "ww."), *second = open_job(&scene, 1, "ww.");
    assert_int_equal(send_tasks(&scene), 4);
    assert_true(answer(&scene, 0, second->id, BYTES));
    expect_states(first, "xs.");
    expect_states(second, "as.");
    decline(&scene, 1, second->id); /* tells nothing of the first */
    expect_states(first, "xs.");
    expect_states(second, "ad.");

    struct peer *peer = &scene.assignments.peers[1];
    uint64_t due_ns = peer_ping_ns(peer), ping = peer_begin_ping(peer);
    assert_int_equal(due_ns, 20 * MS);
    send_frame(&scene, 1);
    assert_true(peer_ping_ns(peer) == UINT64_MAX); /* one at a time */
    assignments_take_pong(&scene.assignments, 1, ping + 1);
    expect_states(first, "xs."); /* no answer to that ping */
    assignments_take_pong(&scene.assignments, 1, ping);
    expect_states(first, "xx.");
    assert_true(peer_ping_ns(peer) == UINT64_MAX); /* it owes nothing */
    scene_close(&scene);
}

/* An answer that does not fit its job counts as lost. */
static void test_wrong_answer(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct job *job = open_job(&scene, 0, "w..");
    send_tasks(&scene);
    assert_false(answer(&scene, 0, job->id + 1, BYTES));
    expect_states(job, "s..");
    assert_false(answer(&scene, 0, job->id, BYTES - 1));
    expect_states(job, "x..");
    scene_close(&scene);
}

/* Of three tasks one is held: it goes out when the others cannot suffice, or after twice the usual time. */
static void test_held(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct job *job = open_job(&scene, 0, "wwh");
    job->wanted = 2;
    assert_int_equal(assignments_release_held(&scene.assignments, 2 * USUAL - 1), 2 * USUAL);
    expect_states(job, "wwh");
    assert_int_equal(job->asked, 2);
    assert_int_equal(job->others.asked, 2);
    assert_true(assignments_release_held(&scene.assignments, 2 * USUAL) == UINT64_MAX);
    expect_states(job, "www");
    assert_int_equal(job->asked, 3);
    assert_int_equal(job->others.asked, 3);

    job = open_job(&scene, 1, "wwh");
    job->wanted = 2;
    assert_int_equal(send_tasks(&scene), 5);
    decline(&scene, 0, job->id);
    assignments_release_held(&scene.assignments, 0);
    expect_states(job, "dsw");
    assert_false(job_is_decided(job));
    scene_close(&scene);
}

/* A job is decided once the answers that are wanted came, or cannot come. */
static void test_decided(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct job *job = open_job(&scene, 0, "www");
    send_tasks(&scene);
    job->wanted = 2;
    answer(&scene, 0, job->id, BYTES);
    assert_false(job_is_decided(job));
    answer(&scene, 1, job->id, BYTES);
    assert_true(job_is_decided(job));
    job->wanted = 3;
    assert_false(job_is_decided(job));
    assignments_lose_worker(&scene.assignments, 2, 0);
    assert_true(job_is_decided(job));
    expect_states(job, "aax");
    scene_close(&scene);
}

/* A worker that is gone is not asked; one that is silent is not waited for, but by a job that is patient. */
static void test_gone(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene.assignments.peers[0].state = PEER_LOST;
    struct job *job = open_job(&scene, 0, "www");
    expect_states(job, "xww");
    scene.assignments.peers[1].state = PEER_SUSPECT;
    assignments_give_up_on(&scene.assignments, 1);
    expect_states(job, "xlw");
    expect_states(open_job(&scene, 1, "www"), "xlw");
    assert_int_equal(job->open, 1);
    scene.jobs[2] = (struct job){.longest_ns = LONGEST, .patient = true, .tasks = scene.tasks[2]};
    for (uint32_t w = 0; w < WORKERS; w++)
        scene.tasks[2][w].state = w == 2 ? TASK_HELD : TASK_WAITING;
    scene.jobs[2].usual_ns = USUAL;
    assignments_open(&scene.assignments, &scene.jobs[2], 1);
    assert_int_equal(job_release_held(&scene.jobs[2], WORKERS, 1), 1 + 2 * USUAL);
    assignments_give_up_on(&scene.assignments, 1);
    expect_states(&scene.jobs[2], "xwh");
    job_release_held(&scene.jobs[2], WORKERS, 1); /* but nothing is held back for it */
    expect_states(&scene.jobs[2], "xww");
    scene_close(&scene);
}

/* A worker that owes an answer long after the others is late: given up on, then asked for one thing at a
 * time, and late no longer with the first answer in time. */
static void test_late(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct assignments *a = &scene.assignments;
    struct job *job = open_job(&scene, 0, "www");
    send_tasks(&scene);
    for (uint64_t ms = 0; ms < 10; ms++)
        assignments_watch(a, 0, MS, UINT64_MAX);
    answer(&scene, 0, job->id, BYTES);
    answer(&scene, 1, job->id, BYTES);
    assert_int_equal(assignments_look_ns(a), 50 * MS);
    for (uint64_t ms = 0; ms < 249; ms++)
        assignments_watch(a, 0, MS, UINT64_MAX);
    assignments_find_late(a);
    expect_states(job, "aas");
    assert_int_equal(assignments_look_ns(a), MS);
    assignments_watch(a, 0, 5 * MS, MS); /* a wait that ended late counts until its deadline */
    assignments_find_late(a);
    expect_states(job, "aal");

    struct job *next = open_job(&scene, 1, "www");
    assert_int_equal(send_tasks(&scene), 2); /* the late one owes an answer */
    expect_states(next, "ssl");
    assert_true(assignments_close(a, job, 0));
    answer(&scene, 2, job->id, BYTES);
    assert_true(a->peers[2].lateness.late); /* it came too late */
    assert_int_equal(send_tasks(&scene), 1);
    assert_true(answer(&scene, 2, next->id, BYTES));
    assert_false(a->peers[2].lateness.late);
    scene_close(&scene);
}

/* Workers that have the task of a job that is closed are told once to forget it. */
static void test_cancels(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct assignments *a = &scene.assignments;
    struct job *job = open_job(&scene, 0, "ww."), *other = open_job(&scene, 1, "w..");
    send_tasks(&scene);
    answer(&scene, 1, job->id, BYTES);
    assert_int_equal(assignments_take_cancel(a, 0), 0);
    assert_true(assignments_close(a, job, 0));
    assert_true(a->cancels_due);
    assert_int_equal(assignments_take_cancel(a, 0), job->id);
    assert_int_equal(assignments_take_cancel(a, 0), 0);
    assert_int_equal(assignments_take_cancel(a, 1), 0);
    decline(&scene, 0, job->id);
    expect_states(other, "s..");
    assert_true(answer(&scene, 0, other->id, BYTES));
    assert_false(assignments_close(a, other, 0));
    scene_close(&scene);
}

/* What a job that is closed leaves open: late if it was to be sent more than twice the usual time ago, if it
 * was missed or if nobody waits for it; else neither. */
static void test_closed(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct assignments *a = &scene.assignments;
    struct job *job = open_job(&scene, 0, "wwh");
    send_tasks(&scene);
    assignments_close(a, job, 2 * USUAL - 1);
    expect_states(job, "ssh");
    job = open_job(&scene, 1, "wwh");
    assignments_close(a, job, 2 * USUAL);
    expect_states(job, "llh");

    /* The third is asked when the others take long, and has as much time from then on. */
    job = open_job(&scene, 2, "wwh");
    job->wanted = 2;
    assignments_release_held(a, 2 * USUAL);
    assignments_close(a, job, 4 * USUAL - 1);
    expect_states(job, "llw");
    job = open_job(&scene, 2, "wwh");
    job->wanted = 2;
    assignments_release_held(a, 2 * USUAL);
    assignments_close(a, job, 4 * USUAL);
    expect_states(job, "lll");

    job = open_job(&scene, 2, "wwh");
    job->usual_ns = 0; /* not known */
    assignments_close(a, job, LONGEST);
    expect_states(job, "wwh");
    job = open_job(&scene, 3, "wwh");
    job->wanting = true;
    assignments_close(a, job, 0);
    expect_states(job, "llh");
    a->peers[1].state = PEER_SUSPECT;
    job = open_job(&scene, 3, "wwh");
    assignments_close(a, job, 0);
    expect_states(job, "wlh");
    scene_close(&scene);
}

/* The tasks that have ended since the last look, after their jobs: one, of this job and with this outcome. */
static struct trace_task take_ended(struct scene *scene, const struct job *job, convoy_outcome outcome) {
    struct trace_task ended[TASKS_AHEAD];
    assert_int_equal(assignments_take_ended(&scene->assignments, ended), 1);
    assert_int_equal(ended[0].inference, job->inference);
    assert_int_equal(ended[0].outcome, outcome);
    assert_int_equal(assignments_take_ended(&scene->assignments, ended), 0);
    return ended[0];
}

/* A task that ends while its job is open is its owner's to tell of, one that ends later is not: its worker
 * answered, was cancelled in time, or is lost. */
static void test_ended(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct assignments *a = &scene.assignments;
    struct trace_task ended[TASKS_AHEAD];
    struct job *job = open_job(&scene, 0, "www"), *next = open_job(&scene, 1, "w..");
    job->inference = 7;
    send_tasks(&scene); /* at 0 */
    assert_int_equal(a->peers[0].owed[0].life.row, 0);
    assert_int_equal(a->peers[0].owed[1].life.row, 1);
    a->peers[0].heard_ns = 11;
    answer(&scene, 0, job->id, BYTES);
    assert_int_equal(assignments_take_ended(a, ended), 0);
    const struct trace_task *life = &job->tasks[0].life;
    assert_int_equal(life->inference, 7);
    assert_int_equal(life->worker, 0);
    assert_int_equal(life->ended_ns, 11);
    assert_int_equal(life->took_us, 100);
    assert_int_equal(job->tasks[1].life.ended_ns, 0);
    assignments_close(a, job, USUAL);
    assert_int_equal(assignments_take_ended(a, ended), 0);

    struct job *third = open_job(&scene, 2, "w.."); /* in the row that is free */
    send_tasks(&scene);
    assert_int_equal(a->peers[0].owed[0].life.row, 1);
    assert_int_equal(a->peers[0].owed[1].life.row, 0);

    decline(&scene, 1, job->id);
    struct trace_task one = take_ended(&scene, job, CONVOY_OUTCOME_SPARE);
    assert_true(one.cancelled && one.worker == 1 && one.took_us == 0);
    assignments_lose_worker(a, 2, 20);
    one = take_ended(&scene, job, CONVOY_OUTCOME_LOST);
    assert_true(!one.cancelled && one.worker == 2 && one.ended_ns == 20);

    next->inference = 8;
    a->peers[0].owed[0].life.inference = 8;
    assignments_close(a, next, 2 * USUAL);
    a->peers[0].heard_ns = 30;
    answer(&scene, 0, next->id, BYTES);
    one = take_ended(&scene, next, CONVOY_OUTCOME_LATE);
    assert_true(one.row == 1 && one.ended_ns == 30 && one.took_us == 100);

    struct job *fourth = open_job(&scene, 3, "w.."); /* an answer tells of what was asked before */
    send_tasks(&scene);
    third->inference = a->peers[0].owed[0].life.inference = 9;
    assignments_close(a, third, 0);
    answer(&scene, 0, fourth->id, BYTES);
    take_ended(&scene, third, CONVOY_OUTCOME_LOST);
    assert_int_equal(fourth->tasks[0].life.row, 1);
    scene_close(&scene);
}

static void test_standings(void **state) {
    (void)state;
    struct peer peer = {.state = PEER_ABSENT};
    assert_int_equal(peer_standing(&peer, false, 0), WORKER_ABSENT);
    peer.state = PEER_LOST;
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_DEAD);
    peer.state = PEER_SUSPECT;
    assert_int_equal(peer_standing(&peer, false, 0), WORKER_UNREADY);
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_SILENT);
    peer.state = PEER_ALIVE;
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_FREE);
    peer.lateness = (struct lateness){.slow = true, .rests_until_ns = 10};
    assert_int_equal(peer_standing(&peer, true, 9), WORKER_SLOW);
    assert_int_equal(peer_standing(&peer, true, 10), WORKER_FREE);
    peer.lateness = (struct lateness){.late = true};
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_LATE);
    peer.owed_count = 1;
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_STALLED);
    peer.left_out = true;
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_LEFT_OUT);
    peer.state = PEER_LOST; /* which it is all the same */
    assert_int_equal(peer_standing(&peer, true, 0), WORKER_DEAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_ahead),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_wrong_answer), cmocka_unit_test(test_held),
        cmocka_unit_test(test_decided),      cmocka_unit_test(test_gone),
        cmocka_unit_test(test_late),         cmocka_unit_test(test_cancels),
        cmocka_unit_test(test_closed),       cmocka_unit_test(test_ended),
        cmocka_unit_test(test_standings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
