/* The code that the options name: a family, one that is left to the plan, or a file of coefficients. */
#include "session/session.h"

#include "base/error.h"
#include "code/coefficient_table.h"
#include "io/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE     "table:"
#define MOST_NAME 300 /* bytes of a code's name: a file's has at most 255 */

const char *convoy_code_at(size_t index, const char **summary) {
    const struct code_family *family = code_family_at(index);
    *summary = family ? family->summary : NULL;
    return family ? family->name : NULL;
}

bool session_code_is_open(const convoy_options *options) {
    return strcmp(options->code, "auto") == 0;
}

/* ---- files of coefficients ---- */

/* What a file of coefficients is read for. */
struct coefficient_file {
    const char *path;
    char name[MOST_NAME]; /* of the code: "table:" and the file's name without its folders */
    struct npz npz;
    struct coefficient_table table;
    struct coefficient_pair pairs[COEFFICIENT_MOST_PAIRS];
};

static convoy_status bad(const struct coefficient_file *file, const char *array, const char *why,
                         convoy_error *error) {
    return error_set(error, CONVOY_E_INPUT, "%s: array '%s' %s", file->path, array, why);
}

/* A whole number from 1 on; `missing` if there is no such array, or if that is 0 a failure. */
static convoy_status read_number(const struct coefficient_file *file, const char *name, bool needed,
                                 uint32_t missing, uint32_t *number, convoy_error *error) {
    const convoy_tensor *tensor = npz_find(&file->npz, name);
    *number = missing;
    if (!tensor)
        return needed ? bad(file, name, "is not there", error) : CONVOY_OK;
    const double value = convoy_tensor_elements(tensor) == 1 ? *(const double *)tensor->data : 0;
    if (!(value >= 1 && value <= INT32_MAX) || value != (double)(uint32_t)value)
        return bad(file, name, "must be one whole number from 1 on", error);
    *number = (uint32_t)value;
    return CONVOY_OK;
}

/* Says what the matrix is, if it is one. */
static convoy_status bad_matrix(const struct coefficient_file *file, const char *name,
                                const convoy_tensor *tensor, int64_t wanted, uint32_t pieces,
                                convoy_error *error) {
    char is[64] = "";
    if (tensor->shape.rank == 2)
        snprintf(is, sizeof is, ", and is %lld x %lld", (long long)tensor->shape.dims[0],
                 (long long)tensor->shape.dims[1]);
    return error_set(error, CONVOY_E_INPUT,
                     "%s: array '%s' must be a matrix of %lld rows, %u for each of %u workers%s", file->path,
                     name, (long long)wanted, pieces, file->table.workers, is);
}

/* One matrix of n·pieces rows. */
static convoy_status read_matrix(const struct coefficient_file *file, const char *name, uint32_t pieces,
                                 const double **rows, uint32_t *columns, convoy_error *error) {
    const convoy_tensor *tensor = npz_find(&file->npz, name);
    const int64_t wanted = (int64_t)file->table.workers * pieces;
    if (!tensor)
        return bad(file, name, "is not there", error);
    if (tensor->shape.rank != 2 || tensor->shape.dims[0] != wanted || tensor->shape.dims[1] < 1 ||
        tensor->shape.dims[1] > INT32_MAX)
        return bad_matrix(file, name, tensor, wanted, pieces, error);
    *rows = tensor->data;
    *columns = (uint32_t)tensor->shape.dims[1];
    return CONVOY_OK;
}

/* G_A and G_B, or with a number behind. */
static convoy_status read_pair(struct coefficient_file *file, const char *ending, convoy_error *error) {
    char a[32], b[32];
    snprintf(a, sizeof a, "G_A%s", ending);
    snprintf(b, sizeof b, "G_B%s", ending);
    struct coefficient_pair *pair = &file->pairs[file->table.pair_count];
    convoy_status status =
        read_matrix(file, a, file->table.input_pieces, &pair->input_rows, &pair->input_parts, error);
    if (status == CONVOY_OK)
        status =
            read_matrix(file, b, file->table.filter_pieces, &pair->filter_rows, &pair->filter_parts, error);
    file->table.pair_count += status == CONVOY_OK;
    return status;
}

/* The one pair, or those numbered from 1 on. */
static convoy_status read_pairs(struct coefficient_file *file, convoy_error *error) {
    char ending[16], first[32];
    if (npz_find(&file->npz, "G_A") || !npz_find(&file->npz, "G_A_1"))
        return read_pair(file, "", error);
    for (unsigned number = 1; number <= COEFFICIENT_MOST_PAIRS; number++) {
        snprintf(ending, sizeof ending, "_%u", number);
        snprintf(first, sizeof first, "G_A%s", ending);
        if (!npz_find(&file->npz, first))
            break;
        const convoy_status status = read_pair(file, ending, error);
        if (status != CONVOY_OK)
            return status;
    }
    return CONVOY_OK;
}

