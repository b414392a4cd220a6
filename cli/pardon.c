#include "pardon.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t asking_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return set;
}

void pardon_prepare(void) {
    const sigset_t set = asking_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void pardon_if_asked(convoy_session *session, convoy_log_fn log, void *log_context) {
    const sigset_t set = asking_signals();
    const struct timespec no_time = {0};
    if (sigtimedwait(&set, NULL, &no_time) != SIGUSR1)
        return;
    convoy_session_pardon(session);
    log(log_context, CONVOY_LOG_INFO, "SIGUSR1: no worker is distrusted any more");
}
