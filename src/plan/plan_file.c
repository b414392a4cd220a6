#include "plan/plan_file.h"

#include "base/error.h"
#include "plan/text_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define MOST_BYTES ((size_t)16 << 20)

static const char *const kernel_names[CONV_KERNELS] = {
    [CONV_DIRECT] = "direct", [CONV_WINOGRAD_2] = "winograd-2x2", [CONV_WINOGRAD_4] = "winograd-4x4"};

/* A name as it stands in the file; of names that are no UTF-8, as models may have them, what is beyond ASCII
 * becomes "?". NULL without memory. */
static json_t *name_json(const char *name) {
    json_t *value = json_string(name);
    char *copy = value ? NULL : strdup(name);
    for (char *c = copy; c && *c; c++)
        *c = (unsigned char)*c < 128 ? *c : '?';
    if (copy)
        value = json_string(copy);
    free(copy);
    return value;
}

/* ---- writing ---- */

/* Three decimals are a microsecond or a byte. */
static double rounded(double value) {
    char text[64];
    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

static json_t *layer_json(const struct plan_layer *layer) {
    json_t *name = name_json(layer->name);
    if (!layer->coded)
        return json_pack("{s:o, s:b, s:s, s:f}", "layer", name, "workers", 0, "why", layer->why_local,
                         "here_ms", rounded(layer->here_ns / 1e6));
    return json_pack("{s:o, s:b, s:[I,I], s:I, s:I, s:s, s:f, s:f}", "layer", name, "workers", 1, "parts",
                     (json_int_t)layer->input_parts, (json_int_t)layer->filter_parts, "threshold",
                     (json_int_t)layer->threshold, "asked", (json_int_t)layer->asked, "kernel",
                     kernel_names[layer->kernel], "here_ms", rounded(layer->here_ns / 1e6), "coded_ms",
                     rounded(layer->coded_ns / 1e6));
}

/* One line. False without memory, or if the file takes no more. */
static bool write_line(FILE *file, json_t *value, const char *end) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    bool written = text && fprintf(file, "%s%s", text, end) > 0;
    free(text);
    json_decref(value);
    return written;
}

static bool write_all(FILE *file, const struct plan *plan) {
    json_t *profile = name_json(plan->profile), *code = json_string(plan->family);
    bool written = fprintf(file, "{\n\"convoy_plan\": %d,\n\"profile\": ", VERSION) > 0 &&
                   write_line(file, profile, ",\n\"code\": ");
    written = write_line(file, code, ",\n") && written;
    if (plan->cut_width)
        written = fputs("\"cut\": \"width\",\n", file) >= 0 && written;
    if (plan->code_seed)
        written = fprintf(file, "\"seed\": \"%llu\",\n", (unsigned long long)plan->code_seed) > 0 && written;
    if (plan->code_hash)
        written = fprintf(file, "\"code_hash\": \"%016llx\",\n", (unsigned long long)plan->code_hash) > 0 &&
                  written;
    written = written && fprintf(file, "\"workers\": %u,\n\"stragglers\": %u,\n\"layers\": [\n",
                                 plan->workers, plan->stragglers) > 0;
    for (size_t s = 0; s < plan->count && written; s++)
        written = write_line(file, layer_json(&plan->layers[s]), s + 1 < plan->count ? ",\n" : "\n");
    return written && fprintf(file, "]\n}\n") > 0;
}

convoy_status plan_write(const struct plan *plan, const char *path, convoy_error *error) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    bool written = stream && write_all(stream, plan);
    written = stream && fclose(stream) == 0 && written;
    const convoy_status status = written ? text_file_write(text, path, "plan", error) : error_memory(error);
    free(text);
    return status;
}

/* ---- reading ---- */

struct reader {
    const char *name; /* of the file */
    const struct plan_request *request;
    convoy_error *error;
};

static convoy_status damaged(const struct reader *reader, const char *layer, const char *what) {
    return error_set(reader->error, CONVOY_E_INPUT, "%s: %s%.100s%s", reader->name, layer ? "layer " : "",
                     layer ? layer : "", what);
}

