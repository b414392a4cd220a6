/* The sets of survivors that the study of numerics looks at. */
#ifndef STUDY_STUDY_SETS_H
#define STUDY_STUDY_SETS_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the workers of a set were lost. */
enum study_loss {
    STUDY_LOSS_ANY, /* one of all sets, and none of those below */
    STUDY_LOSS_NEIGHBOURS,
    STUDY_LOSS_STRIDE_2, /* neighbours in the order that deals the workers out to 2 hosts in turn */
    STUDY_LOSS_STRIDE_3,
    STUDY_LOSS_STRIDE_4,
    STUDY_LOSS_STRIDE_8,
    STUDY_LOSS_HALVES, /* two windows of half as many neighbours */
    STUDY_LOSS_DRAWN,  /* at random, all sets with equal chances */
    STUDY_LOSSES
};

/* The loss in a word. */
const char *study_loss_name(enum study_loss loss);

struct study_sets {
    uint32_t workers, size; /* n, and the survivors of a set: δ */
    size_t count;
    bool all;                /* these are all sets that there are */
    size_t fair, fair_count; /* sets [fair, fair + fair_count) are all, or drawn: what is said of the average
                                set is said of these */
    uint32_t *members;       /* [count][size], ascending */
    uint8_t *losses;         /* [count], of enum study_loss */
};

/* All sets of `size` of n workers if they are no more than `most`: each once. Else those of likely losses,
 * as the search for a placement has them (code/placement.c), each once; then `drawn` ones that follow the
 * seed, of which some may be equal. The workers are in a ring. CONVOY_E_USAGE if size is 0 or more than n;
 * CONVOY_E_MEMORY. */
convoy_status study_sets_create(struct study_sets *sets, uint32_t workers, uint32_t size, size_t most,
                                size_t drawn, uint64_t seed);
void study_sets_destroy(struct study_sets *sets);

/* The survivors of a set. */
const uint32_t *study_set(const struct study_sets *sets, size_t index);

#endif
