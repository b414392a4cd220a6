#include "invitation.h"

#include "cleanup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define URL_TEXT 2048

/* The text as a word of a shell: in quotes if it needs them. False where it has no room. */
static bool quote(char *word, size_t size, const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,";
    static const char inner[] = "'\\''"; /* a quote: ends the quotes, and opens them again */
    const bool bare = strspn(text, plain) == strlen(text);
    size_t at = 0;
    if (!bare)
        word[at++] = '\'';
    for (const char *c = text; *c; c++) {
        if (at + sizeof inner + 1 >= size)
            return false;
        if (*c == '\'') {
            memcpy(word + at, inner, sizeof inner - 1);
            at += sizeof inner - 1;
        } else {
            word[at++] = *c;
        }
    }
    if (!bare)
        word[at++] = '\'';
    word[at] = '\0';
    return true;
}

/* "master.pub" of "folder/master.key". */
static void public_name(char *name, size_t size, const char *key_file) {
    const char *slash = strrchr(key_file, '/');
    const char *file = slash ? slash + 1 : key_file;
    size_t length = strlen(file);
    if (length > 4 && strcmp(file + length - 4, ".key") == 0)
        snprintf(name, size, "%.*s.pub", (int)(length - 4), file);
    else
        snprintf(name, size, "MASTER.pub");
}

int invitation_text(char *text, size_t size, const convoy_options *session, const char *url) {
    char address[URL_TEXT], server[300], server_word[700], keys[800] = "";
    if (!quote(address, sizeof address, url))
        snprintf(address, sizeof address, "URL");
    if (session->key_file) {
        public_name(server, sizeof server, session->key_file);
        if (!quote(server_word, sizeof server_word, server))
            snprintf(server_word, sizeof server_word, "MASTER.pub");
        snprintf(keys, sizeof keys, " --key NAME.key --server-key %s", server_word);
    } else if (session->insecure && strncmp(url, "tcp://", 6) == 0) {
        snprintf(keys, sizeof keys, " --insecure");
    }
    return snprintf(text, size, "convoy worker --connect %s%s", address, keys);
}

void invitation_give(void *context, const char *url) {
    const struct invitation *invitation = context;
    const convoy_options *session = invitation->session;
    char command[4096], line[4200];
    cleanup_note(url, session->spawn > 0);
    if (session->spawn)
        return;
    invitation_text(command, sizeof command, session, url);
    snprintf(line, sizeof line, "a worker is started with: %s", command);
    progress_log(invitation->progress, CONVOY_LOG_INFO, line);
}

const char *program_path(char path[PATH_MAX]) {
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    return path;
}
