/* How a master's socket is made and bound. */
#ifndef TRANSPORT_ZMQ_LISTEN_H
#define TRANSPORT_ZMQ_LISTEN_H

#include "transport/ipc_socket.h"
#include "transport/zmq_common.h"

/* A ROUTER, asked for its door (zmq_door.h) and, with a key, encrypted; not bound yet. `url` is for the
 * sentence alone. */
convoy_status router_create(void **router, void *context, const char *url, const struct zmq_limits *limits,
                            const struct zmq_key_pair *key, convoy_error *error);

/* Binds; *dialled is the URL that workers dial, to be freed. *file becomes that of an ipc socket, to be
 * removed by the caller. */
convoy_status router_bind(void *router, const char *url, char **dialled, struct ipc_file *file,
                          convoy_error *error);

#endif
