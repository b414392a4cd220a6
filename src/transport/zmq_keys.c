/* CURVE keys: how they are made, kept in files, and looked up. */
#include "transport/zmq_common.h"

#include "base/error.h"
#include "transport/zmq_door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_CHARACTERS (ZMQ_KEY_TEXT - 1)
#define FILE_LIMIT     4096 /* key files of one folder that are looked at */
#define PATH_TEXT      4096

convoy_status zmq_key_pair_create(struct zmq_key_pair *pair, convoy_error *error) {
    struct zmq_key_pair made;
    if (zmq_curve_keypair(made.public_key, made.secret_key) != 0)
        return error_set(error, CONVOY_E_INTERNAL, "cannot make keys: libzmq says: %s",
                         zmq_strerror(zmq_errno()));
    *pair = made;
    return CONVOY_OK;
}

static convoy_status write_key_file(const char *path, mode_t mode, const char *text, convoy_error *error) {
    size_t length = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set(error, CONVOY_E_IO, "cannot make the key file %s: %s%s", path, strerror(errno),
                         errno == EEXIST ? ", and it is kept: another name is accepted" : "");
    bool written = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    int failure = errno;
    if (close(fd) != 0 || !written) {
        unlink(path);
        return error_set(error, CONVOY_E_IO, "cannot write the key file %s: %s", path, strerror(failure));
    }
    return CONVOY_OK;
}

void zmq_key_pair_text(const struct zmq_key_pair *pair, char text[ZMQ_PAIR_TEXT]) {
    snprintf(text, ZMQ_PAIR_TEXT, "%s\n%s\n", pair->public_key, pair->secret_key);
}

convoy_status zmq_key_pair_save(const struct zmq_key_pair *pair, const char *folder, const char *name,
                                convoy_error *error) {
    char path[PATH_TEXT], text[ZMQ_PAIR_TEXT];
    if (!*name || strchr(name, '/') || name[0] == '.')
        return error_set(
            error, CONVOY_E_USAGE,
            "'%s' is no name for a key: one without slashes, and without a dot in front, is expected", name);
    if (snprintf(path, sizeof path, "%s/%s.key", folder, name) >= (int)sizeof path)
        return error_set(error, CONVOY_E_USAGE, "the path of the key %s is too long", name);
    zmq_key_pair_text(pair, text);
    convoy_status status = write_key_file(path, 0600, text, error);
    explicit_bzero(text, sizeof text);
    if (status != CONVOY_OK)
        return status;
    char public_path[PATH_TEXT + 8];
    snprintf(public_path, sizeof public_path, "%s/%s.pub", folder, name);
    snprintf(text, sizeof text, "%s\n", pair->public_key);
    status = write_key_file(public_path, 0644, text, error);
    if (status != CONVOY_OK)
        unlink(path); /* just made here: no half pairs */
    return status;
}

/* Takes one line with a key off the text; false where it is none. */
static bool take_key(const char **text, char key[ZMQ_KEY_TEXT]) {
    unsigned char binary[32];
    size_t length = strcspn(*text, "\r\n");
    if (length != KEY_CHARACTERS)
        return false;
    memcpy(key, *text, KEY_CHARACTERS);
    key[KEY_CHARACTERS] = '\0';
    *text += length;
    *text += strspn(*text, "\r\n");
    bool good = zmq_z85_decode(binary, key);
    explicit_bzero(binary, sizeof binary);
    return good;
}

#define SOURCE_TEXT 256 /* of a file or a variable; longer ones are damaged */

/* Reads the start of a key file. */
static convoy_status read_file(const char *path, bool secret, char text[SOURCE_TEXT], convoy_error *error) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, CONVOY_E_IO, "cannot open the key file %s: %s", path, strerror(errno));
    convoy_status status = CONVOY_OK;
    ssize_t got = -1;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        status = error_set(error, CONVOY_E_IO, "the key file %s is no regular file", path);
    else if (secret && (info.st_mode & 077))
        status = error_set(error, CONVOY_E_INPUT,
                           "the secret key file %s can be read by others (mode %03o): make it 600", path,
                           (unsigned)(info.st_mode & 0777));
    else if ((got = read(fd, text, SOURCE_TEXT - 1)) < 0)
        status = error_set(error, CONVOY_E_IO, "cannot read the key file %s: %s", path, strerror(errno));
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return status;
}

