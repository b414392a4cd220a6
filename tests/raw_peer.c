#include "raw_peer.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

static bool raw_open(struct raw_peer *peer, int type) {
    const int at_once = 0, patience_ms = 5000;
    *peer = (struct raw_peer){.context = zmq_ctx_new()};
    peer->socket = zmq_socket(peer->context, type);
    return peer->socket && zmq_setsockopt(peer->socket, ZMQ_LINGER, &at_once, sizeof at_once) == 0 &&
           zmq_setsockopt(peer->socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms) == 0 &&
           zmq_setsockopt(peer->socket, ZMQ_SNDTIMEO, &patience_ms, sizeof patience_ms) == 0;
}

bool raw_dial_encrypted(struct raw_peer *peer, const char *url, const struct zmq_key_pair *key,
                        const char *server_key) {
    return raw_open(peer, ZMQ_DEALER) &&
           (!key ||
            (zmq_setsockopt(peer->socket, ZMQ_CURVE_SERVERKEY, server_key, ZMQ_KEY_TEXT) == 0 &&
             zmq_setsockopt(peer->socket, ZMQ_CURVE_PUBLICKEY, key->public_key, ZMQ_KEY_TEXT) == 0 &&
             zmq_setsockopt(peer->socket, ZMQ_CURVE_SECRETKEY, key->secret_key, ZMQ_KEY_TEXT) == 0)) &&
           zmq_connect(peer->socket, url) == 0;
}

bool raw_dial(struct raw_peer *peer, const char *url) {
    return raw_dial_encrypted(peer, url, NULL, NULL);
}

bool raw_listen(struct raw_peer *peer, char url[256]) {
    size_t size = 256;
    return raw_open(peer, ZMQ_ROUTER) && zmq_bind(peer->socket, "tcp://127.0.0.1:*") == 0 &&
           zmq_getsockopt(peer->socket, ZMQ_LAST_ENDPOINT, url, &size) == 0;
}

void raw_close(struct raw_peer *peer) {
    zmq_close(peer->socket);
    zmq_ctx_term(peer->context);
}

struct hello raw_hello(uint64_t instance) {
    return (struct hello){.magic = HELLO_MAGIC,
                          .version = FRAME_VERSION,
                          .instance = instance,
                          .max_frame_bytes = UINT64_C(1) << 30,
                          .node = HELLO_ANY_NODE};
}

void raw_send_parts(struct raw_peer *peer, size_t count, const void *const parts[], const size_t sizes[]) {
    if (peer->route_bytes)
        zmq_send(peer->socket, peer->route, peer->route_bytes, ZMQ_SNDMORE);
    for (size_t i = 0; i < count; i++)
        zmq_send(peer->socket, parts[i], sizes[i], i + 1 < count ? ZMQ_SNDMORE : 0);
}

void raw_send_header(struct raw_peer *peer, enum frame_kind kind, uint64_t job) {
    struct frame frame = {.header = {.kind = (uint16_t)kind, .job = job}};
    frame_seal(&frame, frame_payload_hash(NULL));
    raw_send_parts(peer, 1, (const void *[]){&frame.header}, (const size_t[]){sizeof frame.header});
}

void raw_send(struct raw_peer *peer, enum frame_kind kind, const void *payload, size_t bytes) {
    struct frame frame = {.header.kind = (uint16_t)kind, .payload = bytes ? buffer_create(bytes) : NULL};
    if (frame.payload)
        memcpy(frame.payload->data, payload, bytes);
    frame_seal(&frame, frame_payload_hash(frame.payload));
    frame_release(&frame);
    raw_send_parts(peer, bytes ? 2 : 1, (const void *[]){&frame.header, payload},
                   (const size_t[]){sizeof frame.header, bytes});
}

static bool receive_any(struct raw_peer *peer, struct frame_header *header) {
    int type = 0, more = 0, got;
    size_t size = sizeof type;
    zmq_getsockopt(peer->socket, ZMQ_TYPE, &type, &size);
    if (type == ZMQ_ROUTER) {
        got = zmq_recv(peer->socket, peer->route, sizeof peer->route, 0);
        if (got < 0)
            return false;
        peer->route_bytes = (size_t)got;
    }
    got = zmq_recv(peer->socket, header, sizeof *header, 0);
    for (size = sizeof more; zmq_getsockopt(peer->socket, ZMQ_RCVMORE, &more, &size) == 0 && more;)
        zmq_recv(peer->socket, NULL, 0, 0);
    return got >= (int)sizeof *header; /* a small payload follows in the same part */
}

bool raw_receive(struct raw_peer *peer, struct frame_header *header) {
    bool came;
    do
        came = receive_any(peer, header);
    while (came && header->kind == FRAME_BEAT);
    return came;
}

bool raw_ready(struct raw_peer *peer) {
    return zmq_poll(&(zmq_pollitem_t){.socket = peer->socket, .events = ZMQ_POLLIN}, 1, 0) > 0;
}

int raw_connect(const char *url) {
    const char *colon = strrchr(url, ':');
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !colon)
        return fd;
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int raw_listen_tcp(char url[256]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        snprintf(url, 256, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}
