#include "base/processor.h"

#include <stdio.h>
#include <string.h>

const char *processor_name(char *text, size_t size) {
    char line[512];
    const char *name = NULL;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !name && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        name = strncmp(line, "model name", 10) == 0 ? strstr(line, ": ") : NULL;
    }
    if (file)
        fclose(file);
    snprintf(text, size, "%s", name ? name + 2 : "unknown processor");
    return text;
}
