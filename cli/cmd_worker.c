/* convoy worker: this process as a worker. convoy keygen: keys. */
#include "commands.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

int command_worker(const struct cli_options *options) {
    convoy_error error;
    struct progress progress;
    convoy_worker_options worker = options->worker;
    progress_open(&progress, options->quiet);
    worker.log = progress_log;
    worker.log_context = &progress;
    if (options->arguments.count > 0)
        cli_error(&error, CONVOY_E_USAGE,
                  "%s: a worker takes no arguments; usage: convoy worker --connect URL",
                  options->arguments.items[0]);
    else if (!worker.connect)
        cli_error(&error, CONVOY_E_USAGE, "no master; usage: convoy worker --connect URL");
    else if (convoy_worker_run(&worker, &error) == CONVOY_OK)
        return EXIT_DONE;
    return report_error(&error);
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

int command_keygen(const struct cli_options *options) {
    convoy_error error;
    const char *name = options->arguments.count == 1 ? options->arguments.items[0] : NULL;
    if (strcmp(options->folder, "-") == 0 && options->arguments.count == 0)
        return print_keys();
    if (!name || strcmp(options->folder, "-") == 0)
        cli_error(&error, CONVOY_E_USAGE, "%zu names; usage: convoy keygen NAME, or convoy keygen --out -",
                  options->arguments.count);
    else if (convoy_keygen(options->folder, name, &error) == CONVOY_OK) {
        printf("%s/%s.key  secret: it stays with its owner\n%s/%s.pub  public\n", options->folder, name,
               options->folder, name);
        return finish_output();
    }
    return report_error(&error);
}
