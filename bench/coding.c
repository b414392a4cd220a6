/* The rates of encoding and decoding over VGG-16's convolutions, beside memcpy.
 *
 *     build/release/bench/coding [--threads N] [--rounds N] [--workers N] [--parts A,B]
 * [--precision f32|bf16|f16] [--channels-last] [--csv]
 *
 * Rates are GB/s of all threads together, every operand read once and every result written once; ratio is the
 * rate over that of a memcpy of as many bytes (read plus written) on as many threads. */
#include "code/code.h"
#include "measure/coding_rates.h"
#include "partition/partition.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The 13 convolutions of VGG-16 (arXiv 1409.1556, configuration D) at 224 x 224, complete. */
#define CONVOLUTION(label, in_planes, out_planes, side)                                                      \
    {                                                                                                        \
        label, {                                                                                             \
            .layout = CONV_CHANNELS_FIRST, .spatial = 2, .batch = 1, .groups = 1,                            \
            .in_channels = (in_planes), .out_channels = (out_planes), .in = {(side), (side), 1},             \
            .kernel = {3, 3, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .pad_begin = {1, 1, 0},         \
            .pad_end = {1, 1, 0}, .out = {                                                                   \
                (side),                                                                                      \
                (side),                                                                                      \
                1                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }

static const struct {
    const char *name;
    struct conv_geometry layer;
} layers[] = {
    CONVOLUTION("conv1_1", 3, 64, 224),   CONVOLUTION("conv1_2", 64, 64, 224),
    CONVOLUTION("conv2_1", 64, 128, 112), CONVOLUTION("conv2_2", 128, 128, 112),
    CONVOLUTION("conv3_1", 128, 256, 56), CONVOLUTION("conv3_2", 256, 256, 56),
    CONVOLUTION("conv3_3", 256, 256, 56), CONVOLUTION("conv4_1", 256, 512, 28),
    CONVOLUTION("conv4_2", 512, 512, 28), CONVOLUTION("conv4_3", 512, 512, 28),
    CONVOLUTION("conv5_1", 512, 512, 14), CONVOLUTION("conv5_2", 512, 512, 14),
    CONVOLUTION("conv5_3", 512, 512, 14),
};

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
    printf("%s, %s, n = %u, k_A,k_B = %u,%u, threads %u, medians of %u rounds\n", setup->family->name,
           convoy_dtype_text(setup->frames), setup->workers, setup->input_parts, setup->filter_parts,
           setup->threads, setup->rounds);
    const char *columns = "       bytes         ns    copy ns    GB/s    copy  ratio";
    printf("%-8s%-57s%s\n%-8s%s%s\n", "", "      encode", "      decode", "layer", columns, columns);
}

static void add(struct coding_rate *total, const struct coding_rate *rate) {
    total->bytes += rate->bytes;
    total->ns += rate->ns;
    total->copy_ns += rate->copy_ns;
}

/* What finishing the results costs (the factors that undo equilibration, the look for what is not finite),
 * counted, beside what n workers and coding do anyway. */
static void print_finishing(const struct coding_setup *setup, bool channels_last) {
    double added = 0, multiplied = 0, read = 0, moved = 0;
    struct code_shape shape;
    if (!setup->family->admit(setup->family, setup->input_parts, setup->filter_parts, setup->workers, &shape))
        return;
    const uint32_t threshold = shape.threshold;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct conv_geometry layer = layers[i].layer;
        struct partition partition;
        layer.layout = channels_last ? CONV_CHANNELS_LAST : CONV_CHANNELS_FIRST;
        if (partition_create(&partition, &layer, setup->input_parts, setup->filter_parts, NULL) != CONVOY_OK)
            return;
        struct partition_cost share = partition_cost(&partition, shape.input_pieces, shape.filter_pieces);
        double x = (double)(layer.in_channels * layer.in[0] * layer.in[1]);
        double y = (double)(layer.out_channels * layer.out[0] * layer.out[1]);
        added += 2 * threshold * share.down; /* of every decoded element, surplus included */
        multiplied += (double)setup->workers / threshold * (double)conv_macs(&layer);
        read += (double)layer.out_channels;
        moved += x + y + setup->workers * (2 * share.up + share.stored + share.down) + threshold * share.down;
    }
    printf("finishing: %.3g multiply-adds, %.3f %% of n/δ times the layers'; %.3g bytes, %.4f %% of what "
           "coding, "
           "workers and decoding read and write\n",
           added, 100 * added / multiplied, read * sizeof(float), 100 * read / moved);
}

/* Exit status. */
static int measure_all(const struct coding_setup *setup, bool channels_last, bool csv) {
    struct coding_rates total = {0};
    print_head(setup, csv);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
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
    if (!csv)
        print_finishing(setup, channels_last);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"threads", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'n'},
        {"parts", required_argument, NULL, 'p'},
        {"precision", required_argument, NULL, 'f'},
        {"channels-last", no_argument, NULL, 'l'},
        {"csv", no_argument, NULL, 'c'},
        {0},
    };
    struct coding_setup setup = {.family = code_family_at(0), /* the default: rotation */
                                 .seed = 1,
                                 .workers = 10,
                                 .input_parts = 4,
                                 .filter_parts = 8,
                                 .threads = 1,
                                 .rounds = 21,
                                 .frames = CONVOY_F32};
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
        case 'f':
            setup.frames = strcmp(optarg, "bf16") == 0  ? CONVOY_BF16
                           : strcmp(optarg, "f16") == 0 ? CONVOY_F16
                                                        : CONVOY_F32;
            understood &= setup.frames != CONVOY_F32 || strcmp(optarg, "f32") == 0;
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
                "usage: %s [--threads N] [--rounds N] [--workers N] [--parts A,B] "
                "[--precision f32|bf16|f16] [--channels-last] [--csv]\n",
                argv[0]);
        return 2;
    }
    return measure_all(&setup, channels_last, csv);
}