/* Reads what a source names: a file, or with env:NAME a variable of the environment. */
static convoy_status read_source(const char *source, bool secret, char text[SOURCE_TEXT],
                                 convoy_error *error) {
    if (strncmp(source, "env:", 4) != 0)
        return read_file(source, secret, text, error);
    const char *value = getenv(source + 4);
    if (!value)
        return error_set(error, CONVOY_E_IO, "the key %s: there is no such variable in the environment",
                         source);
    snprintf(text, SOURCE_TEXT, "%s", value);
    return CONVOY_OK;
}

/* Reads keys, one a line, exactly `count`. */
static convoy_status read_keys(const char *source, bool secret, char (*keys[])[ZMQ_KEY_TEXT], int count,
                               convoy_error *error) {
    char text[SOURCE_TEXT];
    convoy_status status = read_source(source, secret, text, error);
    if (status != CONVOY_OK)
        return status;
    const char *rest = text;
    for (int i = 0; i < count && status == CONVOY_OK; i++)
        if (!take_key(&rest, *keys[i]))
            status = error_set(error, CONVOY_E_INPUT,
                               "the key file %s is damaged: %d line%s of 40 characters (Z85) expected",
                               source, count, count == 1 ? "" : "s");
    if (status == CONVOY_OK && *rest)
        status = error_set(error, CONVOY_E_INPUT, "the key file %s has more than its %d line%s", source,
                           count, count == 1 ? "" : "s");
    explicit_bzero(text, sizeof text);
    return status;
}

convoy_status zmq_key_pair_load(struct zmq_key_pair *pair, const char *path, convoy_error *error) {
    struct zmq_key_pair read;
    char derived[ZMQ_KEY_TEXT];
    char(*keys[])[ZMQ_KEY_TEXT] = {&read.public_key, &read.secret_key};
    convoy_status status = read_keys(path, true, keys, 2, error);
    if (status == CONVOY_OK &&
        (zmq_curve_public(derived, read.secret_key) != 0 || strcmp(derived, read.public_key) != 0))
        status =
            error_set(error, CONVOY_E_INPUT, "the key file %s is damaged: its two keys are no pair", path);
    if (status == CONVOY_OK)
        *pair = read;
    explicit_bzero(&read, sizeof read);
    return status;
}

convoy_status zmq_public_key_load(char key[ZMQ_KEY_TEXT], const char *path, convoy_error *error) {
    char read[ZMQ_KEY_TEXT];
    char(*keys[])[ZMQ_KEY_TEXT] = {&read};
    convoy_status status = read_keys(path, false, keys, 1, error);
    if (status == CONVOY_OK)
        memcpy(key, read, sizeof read);
    return status;
}

/* Tells the log of a file of the folder, once. */
static void tell_once(struct key_notes *notes, const char *file, const char *what) {
    for (uint32_t i = 0; i < notes->count; i++)
        if (strncmp(notes->files[i], file, KEY_NOTE_TEXT - 1) == 0)
            return;
    if (notes->count == KEY_NOTES)
        return;
    snprintf(notes->files[notes->count++], KEY_NOTE_TEXT, "%s", file);
    log_line(notes->log, CONVOY_LOG_WARNING, "%s: no worker is let in by it", what);
}

static bool file_is_named_pub(const char *file) {
    size_t length = strlen(file);
    return length >= 5 && strcmp(file + length - 4, ".pub") == 0;
}

/* The key in a file of the folder; false, and the log told, if it holds none. */
static bool read_allowed(const char *folder, const char *file, char key[ZMQ_KEY_TEXT],
                         struct key_notes *notes) {
    char path[PATH_TEXT];
    convoy_error error;
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return false;
    if (zmq_public_key_load(key, path, &error) == CONVOY_OK)
        return true;
    tell_once(notes, file, error.message);
    return false;
}

bool key_is_allowed(const char *folder, const char *key, char name[64], struct key_notes *notes) {
    DIR *entries = opendir(folder);
    bool found = false;
    if (!entries) {
        char what[PATH_TEXT + 64];
        snprintf(what, sizeof what, "the folder of allowed keys, %s, cannot be read: %s", folder,
                 strerror(errno));
        tell_once(notes, "", what);
        return false;
    }
    const struct dirent *entry;
    for (int looked = 0; !found && looked < FILE_LIMIT && (entry = readdir(entries));) {
        char allowed[ZMQ_KEY_TEXT];
        if (!file_is_named_pub(entry->d_name))
            continue;
        looked++;
        found = read_allowed(folder, entry->d_name, allowed, notes) && strcmp(allowed, key) == 0;
        if (found)
            snprintf(name, 64, "%.*s", (int)strlen(entry->d_name) - 4, entry->d_name);
    }
    closedir(entries);
    return found;
}
