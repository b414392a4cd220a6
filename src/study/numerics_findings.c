/* What the figures of this run say to the questions that the study was made for. Nothing here is known
 * beforehand: every sentence that may be wrong is written by what was measured. */
#include "study/numerics.h"

#include <math.h>
#include <string.h>

/* The code of a family on a cluster; NULL: it is not there. placed NULL: any. */
static const struct numerics_code *find(const struct numerics *numerics, const char *family,
                                        const char *placed, uint32_t workers, uint32_t threshold) {
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (code->compared && strcmp(code->family->name, family) == 0 &&
            (!placed || strcmp(code->placed, placed) == 0) && code->workers == workers &&
            code->threshold == threshold)
            return code;
    }
    return NULL;
}

/* ---- every set of 31 workers ---- */

static void write_every_set(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    const struct numerics_code *code = find(numerics, "rotation", "plain", 31, 28);
    if (!code)
        return;
    fprintf(page,
            "## Every survivor set of rotation, n = 31, δ = 28, plain placement\n\n"
            "κ over all %zu sets: worst %.9g, mean %.9g, median %.9g. It is computed from the Vandermonde "
            "matrix of the three\n"
            "missing nodes, in real form. `tests/study_numerics_oracle.py numerics.csv` computes it from the "
            "complex matrix of\n"
            "the 28 survivors by NumPy and compares (the test `study_numerics`).\n\n",
            code->sets->count, code->condition.worst, code->condition.fair.mean, code->condition.fair.median);
}

/* ---- mean squared errors of AlexNet ---- */

static bool is_neighbours_of_alexnet(const struct numerics_error *e) {
    return strcmp(e->network, "alexnet") == 0 && strncmp(e->layer, "conv", 4) == 0 &&
           e->frames == CONVOY_F64 && !e->unlike && e->decibels == 0 && e->loss == NUMERICS_NEIGHBOURS;
}

static void write_mean_squared(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    double largest = 0;
    fputs("## Mean squared error of AlexNet's convolutions in float64\n\n"
          "n = 20, δ = 16, outputs of unit variance, the worst window of 4 neighbours lost.\n\n"
          "| family | placement | layer | k_A, k_B | κ | ν | relative error | mean squared error |\n"
          "|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (code->workers != 20 || code->threshold != 16)
            continue;
        for (size_t i = 0; i < code->error_count; i++) {
            const struct numerics_error *e = &code->errors[i];
            if (!is_neighbours_of_alexnet(e))
                continue;
            fprintf(page, "| %s | %s | %s | %u, %u | %.3g | %.3g | %.2g | %.2g |\n", code->family->name,
                    code->placed, e->layer, e->input_parts, e->filter_parts, e->found.condition,
                    e->found.noise_gain, e->found.relative, e->found.mean_squared);
            if (strcmp(code->placed, "spread") == 0)
                largest = fmax(largest, e->found.mean_squared);
        }
    }
    fprintf(page, "\nWith spread placement it is at most %.2g, which is %s the 1e-27 that was wanted.\n\n",
            largest, largest <= 1e-27 ? "no more than" : "more than");
}

/* ---- growth ---- */

/* Points (n, κ) of codes with γ = 2. */
struct growth {
    double n[16], kappa[16];
    size_t count;
};

/* The worst κ below NUMERICS_MOST. */
static struct growth growth_of(const struct numerics *numerics, const struct numerics_code *like) {
    struct growth g = {.count = 0};
    for (size_t c = 0; c < numerics->count && g.count < 16; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (code->family == like->family && strcmp(code->placed, like->placed) == 0 &&
            code->workers - code->threshold == 2 && code->condition.worst < NUMERICS_MOST) {
            g.n[g.count] = code->workers;
            g.kappa[g.count++] = code->condition.worst;
        }
    }
    return g;
}

/* ln κ = a + slope·x, x = n or ln n, by least squares. Returns the share of the variance that it explains. */
static double fit(const struct growth *g, bool logarithmic, double *slope) {
    double x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    const double count = (double)g->count;
    for (size_t i = 0; i < g->count; i++) {
        const double u = logarithmic ? log(g->n[i]) : g->n[i], v = log(g->kappa[i]);
        x += u / count;
        y += v / count;
        xx += u * u / count;
        xy += u * v / count;
        yy += v * v / count;
    }
    *slope = (xy - x * y) / (xx - x * x);
    return (xy - x * y) * (xy - x * y) / ((xx - x * x) * (yy - y * y));
}

static void write_growth(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    fputs("## How κ grows with n\n\n"
          "The worst κ of all sets with two workers lost, n from 6 to 66 (as far as κ is below 1e15), fitted "
          "by n^p and by b^n;\n"
          "R² is the share of the variance of ln κ that a fit explains.\n\n"
          "| family | placement | points | p | R² | b | R² | which is closer |\n"
          "|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!code->compared || code->workers != 10 || code->threshold != 8)
            continue;
        const struct growth g = growth_of(numerics, code);
        double power, rate;
        if (g.count < 3)
            continue;
        const double polynomial = fit(&g, true, &power), exponential = fit(&g, false, &rate);
        fprintf(page, "| %s | %s | %zu | %.2f | %.3f | %.3f | %.3f | %s |\n", code->family->name,
                code->placed, g.count, power, polynomial, exp(rate), exponential,
                polynomial > exponential ? "polynomial" : "exponential");
    }
    fputs("\n", page);
}

