#include "io/file_map.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapping {
    void *data;
    size_t bytes;
    struct stat info;  /* when it was mapped */
    const char *place; /* where the file was then, whatever links led to it */
    char name[];       /* as it was given; the place is behind it */
};

static void mapping_release(void *context) {
    struct mapping *mapping = context;
    munmap(mapping->data, mapping->bytes);
    free(mapping);
}

static bool is_same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* By the place, so that a model of a thousand files needs no thousand descriptors. Another file at the place
 * does no harm: the mapping shows the one that was there. */
static const char *mapping_changed(const void *context) {
    const struct mapping *mapping = context;
    const struct stat *before = &mapping->info;
    struct stat now;
    if (stat(mapping->place, &now) != 0 || !is_same_file(&now, before))
        return NULL;
    bool same = now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
    return same ? NULL : mapping->name;
}

/* Gives back the whole pages of the range; their contents come again from the file. */
static void mapping_discard(void *data, size_t bytes) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)data + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)data + bytes) / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin,
                MADV_DONTNEED); /* advice: nothing is lost where it is not taken */
}

/* errno as words; strerror is not for several threads. */
static const char *errno_text(char *text, size_t size) {
    return strerror_r(errno, text, size);
}

/* The path of an open file without links; as it was given if the system does not tell. */
static void find_place(int file, const char *path, char place[PATH_MAX]) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, place, PATH_MAX - 1);
    snprintf(place + (length < 0 ? 0 : length), (size_t)(PATH_MAX - (length < 0 ? 0 : length)), "%s",
             length < 0 ? path : "");
}

static convoy_status map_bytes(struct buffer **map, int file, const struct stat *info, const char *path,
                               convoy_error *error) {
    char place[PATH_MAX];
    find_place(file, path, place);
    size_t bytes = (size_t)info->st_size, name_bytes = strlen(path) + 1, place_bytes = strlen(place) + 1;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
        char text[64];
        return error_set(error, errno == ENOMEM ? CONVOY_E_MEMORY : CONVOY_E_IO, "%s: cannot be mapped: %s",
                         path, errno_text(text, sizeof text));
    }
    struct mapping *mapping = malloc(sizeof *mapping + name_bytes + place_bytes);
    if (!mapping) {
        munmap(data, bytes);
        return error_memory(error);
    }
    *mapping = (struct mapping){.data = data, .bytes = bytes, .info = *info};
    memcpy(mapping->name, path, name_bytes);
    mapping->place = memcpy(mapping->name + name_bytes, place, place_bytes);
    memory_in_large_pages(mapping->data, bytes); /* as file systems of Linux 6.16 and later can read them */
    struct buffer *made = buffer_adopt(mapping->data, bytes, mapping_release, mapping);
    if (!made) {
        munmap(data, bytes);
        free(mapping);
        return error_memory(error);
    }
    made->discard = mapping_discard;
    made->changed = mapping_changed;
    *map = made;
    return CONVOY_OK;
}

