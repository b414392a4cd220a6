/* The trained LeNet-5 of models/, for tests of sessions. */
#ifndef TESTS_LENET5_H
#define TESTS_LENET5_H

#include <convoy/convoy.h>

/* Of its one input. */
extern const convoy_shape lenet5_shape;

/* CMocka's setup and teardown of a group whose state is the model. */
int lenet5_load(void **state);
int lenet5_drop(void **state);

/* A session over it; fails the running test if there is none. */
convoy_session *lenet5_session(const convoy_model *model, const convoy_options *options);

#endif
