#include "signals.h"

#include "cleanup.h"
#include "commands.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_S 2 /* for the command to return */

/* A signal's handler gets no context: what it needs is global. */
static struct {
    atomic_int taken; /* 0: none */
    atomic_bool deferred;
} signals;

/* Ends the process by the signal. The first process of a container is not ended by signals, and leaves with
 * the status that a shell would show. */
static _Noreturn void die(int number) {
    sigset_t itself;
    cleanup_remove();
    sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigemptyset(&itself);
    sigaddset(&itself, number);
    pthread_sigmask(SIG_UNBLOCK, &itself, NULL);
    raise(number);
    _exit(128 + number);
}

/* SIGPIPE comes again with whatever is printed until the command returns. */
static void take_signal(int number) {
    const int failure = errno;
    int before = 0;
    const bool first = atomic_compare_exchange_strong(&signals.taken, &before, number);
    if (!first && number == SIGPIPE)
        return;
    if (!first || !atomic_load(&signals.deferred))
        die(number);
    alarm(PATIENCE_S);
    errno = failure;
}

static void end_patience(int number) {
    const int taken = atomic_load(&signals.taken);
    die(taken ? taken : number); /* an alarm from outside is one */
}

/* Of a mapped file that was made shorter, the pages beyond its end cannot be read. */
static void end_by_short_file(int number, siginfo_t *info, void *context) {
    static const char sentence[] =
        "convoy: a file of the model was made shorter while it was in use; a new file should be moved to its "
        "place instead\n";
    (void)context;
    if (info->si_code != BUS_ADRERR)
        die(number);
    cleanup_remove();
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0)
        _exit(EXIT_OTHER);
    _exit(EXIT_INPUT);
}

void signals_watch(bool deferred) {
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    atomic_store(&signals.deferred, deferred);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = take_signal, .sa_flags = SA_RESTART};
        sigaction(ending[i], &action, NULL);
    }
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = end_patience}, NULL);
    sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = end_by_short_file, .sa_flags = SA_SIGINFO}, NULL);
}

void signals_defer(bool deferred) {
    atomic_store(&signals.deferred, deferred);
    if (!deferred)
        signals_finish(EXIT_DONE);
}

int signals_taken(void) {
    return atomic_load(&signals.taken);
}

bool signals_cancel(void *unused) {
    (void)unused;
    return signals_taken() != 0;
}

void signals_tell(const char *format, ...) {
    char done[200];
    va_list arguments;
    const int number = signals_taken();
    if (number == SIGPIPE)
        return;
    va_start(arguments, format);
    vsnprintf(done, sizeof done, format, arguments);
    va_end(arguments);
    fprintf(stderr, "convoy: interrupted by SIG%s: %s\n", sigabbrev_np(number), done);
}

int signals_finish(int exit_status) {
    const int number = signals_taken();
    if (number)
        die(number);
    return exit_status;
}
