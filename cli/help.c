#include "help.h"

#include "options.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

#define LEFT  26 /* columns before the text of an option */
#define WIDTH 80 /* if no terminal tells */
#define NAME  13 /* columns of a usual value, which stands below the text of its option */

void help_print_commands(FILE *file) {
    fprintf(file, "Convoy runs neural networks on workers that may fail.\n\nusage: convoy COMMAND ...\n\n");
    for (size_t i = 0; all_commands[i]; i++)
        fprintf(file, "  %-10s %-15s %s\n", all_commands[i]->name, all_commands[i]->arguments,
                all_commands[i]->summary);
    fprintf(file, "  %-10s %-15s %s\n", "help", "COMMAND", "the options of a command");
    fprintf(file, "  %-10s %-15s %s\n", "--version", "", "the version, and what it was built with");
}

/* Prints words from a column on, within the width; the first line has been begun with `used` columns. */
static void print_wrapped(const char *text, size_t used, size_t left, size_t width) {
    size_t column = left;
    if (used + 1 > left)
        printf("\n%*s", (int)left, "");
    else
        printf("%*s", (int)(left - used), "");
    for (bool first = true; *text; first = false) {
        const size_t length = strcspn(text, " ");
        if (!first && column + 1 + length > width) {
            printf("\n%*s", (int)left, "");
            column = left;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += length;
        text += length + (text[length] == ' ');
    }
    putchar('\n');
}

/* What the help tells of the default: what stands in the row, or what the defaults hold. */
static void default_text(const struct option *option, const void *group, char *text, size_t size) {
    if (option->unset)
        snprintf(text, size, "%s", option->unset);
    else
        option_text(option, (const char *)group + option->offset, text, size);
}

static void print_row(const struct option *option, const void *group, size_t width) {
    char left[64], initial[64], text[512];
    const char letter[] = {'-', option->letter, ',', ' ', '\0'};
    const int used = snprintf(left, sizeof left, "  %s--%s%s%s", option->letter ? letter : "", option->name,
                              option->value ? " " : "", option->value ? option->value : "");
    default_text(option, group, initial, sizeof initial);
    snprintf(text, sizeof text, "%s%s%s%s", option->help, *initial ? " (" : "", initial, *initial ? ")" : "");
    fputs(left, stdout);
    print_wrapped(text, (size_t)used, LEFT, width);
    const char *name, *summary;
    for (size_t i = 0; option->more && (name = option->more(i, &summary)); i++)
        print_wrapped(summary, (size_t)printf("%*s%s", LEFT + 2, "", name), LEFT + 2 + NAME, width);
}

struct printing {
    const void *options; /* the defaults */
    size_t width;
};

static bool print_group(void *context, const struct option_group *group) {
    const struct printing *printing = context;
    if (group->title)
        printf("\n%s:\n", group->title);
    for (const struct option *row = group->rows; row->name; row++)
        print_row(row, (const char *)printing->options + group->offset, printing->width);
    return true;
}

bool help_print_command(const struct command *command) {
    void *options = calloc(1, command->options_size);
    if (!options)
        return false;
    if (command->init)
        command->init(options);
    struct printing printing = {.options = options, .width = terminal_width(stdout, WIDTH)};
    printf("usage: convoy %s %s [OPTION...]\n\n%s\n", command->name, command->arguments, command->summary);
    options_visit(command, print_group, &printing);
    printf("\nThe manual is convoy-%s(1).\n", command->name);
    options_free(command, options);
    free(options);
    return true;
}

void help_print_version(void) {
    char text[1024];
    printf("convoy %s\n%s\n", CONVOY_VERSION, convoy_build_text(text, sizeof text));
}
