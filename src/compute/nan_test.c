/* A NaN in an input is one in the output, for every kind that could hide it. */
#include "layer_sample.h"

#include <cmocka.h>

/* The output of a sample on the first backends holds a NaN at this element, and nowhere else. */
static void expect_nan(struct sample *s, size_t at, int count) {
    for (int b = 0; b < count; b++) {
        convoy_tensor out;
        convoy_error error;
        if (sample_run(s, backends[b].name, backends[b].threads, &out, &error) != CONVOY_OK)
            fail_msg("%s", error.message);
        for (size_t i = 0; i < convoy_tensor_elements(&out); i++)
            if (isnan(tensor_get(&out, i)) != (i == at))
                fail_msg("%s: kind %d, element %zu is %g", backends[b].name, (int)s->desc.kind, i,
                         tensor_get(&out, i));
        convoy_tensor_release(&out);
    }
    sample_end(s);
}

enum { LENGTH = 64, PLACE = 5 };

static convoy_tensor with_nan(void) {
    convoy_tensor tensor = tensor_of(CONVOY_F32, shape_of(4, 1, 1, 8, 8));
    for (size_t i = 0; i < LENGTH; i++)
        tensor_set(&tensor, i, i == PLACE ? NAN : (double)i - 20);
    return tensor;
}

static void activations(void **state) {
    (void)state;
    for (int kind = ACTIVATION_RELU; kind < ACTIVATIONS; kind++) {
        struct sample s;
        if (!activation_admits((enum activation_kind)kind, CONVOY_F32) || kind == ACTIVATION_LOG ||
            kind == ACTIVATION_SQRT || (kind >= ACTIVATION_ASIN && kind <= ACTIVATION_ATANH))
            continue;
        sample_begin(&s, LAYER_ACTIVATION, CONVOY_F32, shape_of(4, 1, 1, 8, 8));
        s.desc.activation = (struct activation){(enum activation_kind)kind, 0.25f, 6};
        sample_input(&s, with_nan());
        expect_nan(&s, PLACE, BACKENDS);
    }
}

static void functions_of_two(void **state) {
    (void)state;
    for (int op = BINARY_ADD; op <= BINARY_MIN; op++)
        for (int which = 0; which < 2; which++) {
            struct sample s;
            sample_begin(&s, LAYER_BINARY, CONVOY_F32, shape_of(4, 1, 1, 8, 8));
            s.desc.binary = (enum binary_op)op;
            convoy_tensor ones = tensor_of(CONVOY_F32, shape_of(4, 1, 1, 8, 8));
            for (size_t i = 0; i < LENGTH; i++)
                tensor_set(&ones, i, 1);
            sample_input(&s, which ? ones : with_nan());
            sample_input(&s, which ? with_nan() : ones);
            expect_nan(&s, PLACE, BACKENDS);
        }
}

/* The maximum of a window by oneDNN passes over a NaN (man page, NOT A NUMBER): only the reference keeps it.
 */
static void pools(void **state) {
    (void)state;
    for (int average = 0; average < 2; average++) {
        struct sample s;
        sample_begin(&s, LAYER_POOL, CONVOY_F32, shape_of(4, 1, 1, 4, 4));
        s.desc.pool = (struct pool_geometry){.op = average ? POOL_AVERAGE : POOL_MAX,
                                             .spatial = 2,
                                             .batch = 1,
                                             .channels = 1,
                                             .in = {8, 8},
                                             .kernel = {2, 2},
                                             .stride = {2, 2},
                                             .dilation = {1, 1},
                                             .out = {4, 4}};
        sample_input(&s, with_nan());
        expect_nan(&s, 2, average ? BACKENDS : 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations),
        cmocka_unit_test(functions_of_two),
        cmocka_unit_test(pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
