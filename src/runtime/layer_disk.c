#include "runtime/layer_disk.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES  48 /* "%016llx%016llx.layer" and its end */
#define DRAFT_BYTES 72 /* a name and ".%ld", while it is being written */

struct layer_disk {
    char *path;
    int folder; /* its file descriptor */
    uint64_t max_bytes;
    struct log log;
    bool full; /* the log knows that nothing can be written */
};

convoy_status layer_disk_open(struct layer_disk **out, const char *folder, uint64_t max_bytes, struct log log,
                              convoy_error *error) {
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_set(error, CONVOY_E_IO, "%s: cannot be made: %s", folder, strerror(errno));
    struct layer_disk *disk = malloc(sizeof *disk);
    if (!disk)
        return error_memory(error);
    *disk = (struct layer_disk){.path = strdup(folder),
                                .folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                .max_bytes = max_bytes,
                                .log = log};
    convoy_status status = CONVOY_OK;
    if (disk->folder < 0)
        status = error_set(error, CONVOY_E_IO, "%s: cannot be opened: %s", folder, strerror(errno));
    else if (!disk->path)
        status = error_memory(error);
    if (status == CONVOY_OK)
        *out = disk;
    else
        layer_disk_close(&disk);
    return status;
}

void layer_disk_close(struct layer_disk **slot) {
    if (!slot || !*slot)
        return;
    if ((*slot)->folder >= 0)
        close((*slot)->folder);
    free((*slot)->path);
    free(*slot);
    *slot = NULL;
}

static void file_name(char name[NAME_BYTES], struct content_hash hash) {
    snprintf(name, NAME_BYTES, "%016llx%016llx.layer", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}

static bool read_all(int file, struct buffer *content) {
    for (size_t done = 0; done < content->bytes;) {
        ssize_t count = read(file, (char *)content->data + done, content->bytes - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

struct buffer *layer_disk_read(struct layer_disk *disk, struct content_hash hash) {
    char name[NAME_BYTES];
    struct stat about;
    struct buffer *content = NULL;
    file_name(name, hash);
    int file = openat(disk->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return NULL;
    bool fits = fstat(file, &about) == 0 && (uint64_t)about.st_size <= disk->max_bytes;
    if (fits && S_ISREG(about.st_mode))
        content = buffer_create((size_t)about.st_size);
    if (content && read_all(file, content)) {
        struct content_hash found = frame_content_hash(content);
        if (found.low == hash.low && found.high == hash.high) {
            futimens(file, NULL); /* lately used */
            close(file);
            return content;
        }
    }
    if (fits) /* else the bound is a smaller one than it was */
        log_line(&disk->log, CONVOY_LOG_WARNING,
                 "%s/%s is damaged: it is removed, and its filters are sent again", disk->path, name);
    buffer_release(&content);
    close(file);
    unlinkat(disk->folder, name, 0);
    return NULL;
}

/* Whether this is a name of ours, or of a draft that a process may have left behind. */
static bool is_ours(const char *name) {
    return strspn(name, "0123456789abcdef") == 32 && strncmp(name + 32, ".layer", 6) == 0 &&
           strlen(name) < DRAFT_BYTES;
}

/* Removes the file least lately used, if the others are more than max_bytes - wanted. Whether there may be
 * more to remove. */
static bool remove_oldest(const struct layer_disk *disk, uint64_t wanted) {
    char oldest[DRAFT_BYTES] = "";
    struct timespec oldest_time = {0};
    uint64_t total = wanted;
    int copy = openat(disk->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    for (struct dirent *file = readdir(folder); file; file = readdir(folder)) {
        struct stat about;
        if (!is_ours(file->d_name) || fstatat(disk->folder, file->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            S_ISDIR(about.st_mode))
            continue;
        total += (uint64_t)about.st_size;
        if (!oldest[0] || about.st_mtim.tv_sec < oldest_time.tv_sec ||
            (about.st_mtim.tv_sec == oldest_time.tv_sec && about.st_mtim.tv_nsec < oldest_time.tv_nsec)) {
            snprintf(oldest, sizeof oldest, "%.*s", DRAFT_BYTES - 1, file->d_name);
            oldest_time = about.st_mtim;
        }
    }
    closedir(folder);
    return total > disk->max_bytes && oldest[0] && unlinkat(disk->folder, oldest, 0) == 0;
}

static bool write_all(int file, const struct buffer *content) {
    for (size_t done = 0; done < content->bytes;) {
        errno = ENOSPC; /* if not even a byte is taken */
        ssize_t count = write(file, (const char *)content->data + done, content->bytes - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

/* Writes a file under a name of its own and then gives it its name: it is there whole, or not at all. 0 or
 * errno. */
static int write_file(const struct layer_disk *disk, struct content_hash hash, const struct buffer *content) {
    char name[NAME_BYTES], draft[DRAFT_BYTES];
    file_name(name, hash);
    snprintf(draft, sizeof draft, "%s.%ld", name, (long)getpid());
    int file = openat(disk->folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    int failure = write_all(file, content) ? 0 : errno;
    if (close(file) != 0 && !failure)
        failure = errno;
    if (!failure && renameat(disk->folder, draft, disk->folder, name) != 0)
        failure = errno;
    if (failure)
        unlinkat(disk->folder, draft, 0);
    return failure;
}

void layer_disk_write(struct layer_disk *disk, struct content_hash hash, const struct buffer *content) {
    if (content->bytes > disk->max_bytes)
        return;
    while (remove_oldest(disk, content->bytes))
        continue;
    int failure = write_file(disk, hash, content);
    if (failure && !disk->full)
        log_line(&disk->log, CONVOY_LOG_WARNING,
                 "filters cannot be kept in %s: %s (said once): after a restart they are sent again",
                 disk->path, strerror(failure));
    disk->full = failure;
}
