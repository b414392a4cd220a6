/* Runs a fuzz target over the files of its corpus: fuzz_X_replay FOLDER. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void replay(const char *folder, const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    static uint8_t data[1 << 20];
    size_t size = file ? fread(data, 1, sizeof data, file) : 0;
    if (!file) {
        perror(path);
        exit(1);
    }
    fclose(file);
    /* A copy of its own size, so that a sanitizer sees reads beyond it. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        exit(1);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv) {
    struct dirent **names;
    int count = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1;
    int replayed = 0;
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            replay(argv[1], names[i]->d_name);
            replayed++;
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    printf("%d files replayed\n", replayed);
    return replayed ? 0 : 1;
}
