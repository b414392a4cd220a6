/* Two baselines that send plain parts. replicate: worker j gets part j mod k, k = k_A·k_B, part a·k_B + b
 * being slice a and filter group b; done when every part has arrived. Any n − (⌊n/k⌋ − 1) answers suffice,
 * since every part has at least ⌊n/k⌋ holders. uncoded: n parts, every answer needed. Nothing is solved: κ =
 * 1, and decoding copies. */
#include "code/families.h"

#include <stdlib.h>

static uint32_t replicate_threshold(uint32_t input_parts, uint32_t filter_parts, uint32_t workers) {
    uint64_t parts = (uint64_t)input_parts * filter_parts;
    if (parts == 0 || parts > workers)
        return 0;
    return workers - (uint32_t)(workers / parts - 1);
}

static uint32_t uncoded_threshold(uint32_t input_parts, uint32_t filter_parts, uint32_t workers) {
    return (uint64_t)input_parts * filter_parts == workers ? workers : 0;
}

static uint32_t one_piece(uint32_t parts) {
    (void)parts;
    return 1;
}

static uint32_t part_of(const struct code *code, uint32_t worker) {
    return worker % (code->input_parts * code->filter_parts);
}

static void replicate_input_rows(const struct code *code, uint32_t worker, double *rows) {
    for (uint32_t a = 0; a < code->input_parts; a++)
        rows[a] = a == part_of(code, worker) / code->filter_parts;
}

static void replicate_filter_rows(const struct code *code, uint32_t worker, double *rows) {
    for (uint32_t b = 0; b < code->filter_parts; b++)
        rows[b] = b == part_of(code, worker) % code->filter_parts;
}

/* The first holder of each part. */
static uint32_t replicate_choose(const struct code *code, const uint32_t *workers, uint32_t count,
                                 uint32_t *chosen) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t earlier = 0;
        while (earlier < i && part_of(code, workers[earlier]) != part_of(code, workers[i]))
            earlier++;
        if (earlier < i)
            continue;
        if (chosen)
            chosen[found] = workers[i];
        found++;
    }
    return found == code->input_parts * code->filter_parts ? found : 0;
}

static convoy_status replicate_solve(const struct code *code, struct code_solution *solution) {
    uint32_t parts = solution->survivors;
    solution->rows = solution->columns = parts;
    solution->f = calloc((size_t)parts * parts, sizeof *solution->f);
    solution->part = calloc(parts, sizeof *solution->part);
    if (!solution->f || !solution->part)
        return CONVOY_E_MEMORY;
    for (uint32_t i = 0; i < parts; i++) {
        solution->f[(size_t)i * parts + i] = 1;
        solution->part[i] = part_of(code, solution->workers[i]);
    }
    return CONVOY_OK;
}

const struct code_family code_replicate = {
    .name = "replicate",
    .threshold = replicate_threshold,
    .pieces = one_piece,
    .input_rows = replicate_input_rows,
    .filter_rows = replicate_filter_rows,
    .choose = replicate_choose,
    .solve = replicate_solve,
};

const struct code_family code_uncoded = {
    .name = "uncoded",
    .needs_all = true,
    .threshold = uncoded_threshold,
    .pieces = one_piece,
    .input_rows = replicate_input_rows,
    .filter_rows = replicate_filter_rows,
    .choose = replicate_choose,
    .solve = replicate_solve,
};
