#include "transport/zmq_dialer.h"

#include "base/clock.h"
#include "base/random.h"
#include "transport/hello.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#define QUEUE_FRAMES   64 /* in ZeroMQ, besides the worker's rings */
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)
#define SERVED_NS      NS_PER_S         /* after which a lost master is dialled as soon as the first time */
#define LINGER_MS      300              /* for what was sent just before the end */
#define LOOK_NS        (10 * NS_PER_MS) /* between looks whether a name server has answered */
#define REASON_TEXT    200

enum phase {
    PHASE_WAITING, /* until dial_ns */
    PHASE_DIALING, /* a name is being looked up, or a hello is on its way, until dial_ns */
    PHASE_SERVING,
    PHASE_OVER
};

struct dialer {
    struct zmq_worker *worker;
    void *context, *socket, *monitor;
    struct resolver *resolver; /* asks for the master's address, or NULL */
    struct random random;
    enum phase phase;
    bool suspect;
    bool room;                         /* the owner's ring takes more */
    bool stuck;                        /* unsent[] waits for room in ZeroMQ's queue */
    struct frame unsent[BATCH_FRAMES]; /* [unsent_count], of one message */
    uint32_t unsent_count;
    struct inbox inbox;
    bool spoke;         /* since the last look at the clock */
    int fd;             /* of the connection; -1: none yet */
    unsigned attempts;  /* since the last welcome */
    unsigned serial;    /* of monitors */
    uint32_t wanted;    /* node */
    uint64_t plan_hash; /* of the plan that it served */
    uint64_t backoff_ns, dial_ns;
    uint64_t missed_ns;       /* since when there is no master */
    char reason[REASON_TEXT]; /* of the last attempt's end */
    bool told;                /* the log has that reason */
    uint64_t welcomed_ns, heard_ns, sent_ns, checked_ns;
    uint64_t announced_ns; /* until then the master may be busy with a large frame */
};

/* --- Coming and going ------------------------------------------------------------------------------------
 */

static void plan_next_attempt(struct dialer *d, uint64_t now_ns) {
    d->phase = PHASE_WAITING;
    d->dial_ns = now_ns + (uint64_t)((0.5 + 0.5 * random_unit(&d->random)) * (double)d->backoff_ns);
    d->backoff_ns = 2 * d->backoff_ns < BACKOFF_MAX_NS ? 2 * d->backoff_ns : BACKOFF_MAX_NS;
}

static void drop_unsent(struct dialer *d) {
    while (d->unsent_count)
        frame_release(&d->unsent[--d->unsent_count]);
    d->stuck = false;
}

/* Closes the connection. */
static void close_socket(struct dialer *d, int linger_ms) {
    inbox_clear(&d->inbox);
    drop_unsent(d);
    monitored_close(&d->socket, &d->monitor, linger_ms);
    resolver_destroy(&d->resolver);
    d->fd = -1;
}

/* Ends the connection or the attempt, and plans the next one. `reason` completes "the master at URL: ...". */
static void hang_up(struct dialer *d, const char *reason) {
    uint64_t now_ns = clock_now_ns();
    const struct log *log = &d->worker->log;
    close_socket(d, 0);
    d->told = d->told && strcmp(d->reason, reason) == 0;
    snprintf(d->reason, sizeof d->reason, "%s", reason);
    if (d->phase == PHASE_SERVING) {
        log_line(log, CONVOY_LOG_WARNING, "the master at %s is lost: %s; dialling again", d->worker->url,
                 reason);
        worker_left(d->worker, ENDING_NONE);
        d->missed_ns = now_ns;
        if (now_ns - d->welcomed_ns > SERVED_NS)
            d->backoff_ns =
                BACKOFF_MIN_NS; /* not at once after a welcome: a master may say both again and again */
        d->told = false;
    } else if (!d->told) {
        log_line(log, CONVOY_LOG_INFO, "the master at %s: %s; dialling again and again", d->worker->url,
                 reason);
        d->told = true;
    }
    plan_next_attempt(d, now_ns);
}

/* When there was no master for too long; UINT64_MAX: never, or not now. */
static uint64_t give_up_at_ns(const struct dialer *d) {
    bool impatient = d->worker->give_up_ns && d->phase != PHASE_SERVING;
    return impatient ? d->missed_ns + d->worker->give_up_ns : UINT64_MAX;
}

static void give_up(struct dialer *d) {
    log_line(&d->worker->log, CONVOY_LOG_WARNING, "the master at %s: %s; given up after %g s", d->worker->url,
             d->reason[0] ? d->reason : "no answer", (double)d->worker->give_up_ns / 1e9);
    close_socket(d, 0);
    worker_left(d->worker, ENDING_CLOSED);
    d->phase = PHASE_OVER;
}