/* A whole number from 1 to 2^31 - 1. */
static bool read_count(const json_t *value, uint32_t *count) {
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > INT32_MAX)
        return false;
    *count = (uint32_t)json_integer_value(value);
    return true;
}

static bool read_kernel(const json_t *value, enum conv_kernel *kernel) {
    const char *name = json_string_value(value);
    for (int k = 0; k < CONV_KERNELS && name; k++)
        if (strcmp(kernel_names[k], name) == 0) {
            *kernel = (enum conv_kernel)k;
            return true;
        }
    return false;
}

static convoy_status read_layer(const struct reader *reader, const json_t *layer, const char *name,
                                struct plan_decision *decision) {
    json_t *found = json_object_get(layer, "layer"), *wanted = name_json(name);
    const json_t *workers = json_object_get(layer, "workers"), *parts = json_object_get(layer, "parts");
    bool same = wanted && json_equal(found, wanted);
    json_decref(wanted);
    if (!wanted)
        return error_memory(reader->error);
    if (!same)
        return error_set(reader->error, CONVOY_E_INPUT,
                         "%s: made for another model: layer %.100s is not %.100s", reader->name,
                         json_is_string(found) ? json_string_value(found) : "without a name", name);
    if (!json_is_boolean(workers))
        return damaged(reader, name, ": \"workers\" must be true or false");
    *decision = (struct plan_decision){.coded = json_is_true(workers)};
    if (!decision->coded)
        return CONVOY_OK;
    if (json_array_size(parts) != 2 || !read_count(json_array_get(parts, 0), &decision->input_parts) ||
        !read_count(json_array_get(parts, 1), &decision->filter_parts))
        return damaged(reader, name, ": \"parts\" must be two whole numbers from 1 on");
    if (!read_count(json_object_get(layer, "threshold"), &decision->threshold))
        return damaged(reader, name, ": \"threshold\" must be a whole number from 1 on");
    if (!read_count(json_object_get(layer, "asked"), &decision->asked))
        return damaged(reader, name, ": \"asked\" must be a whole number from 1 on");
    if (!read_kernel(json_object_get(layer, "kernel"), &decision->kernel))
        return damaged(reader, name, ": \"kernel\" must be direct, winograd-2x2 or winograd-4x4");
    return CONVOY_OK;
}

static convoy_status check_count(const struct reader *reader, const json_t *root, const char *member,
                                 uint32_t wanted) {
    const json_t *value = json_object_get(root, member);
    if (!json_is_integer(value))
        return error_set(reader->error, CONVOY_E_INPUT, "%s: \"%s\" must be a whole number", reader->name,
                         member);
    if (json_integer_value(value) != wanted)
        return error_set(reader->error, CONVOY_E_INPUT, "%s: made for %lld %s, not %u", reader->name,
                         (long long)json_integer_value(value), member, wanted);
    return CONVOY_OK;
}

/* Coefficients that the code's name does not decide must be the plan's: a number, as text, since JSON's have
 * 53 digits. */
static convoy_status check_number(const struct reader *reader, const json_t *root, const char *member,
                                  int base, uint64_t wanted, const char *what) {
    const json_t *value = json_object_get(root, member);
    const char *text = json_string_value(value);
    errno = 0;
    const uint64_t found = text ? strtoull(text, NULL, base) : 0;
    const char *digits = base == 16 ? "0123456789abcdef" : "0123456789";
    if (value && (!text || *text == '\0' || text[strspn(text, digits)] || errno))
        return error_set(reader->error, CONVOY_E_INPUT, "%s: \"%s\" must be a number as text", reader->name,
                         member);
    if (found != wanted)
        return error_set(reader->error, CONVOY_E_INPUT, "%s: made for %s", reader->name, what);
    return CONVOY_OK;
}

static convoy_status check_cut(const struct reader *reader, const json_t *root) {
    const json_t *member = json_object_get(root, "cut");
    const char *cut = member ? json_string_value(member) : "height";
    const char *wanted = reader->request->cut_width ? "width" : "height";
    if (cut && strcmp(cut, wanted) == 0)
        return CONVOY_OK;
    return error_set(reader->error, CONVOY_E_INPUT,
                     "%s: made for inputs that are cut along the %.20s, not the %s", reader->name,
                     cut ? cut : "?", wanted);
}

