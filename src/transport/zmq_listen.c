#include "transport/zmq_listen.h"

#include "base/error.h"
#include "transport/zmq_door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define QUEUE_FRAMES                                                                                         \
    1024 /* to or from one peer; the runtime has a handful under way, and a model's layers at the start */

static int set_text(void *socket, int option, const char *text) {
    return zmq_setsockopt(socket, option, text, strlen(text)) != 0 ? zmq_errno() : 0;
}

static int set_number(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) != 0 ? zmq_errno() : 0;
}

convoy_status router_create(void **router, void *context, const char *url, const struct zmq_limits *limits,
                            const struct zmq_key_pair *key, convoy_error *error) {
    void *made = zmq_socket(context, ZMQ_ROUTER);
    int failure = made ? zmq_socket_prepare(made, limits, QUEUE_FRAMES) : zmq_errno();
    if (!failure)
        failure = set_number(made, ZMQ_ROUTER_MANDATORY, 1);
    if (!failure)
        failure = set_text(made, ZMQ_ZAP_DOMAIN, DOOR_DOMAIN);
    if (!failure && key)
        failure = set_number(made, ZMQ_CURVE_SERVER, 1);
    if (!failure && key)
        failure = set_text(made, ZMQ_CURVE_SECRETKEY, key->secret_key);
    if (!failure) {
        *router = made;
        return CONVOY_OK;
    }
    if (made)
        zmq_close(made);
    return error_set(error, CONVOY_E_INTERNAL, "cannot prepare %s: libzmq says: %s", url,
                     zmq_strerror(failure));
}

/* 0, or errno. */
static int bind_to(void *router, const char *url, bool ipv6) {
    set_number(router, ZMQ_IPV6, ipv6);
    return zmq_bind(router, url) == 0 ? 0 : zmq_errno();
}

/* libzmq binds to addresses, and to names of network interfaces. Other names stand for the first of their
 * addresses that is this machine's. NULL, or why it failed, in words. */
static const char *bind_url(void *router, const char *url) {
    struct resolver *resolver = NULL;
    char numeric[RESOLVER_URL];
    int failure = bind_to(router, url, zmq_url_is_ipv6(url) || strncmp(url, "tcp://*", 7) == 0);
    if (!failure || !zmq_url_resolve(url, &resolver))
        return failure ? zmq_strerror(failure) : NULL;
    if (!resolver)
        return zmq_strerror(ENOMEM);
    resolver_wait(resolver);
    const char *reason = resolver_failure(resolver);
    for (unsigned i = 0; failure && resolver_url(resolver, i, numeric); i++) {
        failure = bind_to(router, numeric, zmq_url_is_ipv6(numeric));
        reason = failure ? zmq_strerror(failure) : NULL;
    }
    resolver_destroy(&resolver);
    return reason;
}

/* The URL to dial, from what was bound. */
static char *dialled_url(void *router) {
    char bound[512], name[256], url[800];
    size_t size = sizeof bound;
    if (zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
        return NULL;
    bool any = strncmp(bound, "tcp://0.0.0.0:", 14) == 0 || strncmp(bound, "tcp://[::]:", 11) == 0;
    const char *port = strrchr(bound, ':');
    if (!any || !port || gethostname(name, sizeof name) != 0)
        return strdup(bound);
    snprintf(url, sizeof url, "tcp://%.255s%s", name, port);
    return strdup(url);
}

/* libzmq takes a socket that listens already, and leaves its file alone. */
static convoy_status take_ipc_socket(void *router, const char *url, struct ipc_file *file,
                                     convoy_error *error) {
    int fd = -1;
    convoy_status status = ipc_listen(url, &fd, file, error);
    if (status == CONVOY_OK)
        set_number(router, ZMQ_USE_FD, fd);
    return status;
}

convoy_status router_bind(void *router, const char *url, char **dialled, struct ipc_file *file,
                          convoy_error *error) {
    convoy_status status = ipc_is_path(url) ? take_ipc_socket(router, url, file, error) : CONVOY_OK;
    if (status != CONVOY_OK)
        return status;
    const char *reason = bind_url(router, url);
    if (reason)
        return error_set(error, CONVOY_E_IO, "cannot listen on %s: %s", url, reason);
    char *bound = dialled_url(router);
    if (!bound)
        return error_memory(error);
    *dialled = bound;
    return CONVOY_OK;
}
