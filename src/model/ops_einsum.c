/* Einsum: sums of products over labelled axes, by numpy's rules. Two operands at a time are multiplied, from
 * the left: axes that both have and that nobody else needs are summed by the product of matrices
 * [batch,m,k]·[batch,k,n]; axes of one operand alone are summed before. A label may stand on axes of 1 and of
 * n positions: the axis of 1 repeats. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <string.h>

/* Labels are A to Z, a to z, in the order of implicit outputs, and behind them the axes of an ellipsis,
 * counted from its last one. A set of them has a bit each. */
enum { LETTERS = 52, LABELS = LETTERS + CONVOY_MAX_RANK };
typedef uint64_t label_set;
_Static_assert(LABELS <= 64, "a set has a bit for each label");

#define LABEL_BIT(label) (UINT64_C(1) << (label))

/* The labels of a value's axes. */
struct labelled {
    uint32_t value;
    uint32_t rank;
    uint8_t labels[CONVOY_MAX_RANK];
};

/* A term of the equation: labels before and behind an ellipsis. */
struct term {
    uint32_t count, before; /* labels, and how many of them stand before the ellipsis */
    bool ellipsis;
    uint8_t labels[CONVOY_MAX_RANK];
};

static label_set labels_of(const struct labelled *operand) {
    label_set set = 0;
    for (uint32_t i = 0; i < operand->rank; i++)
        set |= LABEL_BIT(operand->labels[i]);
    return set;
}

/* The axis of a label; the rank if there is none. */
static uint32_t axis_of(const struct labelled *operand, uint32_t label) {
    uint32_t axis = 0;
    while (axis < operand->rank && operand->labels[axis] != label)
        axis++;
    return axis;
}

static int64_t extent_of(const struct lowering *l, const struct labelled *operand, uint32_t label) {
    uint32_t axis = axis_of(operand, label);
    return axis < operand->rank ? value_shape(l, operand->value).dims[axis] : 1;
}

/* --- The equation --------------------------------------------------------------------------------------- */

/* The next character that is no blank. */
static char next_character(const char **text) {
    while (**text == ' ')
        ++*text;
    return **text;
}

/* Reads a term, up to a comma, an arrow or the end. */
static convoy_status read_term(struct lowering *l, const char **text, struct term *term) {
    *term = (struct term){0};
    for (char c; (c = next_character(text)) != '\0' && c != ',' && c != '-'; ++*text) {
        bool upper = c >= 'A' && c <= 'Z';
        if (c == '.' && !term->ellipsis && strncmp(*text, "...", 3) == 0) {
            term->ellipsis = true;
            term->before = term->count;
            *text += 2;
        } else if (!upper && !(c >= 'a' && c <= 'z')) {
            return node_fail(l, CONVOY_E_INPUT, "the equation has '%.20s' where a label is expected", *text);
        } else if (term->count == CONVOY_MAX_RANK) {
            return node_fail(l, CONVOY_E_UNSUPPORTED, "a term of the equation has more than %d labels",
                             CONVOY_MAX_RANK);
        } else {
            term->labels[term->count++] = (uint8_t)(upper ? c - 'A' : c - 'a' + 26);
        }
    }
    return CONVOY_OK;
}

/* A term with an ellipsis of so many axes. */
static void term_label(const struct term *term, uint32_t ellipsis, struct labelled *operand) {
    uint32_t before = term->ellipsis ? term->before : term->count;
    operand->rank = 0;
    for (uint32_t i = 0; i < before; i++)
        operand->labels[operand->rank++] = term->labels[i];
    for (uint32_t i = ellipsis; i-- > 0;)
        operand->labels[operand->rank++] = (uint8_t)(LETTERS + i);
    for (uint32_t i = before; i < term->count; i++)
        operand->labels[operand->rank++] = term->labels[i];
}

/* The term of one input. *ellipsis: of the longest ellipsis so far. */
static convoy_status read_operand(struct lowering *l, const char **text, size_t input,
                                  struct labelled *operand, uint32_t *ellipsis) {
    struct term term;
    if (read_term(l, text, &term) != CONVOY_OK)
        return l->status;
    uint32_t rank = input_shape(l, input).rank;
    if (term.count > rank || (!term.ellipsis && term.count != rank))
        return node_fail(l, CONVOY_E_INPUT, "term %zu of the equation does not fit input %zu of %u axes",
                         input, input, rank);
    operand->value = input_number(l, input);
    term_label(&term, rank - term.count, operand);
    if (*ellipsis < rank - term.count)
        *ellipsis = rank - term.count;
    return CONVOY_OK;
}

