/* The official ONNX test cases, as Debian's libonnx-testdata installs them: groups of cases, each a model and
 * folders test_data_set_N with its inputs and what its outputs must be. $CONVOY_ONNX_TESTS names another
 * copy.
 */
#ifndef TESTS_CONFORMANCE_CASE_H
#define TESTS_CONFORMANCE_CASE_H

#include <convoy/model.h>

/* One test_data_set_N. */
struct case_data {
    convoy_tensor *inputs, *outputs; /* [as many as the model has] aligned */
};

struct conformance_case {
    const char *group, *name; /* "node", "test_abs"; the list's */
    char folder[512];
    convoy_model *model;
    size_t input_count, output_count;
    struct case_data *data; /* [data_count] */
    size_t data_count;
};

struct case_name {
    const char *group;
    char *name;
};

struct case_list {
    const char *root;
    struct case_name *cases; /* [count] in the order of the groups, then by name */
    size_t count;
};

/* False, with a printed reason, if the package is not installed. */
bool case_list_open(struct case_list *list);
void case_list_close(struct case_list *list);

/* Loads the model and all its data. case_close is called after a failure, too. The sentence is
 * convoy_model_load's or tells what of the data cannot be read. */
convoy_status case_open(struct conformance_case *c, const struct case_list *list, size_t number,
                        convoy_error *error);
void case_close(struct conformance_case *c);

#endif
