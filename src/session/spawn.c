/* The host program's SIGCHLD and its other children are left alone: only the processes started here are
 * waited for, each by its number. */
#include "session/spawn.h"

#include "base/clock.h"
#include "base/error.h"
#include "session/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIVE_UP  "5s"            /* of a worker whose master is gone without having ended it */
#define GRACE_NS NS_PER_S        /* between asking a process to end and killing it */
#define LOOK_NS  (2 * NS_PER_MS) /* between looks whether it has ended */

extern char **environ;

struct spawn {
    char *program;
    struct run_folder folder;
    char *url;
    pid_t *pids; /* [count]; 0: it has ended */
    uint32_t count;
};

convoy_status spawn_create(struct spawn **out, const char *program, convoy_error *error) {
    struct spawn *spawn = calloc(1, sizeof *spawn);
    if (!spawn)
        return error_memory(error);
    spawn->program = strdup(program ? program : "convoy");
    convoy_status status = spawn->program
                               ? run_folder_create(&spawn->folder, "", "the workers' socket", error)
                               : error_memory(error);
    if (status == CONVOY_OK && asprintf(&spawn->url, "ipc://%s/" RUN_FOLDER_SOCKET, spawn->folder.path) < 0) {
        spawn->url = NULL;
        status = error_memory(error);
    }
    if (status == CONVOY_OK)
        *out = spawn;
    else
        spawn_destroy(&spawn);
    return status;
}

const char *spawn_url(const struct spawn *spawn) {
    return spawn->url;
}

/* Starts the program with no input, no output but errors, and signals as a shell would set them: those that
 * this process was started without (nohup) it is started without, too. 0 or errno. */
static int start_process(const char *program, char *const *arguments, pid_t *pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none, usual; /* blocked; not ignored */
    sigemptyset(&none);
    sigfillset(&usual);
    sigdelset(&usual, SIGINT);
    sigdelset(&usual, SIGTERM);
    sigdelset(&usual, SIGHUP);
    int failure = posix_spawnattr_init(&attributes);
    if (failure)
        return failure;
    failure = posix_spawn_file_actions_init(&files);
    if (failure) {
        posix_spawnattr_destroy(&attributes);
        return failure;
    }
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    failure = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failure)
        failure = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!failure)
        failure = posix_spawnp(pid, program, &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

convoy_status spawn_start(struct spawn *spawn, const char *backend, uint32_t threads,
                          const char *const *faults, size_t fault_count, convoy_error *error) {
    enum { FIXED = 12 };
    char number[16];
    snprintf(number, sizeof number, "%u", threads);
    const char **arguments = calloc(FIXED + 2 * fault_count + 1, sizeof *arguments);
    pid_t *pids = realloc(spawn->pids, (spawn->count + 1) * sizeof *pids);
    if (pids)
        spawn->pids = pids;
    if (!pids || !arguments) {
        free(arguments);
        return error_memory(error);
    }
    const char *const fixed[FIXED] = {spawn->program, "worker", "--connect", spawn->url, "--backend", backend,
                                      "--threads",    number,   "--give-up", GIVE_UP,    "--quiet",   NULL};
    size_t count = 0;
    while (fixed[count]) {
        arguments[count] = fixed[count];
        count++;
    }
    for (size_t i = 0; i < fault_count; i++) {
        arguments[count++] = "--fault";
        arguments[count++] = faults[i];
    }
    pid_t pid = 0;
    int failure = start_process(spawn->program, (char *const *)arguments, &pid);
    free(arguments);
    if (failure)
        return error_set(error, CONVOY_E_IO, "%s: cannot be started as a worker: %s", spawn->program,
                         strerror(failure));
    spawn->pids[spawn->count++] = pid;
    return CONVOY_OK;
}

/* Takes note of those that have ended. One that is not ours to wait for any more (the host ignores SIGCHLD)
 * has ended too. */
uint32_t spawn_running(struct spawn *spawn) {
    uint32_t running = 0;
    for (uint32_t i = 0; i < spawn->count; i++) {
        if (spawn->pids[i] == 0)
            continue;
        pid_t ended = waitpid(spawn->pids[i], NULL, WNOHANG);
        if (ended == spawn->pids[i] || (ended < 0 && errno == ECHILD))
            spawn->pids[i] = 0;
        else
            running++;
    }
    return running;
}

/* Sends a signal to those that run and waits for their end. Whether all have ended. */
static bool end_all(struct spawn *spawn, int signal_number) {
    uint64_t deadline_ns = clock_now_ns() + GRACE_NS;
    if (spawn_running(spawn) == 0)
        return true;
    for (uint32_t i = 0; i < spawn->count; i++)
        if (spawn->pids[i] != 0)
            kill(spawn->pids[i], signal_number);
    while (spawn_running(spawn) > 0) {
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns)
            return false;
        clock_sleep_until(now_ns + LOOK_NS);
    }
    return true;
}

void spawn_destroy(struct spawn **slot) {
    struct spawn *spawn = slot ? *slot : NULL;
    if (!spawn)
        return;
    *slot = NULL;
    /* A worker has nothing to finish: what it keeps on disk is written whole or not at all. */
    if (!end_all(spawn, SIGTERM))
        end_all(spawn, SIGKILL);
    run_folder_remove(&spawn->folder);
    free(spawn->pids);
    free(spawn->url);
    free(spawn->program);
    free(spawn);
}
