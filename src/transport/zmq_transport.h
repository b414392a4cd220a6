/* The transport between processes and machines: ZeroMQ, over tcp or ipc, encrypted and authenticated by CURVE
 * where keys are given. The master binds a ROUTER and knows its workers by the routing ids of their
 * connections; a worker dials with a DEALER, says FRAME_HELLO, and is a peer once it has got FRAME_WELCOME.
 * (zmq_master.c, zmq_worker.c, zmq_keys.c) */
#ifndef TRANSPORT_ZMQ_TRANSPORT_H
#define TRANSPORT_ZMQ_TRANSPORT_H

#include "base/log.h"
#include "base/resources.h"
#include "transport/transport.h"

#define ZMQ_KEY_TEXT 41 /* a CURVE key in Z85: 40 characters and the end */

#define ZMQ_PAIR_TEXT (2 * ZMQ_KEY_TEXT + 1)

/* A key pair in Z85, as ZeroMQ writes them. */
struct zmq_key_pair {
    char public_key[ZMQ_KEY_TEXT], secret_key[ZMQ_KEY_TEXT];
};

struct zmq_limits {
    uint64_t max_frame_bytes; /* larger messages end the connection that brings them; 0: 16 GiB */
    uint64_t heartbeat_ns;    /* between signs of life; 0: 500 ms. Suspect after 3 of them, lost after 10 */
};

struct zmq_master_options {
    const char *url; /* "tcp://HOST:PORT" ("*" for any, port 0 or "*" for a free one), "ipc://PATH" */
    uint32_t nodes;  /* workers that can be in at once */
    uint64_t plan_hash;
    struct zmq_limits limits;
    const struct zmq_key_pair *key; /* NULL: plain */
    const char *
        allowed_folder; /* with key: a file NAME.pub for each worker that may come; read at every handshake */
    bool insecure;      /* plain on an address that is not loopback or ipc */
    struct log log;
};

/* What an endpoint needs of the system. libzmq ends the process if it cannot have it, so check before one is
 * made. */
struct resources zmq_master_needs(uint32_t nodes);
struct resources zmq_worker_needs(void);

/* Binds. CONVOY_E_USAGE: a malformed URL, or plain on an address that others reach without `insecure`;
 * CONVOY_E_IO: cannot bind. */
convoy_status zmq_master_create(struct transport **transport, const struct zmq_master_options *options,
                                convoy_error *error);

/* The URL that workers dial, with the port that was bound, and this machine's name where all its addresses
 * were bound. Owned by the transport. */
const char *zmq_master_url(const struct transport *transport);

struct zmq_worker_options {
    const char *url;
    struct zmq_limits limits;
    const struct zmq_key_pair *key; /* NULL: plain */
    const char *server_key;         /* with key: the master's public key, Z85 */
    bool insecure;
    uint64_t
        give_up_ns; /* CLOSED when no master was there for so long, FINISHED with its master; 0: neither */
    struct log log;
};

/* Dials in the background, again and again with backoff (100 ms to 5 s, jittered), until closed.
 * TRANSPORT_JOINED once welcomed, TRANSPORT_LEFT when the master is lost, after which it dials again and asks
 * for the same node. TRANSPORT_CLOSED when refused for good (version; keys cannot tell) or given up; where it
 * would give up some day, TRANSPORT_FINISHED when the master says that it has finished. A thread of its own
 * does input and output, so that signs of life go out while the worker computes. CONVOY_E_USAGE,
 * CONVOY_E_MEMORY. */
convoy_status zmq_worker_create(struct transport **transport, const struct zmq_worker_options *options,
                                convoy_error *error);

/* The number that the master gave it last; HELLO_ANY_NODE before the first welcome. Any thread. */
uint32_t zmq_worker_node(const struct transport *transport);

/* A fresh key pair. CONVOY_E_INTERNAL where libzmq has no CURVE. */
convoy_status zmq_key_pair_create(struct zmq_key_pair *pair, convoy_error *error);

/* What the file of a pair holds: the public key, the secret one, a line each. */
void zmq_key_pair_text(const struct zmq_key_pair *pair, char text[ZMQ_PAIR_TEXT]);

/* Writes folder/NAME.pub (the public key, one line) and folder/NAME.key (secret: both, mode 0600); refuses to
 * overwrite. Reads either; a key file that others can read is refused; a path "env:NAME" is a variable of the
 * environment. (the sentence names the file) */
convoy_status zmq_key_pair_save(const struct zmq_key_pair *pair, const char *folder, const char *name,
                                convoy_error *error);
convoy_status zmq_key_pair_load(struct zmq_key_pair *pair, const char *path, convoy_error *error);
convoy_status zmq_public_key_load(char key[ZMQ_KEY_TEXT], const char *path, convoy_error *error);

/* The version of ZeroMQ that is loaded, "4.3.4", cut to size bytes. Returns text. Thread-safe. */
const char *zmq_version_text(char *text, size_t size);

#endif
