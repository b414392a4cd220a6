/* A complete program over libconvoy: classifies images on six coded workers, of which any two may be missing.
 *
 *     classify MODEL.onnx IMAGE...
 *
 * Prints a line for each image: its file, the class (the index of the largest score), and whether a layer
 * had to be computed here because too few workers answered ("degraded"). Exit status 1 and one sentence on
 * standard error where something is wrong.
 */
#include <convoy/convoy.h>

#include <stdio.h>

/* The shape of the model's only input for one image: a batch that the model leaves open becomes 1. */
static convoy_status input_shape(const convoy_model *model, convoy_shape *shape, convoy_dtype *dtype,
                                 convoy_error *error) {
    const convoy_value_info *inputs;
    if (convoy_model_inputs(model, &inputs) != 1) {
        snprintf(error->message, sizeof error->message, "the model must have one input, the image");
        return error->status = CONVOY_E_INPUT;
    }
    *shape = inputs[0].shape;
    *dtype = inputs[0].dtype;
    if (shape->rank > 0 && shape->dims[0] < 0)
        shape->dims[0] = 1;
    return CONVOY_OK;
}

static size_t largest(const convoy_tensor *scores) {
    size_t best = 0;
    for (size_t i = 1; i < convoy_tensor_elements(scores); i++)
        if (convoy_tensor_element(scores, i) > convoy_tensor_element(scores, best))
            best = i;
    return best;
}

static convoy_status classify(convoy_session *session, const char *path, convoy_dtype dtype,
                              const convoy_shape *shape, convoy_error *error) {
    convoy_tensor image = {0};
    convoy_result *result = NULL;
    convoy_status status = convoy_input_load(&image, path, dtype, shape, NULL, error);
    if (status == CONVOY_OK)
        status = convoy_session_run(session, &image, &result, error);
    if (status == CONVOY_OK)
        printf("%s: class %zu%s\n", path, largest(&result->outputs[0]), result->degraded ? ", degraded" : "");
    convoy_result_destroy(&result);
    convoy_tensor_release(&image);
    return status;
}

int main(int argc, char **argv) {
    convoy_model *model = NULL;
    convoy_session *session = NULL;
    convoy_shape shape;
    convoy_dtype dtype;
    convoy_options options;
    convoy_error error = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL.onnx IMAGE...\n", argv[0]);
        return 2;
    }
    convoy_options_init(&options);
    options.workers = 6;
    options.stragglers = 2;

    convoy_status status = convoy_model_load(&model, argv[1], &error);
    if (status == CONVOY_OK)
        status = input_shape(model, &shape, &dtype, &error);
    if (status == CONVOY_OK) /* codes the filters and hands them to the workers */
        status = convoy_session_create(&session, model, &shape, &options, &error);
    for (int i = 2; i < argc && status == CONVOY_OK; i++)
        status = classify(session, argv[i], dtype, &shape, &error);
    if (status != CONVOY_OK)
        fprintf(stderr, "classify: %s\n", error.message);
    convoy_session_destroy(&session);
    convoy_model_destroy(&model);
    return status == CONVOY_OK ? 0 : 1;
}
