/* The rates of encoding and decoding over VGG-16's convolutions, beside memcpy.
 *
 *     build/release/bench/coding [--threads N] [--rounds N] [--workers N] [--parts A,B] [--channels-last]
 * [--csv]
 *
 * Rates are GB/s of all threads together, every operand read once and every result written once; ratio is the
 * rate over that of a memcpy of as many bytes (read plus written) on as many threads. */
#include "bench/coding_rates.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void print_rate(const struct coding_rate *rate, uint32_t threads, bool csv) {
    double own = threads * rate->bytes / rate->ns, copy = threads * rate->bytes / rate->copy_ns;
    printf(csv ? ",%.0f,%.0f,%.0f,%.2f,%.2f,%.3f" : "%12.0f %10.0f %10.0f %7.1f %7.1f %6.2f", rate->bytes,
           rate->ns, rate->copy_ns, own, copy, own / copy);
}

static void print_row(const char *name, const struct coding_rates *rates, uint32_t threads, bool csv) {
    printf(csv ? "%s" : "%-8s", name);
    print_rate(&rates->encode, threads, csv);
    print_rate(&rates->decode, threads, csv);
    putchar('\n');
    fflush(stdout);
}

static void print_head(const struct coding_setup *setup, bool csv) {
    if (csv) {
        puts("layer,encode_bytes,encode_ns,encode_copy_ns,encode_gbs,encode_copy_gbs,encode_ratio,"
             "decode_bytes,decode_ns,decode_copy_ns,decode_gbs,decode_copy_gbs,decode_ratio");
        return;
    }
    printf("%s, n = %u, k_A,k_B = %u,%u, threads %u, medians of %u rounds\n", setup->family, setup->workers,
           setup->input_parts, setup->filter_parts, setup->threads, setup->rounds);
    const char *columns = "       bytes         ns    copy ns    GB/s    copy  ratio";
    printf("%-8s%-57s%s\n%-8s%s%s\n", "", "      encode", "      decode", "layer", columns, columns);
}

static void add(struct coding_rate *total, const struct coding_rate *rate) {
    total->bytes += rate->bytes;
    total->ns += rate->ns;
    total->copy_ns += rate->copy_ns;
}

/* Exit status. */
static int measure_all(const struct coding_setup *setup, bool channels_last, bool csv) {
    size_t count;
    const struct named_layer *layers = vgg16_convolutions(&count);
    struct coding_rates total = {0};
    print_head(setup, csv);
    for (size_t i = 0; i < count; i++) {
        struct conv_geometry layer = layers[i].layer;
        struct coding_rates rates;
        convoy_error error;
        layer.layout = channels_last ? CONV_CHANNELS_LAST : CONV_CHANNELS_FIRST;
        if (coding_rates_measure(&layer, setup, &rates, &error) != CONVOY_OK) {
            fprintf(stderr, "coding: %s: %s\n", layers[i].name, error.message);
            return 1;
        }
        print_row(layers[i].name, &rates, setup->threads, csv);
        add(&total.encode, &rates.encode);
        add(&total.decode, &rates.decode);
    }
    print_row("total", &total, setup->threads, csv);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"threads", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'n'},
        {"parts", required_argument, NULL, 'p'},
        {"channels-last", no_argument, NULL, 'l'},
        {"csv", no_argument, NULL, 'c'},
        {0},
    };
    struct coding_setup setup = {"rotation", 10, 4, 8, 1, 21};
    bool channels_last = false, csv = false, understood = true;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 't':
            understood &= sscanf(optarg, "%u", &setup.threads) == 1 && setup.threads > 0;
            break;
        case 'r':
            understood &= sscanf(optarg, "%u", &setup.rounds) == 1 && setup.rounds > 0;
            break;
        case 'n':
            understood &= sscanf(optarg, "%u", &setup.workers) == 1;
            break;
        case 'p':
            understood &= sscanf(optarg, "%u,%u", &setup.input_parts, &setup.filter_parts) == 2;
            break;
        case 'l':
            channels_last = true;
            break;
        case 'c':
            csv = true;
            break;
        default:
            understood = false;
        }
    }
    if (!understood || optind < argc) {
        fprintf(stderr,
                "usage: %s [--threads N] [--rounds N] [--workers N] [--parts A,B] [--channels-last] "
                "[--csv]\n",
                argv[0]);
        return 2;
    }
    return measure_all(&setup, channels_last, csv);
}
