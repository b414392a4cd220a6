/* Maps whose channels lie in blocks, which is how vector units like them: [batch, channels/B, inner, B], the
 * last block padded with zeros. B = 0 stands for [batch, channels, inner]. */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

struct block_map {
    size_t element; /* bytes */
    size_t batch, channels, inner;
};

/* Copies a map that lies in blocks of from_block to where it lies in blocks of to_block. The two do not
 * overlap; sizes are the caller's business. */
void blocks_copy(const struct block_map *map, uint32_t from_block, const void *from, uint32_t to_block,
                 void *to);

#endif
