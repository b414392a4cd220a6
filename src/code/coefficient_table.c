/* A table of coefficients as a family. Everything follows from the coefficients (generators.h) but the
 * threshold, which is searched: a set of workers decodes if its map E has full column rank, which is called
 * so if κ(E) is below MOST_CONDITION. Sets are many: of a size up to MOST_SETS are looked at, all of them if
 * there are no more; fewer if they are large, so that all pairs together take some seconds. */
#include "code/coefficient_table.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "code/generators.h"
#include "code/survivor_sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CONDITION 1e14
#define ROW_RANGE      1e6 /* from 1/ROW_RANGE to ROW_RANGE the largest element of a row may be */
#define MOST_SETS      4000
#define LEAST_SETS     4
#define MOST_FLOPS     2e10 /* of the singular values of all pairs at one size of set */
#define SET_FLOPS      16   /* rows·columns² of a set's map, both times that it is decomposed */

struct kept_pair {
    uint32_t input_parts, filter_parts;
    double *input_rows, *filter_rows; /* [n·p_A][k_A], [n·p_B][k_B]; of one memory */
    struct coefficient_threshold found;
};

struct table_family {
    struct code_family base; /* the first member */
    char *name;
    uint32_t workers, input_pieces, filter_pieces;
    size_t pair_count;
    struct kept_pair *pairs; /* [pair_count] */
};

static const struct kept_pair *find_pair(const struct table_family *table, uint32_t input_parts,
                                         uint32_t filter_parts) {
    for (size_t i = 0; i < table->pair_count; i++)
        if (table->pairs[i].input_parts == input_parts && table->pairs[i].filter_parts == filter_parts)
            return &table->pairs[i];
    return NULL;
}

static bool table_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                        uint32_t workers, struct code_shape *shape) {
    const struct table_family *table = (const struct table_family *)family;
    const struct kept_pair *pair = find_pair(table, input_parts, filter_parts);
    if (!pair || workers != table->workers)
        return false;
    *shape = (struct code_shape){pair->found.threshold, table->input_pieces, table->filter_pieces,
                                 (double)pair->found.threshold * table->input_pieces * table->filter_pieces};
    return true;
}

static convoy_status table_generate(const struct code *code, double *input_rows, double *filter_rows) {
    const struct table_family *table = (const struct table_family *)code->family;
    const struct kept_pair *pair = find_pair(table, code->input_parts, code->filter_parts);
    const size_t n = table->workers;
    memcpy(input_rows, pair->input_rows,
           n * table->input_pieces * pair->input_parts * sizeof *pair->input_rows);
    memcpy(filter_rows, pair->filter_rows,
           n * table->filter_pieces * pair->filter_parts * sizeof *pair->filter_rows);
    return CONVOY_OK;
}

static void table_destroy(struct code_family *family) {
    struct table_family *table = (struct table_family *)family;
    for (size_t i = 0; table->pairs && i < table->pair_count; i++)
        free(table->pairs[i].input_rows);
    free(table->pairs);
    free(table->name);
    free(table);
}

/* ---- thresholds ---- */

/* Looks for a set that does not decode. */
struct set_search {
    const struct code *code;
    double looked, condition;            /* as many; the largest κ */
    uint32_t failed[CONVOY_MAX_WORKERS]; /* if one was found, who its workers are */
    uint32_t failed_count;
    convoy_status status;
};

static bool look_at_set(void *context, const uint32_t *workers, uint32_t count) {
    struct set_search *search = context;
    struct conditioning found;
    search->status = generators_conditioning(search->code, workers, count, &found);
    search->looked++;
    search->condition = fmax(search->condition, found.condition);
    if (search->status == CONVOY_OK && !(found.condition < MOST_CONDITION)) {
        memcpy(search->failed, workers, count * sizeof *workers);
        search->failed_count = count;
    }
    return search->status == CONVOY_OK && search->failed_count == 0;
}

