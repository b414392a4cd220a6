/* NumPy's archives .npz: zip archives whose members are .npy files, stored or deflated. (libzip) */
#ifndef IO_NPZ_H
#define IO_NPZ_H

#include <convoy/tensor.h>

#include <stddef.h>

/* What an archive may hold. The bytes bound the members as they are when they are inflated, in total, and the
 * arrays as float64, in total. */
#define NPZ_MAX_MEMBERS 4096
#define NPZ_MAX_BYTES   ((size_t)256 << 20)
#define NPZ_MAX_NAME    255 /* bytes of a member's name, ".npy" included */

struct npz_array {
    char *name;           /* without ".npy" */
    convoy_tensor tensor; /* CONVOY_F64, row-major, memory of its own */
};

/* In the order of the archive. */
struct npz {
    struct npz_array *arrays;
    size_t count;
};

/* Reads all arrays of the archive. Float16, float32, float64, integers and bool become float64; an integer
 * that float64 does not hold is refused, and so is a member that is no .npy file.
 * The sentence begins with path. CONVOY_E_IO (cannot be opened, is no regular file), CONVOY_E_INPUT (damaged,
 * two arrays of one name, a member that is no .npy file), CONVOY_E_UNSUPPORTED (encrypted, another
 * compression, complex numbers, text, objects, more than the bounds above), CONVOY_E_MEMORY. */
convoy_status npz_read(struct npz *npz, const char *path, convoy_error *error);

/* The array of that name; NULL: there is none. */
const convoy_tensor *npz_find(const struct npz *npz, const char *name);

/* Frees the arrays. Takes empty ones and NULL. */
void npz_clear(struct npz *npz);

#endif
