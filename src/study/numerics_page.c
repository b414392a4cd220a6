#include "study/numerics.h"

#include <math.h>
#include <stddef.h>

#define RELATIVE offsetof(struct decoded_error, relative)
#define CHANNEL  offsetof(struct decoded_error, channel)

/* Lines of the page; clang-format would break them elsewhere. */
/* clang-format off */
static const char codes[] =
    "## What was measured\n\n"
    "*Codes.* All families of which any δ of n answers suffice, at seven sizes (n,δ), with equal work: a worker does 1/δ\n"
    "of the layer, so k_A·k_B = 4δ for rotation, which splits both operands in pairs, and δ for the others. Of the splits\n"
    "that a family admits the one is taken whose numbers differ least (columns `input_parts`, `filter_parts`); κ of\n"
    "chebyshev and khatri-rao depends on it. Rotation has its workers on a circle of `order` nodes: placed plainly (t(j) = j,\n"
    "as many nodes as workers) or spread (what Convoy does). Replicate and uncoded have no κ: decoding copies.\n\n"
    "*Survivor sets.* All of them if they are no more than 100,000. Else every loss of γ = n − δ neighbours, of neighbours\n"
    "in the order that deals the workers out to 2, 3, 4 and 8 hosts, and of two windows of γ/2 neighbours, in a ring; and\n";
static const char figures[] =
    " drawn at random, all with equal chances. *Worst* is of all that were looked at; mean, median and 99 % quantile are of\n"
    "all, or of the drawn ones (`sets_of_mean` of `sets`). κ is the condition number of the system that is solved, ν the noise\n"
    "gain: an error of relative size e in every answer is about ν·e in the output (docs/scheme.md, `src/code/code.h`). Both\n"
    "come from singular values in double. What is larger than they can tell is written as >1e15 (κ) or >1e13 (ν), and counts\n"
    "as that in a mean, which then has a > before it.\n\n"
    "*Layers.* LeNet-5, AlexNet and VGG-16 by their published shapes, whole, with normal inputs and filters that make outputs\n"
    "of unit variance; without fc6 and fc7, whose coded filters take gigabytes. A layer that cannot be cut in the usual\n"
    "split gets the next best one, and is left out if there is none (the columns of the samples tell). Each is coded,\n"
    "computed by all n workers, and decoded for three losses: *typical*, a set of median κ; *neighbours*, the worst window of\n"
    "γ neighbours; *worst*, the worst set of all. f64: everything in float64. f32: everything in float32, by oneDNN's direct\n"
    "kernels. f16 and bf16: as f32, but coded inputs and answers are rounded to halves on their way. An error is\n"
    "‖Ŷ − Y‖_F/‖Y‖_F, Y being the layer computed directly in float64 from the same elements. Tables have the largest of all\n"
    "layers; `-` means that one was not decoded, since the system is singular in double or an output was not finite.\n\n";
static const char quick[] =
    "This is the quick version: LeNet-5, and AlexNet at δ = 16; no VGG-16, fewer drawn sets, κ up to n = 60.\n\n";
static const char reading[] =
    "## How to read it\n\n"
    "The figure has κ at the seven sizes (left; filled: worst, open: median) and with two workers lost, whatever n, where\n"
    "one sees how a family grows (right). `numerics.csv` has a row for each code at each size: κ, ν, then errors,\n"
    "`error_FRAMES_LOSS`; errors with noise on the answers, `error_noise_80db_typical`: normal, 80 dB below the answer's root\n"
    "mean square, in float64; and the largest error of an output channel relative to that channel, if the channels' filters\n"
    "differ in size by up to 10⁶, without and with channel scales, `channel_error_FRAMES_without_scales` (AlexNet's\n"
    "convolutions, typical loss). Rows with γ = 2 beyond the seven sizes are those of the right half of the figure.\n"
    "`numerics-samples.csv` has κ and ν of every set, and every layer as it was decoded.\n\n";
/* clang-format on */

static void write_measured(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    const bool is_quick = numerics->study->options->quick;
    fputs(codes, page);
    fputs(is_quick ? "200" : "2,000", page);
    fputs(figures, page);
    if (is_quick)
        fputs(quick, page);
    fputs(reading, page);
}

/* ---- tables ---- */

static void write_name(FILE *page, const struct numerics_code *code) {
    fprintf(page, "| %s | %s | %u, %u ", code->family->name, code->placed, code->workers, code->threshold);
}