static int set_key(void *socket, int option, const char *key) {
    return zmq_setsockopt(socket, option, key, ZMQ_KEY_TEXT);
}

static bool prepare_socket(struct dialer *d, const char *url) {
    const struct zmq_worker *w = d->worker;
    const int never = -1, patience_ms = DIAL_NS / NS_PER_MS, ipv6 = zmq_url_is_ipv6(url);
    return zmq_socket_prepare(d->socket, &w->limits, QUEUE_FRAMES) == 0 &&
           zmq_setsockopt(d->socket, ZMQ_RECONNECT_IVL, &never, sizeof never) == 0 &&
           zmq_setsockopt(d->socket, ZMQ_CONNECT_TIMEOUT, &patience_ms, sizeof patience_ms) == 0 &&
           zmq_setsockopt(d->socket, ZMQ_IPV6, &ipv6, sizeof ipv6) == 0 &&
           (!w->encrypted || (set_key(d->socket, ZMQ_CURVE_SERVERKEY, w->server_key) == 0 &&
                              set_key(d->socket, ZMQ_CURVE_PUBLICKEY, w->key.public_key) == 0 &&
                              set_key(d->socket, ZMQ_CURVE_SECRETKEY, w->key.secret_key) == 0));
}

static bool say_hello(struct dialer *d) {
    const struct hello hello = {.magic = HELLO_MAGIC,
                                .version = FRAME_VERSION,
                                .instance = d->worker->instance,
                                .plan_hash = d->plan_hash,
                                .max_frame_bytes = d->worker->limits.max_frame_bytes,
                                .node = d->wanted};
    struct frame frame;
    return frame_make(&frame, FRAME_HELLO, 0, &hello, sizeof hello) &&
           frame_to_socket(d->socket, NULL, &frame) == 0;
}

static void connect_to(struct dialer *d, const char *url) {
    const int events = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                       ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    d->socket = zmq_socket(d->context, ZMQ_DEALER);
    if (!d->socket || !prepare_socket(d, url) ||
        monitor_open(&d->monitor, d->context, d->socket, events, d->serial++) != 0 ||
        zmq_connect(d->socket, url) != 0 || !say_hello(d))
        hang_up(d, zmq_strerror(zmq_errno()));
}

static void dial(struct dialer *d) {
    d->attempts++;
    d->phase = PHASE_DIALING;
    d->dial_ns = clock_now_ns() + DIAL_NS;
    if (!zmq_url_resolve(d->worker->url, &d->resolver))
        connect_to(d, d->worker->url);
    else if (!d->resolver)
        hang_up(d, "no memory to look its name up");
}

/* Goes on when the addresses of the master's name are known. Of several they take turns. */
static void take_addresses(struct dialer *d) {
    char url[RESOLVER_URL], reason[REASON_TEXT];
    unsigned count = 0;
    if (!d->resolver || !resolver_done(d->resolver))
        return;
    while (resolver_url(d->resolver, count, url))
        count++;
    const char *failure = resolver_failure(d->resolver);
    snprintf(reason, sizeof reason, "its name stands for no address: %s",
             failure ? failure : "there is none");
    bool found = count && resolver_url(d->resolver, (d->attempts - 1) % count, url);
    resolver_destroy(&d->resolver);
    if (found)
        connect_to(d, url);
    else
        hang_up(d, reason);
}

/* --- Handshake -------------------------------------------------------------------------------------------
 */

static void take_welcome(struct dialer *d, const struct frame *frame) {
    struct welcome welcome;
    if (!frame_valid(frame) || !frame->payload || frame->payload->bytes != sizeof welcome) {
        hang_up(d, "its welcome is damaged");
        return;
    }
    memcpy(&welcome, frame->payload->data, sizeof welcome);
    if (welcome.magic != HELLO_MAGIC || welcome.node == HELLO_ANY_NODE) {
        hang_up(d, "its welcome is damaged");
        return;
    }
    d->phase = PHASE_SERVING;
    d->suspect = false;
    d->announced_ns = 0;
    d->attempts = 0;
    d->wanted = welcome.node;
    d->plan_hash = welcome.plan_hash;
    d->welcomed_ns = d->heard_ns = d->checked_ns = clock_now_ns();
    log_line(&d->worker->log, CONVOY_LOG_INFO, "worker %u of the master at %s", welcome.node, d->worker->url);
    worker_joined(d->worker, welcome.node, welcome.max_frame_bytes);
}