/* What is left out behind the terms: the axes of the ellipsis, and all labels that occur once. */
static convoy_status implicit_output(struct lowering *l, const struct labelled *operands, size_t count,
                                     uint32_t ellipsis, struct labelled *output) {
    uint32_t occurs[LABELS] = {0};
    for (size_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < operands[k].rank; i++)
            occurs[operands[k].labels[i]]++;
    term_label(&(struct term){.ellipsis = true}, ellipsis, output);
    for (uint32_t label = 0; label < LETTERS; label++) {
        if (occurs[label] == 1 && output->rank == CONVOY_MAX_RANK)
            return node_fail(l, CONVOY_E_UNSUPPORTED, "a result of more than %d axes", CONVOY_MAX_RANK);
        if (occurs[label] == 1)
            output->labels[output->rank++] = (uint8_t)label;
    }
    return CONVOY_OK;
}

static convoy_status read_output(struct lowering *l, const char **text, const struct labelled *operands,
                                 size_t count, uint32_t ellipsis, struct labelled *output) {
    struct term term;
    label_set known = 0, seen = 0;
    if (next_character(text) == '\0')
        return implicit_output(l, operands, count, ellipsis, output);
    if (strncmp(*text, "->", 2) != 0)
        return node_fail(l, CONVOY_E_INPUT, "the equation has '%.20s' behind the terms of the %zu inputs",
                         *text, count);
    *text += 2;
    if (read_term(l, text, &term) != CONVOY_OK)
        return l->status;
    if (**text != '\0' || (ellipsis > 0 && !term.ellipsis))
        return node_fail(l, CONVOY_E_INPUT,
                         **text ? "the equation has something behind its output"
                                : "the output of the equation lacks the ellipsis");
    if (term.count + ellipsis > CONVOY_MAX_RANK)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a result of more than %d axes", CONVOY_MAX_RANK);
    for (size_t k = 0; k < count; k++)
        known |= labels_of(&operands[k]);
    term_label(&term, ellipsis, output);
    for (uint32_t i = 0; i < output->rank; seen |= LABEL_BIT(output->labels[i++]))
        if (!(known & ~seen & LABEL_BIT(output->labels[i])))
            return node_fail(l, CONVOY_E_INPUT, "a label of the output occurs twice, or in no input");
    return CONVOY_OK;
}

/* --- One operand ---------------------------------------------------------------------------------------- */

/* Orders the axes by a permutation: axis i was permutation[i]. */
static convoy_status operand_transpose(struct lowering *l, struct labelled *operand,
                                       const uint32_t *permutation) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_shape shape = value_shape(l, operand->value);
    struct labelled before = *operand;
    struct layer_desc desc = {.kind = LAYER_TRANSPOSE, .outputs = {{.shape = shape}}};
    bool moved = false;
    for (uint32_t i = 0; i < operand->rank; i++) {
        desc.transpose.permutation[i] = permutation[i];
        desc.outputs[0].shape.dims[i] = shape.dims[permutation[i]];
        operand->labels[i] = before.labels[permutation[i]];
        moved = moved || permutation[i] != i;
    }
    return moved ? layer_add(l, &desc, NULL, &before.value, 1, NULL, &operand->value) : CONVOY_OK;
}

/* Orders the axes by their labels; all of the operand's are listed. */
static convoy_status operand_order(struct lowering *l, struct labelled *operand, const uint8_t *labels) {
    uint32_t permutation[CONVOY_MAX_RANK];
    for (uint32_t i = 0; i < operand->rank; i++)
        permutation[i] = axis_of(operand, labels[i]);
    return operand_transpose(l, operand, permutation);
}

/* Two axes of one label become one, their diagonal: every (n + 1)-th element of both together. */
static convoy_status diagonal_take(struct lowering *l, struct labelled *operand, uint32_t first,
                                   uint32_t second) {
    uint32_t permutation[CONVOY_MAX_RANK], count = 0;
    for (uint32_t i = 0; i < operand->rank; i++)
        if (i != first && i != second)
            permutation[count++] = i;
    permutation[count] = first;
    permutation[count + 1] = second;
    if (operand_transpose(l, operand, permutation) != CONVOY_OK)
        return l->status;
    convoy_shape shape = value_shape(l, operand->value);
    int64_t n = shape.dims[count], elements;
    if (shape.dims[count + 1] != n || __builtin_mul_overflow(n, n, &elements))
        return node_fail(l, CONVOY_E_INPUT, "a label stands on axes of %lld and %lld positions of one input",
                         (long long)n, (long long)shape.dims[count + 1]);
    shape.rank = --operand->rank;
    shape.dims[count] = elements;
    alias_add(l, operand->value, &shape, &operand->value);
    struct layer_desc desc = {.kind = LAYER_SLICE, .outputs = {{.shape = shape}}};
    for (uint32_t i = 0; i < shape.rank; i++)
        desc.slice.step[i] = 1;
    desc.slice.step[count] = n + 1;
    desc.outputs[0].shape.dims[count] = n;
    return layer_add(l, &desc, NULL, &operand->value, 1, NULL, &operand->value);
}

