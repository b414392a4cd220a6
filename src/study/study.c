/* The table of topics, and the files of one run. */
#include "base/commit.h"
#include "base/error.h"
#include "base/processor.h"
#include "study/gnuplot.h"
#include "study/topic.h"

#include <convoy/bench.h>
#include <convoy/study.h>
#include <convoy/version.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct topic {
    const char *name, *summary;
    convoy_status (*run)(struct study *study, convoy_error *error);
} topics[] = {
    {"numerics", "condition numbers, noise gain and decoding errors of all codes", study_numerics},
    {"overhead", "what coding, sending and decoding cost, and the best partition", study_overhead},
    {"claims", "what the paper claims, each beside our figure", study_claims},
};

#define TOPICS (sizeof topics / sizeof topics[0])

/* The files, and what is written beside them until the study is done. */
enum file { FILE_CSV, FILE_SAMPLES, FILE_PAGE, FILE_SVG, FILE_PNG, FILES };

static const char *const endings[FILES] = {".csv", "-samples.csv", ".md", ".svg", ".png"};

const char *convoy_study_at(size_t index, const char **summary) {
    *summary = index < TOPICS ? topics[index].summary : NULL;
    return index < TOPICS ? topics[index].name : NULL;
}

/* ---- tables ---- */

/* The processor's name without what separates cells. */
static void name_processor(struct study *study) {
    processor_name(study->processor, sizeof study->processor);
    for (char *c = study->processor; *c; c++)
        *c = *c == ',' || *c == '"' ? ' ' : *c;
}

void study_columns(const struct study *study, FILE *table, const char *columns) {
    (void)study;
    fprintf(table, "%s,seed,commit,processor\n", columns);
}

void study_row(const struct study *study, FILE *table, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(table, format, arguments);
    va_end(arguments);
    fprintf(table, ",%llu,%s,%s\n", (unsigned long long)study->options->seed, CONVOY_COMMIT,
            study->processor);
}

convoy_status study_goes_on(const struct study *study, convoy_error *error) {
    const convoy_study_options *options = study ? study->options : NULL;
    if (options && options->cancelled && options->cancelled(options->cancelled_context))
        return error_set(error, CONVOY_E_CANCELLED, "the study %s was given up", options->topic);
    return CONVOY_OK;
}

convoy_status study_step(const struct study *study, const char *what, size_t done, size_t total,
                         convoy_error *error) {
    const convoy_study_options *options = study->options;
    const convoy_status status = study_goes_on(study, error);
    if (status == CONVOY_OK && options->progress)
        options->progress(options->progress_context, what, done, total);
    return status;
}

/* ---- files ---- */

/* hidden: while it is written; keeps the ending, by which gnuplot's terminal is chosen. */
static bool path_of(char path[PATH_MAX], const convoy_study_options *options, enum file file, bool hidden) {
    const int length = snprintf(path, PATH_MAX, "%s/%s%s%s", options->folder, hidden ? ".new-" : "",
                                options->topic, endings[file]);
    return length > 0 && length < PATH_MAX;
}

static FILE *open_file(const convoy_study_options *options, enum file file, convoy_error *error) {
    char path[PATH_MAX];
    FILE *opened = path_of(path, options, file, true) ? fopen(path, "w") : NULL;
    if (!opened)
        error_set(error, CONVOY_E_IO, "%s/%s%s cannot be written: %s", options->folder, options->topic,
                  endings[file], strerror(errno));
    return opened;
}

/* Whether all of it was written. Takes NULL. */
static bool close_file(FILE **slot) {
    FILE *file = *slot;
    *slot = NULL;
    if (!file)
        return true;
    const bool bad = ferror(file);
    return fclose(file) == 0 && !bad;
}

static void write_head(const struct study *study, const struct topic *topic) {
    const convoy_study_options *o = study->options;
    char machine[512];
    fprintf(study->page,
            "# %s\n\n%s.\n\n"
            "    convoy study %s --out DIR%s --seed %llu\n\n"
            "Convoy %s, commit %s. %s.\n\n"
            "![figure](%s.svg)\n\n",
            topic->name, topic->summary, topic->name, o->quick ? " --quick" : "", (unsigned long long)o->seed,
            CONVOY_VERSION, CONVOY_COMMIT, convoy_bench_machine(machine, sizeof machine), topic->name);
}

/* Draws both figures. */
static convoy_status draw(const struct study *study, const char *commands, convoy_error *error) {
    char path[PATH_MAX];
    convoy_status status = CONVOY_OK;
    for (enum file file = FILE_SVG; file <= FILE_PNG && status == CONVOY_OK; file++)
        status = path_of(path, study->options, file, true)
                     ? gnuplot_draw(commands, study->width, study->height, path, error)
                     : error_set(error, CONVOY_E_IO, "%s: the path is too long", study->options->folder);
    return status;
}

/* Gives the files their names. */
static convoy_status publish(const convoy_study_options *options, convoy_error *error) {
    char hidden[PATH_MAX], path[PATH_MAX];
    for (enum file file = FILE_CSV; file < FILES; file++) {
        path_of(hidden, options, file, true);
        path_of(path, options, file, false);
        if (rename(hidden, path) != 0)
            return error_set(error, CONVOY_E_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    return CONVOY_OK;
}

static void remove_hidden(const convoy_study_options *options) {
    char path[PATH_MAX];
    for (enum file file = FILE_CSV; file < FILES; file++)
        if (path_of(path, options, file, true))
            unlink(path);
}

/* ---- a run ---- */

/* Everything but the figure's drawing; its commands go to *commands. */
static convoy_status write_all(struct study *study, const struct topic *topic, char **commands,
                               convoy_error *error) {
    size_t bytes = 0;
    study->csv = open_file(study->options, FILE_CSV, error);
    study->samples = study->csv ? open_file(study->options, FILE_SAMPLES, error) : NULL;
    study->page = study->samples ? open_file(study->options, FILE_PAGE, error) : NULL;
    study->figure = study->page ? open_memstream(commands, &bytes) : NULL;
    convoy_status status = study->figure ? CONVOY_OK : study->page ? error_memory(error) : CONVOY_E_IO;
    if (status == CONVOY_OK) {
        write_head(study, topic);
        status = topic->run(study, error);
    }
    bool written = close_file(&study->csv);
    written = close_file(&study->samples) && written;
    written = close_file(&study->page) && written;
    written = close_file(&study->figure) && written;
    if (status == CONVOY_OK && !written)
        status =
            error_set(error, CONVOY_E_IO, "the files in %s could not be written", study->options->folder);
    return status;
}

convoy_status convoy_study(const convoy_study_options *options, convoy_error *error) {
    const struct topic *topic = topics;
    while (topic < topics + TOPICS && strcmp(topic->name, options->topic) != 0)
        topic++;
    if (topic == topics + TOPICS)
        return error_set(error, CONVOY_E_USAGE, "there is no study '%.64s'", options->topic);
    if (mkdir(options->folder, 0777) != 0 && errno != EEXIST)
        return error_set(error, CONVOY_E_IO, "%s cannot be made: %s", options->folder, strerror(errno));
    struct study study = {.options = options, .width = 900, .height = 560};
    char *commands = NULL;
    name_processor(&study);
    convoy_status status = write_all(&study, topic, &commands, error);
    if (status == CONVOY_OK)
        status = draw(&study, commands, error);
    if (status == CONVOY_OK)
        status = publish(options, error);
    if (status != CONVOY_OK)
        remove_hidden(options);
    free(commands);
    return status;
}
