#include "base/blocks.h"

#include <string.h>

/* Where an element lies, in elements. */
static size_t place(const struct block_map *map, uint32_t block, size_t image, size_t channel, size_t i) {
    if (block == 0)
        return (image * map->channels + channel) * map->inner + i;
    size_t blocks = (map->channels + block - 1) / block;
    return ((image * blocks + channel / block) * map->inner + i) * block + channel % block;
}

void blocks_copy(const struct block_map *map, uint32_t from_block, const void *from, uint32_t to_block,
                 void *to) {
    size_t padded = map->channels;
    if (to_block)
        padded = (map->channels + to_block - 1) / to_block * to_block;
    for (size_t image = 0; image < map->batch; image++)
        for (size_t channel = 0; channel < padded; channel++)
            for (size_t i = 0; i < map->inner; i++) {
                char *target = (char *)to + place(map, to_block, image, channel, i) * map->element;
                if (channel < map->channels)
                    memcpy(target,
                           (const char *)from + place(map, from_block, image, channel, i) * map->element,
                           map->element);
                else
                    memset(target, 0, map->element);
            }
}
