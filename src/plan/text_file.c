#include "plan/text_file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At most `size` bytes; *bytes is how many they are. */
static convoy_status read_bytes(const char *path, char *text, size_t size, size_t *bytes,
                                convoy_error *error) {
    struct stat info;
    /* Without waiting for the other end of a pipe. */
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return error_set(error, CONVOY_E_IO, "%s: %s", path, strerror(errno));
    convoy_status status = CONVOY_OK;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
        status = error_set(error, CONVOY_E_IO, "%s: must be a regular file", path);
    for (*bytes = 0; status == CONVOY_OK && *bytes < size;) {
        const ssize_t got = read(file, text + *bytes, size - *bytes);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            status = error_set(error, CONVOY_E_IO, "%s: %s", path, strerror(errno));
        *bytes += got > 0 ? (size_t)got : 0;
    }
    close(file);
    return status;
}

convoy_status text_file_read(char **text, size_t *bytes, const char *path, size_t most, convoy_error *error) {
    char *read = malloc(most + 1);
    if (!read)
        return error_memory(error);
    convoy_status status = read_bytes(path, read, most + 1, bytes, error);
    if (status == CONVOY_OK && *bytes > most)
        status = error_set(error, CONVOY_E_INPUT, "%s: must have at most %zu MiB", path, most >> 20);
    if (status == CONVOY_OK)
        *text = read;
    else
        free(read);
    return status;
}
