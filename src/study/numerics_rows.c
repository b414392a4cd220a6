/* The tables of the study of numerics. A row of numerics.csv is one code on one cluster; numerics-samples.csv
 * has the sets and the layers behind it. */
#include "base/error.h"
#include "study/numerics.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RELATIVE offsetof(struct decoded_error, relative)
#define CHANNEL  offsetof(struct decoded_error, channel)
#define SQUARED  offsetof(struct decoded_error, mean_squared)

/* ---- numbers as text ---- */

const char *numerics_text(char text[NUMERICS_TEXT], double value, double most, int digits) {
    if (value < most)
        snprintf(text, NUMERICS_TEXT, "%.*g", digits, value);
    else
        snprintf(text, NUMERICS_TEXT, ">1e%.0f", log10(most));
    return text;
}

const char *numerics_mean_text(char text[NUMERICS_TEXT], const struct numerics_figures *figures, int digits) {
    snprintf(text, NUMERICS_TEXT, "%s%.*g", figures->beyond > 0 ? ">" : "", digits, figures->fair.mean);
    return text;
}

const char *numerics_error_text(char text[NUMERICS_TEXT], double value, int digits) {
    if (isfinite(value))
        snprintf(text, NUMERICS_TEXT, "%.*g", digits, value);
    else
        snprintf(text, NUMERICS_TEXT, "-");
    return text;
}

/* ---- the largest of some errors ---- */

static bool is_like(const struct numerics_error *e, const struct numerics_error *wanted) {
    return e->frames == wanted->frames && e->unlike == wanted->unlike && e->scaled == wanted->scaled &&
           e->decibels == wanted->decibels && e->loss == wanted->loss &&
           (!wanted->network || strcmp(e->network, wanted->network) == 0);
}

double numerics_largest(const struct numerics_code *code, const struct numerics_error *wanted,
                        size_t offset) {
    double largest = NAN;
    for (size_t i = 0; i < code->error_count; i++) {
        const struct numerics_error *e = &code->errors[i];
        if (!is_like(e, wanted))
            continue;
        double value = INFINITY;
        if (e->found.decoded)
            memcpy(&value, (const char *)&e->found + offset, sizeof value);
        largest = isnan(largest) ? value : fmax(largest, value);
    }
    return largest;
}

/* ---- numerics.csv ---- */

static void print_columns(const struct study *study) {
    char *names = NULL;
    size_t bytes = 0;
    FILE *text = open_memstream(&names, &bytes);
    if (!text)
        return;
    fprintf(text, "family,placement,n,delta,gamma,sets,kappa_worst,kappa_mean,kappa_median,kappa_p99,"
                  "nu_worst,nu_mean,nu_median,nu_p99,sets_of_mean,input_parts,filter_parts,order,step");
    for (int loss = 0; loss < NUMERICS_LOSSES; loss++)
        for (int what = 0; what < 2; what++)
            fprintf(text, ",%s_at_%s", what ? "nu" : "kappa", numerics_loss_name((enum numerics_loss)loss));
    for (int loss = 0; loss < NUMERICS_LOSSES; loss++)
        for (int f = 0; f < NUMERICS_FRAMES; f++)
            fprintf(text, ",error_%s_%s", numerics_frames_name(numerics_frames[f]),
                    numerics_loss_name((enum numerics_loss)loss));
    for (int i = 0; i < NUMERICS_NOISES; i++)
        fprintf(text, ",error_noise_%.0fdb_typical", numerics_noises[i]);
    for (int scaled = 0; scaled < 2; scaled++)
        for (int f = 0; f < NUMERICS_FRAMES; f++)
            fprintf(text, ",channel_error_%s_%s_scales", numerics_frames_name(numerics_frames[f]),
                    scaled ? "with" : "without");
    fprintf(text, ",mse_f64_alexnet_neighbours");
    if (fclose(text) == 0)
        study_columns(study, study->csv, names);
    free(names);
}

static void print_figures(FILE *text, const struct numerics_figures *f) {
    char worst[NUMERICS_TEXT], mean[NUMERICS_TEXT], median[NUMERICS_TEXT], p99[NUMERICS_TEXT];
    fprintf(text, ",%s,%s,%s,%s", numerics_text(worst, f->worst, f->most, 10),
            numerics_mean_text(mean, f, 10), numerics_text(median, f->fair.median, f->most, 10),
            numerics_text(p99, f->fair.p99, f->most, 10));
}

/* The largest of all layers that are like `wanted`. */
static void print_largest(FILE *text, const struct numerics_code *code, struct numerics_error wanted,
                          size_t offset) {
    char number[NUMERICS_TEXT];
    fprintf(text, ",%s", numerics_error_text(number, numerics_largest(code, &wanted, offset), 4));
}

static void print_errors(FILE *text, const struct numerics_code *code) {
    for (int loss = 0; loss < NUMERICS_LOSSES; loss++)
        for (int f = 0; f < NUMERICS_FRAMES; f++)
            print_largest(text, code,
                          (struct numerics_error){
                              .frames = numerics_frames[f], .scaled = true, .loss = (enum numerics_loss)loss},
                          RELATIVE);
    for (int i = 0; i < NUMERICS_NOISES; i++)
        print_largest(
            text, code,
            (struct numerics_error){.frames = CONVOY_F64, .scaled = true, .decibels = numerics_noises[i]},
            RELATIVE);
    for (int scaled = 0; scaled < 2; scaled++)
        for (int f = 0; f < NUMERICS_FRAMES; f++)
            print_largest(
                text, code,
                (struct numerics_error){.frames = numerics_frames[f], .unlike = true, .scaled = scaled},
                CHANNEL);
    print_largest(
        text, code,
        (struct numerics_error){
            .network = "alexnet", .frames = CONVOY_F64, .scaled = true, .loss = NUMERICS_NEIGHBOURS},
        SQUARED);
}

