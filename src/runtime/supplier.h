/* The thread that codes filters for workers that lack them: for all workers when a model is loaded, and in
 * the background for one that joins later. */
#ifndef RUNTIME_SUPPLIER_H
#define RUNTIME_SUPPLIER_H

#include "runtime/dispatcher.h"

/* Makes the contents (layer_message.h) of one layer for workers[0..count) into contents[0..count), the
 * caller's references. */
typedef convoy_status supplier_make(void *context, const uint32_t *workers, uint32_t count,
                                    struct buffer **contents);

struct supplier;

/* The dispatcher is borrowed and has `nodes` peers. */
convoy_status supplier_create(struct supplier **supplier, struct dispatcher *dispatcher, uint32_t nodes,
                              convoy_error *error);

/* Stops the thread, and dispatcher_next_gap with it. Takes NULL. */
void supplier_destroy(struct supplier **supplier);

/* Registers a layer; *layer is its number. make is called from the supplier's thread, until supplier_remove
 * has returned. */
convoy_status supplier_add(struct supplier *supplier, supplier_make *make, void *context, uint32_t *layer);
void supplier_remove(struct supplier *supplier, uint32_t layer);

#endif
