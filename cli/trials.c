#include "trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *trials_folder(char path[PATH_MAX]) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = -1;
    if (cache && cache[0] == '/')
        length = snprintf(path, PATH_MAX, "%s", cache);
    else if (home && home[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/.cache", home);
    if (length < 0 || length >= PATH_MAX - (int)sizeof "/convoy")
        return NULL;
    mkdir(path, 0700); /* the folder itself is made by whoever writes there */
    snprintf(path + length, PATH_MAX - (size_t)length, "/convoy");
    return path;
}
