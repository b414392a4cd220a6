#include "read_file.h"

#include "commands.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BYTES  ((size_t)1 << 16)
#define LARGEST_TEXT ((size_t)16 << 20) /* bytes; labels are a few thousand lines, lists some millions */

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* before UTF-8, by some editors */

bool is_standard_input(const char *path) {
    return strcmp(path, "-") == 0;
}

static convoy_status unreadable(const char *path, convoy_error *error) {
    return cli_error(error, CONVOY_E_IO, "%s: cannot be read: %s", path, strerror(errno));
}

/* The next bytes of a file, as read(2), but a signal that ends the command ends a wait for them: -1 with
 * EINTR. */
static ssize_t read_some(int file, char *to, size_t most) {
    for (;;) {
        const bool waited = poll(&(struct pollfd){.fd = file, .events = POLLIN}, 1, -1) >= 0;
        if (!waited && errno == EINTR && signals_taken())
            return -1;
        const ssize_t got = waited ? read(file, to, most) : -1;
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got;
    }
}

/* The same of an open file. */
static convoy_status read_open(char **bytes, size_t *size, int file, const char *path, size_t most,
                               convoy_error *error) {
    size_t used = 0, capacity = FIRST_BYTES;
    char *taken = malloc(capacity);
    while (taken && used <= most) {
        if (used + 1 == capacity) { /* the last byte is for the zero */
            capacity *= 2;
            char *more = realloc(taken, capacity);
            if (!more)
                free(taken);
            taken = more;
            continue;
        }
        const size_t room = capacity - 1 - used, wanted = most + 1 - used;
        const ssize_t got = read_some(file, taken + used, room < wanted ? room : wanted);
        if (got == 0)
            break;
        if (got < 0) {
            const convoy_status status = errno == EINTR
                                             ? cli_error(error, CONVOY_E_CANCELLED, "%s: given up", path)
                                             : unreadable(path, error);
            free(taken);
            return status;
        }
        used += (size_t)got;
    }
    if (!taken)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    taken[used] = '\0';
    *bytes = taken;
    *size = used;
    return CONVOY_OK;
}

convoy_status whole_read(char **bytes, size_t *size, const char *path, size_t most, convoy_error *error) {
    if (is_standard_input(path))
        return read_open(bytes, size, STDIN_FILENO, path, most, error);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return unreadable(path, error);
    const convoy_status status = read_open(bytes, size, file, path, most, error);
    close(file);
    return status;
}

convoy_status text_read(char **text, const char *path, const char *what, convoy_error *error) {
    char *bytes = NULL;
    size_t size = 0;
    const convoy_status status = whole_read(&bytes, &size, path, LARGEST_TEXT, error);
    if (status != CONVOY_OK)
        return status;
    if (size > LARGEST_TEXT || memchr(bytes, '\0', size)) {
        free(bytes);
        return cli_error(error, CONVOY_E_INPUT, "%s is no text file of %s, of up to 16 MiB", path, what);
    }
    const size_t mark = strncmp(bytes, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
    memmove(bytes, bytes + mark, size - mark + 1);
    *text = bytes;
    return CONVOY_OK;
}

char *text_line(char **rest) {
    char *line = *rest;
    if (*line == '\0')
        return NULL;
    const size_t length = strcspn(line, "\n");
    *rest = line + length + (line[length] == '\n');
    line[length] = '\0';
    return line;
}
