#include "transport/zmq_door.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define REQUEST_PARTS 7
#define PART_BYTES    256

/* A request of ZAP 1.0. */
enum { PART_VERSION, PART_ID, PART_DOMAIN, PART_ADDRESS, PART_ROUTE, PART_MECHANISM, PART_CREDENTIALS };

struct request {
    unsigned char bytes[REQUEST_PARTS][PART_BYTES];
    size_t sizes[REQUEST_PARTS];
    size_t count;
};

int door_open(struct door *door, void *context) {
    const int at_once = 0;
    char name[64];
    if (door->allowed_folder) /* nobody's key: tells what is damaged */
        key_is_allowed(door->allowed_folder, "", name, &door->notes);
    door->socket = zmq_socket(context, ZMQ_REP);
    if (!door->socket || zmq_setsockopt(door->socket, ZMQ_LINGER, &at_once, sizeof at_once) != 0 ||
        zmq_bind(door->socket, "inproc://zeromq.zap.01") != 0)
        return zmq_errno();
    return 0;
}

/* Reads a request whole; parts that are too many or too long are counted, not kept. */
static bool read_request(struct door *door, struct request *request) {
    zmq_msg_t part;
    *request = (struct request){0};
    for (int more = 1; more;) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, door->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return false;
        }
        size_t size = zmq_msg_size(&part);
        if (request->count < REQUEST_PARTS && size <= PART_BYTES) {
            memcpy(request->bytes[request->count], zmq_msg_data(&part), size);
            request->sizes[request->count] = size;
        }
        request->count++;
        more = zmq_msg_more(&part);
        zmq_msg_close(&part);
    }
    return true;
}

static bool part_is(const struct request *request, size_t part, const char *text) {
    return request->count > part && request->sizes[part] == strlen(text) &&
           memcmp(request->bytes[part], text, request->sizes[part]) == 0;
}

static bool may_enter(struct door *door, const struct request *request, char name[64]) {
    char key[ZMQ_KEY_TEXT];
    name[0] = '\0';
    if (!part_is(request, PART_VERSION, "1.0"))
        return false;
    if (!door->encrypted)
        return part_is(request, PART_MECHANISM, "NULL");
    return part_is(request, PART_MECHANISM, "CURVE") && request->count == REQUEST_PARTS &&
           request->sizes[PART_CREDENTIALS] == 32 && door->allowed_folder &&
           zmq_z85_encode(key, request->bytes[PART_CREDENTIALS], 32) &&
           key_is_allowed(door->allowed_folder, key, name, &door->notes);
}

bool door_answer(struct door *door) {
    struct request request;
    char name[64];
    if (!read_request(door, &request))
        return false;
    bool enter = may_enter(door, &request, name);
    size_t id_bytes = request.count > PART_ID ? request.sizes[PART_ID] : 0;
    const struct {
        const void *bytes;
        size_t size;
    } answer[] = {
        {"1.0", 3},
        {request.bytes[PART_ID], id_bytes},
        {enter ? "200" : "400", 3},
        {enter ? "" : "not allowed", enter ? 0 : strlen("not allowed")},
        {name, strlen(name)},
        {"", 0},
    };
    for (size_t i = 0; i < 6; i++)
        zmq_send(door->socket, answer[i].bytes, answer[i].size, ZMQ_DONTWAIT | (i < 5 ? ZMQ_SNDMORE : 0));
    if (!enter) {
        int size = request.count > PART_ADDRESS ? (int)request.sizes[PART_ADDRESS] : 0;
        limited_line(&door->denials,
                     "a connection from %.*s was refused: its key is not among the allowed ones", size,
                     (const char *)request.bytes[PART_ADDRESS]);
    }
    return true;
}

static struct caller *caller_at(struct door *door, int fd) {
    return &door->callers[(unsigned)fd % DOOR_CALLERS];
}

void door_came(struct door *door, int fd) {
    struct caller *caller = caller_at(door, fd);
    caller->state = CALLER_SILENT;
    caller->fd = fd;
    connection_address(fd, caller->address);
}

void door_spoke(struct door *door, int fd) {
    struct caller *caller = caller_at(door, fd);
    if (caller->fd == fd)
        caller->state = CALLER_NONE;
}

void door_ended(struct door *door, int fd) {
    struct caller *caller = caller_at(door, fd);
    if (caller->state == CALLER_SILENT && caller->fd == fd)
        caller->state = door->denied ? CALLER_NONE : CALLER_GONE;
    door->denied = false;
}

void door_settle(struct door *door) {
    for (int i = 0; i < DOOR_CALLERS; i++)
        if (door->callers[i].state == CALLER_GONE) {
            door->callers[i].state = CALLER_NONE;
            limited_line(&door->log, "a connection from %s ended without a valid hello",
                         door->callers[i].address);
        }
}

enum refusal door_judge_hello(const struct frame *frame, uint64_t plan_hash, struct hello *hello,
                              char reason[REASON_TEXT]) {
    const uint32_t *start = frame->payload ? frame->payload->data : NULL;
    if (!frame_whole(frame)) {
        snprintf(reason, REASON_TEXT, "its hello is damaged");
        return REFUSAL_UNKNOWN;
    }
    bool speaks = start && frame->payload->bytes >= 8 && start[0] == HELLO_MAGIC;
    if (speaks && (start[1] != FRAME_VERSION || frame->header.version != FRAME_VERSION)) {
        snprintf(reason, REASON_TEXT, "it speaks version %u of the protocol, this master version %u",
                 start[1], FRAME_VERSION);
        return REFUSAL_HELLO;
    }
    if (!speaks || frame->payload->bytes != sizeof *hello) {
        snprintf(reason, REASON_TEXT, "its hello is none of Convoy's");
        return REFUSAL_HELLO;
    }
    memcpy(hello, start, sizeof *hello);
    if (hello->plan_hash && hello->plan_hash != plan_hash) {
        snprintf(reason, REASON_TEXT, "it served another plan");
        return REFUSAL_PLAN;
    }
    return 0;
}