static convoy_status diagonals_take(struct lowering *l, struct labelled *operand) {
    for (uint32_t i = 0; i < operand->rank && l->status == CONVOY_OK; i++)
        for (uint32_t k = i + 1; k < operand->rank; k++)
            if (operand->labels[i] == operand->labels[k]) {
                diagonal_take(l, operand, i, k);
                i = UINT32_MAX; /* the axes have moved: from the first one again */
                break;
            }
    return l->status;
}

/* Drops the axes of some labels, which have one position each. */
static convoy_status axes_drop(struct lowering *l, struct labelled *operand, label_set drop) {
    if (l->status != CONVOY_OK || !(labels_of(operand) & drop))
        return l->status;
    convoy_shape shape = value_shape(l, operand->value), kept = {0};
    for (uint32_t i = 0; i < shape.rank; i++)
        if (!(drop & LABEL_BIT(operand->labels[i]))) {
            operand->labels[kept.rank] = operand->labels[i];
            kept.dims[kept.rank++] = shape.dims[i];
        }
    operand->rank = kept.rank;
    return alias_add(l, operand->value, &kept, &operand->value);
}

/* Sums over the axes of all labels that are not kept. */
static convoy_status axes_sum(struct lowering *l, struct labelled *operand, label_set keep) {
    label_set gone = labels_of(operand) & ~keep;
    if (l->status != CONVOY_OK || !gone)
        return l->status;
    struct layer_desc desc = {.kind = LAYER_REDUCE,
                              .reduce.op = REDUCE_SUM,
                              .outputs = {{.shape = value_shape(l, operand->value)}}};
    for (uint32_t i = 0; i < operand->rank; i++)
        if (gone & LABEL_BIT(operand->labels[i])) {
            desc.reduce.axes |= UINT32_C(1) << i;
            desc.outputs[0].shape.dims[i] = 1;
        }
    layer_add(l, &desc, NULL, &operand->value, 1, NULL, &operand->value);
    return axes_drop(l, operand, gone);
}

/* --- Two operands --------------------------------------------------------------------------------------- */

/* The axes of a product in order, and where its parts begin. */
struct product {
    uint8_t labels[2 * CONVOY_MAX_RANK];
    uint32_t batch, left, right, summed; /* how many labels: of both, of one alone, of both and summed */
};

/* Appends the labels of an operand that are in a set, in its order. */
static uint32_t labels_append(uint8_t *labels, const struct labelled *operand, label_set set) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < operand->rank; i++)
        if (set & LABEL_BIT(operand->labels[i]))
            labels[count++] = operand->labels[i];
    return count;
}

/* Extents of labels that differ must be 1 in one operand, which then repeats: it does without the axis. */
static convoy_status extents_meet(struct lowering *l, struct labelled *a, struct labelled *b) {
    label_set both = labels_of(a) & labels_of(b), drop_a = 0, drop_b = 0;
    for (uint32_t label = 0; label < LABELS && l->status == CONVOY_OK; label++) {
        if (!(both & LABEL_BIT(label)))
            continue;
        int64_t extent_a = extent_of(l, a, label), extent_b = extent_of(l, b, label);
        if (extent_a == extent_b)
            continue;
        if (extent_a != 1 && extent_b != 1)
            node_fail(l, CONVOY_E_INPUT, "a label stands on axes of %lld and %lld positions",
                      (long long)extent_a, (long long)extent_b);
        *(extent_a == 1 ? &drop_a : &drop_b) |= LABEL_BIT(label);
    }
    axes_drop(l, a, drop_a);
    return axes_drop(l, b, drop_b);
}

/* [batch..., a's own..., summed...] and [batch..., summed..., b's own...]. */
static convoy_status product_order(struct lowering *l, struct labelled *a, struct labelled *b, label_set keep,
                                   struct product *p) {
    label_set both = labels_of(a) & labels_of(b);
    uint8_t order[CONVOY_MAX_RANK];
    p->batch = labels_append(p->labels, a, both & keep);
    p->left = labels_append(p->labels + p->batch, a, ~both);
    p->right = labels_append(p->labels + p->batch + p->left, b, ~both);
    if (p->batch + p->left + p->right > CONVOY_MAX_RANK)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a product of more than %d axes", CONVOY_MAX_RANK);
    memcpy(order, p->labels, p->batch + p->left);
    p->summed = labels_append(order + p->batch + p->left, a, both & ~keep);
    operand_order(l, a, order);
    memmove(order + p->batch, order + p->batch + p->left, p->summed);
    memcpy(order + p->batch + p->summed, p->labels + p->batch + p->left, p->right);
    return operand_order(l, b, order);
}

