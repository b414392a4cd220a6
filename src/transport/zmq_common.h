/* What the two ends of the ZeroMQ transport share: addresses, sockets, and news of connections. */
#ifndef TRANSPORT_ZMQ_COMMON_H
#define TRANSPORT_ZMQ_COMMON_H

#include "transport/resolver.h"
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

/* Whether the host of a URL is an IPv6 address. */
bool zmq_url_is_ipv6(const char *url);

/* Starts to ask for the addresses of the URL's host: *resolver. False where the host is no name, but an
 * address or "*", or the URL is not tcp; *resolver is NULL without memory. */
bool zmq_url_resolve(const char *url, struct resolver **resolver);

/* What both kinds of sockets have: limits, timers, queues of `frames` frames. 0 or errno. */
int zmq_socket_prepare(void *socket, const struct zmq_limits *limits, int frames);

/* A large frame is announced by a beat whose job is the number of bytes that follow: on ipc nobody can tell
 * of bytes on their way, and with CURVE a peer sends nothing else while it encrypts or decrypts a message. */
#define LARGE_BYTES  (UINT64_C(4) << 20)
#define SLOW_BYTES_S (UINT64_C(16) << 20) /* the slowest that this is expected to be, on a busy machine */

/* No announcement excuses a peer for longer: what 1 GB takes at that rate, more than the filters of one
 * worker for the largest layers of the networks known (a product of VGG-16, 400 MB). */
#define LONGEST_EXCUSE_NS (60 * UINT64_C(1000000000))

/* Until when so many bytes are an excuse for the silence of the peer that sends or gets them, from now; 0:
 * they are none. */
uint64_t announced_until_ns(uint64_t bytes, const struct zmq_limits *limits);

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

/* For how long a peer that was last heard at heard_ns has been silent without an excuse. Bytes are signs of
 * life before they make a message: on tcp whenever they came, since a frame may take minutes on a slow link;
 * and on both if they wait to be read, since libzmq's thread may be busy with the large frame of another
 * peer.
 */
uint64_t connection_silent_ns(int fd, uint64_t heard_ns, uint64_t announced_until_ns);

/* A log that says at most one line a second, and how many it did not say. */
struct limited_log {
    const struct log *log;
    uint64_t next_ns;
    unsigned silenced;
};

void limited_line(struct limited_log *limited, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
