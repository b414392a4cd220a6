#include "conformance_refusal.h"

#include "base/dtype.h"
#include "base/tensor.h"
#include "io/file_map.h"
#include "io/protobuf.h"
#include "model/operators.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 8 /* of subgraphs that are looked into */

static const char sequences[] = "operators on sequences", optionals[] = "operators on optional values",
                  strings[] = "operators on strings", recurrent[] = "recurrent layers",
                  random_numbers[] = "random generators", training[] = "training and its losses",
                  control_flow[] = "control flow that depends on data", signals[] = "signal processing",
                  irregular[] = "linear algebra and sets";

/* Operators that Convoy refuses by design. */
static const struct {
    const char *op, *reason;
} refused[] = {
    {"SequenceAt", sequences},
    {"SequenceConstruct", sequences},
    {"SequenceEmpty", sequences},
    {"SequenceErase", sequences},
    {"SequenceInsert", sequences},
    {"SequenceLength", sequences},
    {"SequenceMap", sequences},
    {"SplitToSequence", sequences},
    {"ConcatFromSequence", sequences},
    {"Optional", optionals},
    {"OptionalGetElement", optionals},
    {"OptionalHasElement", optionals},
    {"RegexFullMatch", strings},
    {"StringConcat", strings},
    {"StringNormalizer", strings},
    {"StringSplit", strings},
    {"TfIdfVectorizer", strings},
    {"GRU", recurrent},
    {"LSTM", recurrent},
    {"RNN", recurrent},
    {"Bernoulli", random_numbers},
    {"Multinomial", random_numbers},
    {"RandomNormal", random_numbers},
    {"RandomNormalLike", random_numbers},
    {"RandomUniform", random_numbers},
    {"RandomUniformLike", random_numbers},
    {"Adagrad", training},
    {"Adam", training},
    {"Gradient", training},
    {"Momentum", training},
    {"NegativeLogLikelihoodLoss", training},
    {"SoftmaxCrossEntropyLoss", training},
    {"Loop", control_flow},
    {"Scan", control_flow},
    {"BlackmanWindow", signals},
    {"DFT", signals},
    {"HammingWindow", signals},
    {"HannWindow", signals},
    {"MelWeightMatrix", signals},
    {"STFT", signals},
    {"Det", irregular},
    {"Unique", irregular},
};

/* Of operators that Convoy has: what it refuses of them, and the words by which it does. */
static const struct {
    const char *op, *words, *reason;
} refused_parts[] = {
    {"Dropout", "training is not supported", training},
};

/* Cases of ONNX 1.12 that contradict themselves: their model declares the input `like` as [3,4], and
 * input_1.pb holds it as [1], since its script made it of the first element alone. The type of the other
 * cases of CastLike is stored in [3,4] as declared. */
static const struct {
    const char *name;
    size_t input;
    convoy_shape declared, stored;
} contradictory[] = {
    {"test_castlike_BFLOAT16_to_FLOAT", 1, {2, {3, 4}}, {1, {1}}},
    {"test_castlike_BFLOAT16_to_FLOAT_expanded", 1, {2, {3, 4}}, {1, {1}}},
    {"test_castlike_FLOAT_to_BFLOAT16", 1, {2, {3, 4}}, {1, {1}}},
    {"test_castlike_FLOAT_to_BFLOAT16_expanded", 1, {2, {3, 4}}, {1, {1}}},
};

/* Cases of ONNX 1.12 whose expected numbers are less exact than float32, and how much less than 1e-5 of the
 * largest. RoiAlign's are written with four decimals. Those of windows are made with pi = 3.1415 (2 pi
 * is 6.2831855 in the models: of test_hannwindow_expanded they differ by 7e-5 from 0.5 - 0.5 cos(2 pi n /
 * 10), and with 3.1415 by 9e-8). */
static const struct {
    const char *name;
    double widening;
} inexact[] = {
    {"test_roialign_aligned_false", 10},  {"test_roialign_aligned_true", 10},
    {"test_blackmanwindow_expanded", 10}, {"test_blackmanwindow_symmetric_expanded", 10},
    {"test_hammingwindow_expanded", 10},  {"test_hammingwindow_symmetric_expanded", 10},
    {"test_hannwindow_expanded", 10},     {"test_hannwindow_symmetric_expanded", 10},
};

double case_widening(const struct conformance_case *c) {
    for (size_t i = 0; i < sizeof inexact / sizeof *inexact; i++)
        if (strcmp(c->name, inexact[i].name) == 0)
            return inexact[i].widening;
    return 1;
}

