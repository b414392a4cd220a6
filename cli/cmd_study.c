/* convoy study: figures about codes that anybody can make again. */
#include "commands.h"
#include "progress.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>

struct study_options {
    struct common_options common;
    const char *folder;
    uint64_t seed;
    bool quick;
};

#define AT(field) offsetof(struct study_options, field)

/* clang-format off */
static const struct option rows[] = {
    {.name = "out", .letter = 'o', .value = "DIR", .type = OPTION_TEXT, .offset = AT(folder), .help = "the folder of the study's files: TOPIC.csv, .md, .svg, .png"},
    {.name = "quick", .type = OPTION_FLAG, .offset = AT(quick), .help = "a smaller version, for a look"},
    {.name = "seed", .value = "S", .type = OPTION_LARGE, .offset = AT(seed), .min = 0, .max = UINT64_MAX, .help = "of everything random"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {{.title = "Study", .rows = rows}};

static void init(void *given) {
    struct study_options *options = given;
    convoy_options defaults;
    convoy_options_init(&defaults);
    options->folder = ".";
    options->seed = defaults.seed;
}

static void list_topics(char *text, size_t size) {
    const char *name, *summary;
    text[0] = '\0';
    for (size_t i = 0; (name = convoy_study_at(i, &summary)); i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%s", i ? ", " : "", name);
}

static bool is_topic(const char *topic) {
    const char *name, *summary;
    for (size_t i = 0; (name = convoy_study_at(i, &summary)); i++)
        if (strcmp(name, topic) == 0)
            return true;
    return false;
}

static void show_step(void *context, const char *what, size_t done, size_t total) {
    progress_show(context, what, done, total);
}

static int run_topic(const struct study_options *options, const char *topic) {
    convoy_error error;
    struct progress progress;
    progress_open(&progress, options->common.quiet);
    const convoy_study_options study = {.topic = topic,
                                        .folder = options->folder,
                                        .quick = options->quick,
                                        .seed = options->seed,
                                        .progress = show_step,
                                        .progress_context = &progress,
                                        .cancelled = signals_cancel};
    signals_defer(true);
    const convoy_status status = convoy_study(&study, &error);
    progress_clear(&progress);
    if (status == CONVOY_E_CANCELLED) {
        signals_tell("no files were written");
        return EXIT_OTHER;
    }
    if (status != CONVOY_OK)
        return status == CONVOY_E_IO ? report_unwritable(&error) : report_error(&error);
    printf("%s/%s.md: what was measured, and how to read it\n", options->folder, topic);
    return finish_output();
}

static int run(void *given) {
    const struct study_options *options = given;
    const struct text_list *arguments = &options->common.arguments;
    convoy_error error;
    char topics[256];
    list_topics(topics, sizeof topics);
    convoy_status status = CONVOY_OK;
    if (arguments->count != 1)
        status =
            cli_error(&error, CONVOY_E_USAGE, "usage: convoy study TOPIC --out DIR; topics are: %s", topics);
    else if (!is_topic(arguments->items[0]))
        status = cli_error(&error, CONVOY_E_USAGE, "there is no study '%.64s'; there are: %s",
                           arguments->items[0], topics);
    return status == CONVOY_OK ? run_topic(options, arguments->items[0]) : report_error(&error);
}

const struct command command_study = {
    .name = "study",
    .arguments = "TOPIC",
    .summary = "measure codes, and make tables and figures",
    .groups = groups,
    .group_count = 1,
    .options_size = sizeof(struct study_options),
    .init = init,
    .run = run,
    .defers = true,
};
