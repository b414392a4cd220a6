/* What a job costs on a layer of no size: encode, dispatch, 16 workers' answers, decode.
 *
 *     build/release/bench/job [--workers N] [--stragglers N] [--parts A,B] [--rounds N] [--batches N]
 *                             [--fault WORKER:KIND]... [--csv]
 *
 * One row a batch, each with a cluster of its own, and a row of the least of every column: on a machine that
 * others use as well, only the least says what the program costs. Times in us of one job; cpu and switches
 * are of all threads together. */
#include "measure/job_time.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_FAULTS 16

static void print_row(const char *name, const struct job_times *t, bool csv) {
    printf(csv ? "%s,%.1f,%.1f,%.1f,%.1f,%.1f,%.1f,%.1f,%.1f,%.1f,%u\n"
               : "%-6s %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %9u\n",
           name, t->min_ns / 1e3, t->median_ns / 1e3, t->p90_ns / 1e3, t->p99_ns / 1e3, t->encode_ns / 1e3,
           t->wait_ns / 1e3, t->decode_ns / 1e3, t->cpu_ns / 1e3, t->switches, t->fallbacks);
    fflush(stdout);
}

static void print_head(const struct job_setup *setup, const struct job_times *t, bool csv) {
    if (csv) {
        puts("batch,min_us,median_us,p90_us,p99_us,encode_us,wait_us,decode_us,cpu_us,switches,fallbacks");
        return;
    }
    printf("%s, n = %u, threshold %u, %u rounds a batch\n", setup->family->name, setup->workers, t->threshold,
           setup->rounds);
    printf("%-6s %8s %8s %8s %8s %8s %8s %8s %8s %8s %9s\n", "batch", "min", "median", "p90", "p99", "encode",
           "wait", "decode", "cpu", "switches", "fallbacks");
}

static void take_least(double *least, double value) {
    if (value < *least)
        *least = value;
}

/* Exit status. */
static int measure(const struct job_setup *setup, unsigned batches, bool csv) {
    struct job_times least = {0};
    for (unsigned i = 0; i < batches; i++) {
        struct job_times times;
        convoy_error error;
        char name[16];
        if (job_times_measure(setup, &times, &error) != CONVOY_OK) {
            fprintf(stderr, "job: %s\n", error.message);
            return 1;
        }
        if (i == 0) {
            print_head(setup, &times, csv);
            least = times;
        }
        snprintf(name, sizeof name, "%u", i + 1);
        print_row(name, &times, csv);
        take_least(&least.min_ns, times.min_ns);
        take_least(&least.median_ns, times.median_ns);
        take_least(&least.p90_ns, times.p90_ns);
        take_least(&least.p99_ns, times.p99_ns);
        take_least(&least.encode_ns, times.encode_ns);
        take_least(&least.wait_ns, times.wait_ns);
        take_least(&least.decode_ns, times.decode_ns);
        take_least(&least.cpu_ns, times.cpu_ns);
        take_least(&least.switches, times.switches);
        least.fallbacks = times.fallbacks < least.fallbacks ? times.fallbacks : least.fallbacks;
    }
    print_row("least", &least, csv);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"workers", required_argument, NULL, 'n'}, {"stragglers", required_argument, NULL, 's'},
        {"parts", required_argument, NULL, 'p'},   {"rounds", required_argument, NULL, 'r'},
        {"batches", required_argument, NULL, 'b'}, {"fault", required_argument, NULL, 'f'},
        {"csv", no_argument, NULL, 'c'},           {0},
    };
    struct fault faults[MAX_FAULTS];
    const char *fault_texts[MAX_FAULTS];
    struct job_setup setup = {.family = code_family_at(0), /* the default: rotation */
                              .workers = 16,
                              .stragglers = 8,
                              .faults = faults,
                              .rounds = 2000};
    unsigned batches = 5;
    bool csv = false, understood = true;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            understood &= sscanf(optarg, "%u", &setup.workers) == 1;
            break;
        case 's':
            understood &= sscanf(optarg, "%u", &setup.stragglers) == 1;
            break;
        case 'p':
            understood &= sscanf(optarg, "%u,%u", &setup.input_parts, &setup.filter_parts) == 2;
            break;
        case 'r':
            understood &= sscanf(optarg, "%u", &setup.rounds) == 1 && setup.rounds > 0;
            break;
        case 'b':
            understood &= sscanf(optarg, "%u", &batches) == 1 && batches > 0;
            break;
        case 'f':
            understood &= setup.fault_count < MAX_FAULTS;
            if (understood)
                fault_texts[setup.fault_count++] = optarg;
            break;
        case 'c':
            csv = true;
            break;
        default:
            understood = false;
        }
    }
    for (size_t i = 0; understood && i < setup.fault_count; i++)
        understood = fault_parse(&faults[i], fault_texts[i], setup.workers, NULL) == CONVOY_OK;
    if (!understood || optind < argc) {
        fprintf(stderr,
                "usage: %s [--workers N] [--stragglers N] [--parts A,B] [--rounds N] [--batches N] "
                "[--fault WORKER:KIND]... [--csv]\n",
                argv[0]);
        return 2;
    }
    return measure(&setup, batches, csv);
}
