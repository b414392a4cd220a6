/* Two baselines that send plain parts. replicate: worker j gets part j mod k, k = k_A·k_B, part a·k_B + b
 * being slice a and filter group b; done when every part has arrived. Any n − (⌊n/k⌋ − 1) answers suffice,
 * since every part has at least ⌊n/k⌋ holders. uncoded: n parts, every answer needed. Nothing is solved: κ =
 * 1, and decoding copies. */
#include "code/families.h"
#include "code/generators.h"

static bool replicate_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                            uint32_t workers, struct code_shape *shape) {
    if (!generators_admit(family, input_parts, filter_parts, workers, shape))
        return false;
    shape->threshold = workers - (workers / (input_parts * filter_parts) - 1);
    shape->decode_macs = 0;
    return true;
}

static bool uncoded_admit(const struct code_family *family, uint32_t input_parts, uint32_t filter_parts,
                          uint32_t workers, struct code_shape *shape) {
    const bool admitted =
        generators_admit(family, input_parts, filter_parts, workers, shape) && shape->threshold == workers;
    shape->decode_macs = 0;
    return admitted;
}

static uint32_t part_of(const struct code *code, uint32_t worker) {
    return worker % (code->input_parts * code->filter_parts);
}

static convoy_status replicate_generate(const struct code *code, double *input_rows, double *filter_rows) {
    for (uint32_t w = 0; w < code->placement.workers; w++) {
        input_rows[w * code->input_parts + part_of(code, w) / code->filter_parts] = 1;
        filter_rows[w * code->filter_parts + part_of(code, w) % code->filter_parts] = 1;
    }
    return CONVOY_OK;
}

/* Whether one of the workers has the same part as `worker`. */
static bool has_part(const struct code *code, const uint32_t *workers, uint32_t count, uint32_t worker) {
    for (uint32_t i = 0; i < count; i++)
        if (part_of(code, workers[i]) == part_of(code, worker))
            return true;
    return false;
}

static bool replicate_suffices(const struct code *code, const uint32_t *workers, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += !has_part(code, workers, i, workers[i]);
    return found == code->input_parts * code->filter_parts;
}

/* The first holder of each part. */
static convoy_status replicate_choose(const struct code *code, uint32_t *workers, uint32_t count,
                                      uint32_t *used) {
    *used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (has_part(code, workers, *used, workers[i]))
            continue;
        const uint32_t first = workers[i];
        workers[i] = workers[*used];
        workers[(*used)++] = first;
    }
    return CONVOY_OK;
}

const struct code_family code_replicate = {
    .name = "replicate",
    .summary = "plain parts, each at several workers",
    .admits = "the parts must be no more than the workers",
    .by_threshold = true,
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = replicate_admit,
    .generate = replicate_generate,
    .suffices = replicate_suffices,
    .choose = replicate_choose,
    .solve = generators_solve,
};

const struct code_family code_uncoded = {
    .name = "uncoded",
    .summary = "plain parts, all answers needed",
    .admits = "the parts must be exactly as many as the workers",
    .needs_all = true,
    .by_threshold = true,
    .parts_step = 1,
    .useful_parts = 2,
    .most_pieces = 1,
    .admit = uncoded_admit,
    .generate = replicate_generate,
    .suffices = replicate_suffices,
    .choose = replicate_choose,
    .solve = generators_solve,
};
