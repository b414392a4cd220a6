/* On the wire a frame is a message of two parts, the header and the payload. A small payload follows the
 * header in the same part: copying it is cheaper than a second part, two allocations and an atomic. */
#include "transport/zmq_common.h"

#include "base/clock.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

#define ROUTE_BYTES   5 /* of the routing ids that libzmq makes: a zero, and a number */
#define ROUTE_SET     (UINT64_C(1) << 8 * ROUTE_BYTES)
#define SMALL_BYTES   2048 /* payloads that are copied */
#define PAYLOAD_ALIGN 8

struct zmq_limits zmq_limits_complete(struct zmq_limits limits) {
    if (!limits.max_frame_bytes)
        limits.max_frame_bytes = UINT64_C(16) << 30;
    if (limits.max_frame_bytes > INT64_MAX)
        limits.max_frame_bytes = INT64_MAX;
    if (!limits.heartbeat_ns)
        limits.heartbeat_ns = 500 * NS_PER_MS;
    return limits;
}

/* --- Addresses -------------------------------------------------------------------------------------------
 */

/* The host of tcp://HOST:PORT, without the brackets of IPv6, and the port's text; false where it is
 * malformed. */
static bool split_tcp(const char *url, char host[256], const char **port) {
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
    if (length > 255 || strcspn(start, ";/@ []") < length)
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
    char host[256];
    const char *port;
    if (!url || strncmp(url, "tcp://", 6) != 0 || !split_tcp(url, host, &port) ||
        !port_is_good(port, binds) || (!binds && strcmp(host, "*") == 0))
        return error_set(error, CONVOY_E_USAGE,
                         "'%s' is no address: tcp://HOST:PORT or ipc://PATH is expected", url ? url : "");
    if (!encrypted && !insecure && !host_is_loopback(host))
        return error_set(error, CONVOY_E_USAGE,
                         "%s is within reach of other machines and would be plain: give keys, or ask for an "
                         "insecure connection, or use 127.0.0.1",
                         url);
    return CONVOY_OK;
}

bool zmq_url_is_ipv6(const char *url) {
    return strncmp(url, "tcp://[", 7) == 0;
}

bool zmq_url_is_named(const char *url) {
    char host[256];
    const char *port;
    struct in_addr v4;
    return strncmp(url, "tcp://", 6) == 0 && !zmq_url_is_ipv6(url) && split_tcp(url, host, &port) &&
           inet_pton(AF_INET, host, &v4) != 1;
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
    if (now_ns < announced_until_ns)
        return 0;
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_last_data_recv) + sizeof info.tcpi_last_data_recv)
        return silent_ns;
    uint64_t idle_ns = info.tcpi_last_data_recv * NS_PER_MS;
    return idle_ns < silent_ns ? idle_ns : silent_ns;
}

/* --- Sockets ---------------------------------------------------------------------------------------------
 */

