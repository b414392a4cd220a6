/* Nodes of the rotation code, and the search for a placement whose likely losses stay solvable.
 *
 * Let V be the Vandermonde matrix of δ of the q nodes. The q x q matrix of all nodes is √q times a unitary
 * one, and complementary square blocks of a unitary matrix share their smallest singular value. So where the
 * q − δ missing nodes are fewer than δ, κ(V) = √q / σ_min of their own, smaller, Vandermonde matrix;
 * elsewhere κ is computed from V.
 *
 * Losses of γ workers that the search guards against: γ neighbours (a rack, a range of ranks); γ neighbours
 * in the order that deals the workers out to 2, 3, 4 or 8 hosts in turn (0, s, 2s, ..., 1, s+1, ...); and two
 * windows of γ/2. Workers are in a ring: windows go round its end.
 *
 * The largest κ of a candidate grows loss by loss, and the candidate is dropped when it is no better than the
 * best so far. Most losses need no singular values: V·Vᴴ is unitarily similar to the real matrix of Dirichlet
 * kernels sin(πKd/q)/sin(πd/q), d the difference of two nodes and K the order. Where that has a Cholesky
 * factor after q/M² is taken from its diagonal, its smallest eigenvalue is larger than that, and κ < M.
 *
 * Cost: singular values for about the logarithm of the losses' number per candidate, Cholesky factors for the
 * rest; (n,γ) = (20,4) 3 ms, (40,8) 17 ms, (60,28) 0.15 s, (96,32) 0.5 s on one core of 2.6 GHz. */
#include "code/placement.h"

#include "linalg/dense.h"

#include <math.h>
#include <stdlib.h>

enum {
    ORDER_SPARE = 8, /* largest q − n tried */
    SEARCH_MAX = 96  /* workers; more are spread by the golden section */
};

/* Orders in which neighbours are lost. */
static const uint32_t strides[] = {1, 2, 3, 4, 8};

/* Beyond this, float32 answers are worth nothing, and candidates are not told apart. */
static const double CONDITION_MAX = 1e6;

/* Candidates closer than this differ by rounding. */
static const double MARGIN = 1 - 1e-6;

struct placement placement_plain(uint32_t workers) {
    return (struct placement){.workers = workers, .order = workers, .step = 1};
}

uint32_t placement_node(const struct placement *placement, uint32_t worker) {
    return (uint32_t)((uint64_t)placement->step * worker % placement->order);
}

/* Scratch for κ of sets of nodes of one circle. */
struct circle {
    uint32_t order;  /* q */
    uint32_t count;  /* δ */
    bool missing;    /* look at the missing nodes: 2δ > q */
    uint32_t listed; /* the nodes looked at: δ, or q − δ */
    bool *taken;     /* [q] */
    uint32_t *nodes; /* [listed] */
    double *matrix;  /* [listed][listed] */
    double *kernel;  /* [q], by the difference of two nodes */
    double *gram;    /* [listed][listed] */
};

static void circle_free(struct circle *c) {
    free(c->taken);
    free(c->nodes);
    free(c->matrix);
    free(c->kernel);
    free(c->gram);
}

static convoy_status circle_alloc(struct circle *c, uint32_t order, uint32_t count) {
    *c = (struct circle){.order = order, .count = count, .missing = 2 * (uint64_t)count > order};
    size_t listed = c->listed = c->missing ? order - count : count;
    c->taken = calloc(order, sizeof *c->taken);
    c->nodes = calloc(listed + 1, sizeof *c->nodes);
    c->matrix = calloc(listed * listed + 1, sizeof *c->matrix);
    c->kernel = calloc(order, sizeof *c->kernel);
    c->gram = calloc(listed * listed + 1, sizeof *c->gram);
    return c->taken && c->nodes && c->matrix && c->kernel && c->gram ? CONVOY_OK : CONVOY_E_MEMORY;
}

/* Lists the nodes looked at: of the δ taken ones or of the others. */
static void circle_list(struct circle *c) {
    uint32_t listed = 0;
    for (uint32_t t = 0; t < c->order && listed < c->listed; t++)
        if (c->taken[t] != c->missing)
            c->nodes[listed++] = t;
}

