#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size) {
    static int file = -1;
    static char path[64];
    if (file >= 0)
        close(file);
    file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0 || (size && write(file, data, size) != (ssize_t)size))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return path;
}

bool fuzz_next_frame(const uint8_t **data, size_t *size, struct frame *frame) {
    const uint8_t *at = *data;
    if (*size < 6)
        return false;
    size_t bytes = (size_t)at[4] | (size_t)at[5] << 8;
    if (bytes > *size - 6)
        bytes = *size - 6;
    *frame = (struct frame){.header = {.kind = at[0], .layer = at[1], .job = at[2], .dtype = at[3]}};
    if (bytes) {
        frame->payload = buffer_create(bytes);
        if (!frame->payload)
            abort();
        memcpy(frame->payload->data, at + 6, bytes);
    }
    frame_seal(frame, frame_payload_hash(frame->payload));
    *data += 6 + bytes;
    *size -= 6 + bytes;
    return true;
}
