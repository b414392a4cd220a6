/* convoy study: figures about codes that anybody can make again. */
#include "commands.h"
#include "progress.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>

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

static int run_topic(const struct cli_options *options, const char *topic) {
    convoy_error error;
    struct progress progress;
    progress_open(&progress, options->quiet);
    const convoy_study_options study = {.topic = topic,
                                        .folder = options->folder,
                                        .quick = options->quick,
                                        .seed = options->session.seed,
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

int command_study(const struct cli_options *options) {
    convoy_error error;
    char topics[256];
    list_topics(topics, sizeof topics);
    convoy_status status = CONVOY_OK;
    if (options->arguments.count != 1)
        status =
            cli_error(&error, CONVOY_E_USAGE, "usage: convoy study TOPIC --out DIR; topics are: %s", topics);
    else if (!is_topic(options->arguments.items[0]))
        status = cli_error(&error, CONVOY_E_USAGE, "there is no study '%.64s'; there are: %s",
                           options->arguments.items[0], topics);
    return status == CONVOY_OK ? run_topic(options, options->arguments.items[0]) : report_error(&error);
}
