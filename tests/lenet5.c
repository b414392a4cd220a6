#include "lenet5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const convoy_shape lenet5_shape = {4, {1, 1, 32, 32}};

int lenet5_load(void **state) {
    convoy_error error;
    if (convoy_model_load((convoy_model **)state, CONVOY_SOURCE_DIR "/models/lenet5/lenet5.onnx", &error) ==
        CONVOY_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

int lenet5_drop(void **state) {
    convoy_model_destroy((convoy_model **)state);
    return 0;
}

convoy_session *lenet5_session(const convoy_model *model, const convoy_options *options) {
    convoy_session *session = NULL;
    convoy_error error = {0};
    if (convoy_session_create(&session, model, &lenet5_shape, options, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    return session;
}
