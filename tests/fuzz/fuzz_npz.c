/* NumPy's archives: the directory of the zip file, its members, and the arrays in them. */
#include "fuzz.h"

#include "io/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct npz npz;
    convoy_error error;
    if (npz_read(&npz, fuzz_file(data, size), &error) == CONVOY_OK)
        npz_clear(&npz);
    return 0;
}