/* --- What a model uses ---------------------------------------------------------------------------------- */

struct scan {
    const struct buffer *map;
    const convoy_error *error; /* of the refusal */
    const char *operator_reason, *type_reason;
};

static void scan_operator(struct scan *scan, struct proto_range name) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (proto_text_is(scan->map, name, refused[i].op))
            scan->operator_reason = refused[i].reason;
    for (size_t i = 0; i < sizeof refused_parts / sizeof *refused_parts; i++)
        if (proto_text_is(scan->map, name, refused_parts[i].op) &&
            strstr(scan->error->message, refused_parts[i].words))
            scan->operator_reason = refused_parts[i].reason;
}

/* ValueInfoProto's type: only tensors are of ours, and of them not all. */
static void scan_type(struct scan *scan, struct proto_range range) {
    struct proto_cursor cursor = proto_open(scan->map, range);
    struct proto_field field, element;
    while (proto_next(&cursor, &field)) {
        if (field.key != PROTO_KEY(1, PROTO_BYTES)) {
            scan->type_reason = "a type that is no tensor";
            continue;
        }
        struct proto_cursor tensor = proto_open(scan->map, field.bytes);
        while (proto_next(&tensor, &element))
            if (element.key == PROTO_KEY(1, PROTO_VARINT) && !dtype_find((int64_t)element.value))
                scan->type_reason = "a type of elements that Convoy does not have";
    }
}

static void scan_graph(struct scan *scan, struct proto_range range, int depth);

static void scan_attribute(struct scan *scan, struct proto_range range, int depth) {
    struct proto_cursor cursor = proto_open(scan->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(6, PROTO_BYTES) || field.key == PROTO_KEY(11, PROTO_BYTES))
            scan_graph(scan, field.bytes, depth + 1);
}

static void scan_node(struct scan *scan, struct proto_range range, int depth) {
    struct proto_cursor cursor = proto_open(scan->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(4, PROTO_BYTES))
            scan_operator(scan, field.bytes);
        else if (field.key == PROTO_KEY(5, PROTO_BYTES))
            scan_attribute(scan, field.bytes, depth);
}

static void scan_graph(struct scan *scan, struct proto_range range, int depth) {
    struct proto_cursor cursor = proto_open(scan->map, range);
    struct proto_field field, part;
    while (depth < MAX_DEPTH && proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_BYTES)) {
            scan_node(scan, field.bytes, depth);
        } else if (field.key == PROTO_KEY(11, PROTO_BYTES) || field.key == PROTO_KEY(12, PROTO_BYTES)) {
            struct proto_cursor value = proto_open(scan->map, field.bytes);
            while (proto_next(&value, &part))
                if (part.key == PROTO_KEY(2, PROTO_BYTES))
                    scan_type(scan, part.bytes);
        }
}

/* --- Verdicts ------------------------------------------------------------------------------------------- */

/* Whether the files of a listed case do contradict themselves. */
static bool contradicts_itself(const struct conformance_case *c) {
    const convoy_value_info *inputs;
    if (!c->model || c->data_count == 0)
        return false;
    convoy_model_inputs(c->model, &inputs);
    for (size_t i = 0; i < sizeof contradictory / sizeof *contradictory; i++) {
        size_t input = contradictory[i].input;
        if (strcmp(c->name, contradictory[i].name) == 0)
            return input < c->input_count && shape_equal(&inputs[input].shape, &contradictory[i].declared) &&
                   shape_equal(&c->data[0].inputs[input].shape, &contradictory[i].stored);
    }
    return false;
}

const char *case_refusal(const struct conformance_case *c, const convoy_error *error) {
    if (error->status == CONVOY_E_INPUT && contradicts_itself(c))
        return "files that contradict themselves";
    if (error->status != CONVOY_E_UNSUPPORTED)
        return NULL;
    char path[600];
    struct buffer *map;
    snprintf(path, sizeof path, "%s/model.onnx", c->folder);
    if (file_map(&map, path, NULL) != CONVOY_OK)
        return NULL;
    struct scan scan = {.map = map, .error = error};
    struct proto_cursor cursor = proto_open(map, (struct proto_range){0, map->bytes});
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(7, PROTO_BYTES))
            scan_graph(&scan, field.bytes, 0);
    buffer_release(&map);
    return scan.operator_reason ? scan.operator_reason : scan.type_reason;
}

const char *refusal_outdated(void) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (operator_find("", refused[i].op))
            return refused[i].op;
    return NULL;
}
