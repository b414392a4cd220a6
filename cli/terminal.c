#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAST_COLUMNS 40
#define MOST_COLUMNS  1000

size_t terminal_width(FILE *file, size_t otherwise) {
    struct winsize size;
    const char *given = getenv("COLUMNS");
    long columns = given ? strtol(given, NULL, 10) : 0;
    if (columns <= 0 && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns <= 0 || columns > MOST_COLUMNS)
        return otherwise;
    return (size_t)(columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns);
}

static bool has_colours(FILE *file) {
    const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");
    return isatty(fileno(file)) && !(none && *none) && kind && *kind && strcmp(kind, "dumb") != 0;
}

const char *terminal_begin(FILE *file, enum terminal_style style) {
    static const char *const sequences[] = {
        [STYLE_STRONG] = "\033[1m", [STYLE_WARNING] = "\033[33m", [STYLE_ERROR] = "\033[31m"};
    return has_colours(file) ? sequences[style] : "";
}

const char *terminal_end(FILE *file) {
    return has_colours(file) ? "\033[0m" : "";
}

bool terminal_has_utf8(void) {
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return false;
    const bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}
