/* convoy keygen: the keys of a master or a worker. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

struct keygen_options {
    struct common_options common;
    const char *folder; /* "-": standard output */
};

static const struct option rows[] = {
    {.name = "out",
     .letter = 'o',
     .value = "DIR",
     .type = OPTION_TEXT,
     .offset = offsetof(struct keygen_options, folder),
     .help = "the folder of the two files; -: print the pair, no NAME"},
    {.name = NULL},
};
static const struct option_group groups[] = {{.title = "Keys", .rows = rows}};

static void init(void *options) {
    ((struct keygen_options *)options)->folder = ".";
}

/* A key pair on standard output, for a variable of the environment. */
static int print_keys(void) {
    convoy_error error;
    char text[CONVOY_KEY_TEXT];
    if (convoy_keygen_text(text, &error) != CONVOY_OK)
        return report_error(&error);
    fputs(text, stdout);
    return finish_output();
}

static int run(void *given) {
    const struct keygen_options *options = given;
    const struct text_list *names = &options->common.arguments;
    const char *name = names->count == 1 ? names->items[0] : NULL;
    convoy_error error;
    if (strcmp(options->folder, "-") == 0 && names->count == 0)
        return print_keys();
    if (!name || strcmp(options->folder, "-") == 0)
        cli_error(&error, CONVOY_E_USAGE, "%zu names; usage: convoy keygen NAME, or convoy keygen --out -",
                  names->count);
    else if (convoy_keygen(options->folder, name, &error) != CONVOY_OK)
        return report_unwritable(&error);
    else {
        printf("%s/%s.key  secret: it stays with its owner\n%s/%s.pub  public\n", options->folder, name,
               options->folder, name);
        return finish_output();
    }
    return report_error(&error);
}

const struct command command_keygen = {
    .name = "keygen",
    .arguments = "NAME",
    .summary = "make the keys of a master or a worker",
    .groups = groups,
    .group_count = 1,
    .options_size = sizeof(struct keygen_options),
    .init = init,
    .run = run,
};