/* The same elements under this shape. */
static uint32_t value_of_shape(struct lowering *l, uint32_t of, convoy_shape shape) {
    uint32_t value = NO_VALUE;
    alias_add(l, of, &shape, &value);
    return value;
}

/* Products summed over the last axes of a and those behind the batch of b. */
static convoy_status product_sum(struct lowering *l, uint32_t a, uint32_t b, const struct product *p,
                                 const convoy_shape *shape, uint32_t *value) {
    convoy_shape x = value_shape(l, a);
    int64_t batch = (int64_t)shape_product(shape, 0, p->batch),
            m = (int64_t)shape_product(shape, p->batch, p->batch + p->left),
            n = (int64_t)shape_product(shape, p->batch + p->left, shape->rank),
            k = (int64_t)shape_product(&x, p->batch + p->left, x.rank);
    const uint32_t inputs[] = {value_of_shape(l, a, (convoy_shape){3, {batch, m, k}}),
                               value_of_shape(l, b, (convoy_shape){3, {batch, k, n}})};
    struct layer_desc desc = {.kind = LAYER_MATMUL, .outputs = {{.shape = {3, {batch, m, n}}}}};
    return layer_add(l, &desc, NULL, inputs, 2, shape, value);
}

/* Products of elements: a's own axes become 1 for b, and b's for a. */
static convoy_status product_plain(struct lowering *l, uint32_t a, uint32_t b, const struct product *p,
                                   const convoy_shape *shape, uint32_t *value) {
    convoy_shape left = *shape, right = *shape;
    for (uint32_t i = p->batch; i < shape->rank; i++)
        (i < p->batch + p->left ? &right : &left)->dims[i] = 1;
    return binary_add(l, BINARY_MUL, value_of_shape(l, a, left), value_of_shape(l, b, right), value);
}

/* *a becomes a times b, summed over the labels that are not kept. */
static convoy_status operands_multiply(struct lowering *l, struct labelled *a, struct labelled *b,
                                       label_set keep) {
    struct product p;
    extents_meet(l, a, b);
    axes_sum(l, a, keep | labels_of(b));
    axes_sum(l, b, keep | labels_of(a));
    if (l->status != CONVOY_OK || product_order(l, a, b, keep, &p) != CONVOY_OK)
        return l->status;
    convoy_shape shape = {.rank = p.batch + p.left + p.right};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = extent_of(l, i < p.batch + p.left ? a : b, p.labels[i]);
    (p.summed ? product_sum : product_plain)(l, a->value, b->value, &p, &shape, &a->value);
    a->rank = shape.rank;
    memcpy(a->labels, p.labels, shape.rank);
    return l->status;
}

/* --- The operator --------------------------------------------------------------------------------------- */

static convoy_status read_equation(struct lowering *l, struct labelled *operands, struct labelled *output) {
    const char *text = attribute_text(l, "equation", "");
    size_t count = l->node->input_count;
    uint32_t ellipsis = 0;
    for (size_t k = 0; k < count && l->status == CONVOY_OK; k++) {
        if (k > 0 && next_character(&text) != ',')
            return node_fail(l, CONVOY_E_INPUT, "the equation has %zu terms for %zu inputs", k, count);
        text += k > 0;
        if (input_dtype(l, k) != input_dtype(l, 0))
            return node_fail(l, CONVOY_E_INPUT, "the inputs have different types");
        read_operand(l, &text, k, &operands[k], &ellipsis);
    }
    return l->status == CONVOY_OK ? read_output(l, &text, operands, count, ellipsis, output) : l->status;
}

static convoy_status lower_einsum(struct lowering *l) {
    size_t count = l->node->input_count;
    struct labelled *operands = arena_alloc(l->arena, count, sizeof *operands), output;
    label_set *needed = arena_alloc(l->arena, count, sizeof *needed); /* by what comes later */
    if (!operands || !needed)
        return node_fail(l, CONVOY_E_MEMORY, "out of memory");
    if (read_equation(l, operands, &output) != CONVOY_OK)
        return l->status;
    label_set keep = labels_of(&output);
    for (size_t k = count; k-- > 0; keep |= labels_of(&operands[k])) {
        diagonals_take(l, &operands[k]);
        needed[k] = keep;
    }
    for (size_t k = 1; k < count && l->status == CONVOY_OK; k++)
        operands_multiply(l, &operands[0], &operands[k], needed[k]);
    axes_sum(l, &operands[0], labels_of(&output));
    if (l->status != CONVOY_OK || operand_order(l, &operands[0], output.labels) != CONVOY_OK)
        return l->status;
    convoy_shape shape = value_shape(l, operands[0].value);
    output_set(l, 0, value_of_shape(l, operands[0].value, shape));
    return l->status;
}

const struct onnx_operator einsum_operators[] = {
    OPERATOR("Einsum", 12, lower_einsum, 1, ANY_INPUTS),
    LAST_OPERATOR,
};