/* placement_row of a node of q. */
static void node_row(uint64_t q, uint64_t node, size_t count, double *row) {
    for (size_t m = 0; m < count / 2; m++) {
        double angle = M_PI * (double)((count - 1 - 2 * m) * node % (2 * q)) / (double)q;
        row[2 * m] = M_SQRT2 * cos(angle);
        row[2 * m + 1] = M_SQRT2 * sin(angle);
    }
    if (count % 2)
        row[count - 1] = 1;
}

void placement_row(const struct placement *placement, uint32_t worker, uint32_t count, double *row) {
    node_row(placement->order, placement_node(placement, worker), count, row);
}

/* By the listed nodes. */
static convoy_status circle_conditioning(struct circle *c, struct conditioning *conditioning) {
    const uint64_t q = c->order, order = c->listed;
    double *values = calloc(order + 1, sizeof *values);
    convoy_status status = values ? CONVOY_OK : CONVOY_E_MEMORY;
    for (size_t j = 0; j < order; j++)
        node_row(q, c->nodes[j], order, c->matrix + j * order);
    if (status == CONVOY_OK && order > 0)
        status = dense_singular_values(order, order, c->matrix, values);
    if (status == CONVOY_OK) {
        const double largest = c->missing ? sqrt(q) : values[0];
        const double smallest = order > 0 ? values[order - 1] : largest;
        double square = c->missing ? (double)(c->count - order) / (double)q : 0;
        for (size_t i = 0; i < order; i++)
            square += 1 / (values[i] * values[i]);
        const bool singular = !(smallest > 0);
        *conditioning = (struct conditioning){singular ? INFINITY : largest / smallest,
                                              singular ? INFINITY : sqrt(square)};
    }
    free(values);
    return status;
}

convoy_status placement_conditioning(const struct placement *placement, const uint32_t *workers,
                                     uint32_t count, struct conditioning *conditioning) {
    struct circle c;
    convoy_status status = circle_alloc(&c, placement->order, count);
    if (status == CONVOY_OK) {
        for (uint32_t i = 0; i < count; i++)
            c.taken[placement_node(placement, workers[i])] = true;
        circle_list(&c);
        status = circle_conditioning(&c, conditioning);
    }
    circle_free(&c);
    return status;
}

static void circle_kernel(struct circle *c) {
    c->kernel[0] = c->listed;
    for (uint32_t d = 1; d < c->order; d++)
        c->kernel[d] = sin(M_PI * (double)((uint64_t)c->listed * d % (2 * (uint64_t)c->order)) / c->order) /
                       sin(M_PI * d / c->order);
}

/* Whether κ < bound is certain; false where it has to be computed. Cholesky, row by row. */
static bool circle_below(struct circle *c, double bound) {
    double shift = c->order / (bound * bound);
    for (size_t i = 0; i < c->listed; i++) {
        double *row = c->gram + i * c->listed, pivot = c->kernel[0] - shift;
        for (size_t j = 0; j < i; j++) {
            const double *above = c->gram + j * c->listed;
            double sum = c->kernel[c->nodes[i] - c->nodes[j]];
            for (size_t k = 0; k < j; k++)
                sum -= row[k] * above[k];
            row[j] = sum * above[j];
            pivot -= row[j] * row[j];
        }
        if (!(pivot > 1e-12 * c->listed))
            return false;
        row[i] = 1 / sqrt(pivot);
    }
    return true;
}

/* The losses guarded against: count sets of size workers. */
struct losses {
    uint32_t workers, size;
    size_t count;
    uint32_t *lost; /* [count][size] */
};

/* Worker `at` of the order that deals workers out to `stride` hosts in turn. */
static uint32_t dealt(uint32_t workers, uint32_t stride, uint32_t at) {
    for (uint32_t host = 0;; host++) {
        uint32_t of_host = host < workers ? (workers - host + stride - 1) / stride : 0;
        if (at < of_host)
            return host + at * stride;
        at -= of_host;
    }
}

