/* What exporters write as several nodes, for operator sets that have no operator for it, becomes one layer:
 *
 *   Swish (SiLU), HardSwish      x * Sigmoid(x), x * HardSigmoid(x)
 *   GELU                         x * (Erf(x / sqrt(2)) + 1) * 0.5
 *   layer normalisation          d / Sqrt(ReduceMean(d^2) + epsilon), d = x - ReduceMean(x), over the last
 * axes
 *
 * and what is a function of one number may then become part of the layer before. Every value between is read
 * by nothing else. The results differ by roundings. */
#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"
#include "model/fusion.h"

#include <math.h>
#include <stdlib.h>

#define CLOSE 1e-6 /* of constants that exporters round to float32 */

struct search {
    const struct network *network;
    const uint32_t *readers;
    const size_t *maker;
};

static uint32_t root_of(const struct search *s, uint32_t value) {
    return s->network->values[value].alias_of;
}

/* The step of this kind that makes a value, which so many steps read; NULL: there is none. */
static const struct network_step *made_by(const struct search *s, uint32_t value, enum layer_kind kind,
                                          uint32_t readers) {
    uint32_t root = root_of(s, value);
    if (s->maker[root] == SIZE_MAX || s->readers[root] != readers)
        return NULL;
    const struct network_step *step = &s->network->steps[s->maker[root]];
    return step->desc.kind == kind && step->outputs[0] == root ? step : NULL;
}

static const struct network_step *binary_by(const struct search *s, uint32_t value, enum binary_op op) {
    const struct network_step *step = made_by(s, value, LAYER_BINARY, 1);
    return step && step->desc.binary == op ? step : NULL;
}

static const struct network_step *function_by(const struct search *s, uint32_t value,
                                              enum activation_kind kind) {
    const struct network_step *step = made_by(s, value, LAYER_ACTIVATION, 1);
    return step && step->desc.activation.kind == kind ? step : NULL;
}

/* Which input of a step is a constant number, and the number; -1: none. */
static int number_input(const struct search *s, const struct network_step *step, double *number) {
    for (int i = 0; i < 2; i++) {
        const convoy_tensor *constant = &s->network->values[step->inputs[i]].constant;
        if (!constant->data || convoy_tensor_elements(constant) != 1)
            continue;
        *number = convoy_tensor_element(constant, 0);
        return i;
    }
    return -1;
}

/* The other input of a function of a value and this number; NO_VALUE: it is none. */
static uint32_t beside(const struct search *s, const struct network_step *step, double number) {
    double found;
    int at = step ? number_input(s, step, &found) : -1;
    return at >= 0 && fabs(found - number) <= CLOSE * fabs(number) ? step->inputs[1 - at] : NO_VALUE;
}

static bool keeps_shape(const struct network_step *step, uint32_t input) {
    return shape_equal(&step->desc.inputs[input].shape, &step->desc.outputs[0].shape);
}

/* --- Functions of one number ---------------------------------------------------------------------------- */

/* Whether input `which` of a product is the gate of the other one. */
static bool is_gated(const struct search *s, const struct network_step *product, uint32_t which,
                     struct activation *function) {
    const struct network_step *gate = made_by(s, product->inputs[which], LAYER_ACTIVATION, 1);
    if (!gate || root_of(s, gate->inputs[0]) != root_of(s, product->inputs[1 - which]))
        return false;
    const struct activation *a = &gate->desc.activation;
    bool soft = a->kind == ACTIVATION_SIGMOID;
    bool hard = a->kind == ACTIVATION_HARD_SIGMOID && a->alpha == 1.0f / 6 && a->beta == 0.5f;
    *function =
        soft ? (struct activation){ACTIVATION_SWISH, 1, 0} : (struct activation){ACTIVATION_HARD_SWISH, 0, 0};
    return soft || hard;
}

/* x of (x * (Erf(x / sqrt(2)) + 1)) * 0.5; NO_VALUE: the product is another one. */
static uint32_t gelu_input(const struct search *s, const struct network_step *half) {
    uint32_t product = beside(s, half, 0.5);
    const struct network_step *step = product != NO_VALUE ? binary_by(s, product, BINARY_MUL) : NULL;
    for (int i = 0; step && i < 2; i++) {
        const struct network_step *sum = binary_by(s, step->inputs[i], BINARY_ADD);
        uint32_t error_function = beside(s, sum, 1), x = step->inputs[1 - i];
        const struct network_step *erf =
            error_function != NO_VALUE ? function_by(s, error_function, ACTIVATION_ERF) : NULL;
        const struct network_step *scaled = erf ? binary_by(s, erf->inputs[0], BINARY_DIV) : NULL;
        bool divided = scaled && !s->network->values[scaled->inputs[0]].constant.data;
        uint32_t from = divided ? beside(s, scaled, M_SQRT2) : NO_VALUE;
        if (from != NO_VALUE && root_of(s, from) == root_of(s, x) && keeps_shape(step, (uint32_t)(1 - i)))
            return x;
    }
    return NO_VALUE;
}

static void become_function(struct network_step *step, uint32_t x, struct activation function,
                            struct value_desc *described) {
    *described = (struct value_desc){step->desc.outputs[0].dtype, step->desc.outputs[0].shape, 0};
    step->inputs[0] = x;
    step->desc.inputs = described;
    step->desc.input_count = 1;
    step->desc.kind = LAYER_ACTIVATION;
    step->desc.activation = function;
}

/* --- Layer normalisation -------------------------------------------------------------------------------- */