/* ---- orders ---- */

/* One of the sizes at which families are compared. */
static bool is_size(const struct numerics_code *code) {
    return code->compared && code->with_layers;
}

static double kappa_of(const struct numerics_code *code, bool worst) {
    return worst ? fmin(code->condition.worst, NUMERICS_MOST) : code->condition.fair.median;
}

/* Tells at how many sizes, and at which not, κ of one family is below that of another. */
static void write_order(const struct numerics *numerics, bool worst, const char *below, const char *above) {
    FILE *page = numerics->study->page;
    uint32_t sizes = 0, holds = 0;
    fprintf(page, "| %s | %s | %s |", worst ? "worst" : "median", below, above);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!is_size(code) || strcmp(code->family->name, below) != 0 || strcmp(code->placed, "spread") == 0)
            continue;
        const struct numerics_code *other = find(numerics, above, NULL, code->workers, code->threshold);
        const double one = kappa_of(code, worst), two = other ? kappa_of(other, worst) : NAN;
        const bool unknown = one >= NUMERICS_MOST && two >= NUMERICS_MOST;
        sizes++;
        holds += one < two;
        if (!(one < two))
            fprintf(page, " %u,%u%s", code->workers, code->threshold, unknown ? " (both beyond 1e15)" : "");
    }
    fprintf(page, " | %u of %u |\n", holds, sizes);
}

static void write_orders(const struct numerics *numerics) {
    static const char *const orders[][2] = {{"chebyshev", "vandermonde"},
                                            {"khatri-rao", "vandermonde"},
                                            {"chebyshev", "khatri-rao"},
                                            {"rotation", "chebyshev"},
                                            {"rotation", "khatri-rao"}};
    FILE *page = numerics->study->page;
    fputs("## The orders between families\n\n"
          "The literature has κ of vandermonde grow exponentially (Gautschi and Inglese), chebyshev better "
          "(Fahim and "
          "Cadambe),\nrandom Khatri-Rao products between them with heavy tails (Subramaniam et al.), and "
          "rotation grow "
          "polynomially in n\nfor a fixed number of losses (Ramamoorthy and Tang). Growth is above. Rotation "
          "is placed "
          "plainly here.\n\n"
          "| κ | of | below that of | not at | holds at |\n|---|---|---|---|---|\n",
          page);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        for (int worst = 0; worst < 2; worst++)
            write_order(numerics, worst, orders[i][0], orders[i][1]);
    fputs("\nWhat is known of the polynomial families holds for few losses: their κ grows with every worker "
          "that is lost "
          "beside\nothers, and so with γ, while that of a random matrix depends on its order δ and on luck. "
          "So chebyshev is the better of\nthe two with few losses, and Khatri-Rao products with many. "
          "(Bounds of the "
          "literature are of a worst set, and of random\ncoefficients in the mean; figures of a random "
          "family are those "
          "of one draw, by the seed.)\n\n",
          page);
}

/* The 99 % quantile by the median; NAN if either is beyond what is known. */
static double tail_of(const struct numerics_code *code) {
    const struct statistics *s = &code->condition.fair;
    return s->p99 < NUMERICS_MOST ? s->p99 / s->median : NAN;
}

static void write_tails(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    const struct numerics_code *first = &numerics->codes[0];
    fputs("Tails: the 99 % quantile of κ by its median.\n\n| family | placement |", page);
    size_t sizes = 0;
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!is_size(code) || code->family != first->family || strcmp(code->placed, first->placed) != 0)
            continue;
        fprintf(page, " %u, %u |", code->workers, code->threshold);
        sizes++;
    }
    fputs("\n|---|---|", page);
    for (size_t i = 0; i < sizes; i++)
        fputs("---|", page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *row = &numerics->codes[c];
        if (!is_size(row) || row->workers != first->workers)
            continue;
        fprintf(page, "\n| %s | %s |", row->family->name, row->placed);
        for (size_t i = c; i < numerics->count; i++) {
            const struct numerics_code *code = &numerics->codes[i];
            char text[NUMERICS_TEXT];
            if (is_size(code) && code->family == row->family && strcmp(code->placed, row->placed) == 0)
                fprintf(page, " %s |", numerics_error_text(text, tail_of(code), 3));
        }
    }
    fputs("\n", page);
}

void numerics_findings(const struct numerics *numerics) {
    write_every_set(numerics);
    write_mean_squared(numerics);
    write_growth(numerics);
    write_orders(numerics);
    write_tails(numerics);
}
