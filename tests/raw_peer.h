/* Peers that do not keep to the rules, or only as far as a test wants: bare ZeroMQ sockets and bare sockets.
 */
#ifndef TESTS_RAW_PEER_H
#define TESTS_RAW_PEER_H

#include "transport/hello.h"
#include "transport/transport.h"
#include "transport/zmq_transport.h"

struct raw_peer {
    void *context, *socket;
    unsigned char route[256]; /* of the connection that it last heard, on a ROUTER */
    size_t route_bytes;
};

/* A DEALER that dials; with keys if `key` is given. */
bool raw_dial(struct raw_peer *peer, const char *url);
bool raw_dial_encrypted(struct raw_peer *peer, const char *url, const struct zmq_key_pair *key,
                        const char *server_key);

/* A ROUTER that waits for workers; url receives its address. */
bool raw_listen(struct raw_peer *peer, char url[256]);
void raw_close(struct raw_peer *peer);

/* A hello that a master of any plan accepts. */
struct hello raw_hello(uint64_t instance);

/* Sends a sealed frame with a copy of these bytes; or the bytes as parts of one message. */
void raw_send(struct raw_peer *peer, enum frame_kind kind, const void *payload, size_t bytes);
void raw_send_header(struct raw_peer *peer, enum frame_kind kind, uint64_t job); /* a frame of it alone */
void raw_send_parts(struct raw_peer *peer, size_t count, const void *const parts[], const size_t sizes[]);

/* The next message's first part as a header, in at most 5 s, beats left out; the other parts are dropped. On
 * a ROUTER the routing id is kept in the peer, and raw_send goes there. False where nothing comes. */
bool raw_receive(struct raw_peer *peer, struct frame_header *header);

/* Whether raw_receive would have something at once, if only a beat. */
bool raw_ready(struct raw_peer *peer);

/* A bare TCP connection to tcp://127.0.0.1:PORT; -1 on failure. */
int raw_connect(const char *url);

/* A bare TCP socket that listens on 127.0.0.1; url receives its address. -1 on failure. */
int raw_listen_tcp(char url[256]);

#endif