static void write_figures(FILE *page, const struct numerics_figures *f) {
    char worst[NUMERICS_TEXT], mean[NUMERICS_TEXT], median[NUMERICS_TEXT], p99[NUMERICS_TEXT];
    fprintf(page, "| %s | %s | %s | %s ", numerics_text(worst, f->worst, f->most, 3),
            numerics_mean_text(mean, f, 3), numerics_text(median, f->fair.median, f->most, 3),
            numerics_text(p99, f->fair.p99, f->most, 3));
}

static void write_conditions(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    fputs("## Condition numbers and noise gain\n\n"
          "| family | placement | n, δ | k_A, k_B | sets | κ worst | mean | median | 99 % | ν worst | mean | "
          "median | 99 % |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!code->with_layers)
            continue;
        write_name(page, code);
        if (code->compared) {
            fprintf(page, "| %u, %u | %zu%s ", code->input_parts, code->filter_parts, code->sets->count,
                    code->sets->all ? ", all" : "");
            write_figures(page, &code->condition);
            write_figures(page, &code->noise_gain);
            fputs("|\n", page);
        } else {
            fputs("| n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a |\n", page);
        }
    }
    fputs("\n", page);
}

/* A cell: the largest of a measure. */
static void write_largest(FILE *page, const struct numerics_code *code, struct numerics_error wanted,
                          size_t offset) {
    char number[NUMERICS_TEXT];
    fprintf(page, "| %s ", numerics_error_text(number, numerics_largest(code, &wanted, offset), 2));
}

static void write_errors(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    fputs("## Errors of decoded layers\n\n"
          "The largest of all layers.\n\n"
          "| family | placement | n, δ | typical: f64 | f32 | f16 | bf16 | neighbours: f64 | f32 | f16 | "
          "bf16 |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!code->with_layers || !code->compared)
            continue;
        write_name(page, code);
        for (int loss = NUMERICS_TYPICAL; loss <= NUMERICS_NEIGHBOURS; loss++)
            for (int f = 0; f < NUMERICS_FRAMES; f++)
                write_largest(page, code,
                              (struct numerics_error){.frames = numerics_frames[f],
                                                      .scaled = true,
                                                      .loss = (enum numerics_loss)loss},
                              RELATIVE);
        fputs("|\n", page);
    }
    fputs("\n", page);
}

/* Tables of one cluster are enough for what is alike on all: the rest is in the files. */
static bool is_shown(const struct numerics_code *code) {
    return code->with_layers && code->compared && code->workers == 20;
}

static void write_noise(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    fputs("## Noise\n\n"
          "Noise on the answers of 20 workers, δ = 16, typical loss, float64: the error is about ν times the "
          "noise\n"
          "(the largest of all layers; small ones scatter).\n\n"
          "| family | placement | n, δ | ν | 80 dB | 90 dB | 100 dB | 110 dB | 120 dB |\n"
          "|---|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        char gain[NUMERICS_TEXT];
        if (!is_shown(code))
            continue;
        write_name(page, code);
        fprintf(page, "| %s ",
                numerics_text(gain, code->found[code->chosen[NUMERICS_TYPICAL]].noise_gain,
                              NUMERICS_MOST_GAIN, 3));
        for (int i = 0; i < NUMERICS_NOISES; i++)
            write_largest(
                page, code,
                (struct numerics_error){.frames = CONVOY_F64, .scaled = true, .decibels = numerics_noises[i]},
                RELATIVE);
        fputs("|\n", page);
    }
    fputs("\n", page);
}

static void write_scales(const struct numerics *numerics) {
    FILE *page = numerics->study->page;
    fputs("## Channel scales\n\n"
          "AlexNet's convolutions with output channels whose filters are multiplied by 10^−u, u uniform in "
          "[0,6); 20 workers,\n"
          "δ = 16, typical loss: the largest error of a channel, relative to the channel, without and with "
          "channel scales.\n\n"
          "| family | placement | n, δ | f64 without | with | f32 without | with | f16 without | with | bf16 "
          "without | with |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|\n",
          page);
    for (size_t c = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!is_shown(code))
            continue;
        write_name(page, code);
        for (int f = 0; f < NUMERICS_FRAMES; f++)
            for (int scaled = 0; scaled < 2; scaled++)
                write_largest(
                    page, code,
                    (struct numerics_error){.frames = numerics_frames[f], .unlike = true, .scaled = scaled},
                    CHANNEL);
        fputs("|\n", page);
    }
    fputs("\n", page);
}

void numerics_page(const struct numerics *numerics) {
    write_measured(numerics);
    write_conditions(numerics);
    write_errors(numerics);
    write_noise(numerics);
    write_scales(numerics);
}