/* Whether the array is one of those that were read. */
static bool is_used(const struct coefficient_file *file, const struct npz_array *array) {
    static const char *const numbers[] = {"workers", "p_A", "p_B", "threshold"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(array->name, numbers[i]) == 0)
            return true;
    for (size_t i = 0; i < file->table.pair_count; i++)
        if (file->pairs[i].input_rows == array->tensor.data ||
            file->pairs[i].filter_rows == array->tensor.data)
            return true;
    return false;
}

/* A name that is misspelt would go unnoticed otherwise. */
static convoy_status check_names(const struct coefficient_file *file, convoy_error *error) {
    for (size_t i = 0; i < file->npz.count; i++)
        if (!is_used(file, &file->npz.arrays[i]))
            return error_set(
                error, CONVOY_E_INPUT,
                "%s: array '%.64s' has no use: there may be workers, p_A, p_B, threshold, and G_A with "
                "G_B, or G_A_1 with G_B_1, G_A_2 with G_B_2 and so on",
                file->path, file->npz.arrays[i].name);
    return CONVOY_OK;
}

static convoy_status read_table(struct coefficient_file *file, convoy_error *error) {
    struct coefficient_table *table = &file->table;
    table->pairs = file->pairs;
    convoy_status status = read_number(file, "workers", true, 0, &table->workers, error);
    if (status == CONVOY_OK)
        status = read_number(file, "p_A", false, 1, &table->input_pieces, error);
    if (status == CONVOY_OK)
        status = read_number(file, "p_B", false, 1, &table->filter_pieces, error);
    if (status == CONVOY_OK)
        status = read_number(file, "threshold", false, 0, &table->threshold, error);
    if (status == CONVOY_OK)
        status = read_pairs(file, error);
    return status == CONVOY_OK ? check_names(file, error) : status;
}

/* Says what was found, and refuses a code that no layer of this cluster could have. */
static convoy_status judge_table(const struct coefficient_file *file, const struct code_family *family,
                                 const convoy_options *options, convoy_error *error) {
    const struct coefficient_table *table = &file->table;
    const struct log log = {options->log, options->log_context};
    uint32_t least = table->workers;
    if (table->workers != options->workers)
        return error_set(error, CONVOY_E_USAGE, "%s: made for %u workers, and this cluster has %u",
                         file->path, table->workers, options->workers);
    for (size_t i = 0; i < table->pair_count; i++) {
        const struct coefficient_threshold found = coefficient_table_threshold(family, i);
        least = found.threshold < least ? found.threshold : least;
        log_line(&log, CONVOY_LOG_INFO,
                 "%s: %u x %u parts from any %u of %u answers (%s %.0f sets of workers; κ up to %.3g)",
                 file->name, table->pairs[i].input_parts, table->pairs[i].filter_parts, found.threshold,
                 table->workers, found.all ? "all" : "looked at", found.sets, found.condition);
    }
    if (least > table->workers - options->stragglers)
        return error_set(error, CONVOY_E_USAGE,
                         "%s: %u of %u answers are needed, so no more than %u workers may be missing, not %u",
                         file->path, least, table->workers, table->workers - least, options->stragglers);
    return CONVOY_OK;
}

static convoy_status open_table(const struct code_family **family, const char *path,
                                const convoy_options *options, convoy_error *error) {
    struct coefficient_file *file = calloc(1, sizeof *file);
    const char *slash = strrchr(path, '/');
    if (!file)
        return error_memory(error);
    file->path = path;
    snprintf(file->name, sizeof file->name, TABLE "%s", slash ? slash + 1 : path);
    for (char *c = file->name; *c; c++) /* it goes to terminals, and to JSON */
        *c = *c < 32 || *c > 126 ? '?' : *c;
    const struct code_family *made = NULL;
    convoy_status status = npz_read(&file->npz, path, error);
    if (status == CONVOY_OK)
        status = read_table(file, error);
    if (status == CONVOY_OK)
        status = coefficient_table_create(&made, file->name, &file->table, error);
    if (status == CONVOY_OK)
        status = judge_table(file, made, options, error);
    if (status == CONVOY_OK)
        *family = made;
    else
        code_family_destroy(&made);
    npz_clear(&file->npz);
    free(file);
    return status;
}

convoy_status session_code_open(const struct code_family **family, const convoy_options *options,
                                convoy_error *error) {
    convoy_error why;
    if (strncmp(options->code, TABLE, strlen(TABLE)) == 0)
        return open_table(family, options->code + strlen(TABLE), options, error);
    *family = code_family_at(0);
    if (session_code_is_open(options) || code_family_find(options->code, family, &why) == CONVOY_OK)
        return CONVOY_OK;
    return error_set(error, CONVOY_E_USAGE, "%s, table:FILE.npz, or auto", why.message);
}
