#include "transport/zmq_common.h"

#include "base/clock.h"
#include "base/error.h"
#include "transport/zmq_frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

struct zmq_limits zmq_limits_complete(struct zmq_limits limits) {
    if (!limits.max_frame_bytes)
        limits.max_frame_bytes = UINT64_C(16) << 30;
    if (limits.max_frame_bytes > INT64_MAX)
        limits.max_frame_bytes = INT64_MAX;
    if (!limits.heartbeat_ns)
        limits.heartbeat_ns = 500 * NS_PER_MS;
    return limits;
}

/* ZeroMQ's reaper and its I/O thread. */
enum { ZMQ_THREADS = 2 };

/* Of an endpoint, without its connections: 11 event descriptors, epolls and listeners at the master, 9 at a
 * worker; and what its owner opens meanwhile: keys, inputs, filters on disk. */
enum { ENDPOINT_DESCRIPTORS = 24 };

/* Connections that are refused, or that have ended and are not closed yet: accepting one on ipc:// without a
 * descriptor ends the process. */
enum { STRANGERS = 16 };

struct resources zmq_master_needs(uint32_t nodes) {
    return (struct resources){.threads = ZMQ_THREADS,
                              .descriptors = ENDPOINT_DESCRIPTORS + nodes + STRANGERS};
}

/* The dialer is a thread, too. */
struct resources zmq_worker_needs(void) {
    return (struct resources){.threads = ZMQ_THREADS + 1, .descriptors = ENDPOINT_DESCRIPTORS};
}

/* --- Addresses -------------------------------------------------------------------------------------------
 */

/* The host of tcp://HOST:PORT, without the brackets of IPv6, and the port's text; false where it is
 * malformed. */
static bool split_tcp(const char *url, char host[RESOLVER_HOST], const char **port) {
    const char *start = url + strlen("tcp://");
    const char *colon = strrchr(start, ':');
    if (!colon || colon == start)
        return false;
    size_t length = (size_t)(colon - start);
    if (start[0] == '[') {
        if (length < 3 || start[length - 1] != ']')
            return false;
        start++;
        length -= 2;
    } else if (memchr(start, ':', length)) {
        return false;
    }
    if (length >= RESOLVER_HOST || strcspn(start, ";/@ []") < length)
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

static bool port_is_good(const char *port, bool binds) {
    if (binds && strcmp(port, "*") == 0)
        return true;
    size_t digits = strspn(port, "0123456789");
    if (!digits || digits > 5 || port[digits])
        return false;
    long number = strtol(port, NULL, 10);
    return number <= 65535 && (binds || number > 0);
}

static bool host_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

convoy_status zmq_url_check(const char *url, bool binds, bool encrypted, bool insecure, convoy_error *error) {
    const size_t path_limit = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (url && strncmp(url, "ipc://", 6) == 0) {
        size_t length = strlen(url + 6);
        if (length == 0 || length > path_limit)
            return error_set(error, CONVOY_E_USAGE, "%s: the path must have 1 to %zu characters", url,
                             path_limit);
        return CONVOY_OK;
    }
    char host[RESOLVER_HOST];
    const char *port;
    if (!url || strncmp(url, "tcp://", 6) != 0 || !split_tcp(url, host, &port) ||
        !port_is_good(port, binds) || (!binds && strcmp(host, "*") == 0))
        return error_set(error, CONVOY_E_USAGE,
                         "'%s' is no address: tcp://HOST:PORT or ipc://PATH is expected", url ? url : "");
    if (!encrypted && !insecure && !host_is_loopback(host))
        return error_set(error, CONVOY_E_USAGE,
                         "%s is within reach of other machines and would be plain: give keys (%s), or do "
                         "without them (--insecure), or use 127.0.0.1",
                         url, binds ? "--key and --allow" : "--key and --server-key");
    return CONVOY_OK;
}

bool zmq_url_is_ipv6(const char *url) {
    return strncmp(url, "tcp://[", 7) == 0;
}

bool zmq_url_resolve(const char *url, struct resolver **resolver) {
    char host[RESOLVER_HOST];
    const char *port;
    struct in_addr v4;
    if (strncmp(url, "tcp://", 6) != 0 || zmq_url_is_ipv6(url) || !split_tcp(url, host, &port) ||
        inet_pton(AF_INET, host, &v4) == 1 || strcmp(host, "*") == 0)
        return false;
    *resolver = resolver_start(host, strcmp(port, "*") == 0 ? "0" : port);
    return true;
}

void connection_address(int fd, char address[ADDRESS_TEXT]) {
    union {
        struct sockaddr any;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } peer;
    socklen_t size = sizeof peer;
    char host[INET6_ADDRSTRLEN + 16], port[8];
    struct ucred who;
    socklen_t who_size = sizeof who;
    snprintf(address, ADDRESS_TEXT, "an unknown address");
    if (fd < 0 || getpeername(fd, &peer.any, &size) != 0)
        return;
    if (peer.any.sa_family == AF_UNIX) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size) == 0)
            snprintf(address, ADDRESS_TEXT, "process %ld", (long)who.pid);
    } else if (getnameinfo(&peer.any, size, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        bool mapped = strncmp(host, "::ffff:", 7) == 0;
        bool v6 = !mapped && strchr(host, ':');
        snprintf(address, ADDRESS_TEXT, v6 ? "tcp [%s]:%s" : "tcp %s:%s", mapped ? host + 7 : host, port);
    }
}

