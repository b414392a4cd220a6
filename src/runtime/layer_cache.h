/* The layers that a worker holds, by the hash of their content: in memory, prepared and ready to run, and if
 * wanted on disk as they came. Bounded: layers that no master uses make room, the least lately used first. */
#ifndef RUNTIME_LAYER_CACHE_H
#define RUNTIME_LAYER_CACHE_H

#include "base/log.h"
#include "compute/backend.h"
#include "transport/frame.h"

struct layer_cache;

/* A layer in the cache; valid while a reference is held. */
struct held_layer {
    struct layer *layer;
    char *name; /* the node's name */
    struct conv_geometry task;
    convoy_dtype dtype;
    size_t input_bytes, output_bytes; /* of one task and its answer */
};

/* backend is borrowed. max_bytes: of all contents held in memory, and on disk again as much; 0: no bound.
 * folder: where contents are kept across restarts (made if it does not exist), or NULL. idle_ns: the weights
 * of a layer that was not used for so long are checked by their hash before they are used again. log: what is
 * amiss in the folder. CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status layer_cache_create(struct layer_cache **cache, struct backend *backend, uint64_t max_bytes,
                                 const char *folder, uint64_t idle_ns, struct log log, convoy_error *error);

/* All references are gone. Takes NULL. */
void layer_cache_destroy(struct layer_cache **cache);

/* The layer with this content, with one more reference, or NULL: from memory, else from disk. What is on disk
 * is checked against its hash. */
struct held_layer *layer_cache_find(struct layer_cache *cache, struct content_hash hash);

/* Prepares a layer from its content (layer_message.h) and keeps it, in place of one with this content that
 * nobody has a reference to: a master sends what it believes to be lost or damaged. *held has a reference.
 * CONVOY_E_INPUT for content that is malformed or larger than the room that is left, CONVOY_E_UNSUPPORTED,
 * CONVOY_E_MEMORY. */
convoy_status layer_cache_insert(struct layer_cache *cache, struct buffer *content, struct held_layer **held);

/* To be called before a layer that is held is used. False: its weights were damaged in memory while it was
 * idle; it must not be used, and is not found again. */
bool layer_cache_intact(struct layer_cache *cache, struct held_layer *held);

/* Drops a reference and empties the pointer. Takes NULL. The layer stays while there is room. */
void layer_cache_release(struct layer_cache *cache, struct held_layer **held);

#endif
