/* A number that tells contents apart: XXH3, 64 bits. Not for secrets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of bytes[0..count) behind what the number before stands for: 0 for nothing. The same on every machine. */
uint64_t hash_bytes(const void *bytes, size_t count, uint64_t before);

#endif
