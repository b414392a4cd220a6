/* convoy worker: this process as a worker. convoy keygen: keys. */
#include "commands.h"
#include "progress.h"

#include <stdio.h>

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

int command_keygen(const struct cli_options *options) {
    convoy_error error;
    const char *name = options->arguments.count == 1 ? options->arguments.items[0] : NULL;
    if (!name)
        cli_error(&error, CONVOY_E_USAGE, "%zu names; usage: convoy keygen NAME", options->arguments.count);
    else if (convoy_keygen(options->folder, name, &error) == CONVOY_OK) {
        printf("%s/%s.key  secret: it stays with its owner\n%s/%s.pub  public\n", options->folder, name,
               options->folder, name);
        return finish_output();
    }
    return report_error(&error);
}
