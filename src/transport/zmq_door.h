/* Who may come in: the authentication requests (ZAP, rfc.zeromq.org/spec/27) that libzmq makes at every
 * handshake of a master's socket, before anything that a peer sends is parsed; and who tried and did not. */
#ifndef TRANSPORT_ZMQ_DOOR_H
#define TRANSPORT_ZMQ_DOOR_H

#include "transport/hello.h"
#include "transport/zmq_common.h"

#define REASON_TEXT  160
#define DOOR_CALLERS 64
#define DOOR_DOMAIN                                                                                          \
    "convoy" /* named at the socket, so that plain connections are asked about too: by that libzmq refuses   \
                its own protocols from before 3.0, for which any bytes are a message */

/* A connection that has not said anything yet. */
struct caller {
    enum { CALLER_NONE, CALLER_SILENT, CALLER_GONE } state;
    int fd;
    char address[ADDRESS_TEXT];
};

/* Files of the folder of allowed keys that hold none, and of which the log was told. */
#define KEY_NOTES     32
#define KEY_NOTE_TEXT 64
struct key_notes {
    const struct log *log;
    uint32_t count;
    char files[KEY_NOTES][KEY_NOTE_TEXT];
};

struct door {
    void *socket;                    /* REP, polled by the owner; NULL: closed */
    bool encrypted;                  /* only those with CURVE, and an allowed key */
    const char *allowed_folder;      /* the owner's */
    struct limited_log log, denials; /* each with a limit of its own: port scanners hide no worker */
    struct key_notes notes;
    bool denied;                         /* the next connection that ends was denied, and that was logged */
    struct caller callers[DOOR_CALLERS]; /* by fd modulo DOOR_CALLERS; a newer connection takes the place */
};

/* Binds inproc://zeromq.zap.01 in the context. 0 or errno. */
int door_open(struct door *door, void *context);

/* Answers one request, if there is one. */
bool door_answer(struct door *door);

/* News of connections: one came; one spoke, so that its end is no matter of the door; one ended. */
void door_came(struct door *door, int fd);
void door_spoke(struct door *door, int fd);
void door_ended(struct door *door, int fd);

/* Logs those that ended without a word. Called when all that connections sent was read. */
void door_settle(struct door *door);

/* Why a FRAME_HELLO is not good enough for a master of this plan, in words too; 0, and *hello set, where it
 * is. */
enum refusal door_judge_hello(const struct frame *frame, uint64_t plan_hash, struct hello *hello,
                              char reason[REASON_TEXT]);

/* Whether a file NAME.pub of the folder holds this public key (Z85). What is damaged there is told once. */
bool key_is_allowed(const char *folder, const char *key, char name[64], struct key_notes *notes);

#endif
