#include "base/resources.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* For what threads and libraries ask for themselves, once they run. */
#define SPARE_BYTES ((size_t)24 << 20)

/* --- Descriptors ---------------------------------------------------------------------------------------- */

/* Opens and closes so many. 0 or errno. */
static int try_descriptors(uint32_t count) {
    int *opened = calloc(count ? count : 1, sizeof *opened), failure = opened ? 0 : ENOMEM;
    uint32_t n = 0;
    while (!failure && n < count) {
        opened[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (opened[n] < 0)
            failure = errno;
        else
            n++;
    }
    while (n > 0)
        close(opened[--n]);
    free(opened);
    return failure;
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static convoy_status check_descriptors(uint32_t count, const char *what, convoy_error *error) {
    int failure = try_descriptors(count);
    if (failure == EMFILE) {
        raise_descriptor_limit();
        failure = try_descriptors(count);
    }
    if (!failure)
        return CONVOY_OK;
    struct rlimit limit;
    if (failure != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_set(error, CONVOY_E_MEMORY, "%s: %u more open files are needed: %s", what, count,
                         strerror(failure));
    return error_set(error, CONVOY_E_MEMORY,
                     "%s: %u more open files are needed, and this process may have %llu in all (ulimit -n)",
                     what, count, (unsigned long long)limit.rlim_cur);
}

/* --- Threads, and address space ------------------------------------------------------------------------- */

static void *wait_for_lock(void *lock) {
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Starts so many, which all wait until the last one is there. Whether that went well, the spare address space
 * beside them included. */
static bool try_threads(uint32_t count) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = calloc(count ? count : 1, sizeof *threads);
    uint32_t started = 0;
    if (!threads)
        return false;
    pthread_mutex_lock(&lock);
    while (started < count && pthread_create(&threads[started], NULL, wait_for_lock, &lock) == 0)
        started++;
    const bool had = started == count && memory_is_there(SPARE_BYTES);
    pthread_mutex_unlock(&lock);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return had;
}

static convoy_status check_threads(uint32_t count, const char *what, convoy_error *error) {
    if (try_threads(count))
        return CONVOY_OK;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return error_set(error, CONVOY_E_MEMORY,
                         "%s: %u more threads cannot be had, or memory for them, with %llu kB of address "
                         "space (ulimit -v)",
                         what, count, (unsigned long long)limit.rlim_cur / 1024);
    return error_set(error, CONVOY_E_MEMORY, "%s: %u more threads cannot be had, or memory for them", what,
                     count);
}

convoy_status resources_check(const struct resources *need, const char *what, convoy_error *error) {
    convoy_status status = check_descriptors(need->descriptors, what, error);
    return status == CONVOY_OK ? check_threads(need->threads, what, error) : status;
}
