#include "model/onnx_names.h"

#include <search.h>
#include <string.h>

struct name_entry {
    const char *name;
    uint32_t number;
};

static int compare(const void *a, const void *b) {
    return strcmp(((const struct name_entry *)a)->name, ((const struct name_entry *)b)->name);
}

bool name_find(const struct name_table *table, const char *name, uint32_t *number) {
    struct name_entry key = {.name = name};
    struct name_entry *const *found = tfind(&key, &table->root, compare);
    if (!found)
        return false;
    *number = (*found)->number;
    return true;
}

bool name_add(struct name_table *table, struct arena *arena, const char *name, uint32_t number, bool *added) {
    uint32_t existing;
    *added = !name_find(table, name, &existing);
    if (!*added)
        return true;
    struct name_entry *entry = arena_alloc(arena, 1, sizeof *entry);
    if (!entry)
        return false;
    *entry = (struct name_entry){name, number};
    return tsearch(entry, &table->root, compare) != NULL;
}

static void keep(void *entry) {
    (void)entry; /* the arena's */
}

void name_table_release(struct name_table *table) {
    tdestroy(table->root, keep);
    table->root = NULL;
}

/* Bytes of the UTF-8 sequence that starts here, RFC 3629 (no surrogates, nothing overlong); 0 where there is
 * none. */
static size_t sequence_length(const uint8_t *bytes, size_t left) {
    uint8_t lead = bytes[0];
    if (lead < 0x80)
        return lead >= 0x20 && lead != 0x7f;
    size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                    : (lead & 0xf0) == 0xe0        ? 3
                    : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    uint32_t first = (uint32_t)lead << 8 | bytes[1];
    bool bad = (lead == 0xc2 && bytes[1] < 0xa0)       /* control characters U+0080 to U+009F */
               || (first >= 0xe080 && first < 0xe0a0)  /* overlong */
               || (first >= 0xeda0 && first < 0xedc0)  /* surrogates */
               || (first >= 0xf080 && first < 0xf090)  /* overlong */
               || (first >= 0xf490 && first < 0xf4c0); /* above U+10FFFF */
    return bad ? 0 : length;
}

bool name_is_text(const uint8_t *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t step = sequence_length(bytes + at, length - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}
