/* Profiles of machines: read, and what was read is written and read again. */
#include "fuzz.h"

#include "plan/profile_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct profile profile, again, third;
    char path[64];
    if (profile_read(&profile, fuzz_file(data, size), NULL) != CONVOY_OK)
        return 0;
    snprintf(path, sizeof path, "/tmp/convoy-fuzz-profile-%ld", (long)getpid());
    /* The numbers are rounded once, and then stay. */
    if (profile_write(&profile, path, NULL) != CONVOY_OK || profile_read(&again, path, NULL) != CONVOY_OK ||
        profile_write(&again, path, NULL) != CONVOY_OK || profile_read(&third, path, NULL) != CONVOY_OK ||
        memcmp(&again, &third, sizeof again) != 0)
        abort();
    unlink(path);
    return 0;
}