static convoy_status check_coefficients(const struct reader *reader, const json_t *root) {
    const struct code_family *family = reader->request->cluster.family;
    convoy_status status = check_number(reader, root, "seed", 10, family->random ? reader->request->seed : 0,
                                        "another seed of the code's random coefficients");
    if (status == CONVOY_OK)
        status = check_number(reader, root, "code_hash", 16, family->hash,
                              "other coefficients than this file of the code has");
    return status;
}

static convoy_status check_head(const struct reader *reader, const json_t *root, size_t count) {
    const struct plan_cluster *cluster = &reader->request->cluster;
    const char *code = json_string_value(json_object_get(root, "code"));
    const json_t *layers = json_object_get(root, "layers");
    if (!json_is_object(root) || json_integer_value(json_object_get(root, "convoy_plan")) != VERSION)
        return damaged(reader, NULL, "not a plan of this version: \"convoy_plan\" must be 1");
    if (!code || strcmp(code, cluster->family->name) != 0)
        return error_set(reader->error, CONVOY_E_INPUT, "%s: made for the code %.100s, not %s", reader->name,
                         code ? code : "without a name", cluster->family->name);
    convoy_status status = check_coefficients(reader, root);
    if (status == CONVOY_OK)
        status = check_cut(reader, root);
    if (status == CONVOY_OK)
        status = check_count(reader, root, "workers", cluster->workers);
    if (status == CONVOY_OK)
        status = check_count(reader, root, "stragglers", cluster->stragglers);
    if (status != CONVOY_OK)
        return status;
    if (!json_is_array(layers) || json_array_size(layers) != count)
        return error_set(reader->error, CONVOY_E_INPUT, "%s: made for another model: %zu layers, not %zu",
                         reader->name, json_array_size(layers), count);
    return CONVOY_OK;
}

static convoy_status read_layers(const struct reader *reader, const json_t *root,
                                 const struct plan_subject *subjects, size_t count,
                                 struct plan_decision *decisions) {
    convoy_status status = check_head(reader, root, count);
    for (size_t s = 0; s < count && status == CONVOY_OK; s++)
        status = read_layer(reader, json_array_get(json_object_get(root, "layers"), s), subjects[s].name,
                            &decisions[s]);
    return status;
}

/* A message is one line, whatever of the file it repeats. */
static convoy_status on_one_line(convoy_status status, convoy_error *error) {
    for (char *c = error && status != CONVOY_OK ? error->message : NULL; c && *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    return status;
}

convoy_status plan_parse(struct plan **plan, const char *text, size_t bytes, const char *name,
                         const struct plan_request *request, const struct plan_subject *subjects,
                         size_t count, convoy_error *error) {
    json_error_t where;
    convoy_error why;
    const struct reader reader = {.name = name, .request = request, .error = error};
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return on_one_line(error_set(error, CONVOY_E_INPUT, "%s: no plan in JSON: line %d: %s", name,
                                     where.line, where.text),
                           error);
    struct plan_decision *decisions = calloc(count + 1, sizeof *decisions);
    convoy_status status =
        decisions ? read_layers(&reader, root, subjects, count, decisions) : error_memory(error);
    if (status == CONVOY_OK) {
        struct plan_request decided = *request;
        decided.decided = decisions;
        status = plan_create(plan, &decided, subjects, count, &why);
        if (status != CONVOY_OK)
            error_set(error, status, "%s: %s", name, why.message);
    }
    free(decisions);
    json_decref(root);
    return on_one_line(status, error);
}

convoy_status plan_read(struct plan **plan, const char *path, const struct plan_request *request,
                        const struct plan_subject *subjects, size_t count, convoy_error *error) {
    size_t bytes = 0;
    char *text = NULL;
    convoy_status status = text_file_read(&text, &bytes, path, MOST_BYTES, error);
    if (status == CONVOY_OK)
        status = plan_parse(plan, text, bytes, path, request, subjects, count, error);
    free(text);
    return status;
}