int zmq_socket_prepare(void *socket, const struct zmq_limits *limits, int frames) {
    const int64_t max_bytes = (int64_t)limits->max_frame_bytes;
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

/* --- Frames ----------------------------------------------------------------------------------------------
 */

/* ThreadSanitizer does not see that libzmq's queues order what happens before a message is sent and after it
 * was written (cmake/tsan.supp), and has to be told. */
#if defined __SANITIZE_THREAD__
#define TSAN 1
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifdef TSAN
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#else
#define __tsan_release(address) ((void)(address))
#define __tsan_acquire(address) ((void)(address))
#endif

/* Called by libzmq's thread when the payload was written. */
static void release_payload(void *data, void *hint) {
    (void)data;
    struct buffer *buffer = hint;
    __tsan_acquire(buffer);
    buffer_release(&buffer);
}

/* Makes a message of the payload's memory and gives the reference away; leaves *message alone on failure. */
static int message_of_payload(zmq_msg_t *message, struct buffer **take_payload) {
    struct buffer *payload = *take_payload;
    void *data = payload->data;
    size_t bytes = payload->bytes;
    __tsan_release(payload);
    if (zmq_msg_init_data(message, data, bytes, release_payload, payload) != 0) {
        buffer_release(take_payload);
        return ENOMEM;
    }
    *take_payload = NULL;
    return 0;
}

/* Makes a message of the header and of `bytes` bytes of the payload, whose reference it gives away then. */
static int message_of_header(zmq_msg_t *message, struct frame *frame, size_t bytes) {
    if (zmq_msg_init_size(message, sizeof frame->header + bytes) != 0) {
        frame_release(frame);
        return ENOMEM;
    }
    memcpy(zmq_msg_data(message), &frame->header, sizeof frame->header);
    if (bytes) {
        memcpy((char *)zmq_msg_data(message) + sizeof frame->header, frame->payload->data, bytes);
        frame_release(frame);
    }
    return 0;
}

static int send_parts(void *socket, const uint64_t *route, struct frame *frame) {
    zmq_msg_t parts[2];
    bool small = !frame->payload || (frame->payload->bytes && frame->payload->bytes <= SMALL_BYTES);
    int failure = message_of_header(&parts[0], frame, small && frame->payload ? frame->payload->bytes : 0);
    if (failure)
        return failure;
    zmq_msg_init(&parts[1]);
    if (!small)
        failure = message_of_payload(&parts[1], &frame->payload);
    if (!failure && route && zmq_send(socket, route, ROUTE_BYTES, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        failure = zmq_errno();
    if (!failure && zmq_msg_send(&parts[0], socket, ZMQ_DONTWAIT | (small ? 0 : ZMQ_SNDMORE)) < 0)
        failure = zmq_errno();
    if (!failure && !small && zmq_msg_send(&parts[1], socket, ZMQ_DONTWAIT) < 0)
        failure = EHOSTUNREACH; /* the queue had room: the connection ended between the parts */
    if (!failure)
        return 0;
    zmq_msg_close(&parts[0]);
    zmq_msg_close(&parts[1]);
    return failure == EAGAIN || failure == ENOMEM ? failure : EHOSTUNREACH;
}

int frame_to_socket(void *socket, const uint64_t *route, struct frame *frame) {
    struct frame beat;
    int failure = 0;
    if (frame->header.bytes >= LARGE_BYTES && frame_make(&beat, FRAME_BEAT, frame->header.bytes, NULL, 0))
        failure = send_parts(socket, route, &beat);
    if (failure)
        frame_release(frame);
    return failure ? failure : send_parts(socket, route, frame);
}

uint64_t announced_until_ns(uint64_t bytes, const struct zmq_limits *limits) {
    if (bytes > limits->max_frame_bytes)
        bytes = limits->max_frame_bytes;
    return bytes >= LARGE_BYTES ? clock_now_ns() + (uint64_t)((double)bytes / SLOW_BYTES_S * 1e9) : 0;
}

static void release_message(void *context) {
    zmq_msg_close(context);
    free(context);
}

static struct buffer *buffer_copy(const void *data, size_t bytes) {
    struct buffer *copy = buffer_create(bytes);
    if (copy)
        memcpy(copy->data, data, bytes);
    return copy;
}

/* Makes a buffer of a message: of its memory where that lies well, as that of large messages does; a copy
 * otherwise. NULL without memory. */
static struct buffer *buffer_of(zmq_msg_t *message) {
    void *data = zmq_msg_data(message);
    size_t bytes = zmq_msg_size(message);
    if (bytes <= SMALL_BYTES || (uintptr_t)data % PAYLOAD_ALIGN)
        return buffer_copy(data, bytes);
    zmq_msg_t *kept = malloc(sizeof *kept);
    struct buffer *buffer = kept ? buffer_adopt(data, bytes, release_message, kept) : NULL;
    if (!buffer) {
        free(kept);
        return NULL;
    }
    zmq_msg_init(kept);
    zmq_msg_move(kept, message); /* its memory stays where it is */
    return buffer;
}

static void drop_rest(void *socket, zmq_msg_t *part) {
    while (zmq_msg_more(part) && zmq_msg_recv(part, socket, ZMQ_DONTWAIT) >= 0)
        continue;
}

/* Whether these parts are a frame of one of these kinds; its header then stands in *header. */
static bool parts_fit(zmq_msg_t *first, zmq_msg_t *second, uint32_t kinds, struct frame_header *header) {
    const uint32_t handshake = KIND_BIT(FRAME_HELLO) | KIND_BIT(FRAME_WELCOME) | KIND_BIT(FRAME_REFUSED);
    size_t size = zmq_msg_size(first);
    if (size < sizeof *header || (second && (size > sizeof *header || zmq_msg_more(second))))
        return false;
    memcpy(header, zmq_msg_data(first), sizeof *header);
    return header->kind <= FRAME_KIND_LAST && (KIND_BIT(header->kind) & kinds) &&
           (header->version == FRAME_VERSION || (KIND_BIT(header->kind) & handshake)) &&
           header->bytes == (second ? zmq_msg_size(second) : size - sizeof *header);
}

static void note_origin(struct origin *origin, zmq_msg_t *part, bool hello) {
    origin->fd = zmq_msg_get(part, ZMQ_SRCFD);
    const char *user = hello ? zmq_msg_gets(part, "User-Id") : NULL;
    snprintf(origin->user, sizeof origin->user, "%s", user ? user : "");
}

/* Reads the routing id: 0 where it is not of libzmq's making. False where nothing came. */
static bool receive_route(void *socket, zmq_msg_t *part, uint64_t *route) {
    if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0)
        return false;
    *route = zmq_msg_size(part) == ROUTE_BYTES ? ROUTE_SET : 0;
    if (*route)
        memcpy(route, zmq_msg_data(part), ROUTE_BYTES);
    return true;
}

enum receipt frame_from_socket(void *socket, bool routed, uint32_t kinds, struct origin *origin,
                               struct frame *frame) {
    zmq_msg_t first, second;
    enum receipt receipt = RECEIPT_NOTHING;
    zmq_msg_init(&first);
    zmq_msg_init(&second);
    origin->fd = -1;
    *frame = (struct frame){0};
    if (routed && !receive_route(socket, &first, &origin->route))
        goto out;
    if (zmq_msg_recv(&first, socket, ZMQ_DONTWAIT) < 0)
        goto out;
    bool two = zmq_msg_more(&first) && zmq_msg_recv(&second, socket, ZMQ_DONTWAIT) >= 0;
    bool fit = (!routed || origin->route) && parts_fit(&first, two ? &second : NULL, kinds, &frame->header);
    receipt = fit ? RECEIPT_FRAME : RECEIPT_RUBBISH;
    if (two)
        drop_rest(socket, &second);
    /* Without memory for its payload a frame is a damaged one. */
    if (fit && two)
        frame->payload = buffer_of(&second);
    else if (fit && frame->header.bytes)
        frame->payload =
            buffer_copy((char *)zmq_msg_data(&first) + sizeof frame->header, frame->header.bytes);
    if (!fit || frame->header.kind == FRAME_HELLO)
        note_origin(origin, &first, fit);
out:
    zmq_msg_close(&second);
    zmq_msg_close(&first);
    return receipt;
}

bool frame_make(struct frame *frame, enum frame_kind kind, uint64_t job, const void *bytes, size_t size) {
    *frame = (struct frame){.header = {.kind = (uint16_t)kind, .job = job}};
    if (size) {
        frame->payload = buffer_create(size);
        if (!frame->payload)
            return false;
        memcpy(frame->payload->data, bytes, size);
    }
    frame_seal(frame, frame_payload_hash(frame->payload));
    return true;
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
