/* Lines for whoever runs the program. The library prints nothing: it calls the sink that the user gave. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <convoy/session.h>

struct log {
    convoy_log_fn sink; /* may be NULL: silence */
    void *context;
};

/* Sends one line (printf format). log may be NULL. */
void log_line(const struct log *log, convoy_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
