/* convoy completion: scripts by which shells complete a command line, made from the tables of options. */
#include "commands.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

/* What completes the value of an option. */
enum completion { COMPLETE_NOTHING, COMPLETE_WORDS, COMPLETE_FILES };

static enum completion completion_of(const struct option *option) {
    if (option->words || option->more)
        return COMPLETE_WORDS;
    return option->type == OPTION_TEXT || option->type == OPTION_LIST ? COMPLETE_FILES : COMPLETE_NOTHING;
}

/* The words of an option, with blanks between them. */
static void print_words(const struct option *option) {
    const char *word, *summary;
    for (const char *c = option->words; c && *c; c++)
        putchar(*c == ',' ? ' ' : *c);
    for (size_t i = 0; option->more && (word = option->more(i, &summary)); i++)
        printf("%s%s", i ? " " : "", word);
}

/* ---- bash ---- */

static bool print_bash_names(void *context, const struct option_group *group) {
    (void)context;
    for (const struct option *row = group->rows; row->name; row++)
        printf(" --%s", row->name);
    return true;
}

static bool print_bash_values(void *context, const struct option_group *group) {
    (void)context;
    for (const struct option *row = group->rows; row->name; row++) {
        if (!row->value)
            continue;
        printf("        --%s", row->name);
        if (row->letter)
            printf("|-%c", row->letter);
        printf(") ");
        switch (completion_of(row)) {
        case COMPLETE_WORDS:
            printf("COMPREPLY=($(compgen -W '");
            print_words(row);
            printf("' -- \"$word\"))");
            break;
        case COMPLETE_FILES:
            printf("COMPREPLY=($(compgen -f -- \"$word\"))");
            break;
        default:
            printf("COMPREPLY=()");
        }
        printf("; return ;;\n");
    }
    return true;
}

static void print_bash(void) {
    printf("# Completion of convoy for bash, from: convoy completion bash\n"
           "_convoy() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; all_commands[i]; i++)
        printf("%s ", all_commands[i]->name);
    printf("help --help --version' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; all_commands[i]; i++) {
        printf("    %s)\n        case $before in\n", all_commands[i]->name);
        options_visit(all_commands[i], print_bash_values, NULL);
        printf("        esac\n"
               "        if [[ $word == -* ]]; then\n"
               "            COMPREPLY=($(compgen -W '");
        options_visit(all_commands[i], print_bash_names, NULL);
        printf("' -- \"$word\"))\n            return\n        fi ;;\n");
    }
    printf("    esac\n"
           "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
           "}\n"
           "complete -o filenames -F _convoy convoy\n");
}

/* ---- zsh ---- */

/* A text within single quotes and the brackets of _arguments. */
static void print_zsh_text(const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static bool print_zsh_options(void *context, const struct option_group *group) {
    (void)context;
    for (const struct option *row = group->rows; row->name; row++) {
        printf(" \\\n            '%s--%s[", row->type == OPTION_LIST ? "*" : "", row->name);
        print_zsh_text(row->help);
        printf("]");
        if (row->value) {
            printf(":");
            print_zsh_text(row->value);
            printf(":");
        }
        if (row->value && completion_of(row) == COMPLETE_WORDS) {
            printf("(");
            print_words(row);
            printf(")");
        } else if (row->value && completion_of(row) == COMPLETE_FILES) {
            printf("_files");
        }
        printf("'");
    }
    return true;
}

static void print_zsh(void) {
    printf("#compdef convoy\n# Completion of convoy for zsh, from: convoy completion zsh\n_convoy() {\n"
           "    if (( CURRENT == 2 )); then\n        local -a commands=(");
    for (size_t i = 0; all_commands[i]; i++) {
        printf("\n            '%s:", all_commands[i]->name);
        print_zsh_text(all_commands[i]->summary);
        printf("'");
    }
    printf("\n            'help:the options of a command')\n"
           "        _describe command commands\n        return\n    fi\n"
           "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n");
    for (size_t i = 0; all_commands[i]; i++) {
        printf("    %s)\n        _arguments", all_commands[i]->name);
        options_visit(all_commands[i], print_zsh_options, NULL);
        printf(" \\\n            '*:file:_files' ;;\n");
    }
    printf("    esac\n}\n_convoy \"$@\"\n");
}

/* ---- fish ---- */

/* A text within single quotes. */
static void print_fish_text(const char *text) {
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

static bool print_fish_options(void *context, const struct option_group *group) {
    const struct command *command = context;
    for (const struct option *row = group->rows; row->name; row++) {
        printf("complete -c convoy -n '__fish_seen_subcommand_from %s' -l %s", command->name, row->name);
        if (row->letter)
            printf(" -s %c", row->letter);
        if (row->value && completion_of(row) == COMPLETE_WORDS) {
            printf(" -x -a '");
            print_words(row);
            printf("'");
        } else if (row->value) {
            fputs(completion_of(row) == COMPLETE_FILES ? " -r -F" : " -x", stdout);
        }
        printf(" -d '");
        print_fish_text(row->help);
        printf("'\n");
    }
    return true;
}

static void print_fish(void) {
    printf("# Completion of convoy for fish, from: convoy completion fish\n");
    for (size_t i = 0; all_commands[i]; i++) {
        printf("complete -c convoy -n __fish_use_subcommand -f -a %s -d '", all_commands[i]->name);
        print_fish_text(all_commands[i]->summary);
        printf("'\n");
        options_visit(all_commands[i], print_fish_options, (void *)all_commands[i]);
    }
}

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

static int run(void *given) {
    const struct text_list *arguments = &((const struct common_options *)given)->arguments;
    convoy_error error;
    for (size_t i = 0; arguments->count == 1 && i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(arguments->items[0], shells[i].name) == 0) {
            shells[i].print();
            return finish_output();
        }
    }
    if (arguments->count == 1)
        cli_error(&error, CONVOY_E_USAGE, "there is no completion for %s; bash, zsh or fish is accepted",
                  arguments->items[0]);
    else
        cli_error(&error, CONVOY_E_USAGE,
                  "%zu shells; usage: convoy completion SHELL, which is bash, zsh or fish", arguments->count);
    return report_error(&error);
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .summary = "print the script that completes command lines",
    .options_size = sizeof(struct common_options),
    .run = run,
};