/* The mean over the last axes; *inner: how many elements. */
static const struct network_step *mean_by(const struct search *s, uint32_t value, size_t *inner) {
    const struct network_step *mean = made_by(s, value, LAYER_REDUCE, 1);
    if (!mean || mean->desc.reduce.op != REDUCE_MEAN)
        return NULL;
    const convoy_shape *x = &mean->desc.inputs[0].shape;
    uint32_t first = x->rank;
    while (first > 0 && mean->desc.reduce.axes >> (first - 1) & 1)
        first--;
    *inner = shape_product(x, first, x->rank);
    bool last =
        first < x->rank && mean->desc.reduce.axes == ((UINT32_C(1) << x->rank) - (UINT32_C(1) << first));
    return last && shape_equal(&s->network->values[value].shape, &mean->desc.outputs[0].shape) ? mean : NULL;
}

/* Whether a value is d^2. */
static bool is_square(const struct search *s, uint32_t value, uint32_t d) {
    const struct network_step *power = binary_by(s, value, BINARY_POW),
                              *product = binary_by(s, value, BINARY_MUL);
    if (power)
        return root_of(s, power->inputs[0]) == d && beside(s, power, 2) == power->inputs[0];
    return product && root_of(s, product->inputs[0]) == d && root_of(s, product->inputs[1]) == d;
}

/* x and what belongs to the kind, if the quotient is a normalisation of x; else NO_VALUE. */
static uint32_t normalize_input(const struct search *s, const struct network_step *quotient,
                                struct layer_desc *normalize) {
    double epsilon;
    size_t inner, same;
    uint32_t d = root_of(s, quotient->inputs[0]);
    const struct network_step *root = function_by(s, quotient->inputs[1], ACTIVATION_SQRT);
    const struct network_step *sum = root ? binary_by(s, root->inputs[0], BINARY_ADD) : NULL;
    int at = sum ? number_input(s, sum, &epsilon) : -1;
    const struct network_step *variance = at >= 0 ? mean_by(s, sum->inputs[1 - at], &inner) : NULL;
    if (!variance || !is_square(s, variance->inputs[0], d) || !(epsilon >= 0) || !keeps_shape(quotient, 0) ||
        !shape_equal(&variance->desc.inputs[0].shape, &quotient->desc.outputs[0].shape) ||
        !shape_equal(&variance->desc.outputs[0].shape, &quotient->desc.inputs[1].shape))
        return NO_VALUE;
    const struct network_step *difference = NULL; /* read by its square, once or twice, and by the quotient */
    for (uint32_t readers = 2; readers <= 3 && !difference; readers++)
        difference = made_by(s, d, LAYER_BINARY, readers);
    if (!difference || difference->desc.binary != BINARY_SUB)
        return NO_VALUE;
    const struct network_step *mean = mean_by(s, difference->inputs[1], &same);
    if (!mean || same != inner || root_of(s, mean->inputs[0]) != root_of(s, difference->inputs[0]) ||
        !keeps_shape(difference, 0) ||
        !shape_equal(&mean->desc.inputs[0].shape, &difference->desc.inputs[0].shape) ||
        !shape_equal(&difference->desc.outputs[0].shape, &quotient->desc.outputs[0].shape))
        return NO_VALUE;
    size_t total = shape_product(&quotient->desc.outputs[0].shape, 0, quotient->desc.outputs[0].shape.rank);
    normalize->normalize.outer = inner ? total / inner : 0;
    normalize->normalize.inner = inner;
    normalize->normalize.centered = true;
    normalize->normalize.epsilon = epsilon;
    return difference->inputs[0];
}

static void become_normalisation(struct network_step *step, uint32_t x, const struct layer_desc *normalize,
                                 struct value_desc *described) {
    become_function(step, x, (struct activation){ACTIVATION_NONE, 0, 0}, described);
    step->desc.kind = LAYER_NORMALIZE;
    step->desc.normalize = normalize->normalize;
}

/* --- All ------------------------------------------------------------------------------------------------ */

/* Makes the step one of the layers above, if it is the last node of one. described: memory for its input.
 * False: it is none. */
static bool fuse_step(const struct search *s, struct network_step *step, struct value_desc *described) {
    struct activation function;
    struct layer_desc normalize;
    uint32_t x = NO_VALUE;
    if (step->desc.binary == BINARY_DIV && (x = normalize_input(s, step, &normalize)) != NO_VALUE) {
        become_normalisation(step, x, &normalize, described);
        return true;
    }
    if (step->desc.binary != BINARY_MUL)
        return false;
    if ((x = gelu_input(s, step)) != NO_VALUE) {
        become_function(step, x, (struct activation){ACTIVATION_GELU, 0, 0}, described);
        return true;
    }
    for (uint32_t which = 0; which < 2; which++)
        if (keeps_shape(step, 0) && keeps_shape(step, 1) && is_gated(s, step, which, &function)) {
            become_function(step, step->inputs[1 - which], function, described);
            return true;
        }
    return false;
}

convoy_status network_fuse_patterns(struct network *network, struct arena *arena, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers);
    size_t *maker = calloc(network->value_count + 1, sizeof *maker);
    struct value_desc *described = NULL;
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        network_index(network, readers, maker);
    const struct search search = {network, readers, maker};
    for (size_t s = 0; s < network->step_count && status == CONVOY_OK; s++) {
        struct network_step *step = &network->steps[s];
        if (step->desc.kind != LAYER_BINARY || !dtype_is(step->desc.outputs[0].dtype, DTYPE_FLOAT))
            continue;
        if (!described)
            described = arena_alloc(arena, 1, sizeof *described);
        if (!described)
            status = error_memory(error);
        else if (fuse_step(&search, step, described))
            described = NULL; /* it is the step's */
    }
    free(readers);
    free(maker);
    return status == CONVOY_OK ? network_drop_dead(network, error) : status; /* what was in between */
}
