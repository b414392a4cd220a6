#include "study/study_threads.h"

#include "base/error.h"
#include "base/processor.h"

#include <pthread.h>
#include <stdatomic.h>

/* What all threads share. */
struct study_crew {
    const struct study *study;
    const struct study_items *items;
    atomic_size_t next, finished;
    atomic_bool stop;
    pthread_mutex_t mutex; /* of the two below */
    convoy_status status;
    convoy_error *error;
};

struct member {
    struct study_hand hand;
    pthread_t thread;
};

uint32_t study_threads(void) {
    const uint32_t usable = processors_usable();
    return usable > STUDY_THREADS_MOST ? STUDY_THREADS_MOST : usable > 0 ? usable : 1;
}

/* Only the first failure counts. */
static void give_up(struct study_crew *crew, convoy_status status, const convoy_error *error) {
    pthread_mutex_lock(&crew->mutex);
    if (crew->status == CONVOY_OK) {
        crew->status = status;
        if (crew->error)
            *crew->error = *error;
    }
    pthread_mutex_unlock(&crew->mutex);
    atomic_store(&crew->stop, true);
}

convoy_status study_hand_goes_on(const struct study_hand *hand, convoy_error *error) {
    const struct study *study = hand ? hand->crew->study : NULL;
    const convoy_study_options *options = study && hand->number == 0 ? study->options : NULL;
    if (hand && (atomic_load(&hand->crew->stop) ||
                 (options && options->cancelled && options->cancelled(options->cancelled_context))))
        return error_set(error, CONVOY_E_CANCELLED, "the study was given up");
    return CONVOY_OK;
}

static void *work(void *argument) {
    const struct study_hand *hand = argument;
    struct study_crew *crew = hand->crew;
    const struct study_items *items = crew->items;
    for (size_t i; !atomic_load(&crew->stop) && (i = atomic_fetch_add(&crew->next, 1)) < items->count;) {
        convoy_error error = {0};
        convoy_status status = CONVOY_OK;
        if (hand->number == 0 && crew->study)
            status = study_step(crew->study, items->what, items->done + atomic_load(&crew->finished),
                                items->total, &error);
        if (status == CONVOY_OK)
            status = items->run(items->context, i, hand, &error);
        if (status != CONVOY_OK)
            give_up(crew, status, &error);
        atomic_fetch_add(&crew->finished, 1);
    }
    return NULL;
}

/* A thread that cannot be had is done without. */
convoy_status study_items_run(const struct study *study, const struct study_items *items,
                              convoy_error *error) {
    struct study_crew crew = {.study = study, .items = items, .error = error, .status = CONVOY_OK};
    struct member members[STUDY_THREADS_MOST];
    uint32_t begun = 1;
    pthread_mutex_init(&crew.mutex, NULL);
    members[0] = (struct member){.hand = {.crew = &crew}};
    for (; begun < study_threads() && begun < items->count; begun++) {
        members[begun] = (struct member){.hand = {.crew = &crew, .number = begun}};
        if (pthread_create(&members[begun].thread, NULL, work, &members[begun].hand) != 0)
            break;
    }
    work(&members[0].hand);
    for (uint32_t i = 1; i < begun; i++)
        pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&crew.mutex);
    if (crew.status == CONVOY_OK && study) /* the thread that tells and asks may have had no item */
        crew.status = study_step(study, items->what, items->done + items->count, items->total, error);
    return crew.status;
}