/* Maps the open file (or reports that it could not be opened) and closes it. */
static convoy_status map_file(struct buffer **map, int file, const char *path, convoy_error *error) {
    char text[64];
    struct stat info;
    if (file < 0)
        return error_set(error, CONVOY_E_IO, "%s: cannot be opened: %s", path, errno_text(text, sizeof text));
    convoy_status status = CONVOY_OK;
    struct buffer *found = NULL;
    if (fstat(file, &info) != 0)
        status = error_set(error, CONVOY_E_IO, "%s: cannot be read: %s", path, errno_text(text, sizeof text));
    else if (!S_ISREG(info.st_mode))
        status = error_set(error, CONVOY_E_IO, "%s: is %s, not a file", path,
                           S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    else if (info.st_size > 0)
        status = map_bytes(&found, file, &info, path, error);
    else if (!(found = buffer_create(0)))
        status = error_memory(error);
    close(file);
    if (status == CONVOY_OK)
        *map = found;
    return status;
}

convoy_status file_map(struct buffer **map, const char *path, convoy_error *error) {
    /* O_NONBLOCK: a pipe without writer must not hang us. */
    return map_file(map, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path, error);
}

/* Opens folder/location one component at a time, none of which may be a symbolic link; -1 with errno. Changes
 * location. */
static int open_components(const char *folder, char *location) {
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest = location;
    while (at >= 0) {
        rest += strspn(rest, "/");
        char *slash = strchr(rest, '/');
        bool last = !slash || slash[strspn(slash, "/")] == 0;
        if (slash)
            *slash = 0;
        int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
        int next = openat(at, rest, flags | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        close(at);
        errno = saved;
        if (last)
            return next;
        at = next;
        rest = slash + 1;
    }
    return -1;
}

static bool has_parent_component(const char *location) {
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += strspn(part, "/");
        if (strncmp(part, "..", 2) == 0 && (part[2] == 0 || part[2] == '/'))
            return true;
    }
    return false;
}

/* The part of a resolved path that is inside of a resolved folder; NULL where it is outside. */
static const char *path_inside(const char *path, const char *folder) {
    size_t length = strlen(folder);
    if (strcmp(folder, "/") == 0)
        length = 0;
    if (strncmp(path, folder, length) != 0 || (path[length] && path[length] != '/'))
        return NULL;
    path += length + strspn(path + length, "/");
    return *path ? path : ".";
}

/* Opens path, resolved, if it is inside of folder; -1 with errno, EXDEV where it is outside. What became a
 * link since path was resolved is not followed. */
static int open_inside(const char *path, const char *folder) {
    char *root = realpath(folder, NULL);
    const char *rest = root ? path_inside(path, root) : NULL;
    int file = -1;
    if (root && !rest)
        errno = EXDEV;
    char *parts = rest ? strdup(rest) : NULL;
    if (parts)
        file = open_components(root, parts);
    int saved = errno;
    free(parts);
    free(root);
    errno = saved;
    return file;
}

/* Opens folder/location, in which there are links, if they end in one of the folders; -1 with errno. */
static int open_linked(const struct file_folders *folders, const char *folder, const char *location) {
    char joined[PATH_MAX];
    int length = snprintf(joined, sizeof joined, "%s/%s", folder, location);
    if (length < 0 || (size_t)length >= sizeof joined) {
        errno = ENAMETOOLONG;
        return -1;
    }
    char *path = realpath(joined, NULL);
    if (!path)
        return -1;
    int file = open_inside(path, folders->given);
    if (file < 0 && errno == EXDEV && folders->real)
        file = open_inside(path, folders->real);
    int saved = errno;
    free(path);
    errno = saved;
    return file;
}

static int open_within(const struct file_folders *folders, const char *folder, const char *location) {
    char *parts = strdup(location);
    if (!parts)
        return -1;
    int file = open_components(folder, parts), saved = errno;
    free(parts);
    errno = saved;
    if (file < 0 && (errno == ELOOP || errno == ENOTDIR))
        file = open_linked(folders, folder, location);
    return file;
}

/* Whether the buffer is a mapping of this file. */
static bool is_mapping_of(const struct buffer *buffer, int file) {
    struct stat info;
    if (!buffer || buffer->release != mapping_release || fstat(file, &info) != 0)
        return false;
    return is_same_file(&((const struct mapping *)buffer->context)->info, &info) && !buffer_changed(buffer);
}

void file_folders_clear(struct file_folders *folders) {
    buffer_release(&folders->latest);
}

convoy_status file_map_within(struct buffer **map, struct file_folders *folders, const char *location,
                              convoy_error *error) {
    if (location[0] == 0 || location[0] == '/' || has_parent_component(location))
        return error_set(
            error, CONVOY_E_INPUT,
            "'%.200s' leads out of the folder of the model; a relative path without '..' is accepted",
            location);
    int file = open_within(folders, folders->given, location);
    if (file < 0 && errno == ENOENT && folders->real)
        file = open_within(folders, folders->real, location);
    if (file < 0 && (errno == EXDEV || errno == ELOOP))
        return error_set(
            error, CONVOY_E_INPUT,
            "'%.200s' leads out of the folder of the model by a symbolic link; a link that "
            "stays inside, or inside the folder of the file that the model links to, is accepted",
            location);
    if (file < 0 && errno == ENOTDIR)
        return error_set(error, CONVOY_E_INPUT,
                         "'%.200s' passes through a file; a path of folders is accepted", location);
    if (file < 0 && errno == ENOMEM)
        return error_memory(error);
    if (file >= 0 && is_mapping_of(folders->latest, file)) {
        close(file);
        *map = buffer_retain(folders->latest);
        return CONVOY_OK;
    }
    convoy_status status = map_file(map, file, location, error);
    if (status == CONVOY_OK) {
        buffer_release(&folders->latest);
        folders->latest = buffer_retain(*map);
    }
    return status;
}
