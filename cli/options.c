#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAMES 160 /* of the options of a command */

/* clang-format off */
static const struct option common_rows[] = {
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .offset = offsetof(struct common_options, quiet), .help = "no progress and no messages on standard error, errors excepted"},
    {.name = "version", .letter = 'V', .type = OPTION_FLAG, .offset = offsetof(struct common_options, version), .help = "print the version, and what it was built with"},
    {.name = "help", .letter = 'h', .type = OPTION_FLAG, .offset = offsetof(struct common_options, help), .help = "print this"},
    {.name = NULL},
};
/* clang-format on */

const struct option_group common_group = {.title = "Other", .rows = common_rows};

void options_visit(const struct command *command,
                   bool (*visit)(void *context, const struct option_group *group), void *context) {
    bool more = true;
    for (size_t i = 0; i < command->group_count && more; i++)
        more = visit(context, &command->groups[i]);
    if (more)
        visit(context, &common_group);
}

/* What is looked for, and where it was found. */
struct search {
    const char *argument;
    size_t length; /* up to "=" */
    const struct option *option;
    size_t offset; /* of the struct of its group */
};

static bool is_named(const struct option *option, const char *argument, size_t length) {
    if (length == 2 && argument[0] == '-' && argument[1] != '-')
        return argument[1] == option->letter;
    return length == strlen(option->name) + 2 && memcmp(argument, "--", 2) == 0 &&
           memcmp(argument + 2, option->name, length - 2) == 0;
}

static bool look_in_group(void *context, const struct option_group *group) {
    struct search *search = context;
    for (const struct option *row = group->rows; row->name; row++) {
        if (is_named(row, search->argument, search->length)) {
            search->option = row;
            search->offset = group->offset;
            return false;
        }
    }
    return true;
}

struct names {
    const char *items[MOST_NAMES];
    size_t count;
};

static bool collect_names(void *context, const struct option_group *group) {
    struct names *names = context;
    for (const struct option *row = group->rows; row->name && names->count < MOST_NAMES; row++)
        names->items[names->count++] = row->name;
    return true;
}

static convoy_status unknown_option(const struct command *command, const char *argument, size_t length,
                                    convoy_error *error) {
    struct names names = {.count = 0};
    char word[64];
    options_visit(command, collect_names, &names);
    snprintf(word, sizeof word, "%.*s", (int)length, argument);
    const char *closest = convoy_closest(word + strspn(word, "-"), names.items, names.count);
    if (closest)
        return cli_error(error, CONVOY_E_USAGE, "unknown option %s; did you mean --%s?", word, closest);
    return cli_error(error, CONVOY_E_USAGE,
                     "unknown option %s; 'convoy %s --help' lists those that there are", word, command->name);
}

/* Reads the option that argv[*i] names; *i moves on if the value is the next argument. */
static convoy_status parse_option(const struct command *command, void *options, int argc, char **argv, int *i,
                                  convoy_error *error) {
    struct search search = {.argument = argv[*i], .length = strcspn(argv[*i], "=")};
    options_visit(command, look_in_group, &search);
    const struct option *option = search.option;
    if (!option)
        return unknown_option(command, search.argument, search.length, error);
    const char *value = search.argument[search.length] == '=' ? search.argument + search.length + 1 : NULL;
    if (!option->value && value)
        return cli_error(error, CONVOY_E_USAGE, "--%s takes no value; --%s alone is accepted", option->name,
                         option->name);
    if (option->value && !value) {
        if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
            return cli_error(error, CONVOY_E_USAGE, "--%s needs a value: --%s %s", option->name, option->name,
                             option->value);
        value = argv[++*i];
    }
    char *group = (char *)options + search.offset;
    const convoy_status status = option_read(option, value, group + option->offset, error);
    if (status == CONVOY_OK && option->given)
        *(bool *)(group + option->given) = true;
    return status;
}

convoy_status options_parse(const struct command *command, void *options, int argc, char **argv,
                            convoy_error *error) {
    struct common_options *common = options;
    bool only_arguments = false; /* after "--" */
    if (command->init)
        command->init(options);
    for (int i = 0; i < argc; i++) {
        if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0') { /* "-" is no option */
            if (!text_list_add(&common->arguments, argv[i]))
                return cli_error(error, CONVOY_E_MEMORY, "out of memory");
        } else if (strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (parse_option(command, options, argc, argv, &i, error) != CONVOY_OK) {
            return error->status;
        }
    }
    if (common->help || common->version || !command->finish)
        return CONVOY_OK;
    return command->finish(options, error);
}

static bool free_lists(void *context, const struct option_group *group) {
    for (const struct option *row = group->rows; row->name; row++)
        if (row->type == OPTION_LIST)
            free(((struct text_list *)((char *)context + group->offset + row->offset))->items);
    return true;
}

void options_free(const struct command *command, void *options) {
    options_visit(command, free_lists, options);
    free(((struct common_options *)options)->arguments.items);
}