static void take_refusal(struct dialer *d, const struct frame *frame) {
    bool finished = frame->header.job == REFUSAL_FINISHED;
    char reason[REASON_TEXT] = "";
    if (!frame_whole(frame)) {
        hang_up(d, "its refusal is damaged");
        return;
    }
    size_t at = (size_t)snprintf(reason, sizeof reason, "%s", finished ? "" : "it refuses: ");
    for (size_t i = 0; frame->payload && i < frame->payload->bytes && at < sizeof reason - 1; i++) {
        char c = ((const char *)frame->payload->data)[i];
        reason[at++] = c >= ' ' && c <= '~' ? c : '?';
    }
    reason[at] = '\0';
    finished = finished && d->worker->give_up_ns;
    bool for_good = frame->header.job == REFUSAL_HELLO || frame->header.job == REFUSAL_CUT;
    if (frame->header.job == REFUSAL_PLAN) {
        d->plan_hash = 0;
        d->wanted = HELLO_ANY_NODE;
    }
    if (finished)
        log_line(&d->worker->log, CONVOY_LOG_INFO, "the master at %s has finished", d->worker->url);
    else if (for_good)
        log_line(&d->worker->log, CONVOY_LOG_WARNING, "the master at %s: %s", d->worker->url, reason);
    if (finished || for_good) {
        close_socket(d, 0);
        worker_left(d->worker, finished ? ENDING_FINISHED : ENDING_CLOSED);
        d->phase = PHASE_OVER;
        return;
    }
    hang_up(d, reason);
}

/* --- Serving ---------------------------------------------------------------------------------------------
 */

/* Bytes that the master will send; with CURVE, those that go to it too: libzmq's thread is busy with them. */
static void take_announcement(struct dialer *d, uint64_t bytes) {
    uint64_t until_ns = announced_until_ns(bytes, &d->worker->limits);
    if (until_ns > d->announced_ns)
        d->announced_ns = until_ns;
}

static void take_frame(struct dialer *d, struct frame *frame) {
    if (frame->header.kind == FRAME_REFUSED) {
        take_refusal(d, frame);
    } else if (frame->header.kind == FRAME_WELCOME && d->phase == PHASE_DIALING) {
        take_welcome(d, frame);
    } else if (d->phase != PHASE_SERVING || frame->header.kind == FRAME_WELCOME) {
        hang_up(d, "it sent what is out of turn");
    } else if (frame_betrays_damage(frame)) {
        hang_up(d, "a frame of it was damaged on its way");
    } else if (frame->header.kind != FRAME_BEAT) {
        d->heard_ns = clock_now_ns();
        worker_deliver(d->worker, frame);
        frame->payload = NULL;
    } else {
        d->heard_ns = clock_now_ns();
        take_announcement(d, frame->header.job);
    }
    frame_release(frame);
}

/* Reads what came; true where there may be more. */
static bool receive_frames(struct dialer *d) {
    struct origin origin;
    struct frame frame;
    for (int i = 0; i < BATCH_FRAMES; i++) {
        d->room = worker_has_room(d->worker);
        if (!d->room)
            return false;
        enum receipt receipt =
            frame_from_socket(&d->inbox, d->socket, false, KINDS_OF_MASTER, &origin, &frame);
        if (receipt == RECEIPT_NOTHING)
            return false;
        if (receipt == RECEIPT_RUBBISH)
            hang_up(d, "it sent what is no frame of a master");
        else
            take_frame(d, &frame);
        if (!d->socket)
            return false;
    }
    return true;
}

/* A connection that ended is noticed elsewhere; until then what goes to it is dropped. */
static void send_frames(struct dialer *d) {
    while (d->phase == PHASE_SERVING && (d->stuck || (d->unsent_count = worker_take(d->worker, d->unsent)))) {
        d->stuck = frames_to_socket(d->socket, NULL, d->unsent, d->unsent_count) == EAGAIN;
        if (d->stuck)
            return;
        if (d->worker->encrypted)
            take_announcement(d, d->unsent->header.bytes);
        drop_unsent(d);
        d->spoke = true;
    }
}

/* Why a handshake may end without a word, which is all that CURVE tells of. */
static const char *closed_reason(const struct dialer *d) {
    return d->worker->encrypted ? "it closes the connection, as if --server-key were not its key"
                                : "it closes the connection, as if it wanted keys";
}

static void read_news(struct dialer *d) {
    uint16_t event;
    int32_t value;
    while (d->monitor && monitor_read(d->monitor, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            d->fd = value;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            hang_up(d, "it does not allow this worker's key");
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            hang_up(d, closed_reason(d));
            break;
        case ZMQ_EVENT_CLOSED:
            hang_up(d, "nobody answers there");
            break;
        case ZMQ_EVENT_DISCONNECTED:
            while (d->socket && receive_frames(d)) /* its last words may be a refusal */
                continue;
            if (d->socket)
                hang_up(d, d->phase == PHASE_SERVING ? "the connection ended" : closed_reason(d));
            break;
        }
    }
}

