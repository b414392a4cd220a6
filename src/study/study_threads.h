/* Items that do not depend on one another, on several threads. */
#ifndef STUDY_STUDY_THREADS_H
#define STUDY_STUDY_THREADS_H

#include "study/topic.h"

enum { STUDY_THREADS_MOST = 16 };

/* As many as a study uses: those that there are processors for. */
uint32_t study_threads(void);

/* A thread that does items. */
struct study_hand {
    uint32_t number; /* 0 to study_threads() - 1 */
    struct study_crew *crew;
};

/* Whether to go on, for items that take long: CONVOY_E_CANCELLED if the caller gives up, or another item has
 * failed. hand may be NULL: nobody gives up. */
convoy_status study_hand_goes_on(const struct study_hand *hand, convoy_error *error);

/* What is done, and what is said of it: this step has `done` others before it, of `total` in all. */
struct study_items {
    const char *what;
    size_t done, total;
    size_t count;
    /* Does one. No two items run at once by the same hand. */
    convoy_status (*run)(void *context, size_t index, const struct study_hand *hand, convoy_error *error);
    void *context;
};

/* Runs items 0 to count - 1, in any order, the calling thread among the others, which alone tells progress
 * and asks whether the caller gives up. Returns what the first one failed with, or CONVOY_E_CANCELLED; no
 * further ones are begun then. study may be NULL: nobody is told. */
convoy_status study_items_run(const struct study *study, const struct study_items *items,
                              convoy_error *error);

#endif
