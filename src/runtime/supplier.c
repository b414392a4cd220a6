#include "runtime/supplier.h"

#include "base/error.h"

#include <pthread.h>
#include <stdlib.h>

struct source {
    supplier_make *make; /* NULL: removed */
    void *context;
};

struct supplier {
    struct dispatcher *dispatcher;
    uint32_t nodes;
    pthread_t thread;
    uint32_t *workers;        /* [nodes], the thread's own */
    struct buffer **contents; /* [nodes], the thread's own */

    pthread_mutex_t mutex;  /* guards the sources, and is held while one makes */
    struct source *sources; /* [capacity], by the layer's number */
    uint32_t capacity;
};

static void *supply(void *context) {
    struct supplier *supplier = context;
    uint32_t layer, count;
    while (dispatcher_next_gap(supplier->dispatcher, &layer, supplier->workers, &count)) {
        pthread_mutex_lock(&supplier->mutex);
        const struct source *source = &supplier->sources[layer];
        if (source->make)
            source->make(source->context, supplier->workers, count,
                         supplier->contents); /* failed: they stay NULL */
        pthread_mutex_unlock(&supplier->mutex);
        for (uint32_t i = 0; i < count; i++)
            dispatcher_supply(supplier->dispatcher, layer, supplier->workers[i], &supplier->contents[i]);
    }
    return NULL;
}

static void supplier_free(struct supplier *supplier) {
    pthread_mutex_destroy(&supplier->mutex);
    free(supplier->workers);
    free(supplier->contents);
    free(supplier->sources);
    free(supplier);
}

convoy_status supplier_create(struct supplier **out, struct dispatcher *dispatcher, uint32_t nodes,
                              convoy_error *error) {
    struct supplier *supplier = calloc(1, sizeof *supplier);
    if (!supplier)
        return error_memory(error);
    *supplier = (struct supplier){.dispatcher = dispatcher,
                                  .nodes = nodes,
                                  .workers = calloc(nodes, sizeof *supplier->workers),
                                  .contents = calloc(nodes, sizeof(struct buffer *))};
    pthread_mutex_init(&supplier->mutex, NULL);
    convoy_status status = supplier->workers && supplier->contents ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK && pthread_create(&supplier->thread, NULL, supply, supplier) != 0)
        status = error_set(error, CONVOY_E_INTERNAL, "no thread could be started to code filters");
    if (status == CONVOY_OK)
        *out = supplier;
    else
        supplier_free(supplier);
    return status;
}

void supplier_destroy(struct supplier **slot) {
    struct supplier *supplier = slot ? *slot : NULL;
    if (!supplier)
        return;
    *slot = NULL;
    dispatcher_stop(supplier->dispatcher);
    pthread_join(supplier->thread, NULL);
    supplier_free(supplier);
}

static convoy_status reserve(struct supplier *supplier, uint32_t layer) {
    if (layer < supplier->capacity)
        return CONVOY_OK;
    uint32_t capacity = 2 * layer + 64;
    struct source *sources = realloc(supplier->sources, capacity * sizeof *sources);
    if (!sources)
        return CONVOY_E_MEMORY;
    for (uint32_t i = supplier->capacity; i < capacity; i++)
        sources[i] = (struct source){0};
    supplier->sources = sources;
    supplier->capacity = capacity;
    return CONVOY_OK;
}

convoy_status supplier_add(struct supplier *supplier, supplier_make *make, void *context, uint32_t *layer) {
    /* Under the mutex from the number to the source: the thread may see the gap before there is a source. */
    pthread_mutex_lock(&supplier->mutex);
    convoy_status status = dispatcher_add_layer(supplier->dispatcher, layer);
    if (status == CONVOY_OK && (status = reserve(supplier, *layer)) != CONVOY_OK)
        dispatcher_remove_layer(supplier->dispatcher, *layer);
    if (status == CONVOY_OK)
        supplier->sources[*layer] = (struct source){.make = make, .context = context};
    pthread_mutex_unlock(&supplier->mutex);
    return status;
}

void supplier_remove(struct supplier *supplier, uint32_t layer) {
    dispatcher_remove_layer(supplier->dispatcher, layer);
    pthread_mutex_lock(&supplier->mutex);
    supplier->sources[layer].make = NULL;
    pthread_mutex_unlock(&supplier->mutex);
}
