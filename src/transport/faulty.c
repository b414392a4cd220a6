/* A transport that injects faults between a master and its workers, over any other transport. It sits at the
 * master's end, so that one place serves threads, processes and machines. kill cuts a worker off at once;
 * drop, corrupt and lie strike answers, the first two also those to probes; delay holds back everything that
 * a worker sends, in order, or what it sends up to some answer. */
#include "transport/transport.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "transport/fault.h"
#include "transport/lie.h"

#include <stdlib.h>
#include <string.h>

struct worker_faults {
    bool kill;
    double drop;
    bool corrupt;
    const struct fault *lie; /* NULL: none; of faulty.lies */
    uint64_t delay_ns;
    uint64_t delayed_answers; /* for how many more the delay lasts */
    uint64_t due_ns;          /* when what was delayed last is due */
    uint64_t held;            /* frames that are held back, which nothing overtakes */
};

struct delayed {
    struct delayed *next;
    uint64_t due_ns;
    uint32_t peer;
    struct frame frame;
};

struct faulty {
    struct transport base;
    struct transport *inner;
    struct random random;
    struct fault *lies;      /* [n] */
    struct delayed *delayed; /* ascending by due_ns, and in order for each worker */
    uint32_t n;
    struct worker_faults workers[]; /* [n] */
};

static const struct transport_ops faulty_ops;

static convoy_status faulty_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    struct faulty *faulty = (struct faulty *)transport;
    return faulty->inner->ops->send(faulty->inner, peer, frame);
}

/* Replaces the payload by a copy with one byte flipped; the original may be shared. Without memory the frame
 * loses its payload, which is damage too. */
static void corrupt(struct faulty *faulty, struct frame *frame) {
    struct buffer *copy = frame->payload->bytes ? buffer_create(frame->payload->bytes) : NULL;
    if (copy) {
        memcpy(copy->data, frame->payload->data, copy->bytes);
        ((unsigned char *)copy->data)[random_below(&faulty->random, copy->bytes)] ^= 0x10;
    }
    buffer_release(&frame->payload);
    frame->payload = copy;
}

/* Replaces an answer's payload by a wrong one, unless the fault spares it, as if the worker had computed and
 * sealed that. Without memory the answer stays right. */
static void lie(struct faulty *faulty, const struct fault *fault, struct frame *frame) {
    struct buffer *told =
        lie_about(frame->payload, (convoy_dtype)frame->header.dtype, fault, &faulty->random);
    if (!told)
        return;
    buffer_release(&frame->payload);
    frame->payload = told;
    frame_seal(frame, transport_payload_hash(&faulty->base, told));
}

/* Keeps a frame until it is due. Without memory the frame is lost. */
static void hold_back(struct faulty *faulty, uint32_t peer, struct frame *frame, uint64_t due_ns) {
    struct delayed *entry = malloc(sizeof *entry);
    if (!entry) {
        frame_release(frame);
        return;
    }
    struct delayed **at = &faulty->delayed;
    while (*at && (*at)->due_ns <= due_ns)
        at = &(*at)->next;
    *entry = (struct delayed){.next = *at, .due_ns = due_ns, .peer = peer, .frame = *frame};
    *at = entry;
    faulty->workers[peer].held++;
}

static void forget_delayed(struct faulty *faulty, uint32_t peer) {
    for (struct delayed **at = &faulty->delayed; *at;) {
        struct delayed *entry = *at;
        if (entry->peer != peer) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        frame_release(&entry->frame);
        free(entry);
        faulty->workers[peer].held--;
    }
}

static bool take_due(struct faulty *faulty, uint32_t *peer, struct frame *frame) {
    struct delayed *entry = faulty->delayed;
    if (!entry || entry->due_ns > clock_now_ns())
        return false;
    faulty->delayed = entry->next;
    *peer = entry->peer;
    *frame = entry->frame;
    free(entry);
    faulty->workers[*peer].held--;
    return true;
}

static bool is_answer(const struct frame *frame) {
    return frame->header.kind == FRAME_ANSWER || frame->header.kind == FRAME_PROBED;
}

/* Whether a frame from a worker goes on to the caller now. */
static bool pass(struct faulty *faulty, uint32_t peer, struct frame *frame) {
    struct worker_faults *faults = &faulty->workers[peer];
    if (is_answer(frame)) {
        if (faults->drop > 0 && random_unit(&faulty->random) < faults->drop) {
            frame_release(frame);
            return false;
        }
        if (faults->lie && frame->payload && frame->header.kind == FRAME_ANSWER)
            lie(faulty, faults->lie, frame);
        if (faults->corrupt && frame->payload)
            corrupt(faulty, frame);
    }
    if (!faults->delayed_answers && !faults->held)
        return true;
    if (faults->delayed_answers)
        faults->due_ns = clock_now_ns() + faults->delay_ns;
    if (faults->delayed_answers && is_answer(frame))
        faults->delayed_answers--;
    hold_back(faulty, peer, frame, faults->due_ns);
    return false;
}

