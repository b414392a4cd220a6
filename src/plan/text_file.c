#include "plan/text_file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
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

/* Writes to an open file (-1: errno tells) and closes it. errno tells why it fails. */
static bool write_and_close(int file, const char *text) {
    FILE *stream = file < 0 ? NULL : fdopen(file, "w");
    if (!stream) {
        if (file >= 0)
            close(file);
        return false;
    }
    const bool written = fputs(text, stream) >= 0;
    return fclose(stream) == 0 && written;
}

/* Into a draft that nobody else has, with the rights that a new file gets, which then takes the file's place.
 */
static convoy_status write_draft(const char *text, const char *path) {
    char *draft = NULL;
    if (asprintf(&draft, "%s.%ld.new", path, (long)getpid()) < 0)
        return CONVOY_E_MEMORY;
    const int file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool good = write_and_close(file, text) && rename(draft, path) == 0;
    const int failure = errno;
    if (!good && file >= 0)
        unlink(draft);
    free(draft);
    errno = failure;
    return good ? CONVOY_OK : CONVOY_E_IO;
}

/* Writes to the file as it is, without waiting for who reads a pipe. */
static convoy_status write_through(const char *text, const char *path) {
    const int file = open(path, O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC);
    return write_and_close(file, text) ? CONVOY_OK : CONVOY_E_IO;
}

/* A link to a regular file stays a link. A file that has lost its name cannot be replaced. */
static convoy_status replace(const char *text, const char *path) {
    char *place = realpath(path, NULL);
    const convoy_status status = place ? write_draft(text, place) : write_through(text, path);
    const int failure = errno;
    free(place);
    errno = failure;
    return status;
}

convoy_status text_file_write(const char *text, const char *path, const char *what, convoy_error *error) {
    struct stat info;
    const bool there = stat(path, &info) == 0;
    const convoy_status status = !there                  ? write_draft(text, path)
                                 : S_ISREG(info.st_mode) ? replace(text, path)
                                                         : write_through(text, path);
    if (status == CONVOY_E_IO)
        return error_set(error, status, "%s: the %s cannot be written: %s", path, what, strerror(errno));
    return status == CONVOY_OK ? CONVOY_OK : error_memory(error);
}
