#include "transport/fault.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTED                                                                                             \
    "kill, kill@LAYER, delay=500ms, delay=500ms@3, slow=10x, busy=10x, drop=0.2, corrupt or "                \
    "lie=0.01,0.001,1"

/* A finite number >= 0 followed by exactly one of the given units; *scale is that unit's. */
static bool parse_quantity(const char *text, const char *const *units, const double *scales, double *value) {
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || errno || !isfinite(number) || number < 0)
        return false;
    for (int i = 0; units[i]; i++)
        if (strcmp(end, units[i]) == 0) {
            *value = number * scales[i];
            return true;
        }
    return false;
}

/* "500ms", or "500ms@3" for the first three answers. */
static bool parse_delay(struct fault *fault, const char *text) {
    static const char *const units[] = {"us", "ms", "s", NULL};
    static const double scales[] = {1e3, 1e6, 1e9};
    char time[32];
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);
    double value;
    if (length >= sizeof time)
        return false;
    memcpy(time, text, length);
    time[length] = '\0';
    if (!parse_quantity(time, units, scales, &value) || value > 1e3 * (double)NS_PER_S)
        return false;
    fault->kind = FAULT_DELAY;
    fault->delay_ns = (uint64_t)value;
    if (!at)
        return true;
    size_t digits = strspn(at + 1, "0123456789");
    fault->count = strtoull(at + 1, NULL, 10);
    return digits && digits <= 9 && !at[1 + digits] && fault->count;
}

/* "lie", or up to three numbers behind "=". */
static bool parse_lie(struct fault *fault, const char *text) {
    double values[] = {1e-2, 1e-3, 1};
    fault->kind = FAULT_LIE;
    for (int i = 0; *text; i++) {
        char number[32];
        size_t length = strcspn(text + 1, ",");
        if (i == 3 || *text != (i ? ',' : '=') || length >= sizeof number)
            return false;
        memcpy(number, text + 1, length);
        number[length] = '\0';
        if (!parse_quantity(number, (const char *const[]){"", NULL}, (const double[]){1}, &values[i]))
            return false;
        text += 1 + length;
    }
    fault->size = values[0];
    fault->elements = values[1];
    fault->answers = values[2];
    return fault->size <= 1e30 && fault->elements <= 1 && fault->answers <= 1;
}

static bool parse_kind(struct fault *fault, const char *kind) {
    static const char *const factor_units[] = {"x", "", NULL};
    static const char *const no_units[] = {"", NULL};
    static const double ones[] = {1, 1};

    if (strcmp(kind, "kill") == 0) {
        fault->kind = FAULT_KILL;
        return true;
    }
    if (strcmp(kind, "corrupt") == 0) {
        fault->kind = FAULT_CORRUPT;
        return true;
    }
    if (strncmp(kind, "kill@", 5) == 0) {
        fault->kind = FAULT_KILL_LAYER;
        size_t length = strlen(kind + 5);
        if (length == 0 || length >= sizeof fault->layer)
            return false;
        memcpy(fault->layer, kind + 5, length + 1);
        return true;
    }
    if (strncmp(kind, "lie", 3) == 0)
        return parse_lie(fault, kind + 3);
    if (strncmp(kind, "delay=", 6) == 0)
        return parse_delay(fault, kind + 6);
    if (strncmp(kind, "slow=", 5) == 0 || strncmp(kind, "busy=", 5) == 0) {
        fault->kind = kind[0] == 's' ? FAULT_SLOW : FAULT_BUSY;
        return parse_quantity(kind + 5, factor_units, ones, &fault->factor) && fault->factor >= 1 &&
               fault->factor <= 1e6;
    }
    if (strncmp(kind, "drop=", 5) == 0) {
        fault->kind = FAULT_DROP;
        return parse_quantity(kind + 5, no_units, ones, &fault->factor) && fault->factor <= 1;
    }
    return false;
}

/* Says that there is no such kind, or what its value must be like, and which kind was probably meant. */
static convoy_status bad_kind(const char *text, const char *kind, convoy_error *error) {
    static const char *const names[] = {"kill", "delay", "slow", "busy", "drop", "corrupt", "lie"};
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(kind, "=@"), kind);
    const char *closest = convoy_closest(word, names, sizeof names / sizeof names[0]);
    if (closest && strcmp(closest, word) != 0)
        return error_set(error, CONVOY_E_USAGE, "fault '%s': '%s' is none of " ACCEPTED "; did you mean %s?",
                         text, kind, closest);
    return error_set(error, CONVOY_E_USAGE, "fault '%s': '%s' is none of " ACCEPTED, text, kind);
}

convoy_status fault_parse(struct fault *fault, const char *text, uint32_t workers, convoy_error *error) {
    struct fault parsed = {0};
    char *end;
    errno = 0;
    unsigned long worker = strtoul(text, &end, 10);
    if (end == text || text[0] < '0' || text[0] > '9' || *end != ':' || errno)
        return error_set(error, CONVOY_E_USAGE, "fault '%s': expected WORKER:KIND, KIND being " ACCEPTED,
                         text);
    if (worker >= workers)
        return error_set(error, CONVOY_E_USAGE, "fault '%s': there is no worker %lu; the workers are 0 to %u",
                         text, worker, workers - 1);
    parsed.worker = (uint32_t)worker;
    if (!parse_kind(&parsed, end + 1))
        return bad_kind(text, end + 1, error);
    *fault = parsed;
    return CONVOY_OK;
}

bool fault_is_workers_own(enum fault_kind kind) {
    return kind == FAULT_KILL_LAYER || kind == FAULT_SLOW || kind == FAULT_BUSY;
}

bool fault_fits_worker(enum fault_kind kind) {
    return fault_is_workers_own(kind) || kind == FAULT_LIE;
}
