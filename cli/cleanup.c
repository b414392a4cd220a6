#include "cleanup.h"

#include "commands.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A signal's handler gets no context: what it needs is global. Written while `noted` is 0. */
static struct {
    volatile sig_atomic_t noted;
    char socket[PATH_MAX], folder[PATH_MAX]; /* "": none */
} made;

static void remove_made(void) {
    if (!made.noted)
        return;
    unlink(made.socket);
    if (made.folder[0])
        rmdir(made.folder);
}

static void end_by_signal(int number) {
    remove_made();
    raise(number); /* delivered on return, as if there were no handler */
}

/* Of a mapped file that was made shorter, the pages beyond its end cannot be read. */
static void end_by_short_file(int number, siginfo_t *info, void *context) {
    static const char sentence[] =
        "convoy: a file of the model was made shorter while it was in use; a new file should be moved to its "
        "place instead\n";
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        end_by_signal(number);
        return;
    }
    remove_made();
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0)
        _exit(EXIT_OTHER);
    _exit(EXIT_INPUT);
}

void cleanup_watch_files(void) {
    const struct sigaction action = {.sa_sigaction = end_by_short_file,
                                     .sa_flags = SA_SIGINFO | SA_RESETHAND};
    sigaction(SIGBUS, &action, NULL);
}

void cleanup_note(const char *url, bool with_folder) {
    static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};
    if (strncmp(url, "ipc://", 6) != 0 || url[6] == '@')
        return;
    made.noted = 0;
    snprintf(made.socket, sizeof made.socket, "%s", url + 6);
    const char *slash = strrchr(made.socket, '/');
    made.folder[0] = '\0';
    if (with_folder && slash)
        snprintf(made.folder, sizeof made.folder, "%.*s", (int)(slash - made.socket), made.socket);
    made.noted = 1;
    for (size_t i = 0; i < sizeof ending_signals / sizeof *ending_signals; i++) {
        struct sigaction action;
        if (sigaction(ending_signals[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = end_by_signal, .sa_flags = SA_RESETHAND};
        sigaction(ending_signals[i], &action, NULL);
    }
}

void cleanup_forget(void) {
    made.noted = 0;
}
