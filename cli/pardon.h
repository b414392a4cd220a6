/* SIGUSR1: a run distrusts none of its workers any more. The signal stays blocked, in the threads of the
 * session too: it interrupts nothing, and waits until somebody looks. */
#ifndef CLI_PARDON_H
#define CLI_PARDON_H

#include <convoy/convoy.h>

/* From now on SIGUSR1 does not end the process. To be called before a session has threads. */
void pardon_prepare(void);

/* Distrusts nobody any more, and says so, if the signal has come since the last call. */
void pardon_if_asked(convoy_session *session, convoy_log_fn log, void *log_context);

#endif
