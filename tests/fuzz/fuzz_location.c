/* Where the external weights of a model are said to be. A folder, with links of every kind, and a file beside
 * it that nothing may reach. */
#include "fuzz.h"

#include "io/file_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "outside"

static char root[64], given[80], real[80];

static void remove_all(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", root);
    if (system(command) != 0)
        perror(root);
}

static void file_make(const char *folder, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void link_make(const char *name, const char *target) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", given, name);
    if (symlink(target, path) != 0)
        abort();
}

static void folders_make(void) {
    snprintf(root, sizeof root, "/tmp/fuzz-location-XXXXXX");
    if (!mkdtemp(root) || atexit(remove_all) != 0)
        abort();
    snprintf(given, sizeof given, "%s/a", root);
    snprintf(real, sizeof real, "%s/b", root);
    if (mkdir(given, 0700) != 0 || mkdir(real, 0700) != 0)
        abort();
    file_make(root, "o", SECRET);
    file_make(root, "bo", SECRET);
    file_make(given, "f", "inside");
    file_make(real, "g", "inside");
    link_make("l", "f");
    link_make("r", "../b");
    link_make("u", "..");
    link_make("x", "../o");
    link_make("y", "../bo");
    link_make("z", "/");
    link_make("c", "c");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!root[0])
        folders_make();
    char location[256];
    size_t length = size < sizeof location ? size : sizeof location - 1;
    memcpy(location, data, length);
    location[length] = 0;
    for (int known = 0; known < 2; known++) {
        struct file_folders folders = {given, known ? real : NULL, NULL};
        struct buffer *map = NULL;
        convoy_error error;
        convoy_status status = file_map_within(&map, &folders, location, &error);
        file_folders_clear(&folders);
        if (status != CONVOY_OK)
            continue;
        if (map->bytes != strlen("inside") || memcmp(map->data, "inside", map->bytes) != 0)
            abort(); /* a file of neither folder */
        buffer_release(&map);
    }
    return 0;
}
