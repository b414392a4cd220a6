#include "transport/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct resolver {
    char host[RESOLVER_HOST], port[8];
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t answered;
    int references; /* the asker's and the thread's */
    bool done;
    int failure; /* EAI_..., 0: found */
    struct addrinfo *found;
};

static void release(struct resolver *resolver) {
    pthread_mutex_lock(&resolver->mutex);
    int left = --resolver->references;
    pthread_mutex_unlock(&resolver->mutex);
    if (left)
        return;
    if (resolver->found)
        freeaddrinfo(resolver->found);
    pthread_cond_destroy(&resolver->answered);
    pthread_mutex_destroy(&resolver->mutex);
    free(resolver);
}

static void *ask(void *context) {
    struct resolver *resolver = context;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(resolver->host, resolver->port, &hints, &found);
    pthread_mutex_lock(&resolver->mutex);
    resolver->failure = failure;
    resolver->found = failure ? NULL : found;
    resolver->done = true;
    pthread_cond_broadcast(&resolver->answered);
    pthread_mutex_unlock(&resolver->mutex);
    release(resolver);
    return NULL;
}

static bool start_thread(struct resolver *resolver) {
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's threads' */
    bool started = pthread_create(&thread, NULL, ask, resolver) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

struct resolver *resolver_start(const char *host, const char *port) {
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return NULL;
    snprintf(resolver->host, sizeof resolver->host, "%s", host);
    snprintf(resolver->port, sizeof resolver->port, "%s", port);
    pthread_mutex_init(&resolver->mutex, NULL);
    pthread_cond_init(&resolver->answered, NULL);
    resolver->references = 2;
    if (start_thread(resolver))
        return resolver;
    resolver->references = 1;
    release(resolver);
    return NULL;
}

bool resolver_done(struct resolver *resolver) {
    pthread_mutex_lock(&resolver->mutex);
    bool done = resolver->done;
    pthread_mutex_unlock(&resolver->mutex);
    return done;
}

void resolver_wait(struct resolver *resolver) {
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->done)
        pthread_cond_wait(&resolver->answered, &resolver->mutex);
    pthread_mutex_unlock(&resolver->mutex);
}

const char *resolver_failure(const struct resolver *resolver) {
    return resolver->failure ? gai_strerror(resolver->failure) : NULL;
}

bool resolver_url(const struct resolver *resolver, unsigned index, char url[RESOLVER_URL]) {
    static const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++)
        for (const struct addrinfo *at = resolver->found; at; at = at->ai_next) {
            char host[RESOLVER_HOST], port[8];
            if (at->ai_family != families[i] ||
                getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, port, sizeof port,
                            NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
                index-- > 0)
                continue;
            snprintf(url, RESOLVER_URL, i ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
            return true;
        }
    return false;
}

void resolver_destroy(struct resolver **resolver) {
    if (!*resolver)
        return;
    release(*resolver);
    *resolver = NULL;
}
