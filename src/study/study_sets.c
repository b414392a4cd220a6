#include "study/study_sets.h"

#include "base/random.h"
#include "code/survivor_sets.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[STUDY_LOSSES] = {"any",      "neighbours", "stride 2", "stride 3",
                                                "stride 4", "stride 8",   "halves",   "drawn"};

/* Hosts to which workers are dealt out. */
static const struct {
    uint32_t stride;
    enum study_loss loss;
} strides[] = {{1, STUDY_LOSS_NEIGHBOURS},
               {2, STUDY_LOSS_STRIDE_2},
               {3, STUDY_LOSS_STRIDE_3},
               {4, STUDY_LOSS_STRIDE_4},
               {8, STUDY_LOSS_STRIDE_8}};

/* Sets under way. */
struct listing {
    struct study_sets *sets;
    size_t room; /* sets */
    bool *lost;  /* [workers] */
    uint32_t *order;
};

const char *study_loss_name(enum study_loss loss) {
    return names[loss];
}

const uint32_t *study_set(const struct study_sets *sets, size_t index) {
    return sets->members + index * sets->size;
}

static bool reserve(struct listing *listing) {
    struct study_sets *sets = listing->sets;
    if (sets->count < listing->room)
        return true;
    const size_t room = listing->room ? 2 * listing->room : 256;
    uint32_t *members = realloc(sets->members, room * sets->size * sizeof *members);
    if (members)
        sets->members = members;
    uint8_t *losses = members ? realloc(sets->losses, room) : NULL;
    if (losses) {
        sets->losses = losses;
        listing->room = room;
    }
    return losses;
}

/* Takes the set that is not lost; once only, if `once`. */
static convoy_status take(struct listing *listing, enum study_loss loss, bool once) {
    struct study_sets *sets = listing->sets;
    if (!reserve(listing))
        return CONVOY_E_MEMORY;
    uint32_t *to = sets->members + sets->count * sets->size;
    for (uint32_t w = 0, i = 0; w < sets->workers; w++)
        if (!listing->lost[w])
            to[i++] = w;
    for (size_t i = 0; once && i < sets->count; i++)
        if (memcmp(study_set(sets, i), to, sets->size * sizeof *to) == 0)
            return CONVOY_OK;
    sets->losses[sets->count++] = (uint8_t)loss;
    return CONVOY_OK;
}

/* ---- all ---- */

/* Whether those that are missing are neighbours on the ring: the survivors then have at most one gap. */
static bool is_window(const struct study_sets *sets, const uint32_t *survivors) {
    uint32_t gaps = 0;
    for (uint32_t i = 0; i < sets->size; i++)
        gaps += survivors[(i + 1) % sets->size] != (survivors[i] + 1) % sets->workers;
    return gaps <= 1;
}

static bool take_any(void *context, const uint32_t *survivors, uint32_t count) {
    struct listing *listing = context;
    struct study_sets *sets = listing->sets;
    if (!reserve(listing))
        return false;
    memcpy(sets->members + sets->count * sets->size, survivors, count * sizeof *survivors);
    sets->losses[sets->count++] = is_window(sets, survivors) ? STUDY_LOSS_NEIGHBOURS : STUDY_LOSS_ANY;
    return true;
}

static convoy_status list_all(struct listing *listing, size_t expected) {
    struct study_sets *sets = listing->sets;
    const convoy_status status =
        survivor_sets_visit(sets->workers, sets->workers - sets->size, (uint32_t)expected, take_any, listing);
    sets->all = true;
    sets->fair_count = sets->count;
    return status == CONVOY_OK && sets->count < expected ? CONVOY_E_MEMORY : status;
}

/* ---- some ---- */

/* The workers in the order in which hosts have them. */
static void deal(struct listing *listing, uint32_t stride) {
    uint32_t at = 0;
    for (uint32_t host = 0; host < stride; host++)
        for (uint32_t w = host; w < listing->sets->workers; w += stride)
            listing->order[at++] = w;
}

/* Loses `size` neighbours in that order, from `first` on. */
static void lose(struct listing *listing, uint32_t first, uint32_t size) {
    const uint32_t n = listing->sets->workers;
    for (uint32_t i = 0; i < size; i++)
        listing->lost[listing->order[(first + i) % n]] = true;
}

static void lose_none(struct listing *listing) {
    memset(listing->lost, 0, listing->sets->workers * sizeof *listing->lost);
}

static convoy_status list_windows(struct listing *listing) {
    const uint32_t n = listing->sets->workers, gone = n - listing->sets->size;
    convoy_status status = CONVOY_OK;
    for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++) {
        deal(listing, strides[s].stride);
        for (uint32_t first = 0; first < n && status == CONVOY_OK; first++) {
            lose_none(listing);
            lose(listing, first, gone);
            status = take(listing, strides[s].loss, true);
        }
    }
    return status;
}

static convoy_status list_halves(struct listing *listing) {
    const uint32_t n = listing->sets->workers, gone = n - listing->sets->size;
    const uint32_t half = gone / 2, rest = gone - half;
    convoy_status status = CONVOY_OK;
    deal(listing, 1);
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = half == rest ? a : 0; b < n && status == CONVOY_OK; b++) {
            if ((b + n - a) % n < half || (a + n - b) % n < rest)
                continue; /* they overlap */
            lose_none(listing);
            lose(listing, a, half);
            lose(listing, b, rest);
            status = take(listing, STUDY_LOSS_HALVES, true);
        }
    return status;
}

/* Selection sampling: Knuth, volume 2, algorithm S. */
static convoy_status list_drawn(struct listing *listing, size_t drawn, uint64_t seed) {
    struct study_sets *sets = listing->sets;
    struct random random;
    random_seed(&random, seed ^ ((uint64_t)sets->workers << 32 | sets->size));
    convoy_status status = CONVOY_OK;
    sets->fair = sets->count;
    sets->fair_count = drawn;
    for (size_t i = 0; i < drawn && status == CONVOY_OK; i++) {
        uint32_t left = sets->workers - sets->size;
        for (uint32_t w = 0; w < sets->workers; w++) {
            listing->lost[w] = random_below(&random, sets->workers - w) < left;
            left -= listing->lost[w];
        }
        status = take(listing, STUDY_LOSS_DRAWN, false);
    }
    return status;
}

convoy_status study_sets_create(struct study_sets *sets, uint32_t workers, uint32_t size, size_t most,
                                size_t drawn, uint64_t seed) {
    if (size == 0 || size > workers)
        return CONVOY_E_USAGE;
    struct study_sets made = {.workers = workers, .size = size};
    struct listing listing = {.sets = &made,
                              .lost = calloc(workers, sizeof *listing.lost),
                              .order = calloc(workers, sizeof *listing.order)};
    convoy_status status = listing.lost && listing.order ? CONVOY_OK : CONVOY_E_MEMORY;
    const double all = survivor_sets_count(workers, workers - size);
    if (status == CONVOY_OK && all <= (double)most) {
        status = list_all(&listing, (size_t)(all + 0.5));
    } else if (status == CONVOY_OK) {
        status = list_windows(&listing);
        if (status == CONVOY_OK)
            status = list_halves(&listing);
        if (status == CONVOY_OK)
            status = list_drawn(&listing, drawn, seed);
    }
    free(listing.lost);
    free(listing.order);
    if (status == CONVOY_OK)
        *sets = made;
    else
        study_sets_destroy(&made);
    return status;
}

void study_sets_destroy(struct study_sets *sets) {
    free(sets->members);
    free(sets->losses);
    *sets = (struct study_sets){0};
}