static enum transport_event faulty_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                        struct frame *frame) {
    struct faulty *faulty = (struct faulty *)transport;
    for (;;) {
        if (take_due(faulty, peer, frame))
            return TRANSPORT_FRAME;
        uint64_t until = deadline_ns;
        if (faulty->delayed && faulty->delayed->due_ns < until)
            until = faulty->delayed->due_ns;
        struct frame came = {0};
        enum transport_event event = faulty->inner->ops->poll(faulty->inner, until, peer, &came);
        if (event == TRANSPORT_FRAME) {
            if (!pass(faulty, *peer, &came))
                continue;
            *frame = came;
        }
        if (event == TRANSPORT_JOINED && faulty->workers[*peer].kill) {
            faulty->inner->ops->disconnect(faulty->inner, *peer); /* the next event says that it left */
            continue;
        }
        if (event == TRANSPORT_LEFT && faulty->inner->ops->state(faulty->inner, *peer) == PEER_LOST)
            forget_delayed(faulty, *peer);
        if (event != TRANSPORT_TIMEOUT || until == deadline_ns)
            return event;
    }
}

static void faulty_wake(struct transport *transport) {
    struct faulty *faulty = (struct faulty *)transport;
    faulty->inner->ops->wake(faulty->inner);
}

static enum peer_state faulty_state(struct transport *transport, uint32_t peer) {
    struct faulty *faulty = (struct faulty *)transport;
    return faulty->inner->ops->state(faulty->inner, peer);
}

static void faulty_disconnect(struct transport *transport, uint32_t peer) {
    struct faulty *faulty = (struct faulty *)transport;
    faulty->inner->ops->disconnect(faulty->inner, peer);
}

static void faulty_identify(struct transport *transport, uint32_t peer, struct peer_identity *identity) {
    struct faulty *faulty = (struct faulty *)transport;
    faulty->inner->ops->identify(faulty->inner, peer, identity);
}

static void faulty_ban(struct transport *transport, uint32_t peer) {
    struct faulty *faulty = (struct faulty *)transport;
    faulty->inner->ops->ban(faulty->inner, peer);
}

static void faulty_pardon(struct transport *transport) {
    struct faulty *faulty = (struct faulty *)transport;
    faulty->inner->ops->pardon(faulty->inner);
}

static void faulty_destroy(struct transport **transport) {
    if (!transport || !*transport)
        return;
    struct faulty *faulty = (struct faulty *)*transport;
    *transport = NULL;
    for (uint32_t i = 0; i < faulty->n; i++)
        forget_delayed(faulty, i);
    faulty->inner->ops->destroy(&faulty->inner);
    free(faulty->lies);
    free(faulty);
}

convoy_status faulty_transport_create(struct transport **transport, struct transport **take_inner, uint32_t n,
                                      const struct fault *faults, size_t fault_count, uint64_t seed,
                                      convoy_error *error) {
    struct faulty *faulty = calloc(1, sizeof *faulty + n * sizeof faulty->workers[0]);
    struct fault *lies = calloc(n, sizeof *lies);
    if (!faulty || !lies) {
        free(faulty);
        free(lies);
        return error_memory(error);
    }
    faulty->base = (struct transport){&faulty_ops, (*take_inner)->trusts_memory};
    faulty->inner = *take_inner;
    faulty->n = n;
    faulty->lies = lies;
    random_seed(&faulty->random, seed);
    for (size_t i = 0; i < fault_count; i++) {
        struct worker_faults *of_worker = &faulty->workers[faults[i].worker];
        switch (faults[i].kind) {
        case FAULT_KILL:
            of_worker->kill = true;
            faulty_disconnect(&faulty->base, faults[i].worker);
            break;
        case FAULT_DELAY:
            of_worker->delay_ns = faults[i].delay_ns;
            of_worker->delayed_answers = faults[i].count ? faults[i].count : UINT64_MAX;
            break;
        case FAULT_DROP:
            of_worker->drop = faults[i].factor;
            break;
        case FAULT_CORRUPT:
            of_worker->corrupt = true;
            break;
        case FAULT_LIE:
            lies[faults[i].worker] = faults[i];
            of_worker->lie = &lies[faults[i].worker];
            break;
        case FAULT_KILL_LAYER:
        case FAULT_SLOW:
        case FAULT_BUSY:
            break; /* the worker's own */
        }
    }
    *take_inner = NULL;
    *transport = &faulty->base;
    return CONVOY_OK;
}

static const struct transport_ops faulty_ops = {
    .name = "faulty",
    .send = faulty_send,
    .poll = faulty_poll,
    .wake = faulty_wake,
    .state = faulty_state,
    .disconnect = faulty_disconnect,
    .identify = faulty_identify,
    .ban = faulty_ban,
    .pardon = faulty_pardon,
    .destroy = faulty_destroy,
};
