/* Values of options, read and written. */
#include "option.h"

#include "commands.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_LAMBDA 1e12
#define LONGEST_TIME_S 1e9 /* in nanoseconds it is still far below 2^64 */

/* Digits up to `stop` (or the end), min..max. */
static bool read_integer(const char *text, const char *stop, uint64_t min, uint64_t max, uint64_t *value) {
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end = NULL;
    errno = 0;
    const unsigned long long read = strtoull(text, &end, 10);
    if (errno != 0 || (stop ? end != stop : *end != '\0') || read < min || read > max)
        return false;
    *value = read;
    return true;
}

/* A finite number; *end is where it stops. */
static bool read_number(const char *text, float *value, char **end) {
    if (isspace((unsigned char)text[0]))
        return false;
    *value = strtof(text, end);
    return *end != text && isfinite(*value);
}

static bool read_time(const char *text, uint64_t *time_ns) {
    char *end = NULL;
    const double number = strtod(text, &end);
    if (isspace((unsigned char)text[0]) || end == text || !(number >= 0 && number <= LONGEST_TIME_S))
        return false;
    const double unit_s = strcmp(end, "ms") == 0 ? 1e-3 : 1;
    if ((*end && unit_s == 1 && strcmp(end, "s") != 0) || number * unit_s > LONGEST_TIME_S)
        return false;
    *time_ns = (uint64_t)(number * unit_s * 1e9);
    return true;
}

/* "A..B", or "N" for both. */
static bool read_range(const struct option *option, const char *text, uint32_t *range) {
    const char *dots = strstr(text, "..");
    uint64_t least = 0, most = 0;
    if (!read_integer(text, dots, option->min, option->max, &least) ||
        !read_integer(dots ? dots + 2 : text, NULL, least, option->max, &most))
        return false;
    range[0] = (uint32_t)least;
    range[1] = (uint32_t)most;
    return true;
}

static bool read_lambda(const char *text, double lambda[CONVOY_LAMBDAS]) {
    float number;
    char *end = NULL;
    for (int i = 0; i < CONVOY_LAMBDAS; i++, text = end + 1) {
        if (!read_number(text, &number, &end) || !(number >= 0 && (double)number <= LARGEST_LAMBDA))
            return false;
        lambda[i] = (double)number;
        if (*end == '\0')
            return i >= CONVOY_LAMBDA_STORE;
        if (*end != ',')
            return false;
    }
    return false;
}

static bool read_colour(const char *text, float *colour) {
    char *end = NULL;
    for (int i = 0; i < 3; i++, text = end + 1) {
        if (!read_number(text, &colour[i], &end))
            return false;
        if (i == 0 && *end == '\0') {
            colour[1] = colour[2] = colour[0];
            return true;
        }
        if (*end != (i < 2 ? ',' : '\0'))
            return false;
    }
    return true;
}

static bool read_rgb(const char *text, uint8_t *rgb) {
    static const char hex[] = "0123456789abcdef";
    const char *digits = strcmp(text, "white") == 0 ? "#fff" : strcmp(text, "black") == 0 ? "#000" : text;
    const size_t length = strlen(digits), each = length / 3; /* digits of a channel */
    if (digits[0] != '#' || (length != 4 && length != 7))
        return false;
    for (size_t i = 0; i < 3 * each; i++) {
        const char *digit = strchr(hex, tolower((unsigned char)digits[1 + i]));
        if (!digit)
            return false;
        const unsigned value = (unsigned)(digit - hex);
        rgb[i / each] = (uint8_t)(each == 1 ? value * 17 : i % 2 ? rgb[i / each] * 16u + value : value);
    }
    return true;
}

static bool read_choice(const char *text, const char *words, unsigned *choice) {
    const size_t length = strlen(text);
    for (unsigned i = 0; words; i++) {
        if (length > 0 && strncmp(words, text, length) == 0 &&
            (words[length] == ',' || words[length] == '\0')) {
            *choice = i;
            return true;
        }
        words = strchr(words, ',');
        words = words ? words + 1 : NULL;
    }
    return false;
}

bool text_list_add(struct text_list *list, const char *text) {
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return false;
    items[list->count++] = text;
    list->items = items;
    return true;
}

