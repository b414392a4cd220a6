#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

convoy_status error_set(convoy_error *error, convoy_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->status = status;
    }
    return status;
}

convoy_status error_null(convoy_error *error, const char *function) {
    return error_set(error, CONVOY_E_USAGE, "%s was given NULL where it takes none", function);
}

convoy_status error_memory(convoy_error *error) {
    return error_set(error, CONVOY_E_MEMORY, "out of memory");
}

const char *convoy_status_text(convoy_status status) {
    switch (status) {
    case CONVOY_OK:
        return "ok";
    case CONVOY_E_USAGE:
        return "wrong usage";
    case CONVOY_E_INPUT:
        return "bad input";
    case CONVOY_E_UNSUPPORTED:
        return "not supported";
    case CONVOY_E_IO:
        return "file or network error";
    case CONVOY_E_MEMORY:
        return "out of memory";
    case CONVOY_E_WORKERS:
        return "too few workers";
    case CONVOY_E_CLOSED:
        return "closed";
    case CONVOY_E_CANCELLED:
        return "cancelled";
    case CONVOY_E_INTERNAL:
        return "internal error";
    }
    return "unknown status";
}