/* Signs of life, both ways. */
static void check_time(struct dialer *d) {
    uint64_t now_ns = clock_now_ns();
    uint64_t heartbeat_ns = d->worker->limits.heartbeat_ns;
    if (d->phase == PHASE_DIALING && now_ns >= d->dial_ns)
        hang_up(d, d->resolver ? "the name servers do not answer" : "no welcome comes");
    if (now_ns >= give_up_at_ns(d))
        give_up(d);
    if (d->phase != PHASE_SERVING)
        return;
    struct frame beat;
    if (d->spoke)
        d->sent_ns = now_ns;
    d->spoke = false;
    if (now_ns - d->sent_ns >= heartbeat_ns / 2 && !d->stuck && frame_make(&beat, FRAME_BEAT, 0, NULL, 0)) {
        frame_to_socket(d->socket, NULL, &beat);
        d->sent_ns = now_ns;
    }
    uint64_t absent_ns = now_ns - d->checked_ns; /* this process may have been stopped */
    d->checked_ns = now_ns;
    if (!d->room) /* unread: who is silent is the worker */
        d->heard_ns = now_ns;
    else if (absent_ns > 2 * heartbeat_ns)
        d->heard_ns = d->heard_ns + absent_ns < now_ns ? d->heard_ns + absent_ns : now_ns;
    uint64_t silent_ns = now_ns - d->heard_ns;
    if (silent_ns >= heartbeat_ns)
        silent_ns = connection_silent_ns(d->fd, d->heard_ns, d->announced_ns);
    bool suspect = silent_ns >= SUSPECT_HEARTBEATS * heartbeat_ns;
    if (suspect != d->suspect)
        worker_suspects(d->worker, suspect);
    d->suspect = suspect;
    if (silent_ns >= LOST_HEARTBEATS * heartbeat_ns)
        hang_up(d, "it is silent");
}

static void wait_for_news(struct dialer *d) {
    uint64_t now_ns = clock_now_ns();
    uint64_t until_ns = d->phase == PHASE_SERVING ? now_ns + d->worker->limits.heartbeat_ns / 2 : d->dial_ns;
    if (give_up_at_ns(d) < until_ns)
        until_ns = give_up_at_ns(d);
    if (d->resolver && now_ns + LOOK_NS < until_ns)
        until_ns = now_ns + LOOK_NS;
    zmq_pollitem_t items[3] = {{.fd = d->worker->notify_fd, .events = ZMQ_POLLIN}};
    int count = 1;
    if (d->socket) {
        items[count++] = (zmq_pollitem_t){.socket = d->monitor, .events = ZMQ_POLLIN};
        short events = (short)((d->room ? ZMQ_POLLIN : 0) | (d->stuck ? ZMQ_POLLOUT : 0));
        if (events)
            items[count++] = (zmq_pollitem_t){.socket = d->socket, .events = events};
    }
    zmq_poll(items, count, until_ns > now_ns ? (long)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0);
}

/* Gives what was sent last a moment to leave. */
static void say_goodbye(struct dialer *d) {
    uint64_t until_ns = clock_now_ns() + LINGER_MS * NS_PER_MS;
    bool served = d->phase == PHASE_SERVING;
    for (send_frames(d); d->stuck && clock_now_ns() < until_ns; send_frames(d))
        zmq_poll(&(zmq_pollitem_t){.socket = d->socket, .events = ZMQ_POLLOUT}, 1, LINGER_MS / 10);
    close_socket(d, served ? LINGER_MS : 0);
}

void *dialer_main(void *worker) {
    struct dialer d = {.worker = worker,
                       .wanted = HELLO_ANY_NODE,
                       .fd = -1,
                       .room = true,
                       .backoff_ns = BACKOFF_MIN_NS,
                       .missed_ns = clock_now_ns(),
                       .context = zmq_ctx_new()};
    random_seed(&d.random, d.worker->instance);
    if (!d.context) {
        worker_left(worker, ENDING_CLOSED);
        return NULL;
    }
    while (!worker_stopping(worker)) {
        if (d.phase == PHASE_WAITING && clock_now_ns() >= d.dial_ns)
            dial(&d);
        take_addresses(&d);
        bool more = d.socket && receive_frames(&d);
        send_frames(&d);
        read_news(&d);
        check_time(&d);
        if (d.phase == PHASE_OVER)
            break;
        if (!more)
            wait_for_news(&d);
    }
    say_goodbye(&d);
    zmq_ctx_term(d.context);
    return NULL;
}