static void print_code(FILE *text, const struct numerics_code *code) {
    fprintf(text, "%s,%s,%u,%u,%u,", code->family->name, code->placed, code->workers, code->threshold,
            code->workers - code->threshold);
    if (!code->compared) {
        const int cells = 14 + 2 * NUMERICS_LOSSES + NUMERICS_LOSSES * NUMERICS_FRAMES + NUMERICS_NOISES +
                          2 * NUMERICS_FRAMES + 1;
        for (int i = 0; i < cells; i++)
            fprintf(text, "%sn/a", i ? "," : "");
        return;
    }
    fprintf(text, "%zu", code->sets->count);
    print_figures(text, &code->condition);
    print_figures(text, &code->noise_gain);
    fprintf(text, ",%zu,%u,%u,%u,%u", code->sets->fair_count, code->input_parts, code->filter_parts,
            code->placement.order, code->placement.step);
    for (int loss = 0; loss < NUMERICS_LOSSES; loss++) {
        const struct conditioning *c = &code->found[code->chosen[loss]];
        char condition[NUMERICS_TEXT], noise_gain[NUMERICS_TEXT];
        fprintf(text, ",%s,%s", numerics_text(condition, c->condition, NUMERICS_MOST, 6),
                numerics_text(noise_gain, c->noise_gain, NUMERICS_MOST_GAIN, 6));
    }
    print_errors(text, code);
}

/* ---- numerics-samples.csv ---- */

static const char sample_columns[] =
    "family,placement,n,delta,set,loss,kappa,nu,network,layer,input_parts,filter_parts,frames,channels,"
    "scales,noise_db,error,largest_error,mean_squared_error,channel_error";

/* The columns up to ν. */
static void print_head(FILE *text, const struct numerics_code *code, size_t set, const char *loss,
                       double condition, double noise_gain) {
    char condition_text[NUMERICS_TEXT], gain_text[NUMERICS_TEXT];
    fprintf(text, "%s,%s,%u,%u,%zu,%s,%s,%s", code->family->name, code->placed, code->workers,
            code->threshold, set, loss, numerics_text(condition_text, condition, NUMERICS_MOST, 8),
            numerics_text(gain_text, noise_gain, NUMERICS_MOST_GAIN, 8));
}

static void print_set(FILE *text, const struct numerics_code *code, size_t set) {
    print_head(text, code, set, study_loss_name((enum study_loss)code->sets->losses[set]),
               code->found[set].condition, code->found[set].noise_gain);
    fprintf(text, ",-,-,%u,%u,-,-,-,-,-,-,-,-", code->input_parts, code->filter_parts);
}

static void print_layer(FILE *text, const struct numerics_code *code, const struct numerics_error *e) {
    const double values[] = {e->found.relative, e->found.largest, e->found.mean_squared, e->found.channel};
    char noise[NUMERICS_TEXT], number[NUMERICS_TEXT];
    print_head(text, code, code->chosen[e->loss], numerics_loss_name(e->loss), e->found.condition,
               e->found.noise_gain);
    fprintf(text, ",%s,%s,%u,%u,%s,%s,%s,%s", e->network, e->layer, e->input_parts, e->filter_parts,
            numerics_frames_name(e->frames), e->unlike ? "unlike" : "like", e->scaled ? "with" : "without",
            numerics_error_text(noise, e->decibels > 0 ? e->decibels : NAN, 4));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        fprintf(text, ",%s", numerics_error_text(number, e->found.decoded ? values[i] : NAN, 5));
}

/* ---- all ---- */

/* One row, whose cells `print` writes. */
struct row {
    const struct numerics_code *code;
    size_t index;
    void (*print)(FILE *text, const struct row *row);
};

static void row_of_code(FILE *text, const struct row *row) {
    print_code(text, row->code);
}

static void row_of_set(FILE *text, const struct row *row) {
    print_set(text, row->code, row->index);
}

static void row_of_layer(FILE *text, const struct row *row) {
    print_layer(text, row->code, &row->code->errors[row->index]);
}

static convoy_status print_row(const struct study *study, FILE *table, const struct row *row) {
    char *cells = NULL;
    size_t bytes = 0;
    FILE *text = open_memstream(&cells, &bytes);
    if (text)
        row->print(text, row);
    const bool done = text && fclose(text) == 0;
    if (done)
        study_row(study, table, "%s", cells);
    free(cells);
    return done ? CONVOY_OK : CONVOY_E_MEMORY;
}

convoy_status numerics_rows(const struct numerics *numerics, convoy_error *error) {
    const struct study *study = numerics->study;
    convoy_status status = CONVOY_OK;
    print_columns(study);
    study_columns(study, study->samples, sample_columns);
    for (size_t c = 0; c < numerics->count && status == CONVOY_OK; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        const size_t sets = code->compared ? code->sets->count : 0;
        status = print_row(study, study->csv, &(struct row){code, 0, row_of_code});
        for (size_t i = 0; i < sets && status == CONVOY_OK; i++)
            status = print_row(study, study->samples, &(struct row){code, i, row_of_set});
        for (size_t i = 0; i < code->error_count && status == CONVOY_OK; i++)
            status = print_row(study, study->samples, &(struct row){code, i, row_of_layer});
    }
    return status == CONVOY_OK ? status : error_memory(error);
}
