/* Whether what is under way is to be given up: the library asks, the caller answers. */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <convoy/status.h>

#include <stdbool.h>

struct cancel {
    bool (*asked)(void *context); /* from any thread; once true it stays so. NULL: never */
    void *context;
};

/* Whether the caller wants to give up. cancel may be NULL: never. */
bool cancel_asked(const struct cancel *cancel);

/* CONVOY_E_CANCELLED and its sentence if so, else CONVOY_OK. */
convoy_status cancel_check(const struct cancel *cancel, convoy_error *error);

#endif
