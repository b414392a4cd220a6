#include "code/survivor_sets.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1

static const uint32_t strides[] = {1, 2, 3, 4, 8};

#define STRIDES (sizeof strides / sizeof strides[0])

/* Who is lost, and who is left then. */
struct loss {
    uint32_t workers, stragglers;
    bool *lost;          /* [workers] */
    uint32_t *survivors; /* [workers] */
    bool (*visit)(void *context, const uint32_t *survivors, uint32_t count);
    void *context;
};

static bool visit_survivors(struct loss *loss) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < loss->workers; w++)
        if (!loss->lost[w])
            loss->survivors[count++] = w;
    return loss->visit(loss->context, loss->survivors, count);
}

/* Exact, since every product before the division is a whole number below 2^53. */
double survivor_sets_count(uint32_t workers, uint32_t stragglers) {
    double count = 1;
    for (uint32_t i = 1; i <= stragglers; i++)
        count = count * (workers - stragglers + i) / i;
    return count;
}

/* All sets in lexicographic order of who is lost: at[] are their positions. */
static void visit_all(struct loss *loss, uint32_t *at) {
    uint32_t n = loss->workers, k = loss->stragglers;
    for (uint32_t i = 0; i < k; i++)
        at[i] = i;
    for (;;) {
        memset(loss->lost, 0, n * sizeof *loss->lost);
        for (uint32_t i = 0; i < k; i++)
            loss->lost[at[i]] = true;
        if (!visit_survivors(loss))
            return;
        uint32_t i = k;
        while (i > 0 && at[i - 1] == n - k + i - 1)
            i--;
        if (i == 0)
            return;
        at[i - 1]++;
        for (; i < k; i++)
            at[i] = at[i - 1] + 1;
    }
}

/* Every stride-th worker from `first` on; past the last one it goes on with the next that is not lost yet. */
static void lose_progression(struct loss *loss, uint32_t first, uint32_t stride) {
    uint32_t n = loss->workers, at = first;
    memset(loss->lost, 0, n * sizeof *loss->lost);
    for (uint32_t i = 0; i < loss->stragglers; i++, at = (at + stride) % n) {
        while (loss->lost[at])
            at = (at + 1) % n;
        loss->lost[at] = true;
    }
}

static void lose_at_random(struct loss *loss, struct random *random) {
    uint32_t n = loss->workers, left = loss->stragglers;
    for (uint32_t w = 0; w < n; w++) { /* selection sampling: Knuth, volume 2, algorithm S */
        loss->lost[w] = random_below(random, n - w) < left;
        left -= loss->lost[w];
    }
}

static void visit_some(struct loss *loss, uint32_t most) {
    uint32_t starts = most / (2 * STRIDES), visited = 0;
    struct random random;
    random_seed(&random, SEED);
    for (size_t s = 0; s < STRIDES; s++)
        for (uint32_t i = 0; i < starts; i++, visited++) {
            lose_progression(loss, (uint32_t)((uint64_t)i * loss->workers / starts), strides[s]);
            if (!visit_survivors(loss))
                return;
        }
    for (; visited < most; visited++) {
        lose_at_random(loss, &random);
        if (!visit_survivors(loss))
            return;
    }
}

convoy_status survivor_sets_visit(uint32_t workers, uint32_t stragglers, uint32_t most,
                                  bool (*visit)(void *context, const uint32_t *survivors, uint32_t count),
                                  void *context) {
    if (stragglers >= workers)
        return CONVOY_E_USAGE;
    struct loss loss = {.workers = workers,
                        .stragglers = stragglers,
                        .lost = calloc(workers, sizeof *loss.lost),
                        .survivors = calloc(workers, sizeof *loss.survivors),
                        .visit = visit,
                        .context = context};
    uint32_t *at = calloc(stragglers + 1, sizeof *at);
    bool complete = loss.lost && loss.survivors && at;
    if (complete && survivor_sets_count(workers, stragglers) <= most)
        visit_all(&loss, at);
    else if (complete)
        visit_some(&loss, most);
    free(loss.lost);
    free(loss.survivors);
    free(at);
    return complete ? CONVOY_OK : CONVOY_E_MEMORY;
}
