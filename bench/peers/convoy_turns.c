/* One network in Convoy, run when told to: the half of turns.js that is ours.
 *
 *     convoy_turns MODEL INPUT.npy THREADS
 *
 * Reads a number from each line of standard input, runs the network as often, and answers with one line, a
 * JSON array of [wall ms, CPU ms] of each run. The line "output" answers with the elements of the first
 * output. */
#include <convoy/convoy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static convoy_status run_timed(convoy_session *session, const convoy_tensor *input, long count,
                               convoy_result **last, convoy_error *error) {
    for (long i = 0; i < count; i++) {
        convoy_result_destroy(last);
        double wall = clock_ms(CLOCK_MONOTONIC), cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        convoy_status status = convoy_session_run(session, input, last, error);
        if (status != CONVOY_OK)
            return status;
        cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        printf("%s[%.6f,%.6f]", i ? "," : "[", clock_ms(CLOCK_MONOTONIC) - wall, cpu);
    }
    printf("]\n");
    return CONVOY_OK;
}

static void print_output(const convoy_result *result) {
    const convoy_tensor *output = &result->outputs[0];
    size_t elements = convoy_tensor_elements(output);
    for (size_t i = 0; i < elements; i++)
        printf("%s%.9g", i ? "," : "[", convoy_tensor_element(output, i));
    printf("]\n");
}

static convoy_status serve(convoy_session *session, const convoy_tensor *input, convoy_error *error) {
    char line[64];
    convoy_result *last = NULL;
    convoy_status status = CONVOY_OK;
    while (status == CONVOY_OK && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "output", 6) == 0 && last)
            print_output(last);
        else
            status = run_timed(session, input, strtol(line, NULL, 10), &last, error);
        fflush(stdout);
    }
    convoy_result_destroy(&last);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: convoy_turns MODEL INPUT.npy THREADS\n");
        return 2;
    }
    convoy_model *model = NULL;
    convoy_session *session = NULL;
    convoy_tensor input = {0};
    convoy_error error = {0};
    const convoy_value_info *infos;
    convoy_options options;
    convoy_options_init(&options);
    options.local = true;
    options.threads = (uint32_t)strtoul(argv[3], NULL, 10);
    convoy_image_options image = {0};
    convoy_status status = convoy_model_load(&model, argv[1], &error);
    if (status == CONVOY_OK && convoy_model_inputs(model, &infos) != 1) {
        fprintf(stderr, "convoy_turns: a model with one input is expected\n");
        return 2;
    }
    if (status == CONVOY_OK)
        status = convoy_input_load(&input, argv[2], infos[0].dtype, &infos[0].shape, &image, &error);
    if (status == CONVOY_OK)
        status = convoy_session_create(&session, model, &input.shape, &options, &error);
    if (status == CONVOY_OK)
        status = serve(session, &input, &error);
    if (status != CONVOY_OK)
        fprintf(stderr, "convoy_turns: %s\n", error.message);
    convoy_session_destroy(&session);
    convoy_tensor_release(&input);
    convoy_model_destroy(&model);
    return status == CONVOY_OK ? 0 : 1;
}
