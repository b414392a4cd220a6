/* What the two ends of the ZeroMQ transport share: addresses, frames as messages, and news of connections. */
#ifndef TRANSPORT_ZMQ_COMMON_H
#define TRANSPORT_ZMQ_COMMON_H

#include "transport/zmq_transport.h"

#define SUSPECT_HEARTBEATS 3
#define LOST_HEARTBEATS    10
#define DIAL_NS            (5 * UINT64_C(1000000000)) /* that a connection may take until its welcome */
#define ADDRESS_TEXT       80

/* limits with the defaults in place of zeros. */
struct zmq_limits zmq_limits_complete(struct zmq_limits limits);

/* Whether the URL is one that Convoy takes, and may be used. `binds`: as the master's, where "*" stands for
 * any address or port. CONVOY_E_USAGE: malformed, or plain and within others' reach without `insecure`. */
convoy_status zmq_url_check(const char *url, bool binds, bool encrypted, bool insecure, convoy_error *error);

/* Whether the URL's host is a name, so that its address may be of either family; and whether it is an IPv6
 * address. */
bool zmq_url_is_named(const char *url);
bool zmq_url_is_ipv6(const char *url);

/* What both kinds of sockets have: limits, timers, queues of `frames` frames. 0 or errno. */
int zmq_socket_prepare(void *socket, const struct zmq_limits *limits, int frames);

/* Where a message came from. */
struct origin {
    uint64_t route; /* routing id of the connection, on a ROUTER; 0 where the peer chose its own */
    int fd;         /* of the connection, or -1; set for FRAME_HELLO and for rubbish alone */
    char user[64];  /* the name under which its key is allowed; set for FRAME_HELLO alone */
};

enum receipt {
    RECEIPT_NOTHING,
    RECEIPT_FRAME,
    RECEIPT_RUBBISH /* a message that is no frame, or of a kind that is not in `kinds`; it is dropped */
};

#define KIND_BIT(kind) (UINT32_C(1) << (kind))
#define KINDS_OF_MASTER                                                                                      \
    (KIND_BIT(FRAME_OFFER) | KIND_BIT(FRAME_LAYER) | KIND_BIT(FRAME_TASK) | KIND_BIT(FRAME_CANCEL) |         \
     KIND_BIT(FRAME_PING) | KIND_BIT(FRAME_BEAT) | KIND_BIT(FRAME_WELCOME) | KIND_BIT(FRAME_REFUSED))
#define KINDS_OF_WORKER                                                                                      \
    (KIND_BIT(FRAME_ANSWER) | KIND_BIT(FRAME_DECLINED) | KIND_BIT(FRAME_READY) | KIND_BIT(FRAME_WANT) |      \
     KIND_BIT(FRAME_UNFIT) | KIND_BIT(FRAME_PONG) | KIND_BIT(FRAME_BEAT) | KIND_BIT(FRAME_HELLO))

/* A large frame is announced by a beat whose job is the number of bytes that follow: on ipc nobody can tell
 * of bytes on their way, and with CURVE libzmq's thread does nothing else while it encrypts or decrypts a
 * message. */
#define LARGE_BYTES  (UINT64_C(4) << 20)
#define SLOW_BYTES_S (UINT64_C(16) << 20) /* the slowest that this is expected to be, on a busy machine */

/* Until when so many bytes are an excuse for silence, from now; 0: they are none. */
uint64_t announced_until_ns(uint64_t bytes, const struct zmq_limits *limits);

/* Sends a frame, without blocking, to a connection of a ROUTER (route) or over a DEALER (NULL). Takes the
 * payload's reference in every case. 0, or EAGAIN (the queue is full), EHOSTUNREACH (the connection is gone),
 * ENOMEM. */
int frame_to_socket(void *socket, const uint64_t *route, struct frame *frame);

/* Reads a message, without blocking; from a ROUTER where `routed`. The payload's reference is the caller's,
 * and lies on 8 bytes. Of the handshake's frames the version is not looked at; checksums never are. */
enum receipt frame_from_socket(void *socket, bool routed, uint32_t kinds, struct origin *origin,
                               struct frame *frame);

/* A sealed frame whose payload is a copy of these bytes (0: none). False without memory. */
bool frame_make(struct frame *frame, enum frame_kind kind, uint64_t job, const void *bytes, size_t size);

/* News of a socket's connections: *monitor becomes an inproc PAIR to poll and read. 0 or errno. `serial` is
 * unique in the context. */
int monitor_open(void **monitor, void *context, void *watched, int events, unsigned serial);

/* The next piece of news, without blocking: ZMQ_EVENT_..., and the connection's file descriptor or an error.
 */
bool monitor_read(void *monitor, uint16_t *event, int32_t *value);

/* Closes a socket with its monitor (which may be NULL), and empties both. */
void monitored_close(void **socket, void **monitor, int linger_ms);

/* Who is at the other end, in words: "tcp 10.0.0.2:4711", "process 4711". */
void connection_address(int fd, char address[ADDRESS_TEXT]);

/* For how long a peer that was last heard at heard_ns has been silent without an excuse. On tcp bytes are
 * signs of life whether or not they make a message yet: a frame may take minutes on a slow link. */
uint64_t connection_silent_ns(int fd, uint64_t heard_ns, uint64_t announced_until_ns);

/* A log that says at most one line a second, and how many it did not say. */
struct limited_log {
    const struct log *log;
    uint64_t next_ns;
    unsigned silenced;
};

void limited_line(struct limited_log *limited, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
