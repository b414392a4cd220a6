#include "base/processor.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

uint32_t processors_usable(void) {
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    return count > 0 ? (uint32_t)count : 1;
}

/* The value of "key\t: value", if that is what the line is. */
static const char *value_of(const char *line, const char *key) {
    const size_t length = strlen(key);
    const char *value = strncmp(line, key, length) == 0 ? strstr(line + length, ": ") : NULL;
    return value ? value + 2 : NULL;
}

/* One kind of ARM core. The revision is left out: it mends errors and changes no times. */
struct arm_core {
    unsigned long implementer, part, variant;
};

/* Appends the core, unless it is there: cores of the same kind share a name, and a board may have several. */
static void add_core(char *text, size_t size, const struct arm_core *core) {
    char name[80];
    snprintf(name, sizeof name, "ARM implementer 0x%lx part 0x%lx variant 0x%lx", core->implementer,
             core->part, core->variant);
    if (strstr(text, name))
        return;
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

bool processor_name_read(FILE *cpuinfo, char *text, size_t size) {
    char line[512];
    struct arm_core core = {0};
    const char *value;
    char model[512] = "";
    text[0] = '\0';
    while (fgets(line, sizeof line, cpuinfo)) {
        line[strcspn(line, "\n")] = '\0';
        if (!model[0] && (value = value_of(line, "model name")))
            snprintf(model, sizeof model, "%s", value);
        else if ((value = value_of(line, "CPU implementer")))
            core.implementer = strtoul(value, NULL, 16);
        else if ((value = value_of(line, "CPU variant")))
            core.variant = strtoul(value, NULL, 16);
        else if ((value = value_of(line, "CPU part"))) {
            core.part = strtoul(value, NULL, 16);
            add_core(text, size, &core);
        }
    }
    if (!text[0]) /* "ARMv7 Processor rev 4" beside the numbers says less than they do */
        snprintf(text, size, "%s", model);
    return text[0];
}

/* The main identification register of the first core, where /proc/cpuinfo tells nothing. */
static bool read_midr(char *text, size_t size) {
    unsigned long midr = 0;
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "re");
    if (!file)
        return false;
    const bool read = fscanf(file, "%lx", &midr) == 1;
    fclose(file);
    text[0] = '\0';
    if (read)
        add_core(text, size, &(struct arm_core){midr >> 24 & 0xff, midr >> 4 & 0xfff, midr >> 20 & 0xf});
    return read;
}

const char *processor_name(char *text, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    bool known = file && processor_name_read(file, text, size);
    if (file)
        fclose(file);
    if (!known && !read_midr(text, size))
        snprintf(text, size, "unknown processor");
    return text;
}
