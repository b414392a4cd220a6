/* What the fuzz targets share. Each target is one decoder of bytes from outside: LLVMFuzzerTestOneInput for
 * libFuzzer (scripts/fuzz), and a replay of its corpus for the tests (replay.c). */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "transport/frame.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file: its path (static memory), valid until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* The next frame of an input: [kind][layer][job][dtype][payload bytes, 2, little-endian][payload], sealed
 * like a frame whose sender means it. False at the end. */
bool fuzz_next_frame(const uint8_t **data, size_t *size, struct frame *frame);

#endif
