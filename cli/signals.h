/* Signals that end the program. SIGINT, SIGTERM, SIGHUP and SIGPIPE, but those that were ignored when it
 * began, end it at once, as they would have, once what is noted (cleanup.h) is removed. A command that has
 * more to do before it ends takes the first of them as a wish. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* From now on signals end the program as described; and a mapped file that is made shorter ends it with a
 * sentence and EXIT_INPUT, instead of by SIGBUS. deferred: see signals_defer. */
void signals_watch(bool deferred);

/* With true the first signal is only taken from now on: the command looks, gives up what it does, and
 * returns. The next one ends the program at once, and so does the time if the command does not return within
 * 2 s. With false signals end the program at once, and so does one that was taken. */
void signals_defer(bool deferred);

/* The signal that was taken; 0: none. */
int signals_taken(void);

/* The same, for convoy_options.cancelled. */
bool signals_cancel(void *unused);

/* Says on standard error which signal interrupts the program, and what was done until then (a printf format).
 * Nothing is said if that is SIGPIPE. */
void signals_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program by the signal that was taken. Returns the exit status if none was. */
int signals_finish(int exit_status);

#endif
