#include "base/cancel.h"

#include "base/error.h"

#include <stddef.h>

bool cancel_asked(const struct cancel *cancel) {
    return cancel && cancel->asked && cancel->asked(cancel->context);
}

convoy_status cancel_check(const struct cancel *cancel, convoy_error *error) {
    return cancel_asked(cancel) ? error_set(error, CONVOY_E_CANCELLED, "given up, as the caller asked")
                                : CONVOY_OK;
}