/* False if the text is not a value of the option's type. Lists are not read here. */
static bool read_value(const struct option *option, const char *text, void *field) {
    uint64_t number = 0, second = 0;
    char *end = NULL;
    const char *comma;
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_COUNT:
        if (!read_integer(text, NULL, option->min, option->max, &number))
            return false;
        *(uint32_t *)field = (uint32_t)number;
        return true;
    case OPTION_SIZE:
        if (!read_integer(text, NULL, option->min, option->max, &number))
            return false;
        *(int64_t *)field = (int64_t)number;
        return true;
    case OPTION_LARGE:
        return read_integer(text, NULL, option->min, option->max, field);
    case OPTION_TIME:
        return read_time(text, field);
    case OPTION_PARTS:
        comma = strchr(text, ',');
        if (!comma || !read_integer(text, comma, option->min, option->max, &number) ||
            !read_integer(comma + 1, NULL, option->min, option->max, &second))
            return false;
        ((uint32_t *)field)[0] = (uint32_t)number;
        ((uint32_t *)field)[1] = (uint32_t)second;
        return true;
    case OPTION_RANGE:
        return read_range(option, text, field);
    case OPTION_LAMBDA:
        return read_lambda(text, field);
    case OPTION_NUMBER:
        return read_number(text, field, &end) && *end == '\0';
    case OPTION_COLOUR:
        return read_colour(text, field);
    case OPTION_RGB:
        return read_rgb(text, field);
    case OPTION_CHOICE:
        return read_choice(text, option->words, field);
    case OPTION_TEXT:
        *(const char **)field = text;
        return text[0] != '\0';
    case OPTION_LIST:
        return false;
    }
    return false;
}

/* What an option accepts: "a whole number from 1 to 256". */
static void accepted_text(const struct option *option, char *text, size_t size) {
    const unsigned long long min = option->min, max = option->max;
    switch (option->type) {
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_LARGE:
        snprintf(text, size, "a whole number from %llu to %llu", min, max);
        return;
    case OPTION_RANGE:
        snprintf(text, size, "a whole number from %llu to %llu, or A..B", min, max);
        return;
    case OPTION_PARTS:
        snprintf(text, size, "two whole numbers from %llu on, as in 4,8", min);
        return;
    case OPTION_CHOICE:
        snprintf(text, size, "one of %s", option->words);
        return;
    default:
        snprintf(text, size, "%s",
                 option->type == OPTION_LAMBDA   ? "three or four numbers from 0 to 1e12, as in 1,1,0.5"
                 : option->type == OPTION_TIME   ? "a number of seconds, as in 10, 10s or 500ms"
                 : option->type == OPTION_COLOUR ? "one number, or three as in 0.5,0.4,0.3"
                 : option->type == OPTION_RGB    ? "a colour, as in #ff8000, #f80, white or black"
                                                 : "a number");
    }
}

convoy_status option_read(const struct option *option, const char *text, void *field, convoy_error *error) {
    char accepted[256];
    if (option->type == OPTION_LIST && text[0] != '\0')
        return text_list_add(field, text) ? CONVOY_OK : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (read_value(option, text, field))
        return CONVOY_OK;
    if (option->type == OPTION_TEXT || option->type == OPTION_LIST)
        return cli_error(error, CONVOY_E_USAGE, "--%s: the value is empty; --%s %s is accepted", option->name,
                         option->name, option->value);
    accepted_text(option, accepted, sizeof accepted);
    return cli_error(error, CONVOY_E_USAGE, "--%s %s: must be %s", option->name, text, accepted);
}

/* Word number `choice` of words separated by ",". */
static void choice_text(const char *words, unsigned choice, char *text, size_t size) {
    for (; choice > 0 && words; choice--) {
        words = strchr(words, ',');
        words = words ? words + 1 : NULL;
    }
    if (words)
        snprintf(text, size, "%.*s", (int)strcspn(words, ","), words);
}

/* The numbers, separated by ",". */
static void numbers_text(const double *numbers, size_t count, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++) {
        const int written = snprintf(text + used, size - used, "%s%g", i ? "," : "", numbers[i]);
        used += written > 0 ? (size_t)written : size;
    }
}

void option_text(const struct option *option, const void *field, char *text, size_t size) {
    text[0] = '\0';
    switch (option->type) {
    case OPTION_COUNT:
        snprintf(text, size, "%" PRIu32, *(const uint32_t *)field);
        return;
    case OPTION_SIZE:
        snprintf(text, size, "%" PRId64, *(const int64_t *)field);
        return;
    case OPTION_LARGE:
        snprintf(text, size, "%" PRIu64, *(const uint64_t *)field);
        return;
    case OPTION_TIME:
        snprintf(text, size, "%g", (double)*(const uint64_t *)field / 1e9);
        return;
    case OPTION_LAMBDA:
        numbers_text(field, CONVOY_LAMBDAS, text, size);
        return;
    case OPTION_CHOICE:
        choice_text(option->words, *(const unsigned *)field, text, size);
        return;
    case OPTION_TEXT:
        if (*(const char *const *)field)
            snprintf(text, size, "%s", *(const char *const *)field);
        return;
    default:
        return;
    }
}