uint64_t connection_silent_ns(int fd, uint64_t heard_ns, uint64_t announced_until_ns) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    uint64_t now_ns = clock_now_ns();
    uint64_t silent_ns = now_ns - heard_ns;
    int unread = 0;
    if (now_ns < announced_until_ns || (fd >= 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0))
        return 0;
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_last_data_recv) + sizeof info.tcpi_last_data_recv)
        return silent_ns;
    uint64_t idle_ns = info.tcpi_last_data_recv * NS_PER_MS;
    return idle_ns < silent_ns ? idle_ns : silent_ns;
}

uint64_t announced_until_ns(uint64_t bytes, const struct zmq_limits *limits) {
    if (bytes > limits->max_frame_bytes)
        bytes = limits->max_frame_bytes;
    if (bytes < LARGE_BYTES)
        return 0;
    double excuse_ns = (double)bytes / SLOW_BYTES_S * 1e9;
    return clock_now_ns() + (excuse_ns < (double)LONGEST_EXCUSE_NS ? (uint64_t)excuse_ns : LONGEST_EXCUSE_NS);
}

/* --- Sockets ---------------------------------------------------------------------------------------------
 */

int zmq_socket_prepare(void *socket, const struct zmq_limits *limits, int frames) {
    const int64_t max_bytes =
        (int64_t)(limits->max_frame_bytes > BATCH_BYTES ? limits->max_frame_bytes : BATCH_BYTES);
    const struct {
        int option, value;
    } settings[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, frames},
        {ZMQ_RCVHWM, frames},
        {ZMQ_HANDSHAKE_IVL, DIAL_NS / NS_PER_MS},
        /* A connection that stays behind when its peer was given up is closed by the system some day. */
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 30},
        {ZMQ_TCP_KEEPALIVE_INTVL, 10},
        {ZMQ_TCP_KEEPALIVE_CNT, 3},
        {ZMQ_TCP_MAXRT, 60000},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (zmq_setsockopt(socket, settings[i].option, &settings[i].value, sizeof(int)) != 0)
            return zmq_errno();
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes) != 0 ? zmq_errno() : 0;
}

int monitor_open(void **monitor, void *context, void *watched, int events, unsigned serial) {
    char name[40];
    const int unlimited = 0; /* a full queue would block libzmq's thread, and close with it */
    snprintf(name, sizeof name, "inproc://monitor-%u", serial);
    void *pair = zmq_socket(context, ZMQ_PAIR);
    if (pair && zmq_setsockopt(pair, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0 &&
        zmq_socket_monitor(watched, name, events) == 0 && zmq_connect(pair, name) == 0) {
        *monitor = pair;
        return 0;
    }
    int failure = zmq_errno();
    if (pair)
        zmq_close(pair);
    return failure;
}

bool monitor_read(void *monitor, uint16_t *event, int32_t *value) {
    zmq_msg_t part;
    zmq_msg_init(&part);
    bool came = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) == sizeof *event + sizeof *value;
    if (came) {
        memcpy(event, zmq_msg_data(&part), sizeof *event);
        memcpy(value, (char *)zmq_msg_data(&part) + sizeof *event, sizeof *value);
        while (zmq_msg_more(&part) && zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0)
            continue;
    }
    zmq_msg_close(&part);
    return came;
}

void monitored_close(void **socket, void **monitor, int linger_ms) {
    if (*socket) {
        zmq_setsockopt(*socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        zmq_socket_monitor(*socket, NULL, 0);
        zmq_close(*socket);
    }
    if (*monitor)
        zmq_close(*monitor);
    *socket = *monitor = NULL;
}

/* --- Log -------------------------------------------------------------------------------------------------
 */

void limited_line(struct limited_log *limited, const char *format, ...) {
    uint64_t now_ns = clock_now_ns();
    if (now_ns < limited->next_ns) {
        limited->silenced++;
        return;
    }
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (limited->silenced)
        log_line(limited->log, CONVOY_LOG_WARNING, "%s (and %u more like it)", line, limited->silenced);
    else
        log_line(limited->log, CONVOY_LOG_WARNING, "%s", line);
    limited->silenced = 0;
    limited->next_ns = now_ns + NS_PER_S;
}