static convoy_status losses_create(struct losses *losses, uint32_t n, uint32_t size) {
    uint32_t half = size / 2, rest = size - half, *to;
    *losses = (struct losses){.workers = n, .size = size};
    to = losses->lost = calloc(((size_t)n * n + 5 * (size_t)n) * size + 1, sizeof *to);
    if (!to)
        return CONVOY_E_MEMORY;
    for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++)
        for (uint32_t a = 0; a < n; a++, losses->count++)
            for (uint32_t i = 0; i < size; i++)
                *to++ = dealt(n, strides[s], (a + i) % n);
    for (uint32_t a = 0; half > 0 && a < n; a++)
        for (uint32_t b = half == rest ? a : 0; b < n; b++) {
            if ((b + n - a) % n < half || (a + n - b) % n < rest)
                continue;
            for (uint32_t i = 0; i < half; i++)
                *to++ = (a + i) % n;
            for (uint32_t i = 0; i < rest; i++)
                *to++ = (b + i) % n;
            losses->count++;
        }
    return CONVOY_OK;
}

/* The largest κ over the losses, or some κ >= limit of theirs where that is as large. */
static convoy_status worst_condition(const struct placement *placement, const struct losses *losses,
                                     double limit, double *worst) {
    struct circle c;
    convoy_status status = circle_alloc(&c, placement->order, losses->workers - losses->size);
    if (status != CONVOY_OK)
        goto out;
    circle_kernel(&c);
    *worst = 1;
    for (size_t l = 0; l < losses->count && *worst < limit; l++) {
        for (uint32_t j = 0; j < losses->workers; j++)
            c.taken[placement_node(placement, j)] = true;
        for (uint32_t i = 0; i < losses->size; i++)
            c.taken[placement_node(placement, losses->lost[l * losses->size + i])] = false;
        circle_list(&c);
        if (circle_below(&c, *worst))
            continue;
        struct conditioning found;
        status = circle_conditioning(&c, &found);
        if (status != CONVOY_OK)
            goto out;
        *worst = fmax(*worst, found.condition);
    }
out:
    circle_free(&c);
    return status;
}

static uint32_t common_divisor(uint32_t a, uint32_t b) {
    return b == 0 ? a : common_divisor(b, a % b);
}

struct placement placement_golden(uint32_t workers) {
    struct placement placement = placement_plain(workers);
    placement.step = (uint32_t)(workers * 0.381966 + 0.5);
    while (placement.step > 1 && common_divisor(workers, placement.step) > 1)
        placement.step--;
    placement.step += placement.step == 0;
    return placement;
}

/* Larger steps first, so that of equals neighbours are spread the farthest. */
static convoy_status search(const struct losses *losses, struct placement *best) {
    uint32_t n = losses->workers;
    double limit = CONDITION_MAX;
    for (uint32_t q = n; q <= n + ORDER_SPARE; q++)
        for (uint32_t step = q > 1 ? q / 2 : 1; step > 0; step--) {
            struct placement candidate = {.workers = n, .order = q, .step = step};
            double worst;
            if (common_divisor(q, step) > 1)
                continue;
            convoy_status status = worst_condition(&candidate, losses, limit, &worst);
            if (status != CONVOY_OK)
                return status;
            if (worst < limit) {
                limit = worst * MARGIN;
                *best = candidate;
            }
        }
    return CONVOY_OK;
}

convoy_status placement_spread(uint32_t workers, uint32_t stragglers, struct placement *placement) {
    if (workers == 0 || stragglers >= workers)
        return CONVOY_E_USAGE;
    struct placement best = placement_golden(workers);
    if (workers <= SEARCH_MAX) {
        struct losses losses;
        convoy_status status = losses_create(&losses, workers, stragglers);
        if (status == CONVOY_OK)
            status = search(&losses, &best);
        free(losses.lost);
        if (status != CONVOY_OK)
            return status;
    }
    *placement = best;
    return CONVOY_OK;
}

convoy_status placement_worst_condition(const struct placement *placement, uint32_t stragglers,
                                        double *condition) {
    if (stragglers >= placement->workers)
        return CONVOY_E_USAGE;
    struct losses losses;
    double worst;
    convoy_status status = losses_create(&losses, placement->workers, stragglers);
    if (status == CONVOY_OK)
        status = worst_condition(placement, &losses, INFINITY, &worst);
    if (status == CONVOY_OK)
        *condition = worst;
    free(losses.lost);
    return status;
}