/* "0, 3, 4" */
static const char *list_workers(const struct set_search *search, char *text, size_t size) {
    text[0] = '\0';
    for (uint32_t i = 0; i < search->failed_count; i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%u", i ? ", " : "", search->failed[i]);
    return text;
}

/* Whether sets of `count` workers decode: search->failed_count is 0. shares: pairs that share the time. */
static convoy_status look_at_sets(struct set_search *search, const struct code *code, uint32_t count,
                                  size_t shares) {
    const double columns = (double)code->input_parts * code->filter_parts;
    const double rows = (double)count * code->input_pieces * code->filter_pieces;
    const double affordable = MOST_FLOPS / (double)shares / (SET_FLOPS * rows * columns * columns);
    *search = (struct set_search){.code = code};
    convoy_status status =
        survivor_sets_visit(code->placement.workers, code->placement.workers - count,
                            (uint32_t)fmin(fmax(affordable, LEAST_SETS), MOST_SETS), look_at_set, search);
    return status == CONVOY_OK ? search->status : status;
}

static convoy_status find_threshold(const struct table_family *table, struct kept_pair *pair, uint32_t wanted,
                                    size_t shares, convoy_error *error) {
    const uint32_t n = table->workers, pieces = table->input_pieces * table->filter_pieces;
    const uint64_t parts = (uint64_t)pair->input_parts * pair->filter_parts;
    const struct code code = {.family = &table->base,
                              .input_parts = pair->input_parts,
                              .filter_parts = pair->filter_parts,
                              .input_pieces = table->input_pieces,
                              .filter_pieces = table->filter_pieces,
                              .placement = placement_plain(n),
                              .input_rows = pair->input_rows,
                              .filter_rows = pair->filter_rows};
    const uint64_t least = (parts + pieces - 1) / pieces;
    struct set_search search = {0};
    char workers[512];
    if (least > n || (wanted && wanted < least))
        return error_set(
            error, CONVOY_E_INPUT,
            "%s: %u x %u parts cannot be solved for from the answers of %u workers: %llu are the least",
            table->name, pair->input_parts, pair->filter_parts, wanted && wanted < least ? wanted : n,
            (unsigned long long)least);
    for (uint32_t count = wanted ? wanted : (uint32_t)least; count <= n; count++) {
        convoy_status status = look_at_sets(&search, &code, count, shares);
        if (status != CONVOY_OK)
            return status == CONVOY_E_MEMORY
                       ? error_memory(error)
                       : error_set(error, status, "%s: no singular values", table->name);
        if (search.failed_count == 0) {
            pair->found = (struct coefficient_threshold){count, search.looked, search.condition,
                                                         search.looked == survivor_sets_count(n, n - count)};
            return CONVOY_OK;
        }
        if (wanted)
            break;
    }
    return error_set(error, CONVOY_E_INPUT,
                     "%s: %u x %u parts cannot be solved for from the answers of workers %s", table->name,
                     pair->input_parts, pair->filter_parts, list_workers(&search, workers, sizeof workers));
}

/* ---- making ---- */

static bool are_finite(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static convoy_status check_table(const char *name, const struct coefficient_table *table,
                                 convoy_error *error) {
    if (table->workers < 1 || table->workers > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_INPUT, "%s: made for %u workers; there may be 1 to %d", name,
                         table->workers, CONVOY_MAX_WORKERS);
    if (table->input_pieces < 1 || table->filter_pieces < 1 ||
        (uint64_t)table->input_pieces * table->filter_pieces > COEFFICIENT_MOST_PIECES)
        return error_set(error, CONVOY_E_INPUT, "%s: %u x %u pieces of a worker; there may be 1 to %d", name,
                         table->input_pieces, table->filter_pieces, COEFFICIENT_MOST_PIECES);
    if (table->threshold > table->workers)
        return error_set(error, CONVOY_E_INPUT, "%s: a threshold of %u with %u workers", name,
                         table->threshold, table->workers);
    if (table->pair_count < 1 || table->pair_count > COEFFICIENT_MOST_PAIRS)
        return error_set(error, CONVOY_E_INPUT, "%s: %zu pairs of matrices; there may be 1 to %d", name,
                         table->pair_count, COEFFICIENT_MOST_PAIRS);
    return CONVOY_OK;
}

/* Scales a row beyond ROW_RANGE to about unit length, by a power of two, which rounds nothing: what a worker
 * computes from it would be beyond float32 otherwise, and decoding undoes it. */
static void scale_row(double *row, uint32_t count) {
    double largest = 0;
    int exponent;
    for (uint32_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(row[i]));
    if (largest == 0 || (largest < ROW_RANGE && largest > 1 / ROW_RANGE))
        return;
    frexp(largest, &exponent);
    for (uint32_t i = 0; i < count; i++)
        row[i] = ldexp(row[i], -exponent);
}

static void scale_rows(double *rows, size_t count, uint32_t parts) {
    for (size_t i = 0; i < count; i++)
        scale_row(rows + i * parts, parts);
}

/* A copy of the pair. Its sizes are held by the bound on parts: no more than all workers have pieces. */
static convoy_status keep_pair(struct table_family *table, const struct coefficient_pair *pair,
                               convoy_error *error) {
    uint64_t most = (uint64_t)table->workers * table->input_pieces * table->filter_pieces;
    const uint64_t parts = (uint64_t)pair->input_parts * pair->filter_parts;
    most = most < COEFFICIENT_MOST_PARTS ? most : COEFFICIENT_MOST_PARTS;
    if (parts < 1 || parts > most)
        return error_set(
            error, CONVOY_E_INPUT,
            "%s: %u x %u parts: there may be 1 to %llu (no more than the workers have results, nor than %d)",
            table->name, pair->input_parts, pair->filter_parts, (unsigned long long)most,
            COEFFICIENT_MOST_PARTS);
    if (find_pair(table, pair->input_parts, pair->filter_parts))
        return error_set(error, CONVOY_E_INPUT, "%s: two pairs of matrices for %u x %u parts", table->name,
                         pair->input_parts, pair->filter_parts);
    const size_t inputs = (size_t)table->workers * table->input_pieces * pair->input_parts;
    const size_t filters = (size_t)table->workers * table->filter_pieces * pair->filter_parts;
    if (!are_finite(pair->input_rows, inputs) || !are_finite(pair->filter_rows, filters))
        return error_set(error, CONVOY_E_INPUT, "%s: the matrices for %u x %u parts are not finite",
                         table->name, pair->input_parts, pair->filter_parts);
    struct kept_pair *kept = &table->pairs[table->pair_count];
    kept->input_rows = calloc(inputs + filters, sizeof *kept->input_rows);
    if (!kept->input_rows)
        return error_memory(error);
    kept->input_parts = pair->input_parts;
    kept->filter_parts = pair->filter_parts;
    kept->filter_rows = kept->input_rows + inputs;
    memcpy(kept->input_rows, pair->input_rows, inputs * sizeof *kept->input_rows);
    memcpy(kept->filter_rows, pair->filter_rows, filters * sizeof *kept->filter_rows);
    scale_rows(kept->input_rows, inputs / pair->input_parts, pair->input_parts);
    scale_rows(kept->filter_rows, filters / pair->filter_parts, pair->filter_parts);
    const uint32_t sizes[] = {kept->input_parts, kept->filter_parts, table->input_pieces,
                              table->filter_pieces};
    table->base.hash = hash_bytes(sizes, sizeof sizes, table->base.hash);
    table->base.hash =
        hash_bytes(kept->input_rows, (inputs + filters) * sizeof *kept->input_rows, table->base.hash);
    table->pair_count++;
    return CONVOY_OK;
}

static const struct code_family table_base = {
    .summary = "coefficients of a file",
    .admits = "these are not among the pairs of its file, or the file is for another number of workers",
    .parts_step = 1,
    .useful_parts = 2,
    .admit = table_admit,
    .generate = table_generate,
    .choose = generators_choose,
    .conditioning = generators_conditioning,
    .solve = generators_solve,
    .destroy = table_destroy,
};

convoy_status coefficient_table_create(const struct code_family **family, const char *name,
                                       const struct coefficient_table *table, convoy_error *error) {
    convoy_status status = check_table(name, table, error);
    if (status != CONVOY_OK)
        return status;
    struct table_family *made = calloc(1, sizeof *made);
    if (!made)
        return error_memory(error);
    made->base = table_base;
    made->name = strdup(name);
    made->pairs = calloc(table->pair_count, sizeof *made->pairs);
    made->base.name = made->name;
    made->base.most_pieces = table->input_pieces * table->filter_pieces;
    made->workers = table->workers;
    made->input_pieces = table->input_pieces;
    made->filter_pieces = table->filter_pieces;
    if (!made->name || !made->pairs)
        status = error_memory(error);
    for (size_t i = 0; i < table->pair_count && status == CONVOY_OK; i++) {
        status = keep_pair(made, &table->pairs[i], error);
        if (status == CONVOY_OK)
            status = find_threshold(made, &made->pairs[i], table->threshold, table->pair_count, error);
    }
    made->base.hash += made->base.hash == 0; /* 0 stands for none */
    if (status == CONVOY_OK)
        *family = &made->base;
    else
        table_destroy(&made->base);
    return status;
}

struct coefficient_threshold coefficient_table_threshold(const struct code_family *family, size_t pair) {
    return ((const struct table_family *)family)->pairs[pair].found;
}
