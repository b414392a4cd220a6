/* Names in a model, and the numbers that they stand for. */
#ifndef MODEL_ONNX_NAMES_H
#define MODEL_ONNX_NAMES_H

#include "model/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* A balanced tree, so that no choice of names makes it slow. Zero-initialised: empty. Entries live in the
 * arena. */
struct name_table {
    void *root;
};

/* False where the name is not there. */
bool name_find(const struct name_table *table, const char *name, uint32_t *number);

/* Adds a name, borrowed. *added false: it is there already. False where there is no memory. */
bool name_add(struct name_table *table, struct arena *arena, const char *name, uint32_t number, bool *added);

/* Forgets all names. */
void name_table_release(struct name_table *table);

/* Whether the bytes are UTF-8 without control characters: what may stand in a terminal, in a sentence and in
 * JSON. */
bool name_is_text(const uint8_t *bytes, size_t length);

#endif
