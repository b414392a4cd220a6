#include "runtime/layer_cache.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "runtime/layer_disk.h"
#include "runtime/layer_message.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct held_layer held; /* first: a held layer is its entry */
    struct content_hash hash;
    uint64_t bytes;
    uint64_t weights_hash; /* of the weights as the prepared layer reads them */
    uint32_t references;
    uint64_t used_ns;
    bool damaged; /* in memory; goes with its last reference */
    struct entry *next;
};

struct layer_cache {
    struct backend *backend;
    uint64_t max_bytes, bytes, idle_ns;
    struct layer_disk *disk; /* NULL: none */
    struct entry *entries;
};

convoy_status layer_cache_create(struct layer_cache **out, struct backend *backend, uint64_t max_bytes,
                                 const char *folder, uint64_t idle_ns, struct log log, convoy_error *error) {
    struct layer_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return error_memory(error);
    cache->backend = backend;
    cache->max_bytes = max_bytes ? max_bytes : UINT64_MAX;
    cache->idle_ns = idle_ns;
    convoy_status status =
        folder ? layer_disk_open(&cache->disk, folder, cache->max_bytes, log, error) : CONVOY_OK;
    if (status == CONVOY_OK)
        *out = cache;
    else
        free(cache);
    return status;
}

static void entry_destroy(struct entry *entry) {
    if (entry->held.layer)
        entry->held.layer->ops->layer_destroy(&entry->held.layer);
    free(entry->held.name);
    free(entry);
}

void layer_cache_destroy(struct layer_cache **slot) {
    struct layer_cache *cache = slot ? *slot : NULL;
    if (!cache)
        return;
    *slot = NULL;
    while (cache->entries) {
        struct entry *entry = cache->entries;
        cache->entries = entry->next;
        entry_destroy(entry);
    }
    layer_disk_close(&cache->disk);
    free(cache);
}

static struct entry *find(const struct layer_cache *cache, struct content_hash hash) {
    struct entry *entry = cache->entries;
    while (entry && (entry->damaged || entry->hash.low != hash.low || entry->hash.high != hash.high))
        entry = entry->next;
    return entry;
}

static struct held_layer *hold(struct entry *entry) {
    entry->references++;
    entry->used_ns = clock_now_ns();
    return &entry->held;
}

/* Takes the entry at *at out of the list. */
static void drop(struct layer_cache *cache, struct entry **at) {
    struct entry *entry = *at;
    *at = entry->next;
    cache->bytes -= entry->bytes;
    entry_destroy(entry);
}

/* Damaged layers that nobody uses. */
static void drop_damaged(struct layer_cache *cache) {
    for (struct entry **at = &cache->entries; *at;)
        if ((*at)->damaged && !(*at)->references)
            drop(cache, at);
        else
            at = &(*at)->next;
}

static uint64_t hash_weights(const struct entry *entry) {
    const struct layer *layer = entry->held.layer;
    return frame_payload_hash(layer->ops->layer_weights(layer));
}

static bool is_intact(const struct layer_cache *cache, struct entry *entry) {
    uint64_t now_ns = clock_now_ns(), idle_ns = now_ns - entry->used_ns;
    entry->used_ns = now_ns;
    if (!entry->damaged && idle_ns >= cache->idle_ns)
        entry->damaged = hash_weights(entry) != entry->weights_hash;
    return !entry->damaged;
}

bool layer_cache_intact(struct layer_cache *cache, struct held_layer *held) {
    return is_intact(cache, (struct entry *)held);
}

/* Lets layers go that nobody uses until `wanted` bytes fit. Whether they do. */
static bool make_room(struct layer_cache *cache, uint64_t wanted) {
    if (wanted > cache->max_bytes)
        return false;
    while (cache->bytes > cache->max_bytes - wanted) {
        struct entry **oldest = NULL;
        for (struct entry **at = &cache->entries; *at; at = &(*at)->next)
            if (!(*at)->references && (!oldest || (*at)->used_ns < (*oldest)->used_ns))
                oldest = at;
        if (!oldest)
            return false;
        drop(cache, oldest);
    }
    return true;
}

static convoy_status prepare(struct backend *backend, const struct layer_message *message,
                             struct held_layer *held) {
    struct value_desc input;
    struct layer_desc desc = conv_layer_desc(&message->task, message->filters.dtype, &input);
    desc.name = held->name;
    desc.kernel = message->kernel;
    struct layer_params params = {.weights = message->filters};
    held->task = message->task;
    held->dtype = input.dtype;
    tensor_bytes(input.dtype, &input.shape,
                 &held->input_bytes); /* conv_geometry_complete checked both sizes */
    tensor_bytes(input.dtype, &desc.outputs[0].shape, &held->output_bytes);
    return backend->ops->layer_prepare(backend, &desc, &params, &held->layer, NULL);
}

static convoy_status entry_create(struct entry **out, struct layer_cache *cache, struct buffer *content) {
    struct layer_message message;
    convoy_status status = layer_message_parse(&message, content, NULL);
    if (status != CONVOY_OK)
        return status;
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->held.name = strdup(message.name)))
        status = CONVOY_E_MEMORY;
    if (status == CONVOY_OK)
        status = prepare(cache->backend, &message, &entry->held);
    layer_message_release(&message);
    if (status != CONVOY_OK) {
        if (entry)
            entry_destroy(entry);
        return status;
    }
    entry->weights_hash = hash_weights(entry);
    *out = entry;
    return CONVOY_OK;
}

static convoy_status insert(struct layer_cache *cache, struct buffer *content, struct content_hash hash,
                            struct held_layer **held) {
    struct entry *entry;
    if (!make_room(cache, content->bytes))
        return CONVOY_E_INPUT;
    convoy_status status = entry_create(&entry, cache, content);
    if (status != CONVOY_OK)
        return status;
    entry->hash = hash;
    entry->bytes = content->bytes;
    entry->next = cache->entries;
    cache->entries = entry;
    cache->bytes += entry->bytes;
    *held = hold(entry);
    return CONVOY_OK;
}

struct held_layer *layer_cache_find(struct layer_cache *cache, struct content_hash hash) {
    struct held_layer *held = NULL;
    struct entry *entry = find(cache, hash);
    if (entry && is_intact(cache, entry))
        return hold(entry);
    drop_damaged(cache);
    struct buffer *content = cache->disk ? layer_disk_read(cache->disk, hash) : NULL;
    if (content)
        insert(cache, content, hash, &held);
    buffer_release(&content);
    return held;
}

convoy_status layer_cache_insert(struct layer_cache *cache, struct buffer *content,
                                 struct held_layer **held) {
    if (!content)
        return CONVOY_E_INPUT;
    struct content_hash hash = frame_content_hash(content);
    struct entry *entry = find(cache, hash);
    if (entry && entry->references && is_intact(cache, entry)) {
        *held = hold(entry);
        return CONVOY_OK;
    }
    if (entry)
        entry->damaged = true; /* in the eyes of a master that sends it again */
    drop_damaged(cache);
    convoy_status status = insert(cache, content, hash, held);
    if (status == CONVOY_OK && cache->disk)
        layer_disk_write(cache->disk, hash, content);
    return status;
}

void layer_cache_release(struct layer_cache *cache, struct held_layer **slot) {
    struct entry *entry = (struct entry *)*slot;
    *slot = NULL;
    if (!entry)
        return;
    entry->references--;
    drop_damaged(cache);
    make_room(cache, 0);
}
