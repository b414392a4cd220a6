#include "study/numerics.h"

#include <math.h>
#include <string.h>

/* Colours that those who do not tell red from green tell apart (Okabe and Ito). */
static const char *const colours[] = {"#0072B2", "#56B4E9", "#D55E00", "#000000",
                                      "#009E73", "#CC79A7", "#E69F00", "#999999"};

#define COLOURS (sizeof colours / sizeof colours[0])

/* Whether a code is the first of its curve: one family and placement on all clusters. */
static bool begins_curve(const struct numerics *numerics, size_t index) {
    const struct numerics_code *code = &numerics->codes[index];
    for (size_t c = 0; c < index; c++)
        if (numerics->codes[c].family == code->family && strcmp(numerics->codes[c].placed, code->placed) == 0)
            return false;
    return code->compared;
}

static bool of_curve(const struct numerics_code *code, const struct numerics_code *curve) {
    return code->compared && code->family == curve->family && strcmp(code->placed, curve->placed) == 0;
}

/* Two blocks of a curve: "at worst median" of the clusters in order, and "n worst median" with γ = 2. */
static void write_data(const struct numerics *numerics, const struct numerics_code *curve, uint32_t number) {
    FILE *figure = numerics->study->figure;
    fprintf(figure, "$sizes%u << EOD\n", number);
    for (size_t c = 0, at = 0; c < numerics->count; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (of_curve(code, curve) && code->with_layers)
            fprintf(figure, "%zu %.9g %.9g\n", at++, fmin(code->condition.worst, NUMERICS_MOST),
                    code->condition.fair.median);
    }
    fprintf(figure, "EOD\n$growth%u << EOD\n", number);
    for (uint32_t n = 0; n < 100; n++) /* ascending n, whatever the order of the clusters */
        for (size_t c = 0; c < numerics->count; c++) {
            const struct numerics_code *code = &numerics->codes[c];
            if (of_curve(code, curve) && code->workers == n && code->workers - code->threshold == 2 &&
                code->condition.worst < NUMERICS_MOST)
                fprintf(figure, "%u %.9g %.9g\n", n, code->condition.worst, code->condition.fair.median);
        }
    fputs("EOD\n", figure);
}

static void write_sizes(const struct numerics *numerics, const struct numerics_code *curve) {
    FILE *figure = numerics->study->figure;
    size_t at = 0;
    fputs("set xtics (", figure);
    for (size_t c = 0; c < numerics->count; c++)
        if (of_curve(&numerics->codes[c], curve) && numerics->codes[c].with_layers) {
            fprintf(figure, "%s'%u, %u' %zu", at ? ", " : "", numerics->codes[c].workers,
                    numerics->codes[c].threshold, at);
            at++;
        }
    fprintf(figure, ")\nset xrange [-0.4:%zu.4]\n", at - 1);
}

static void write_plot(const struct numerics *numerics, uint32_t curves, const char *const *titles,
                       const char *data) {
    FILE *figure = numerics->study->figure;
    fputs("plot ", figure);
    for (uint32_t i = 0; i < curves; i++) {
        const char *colour = colours[i % COLOURS];
        fprintf(figure,
                "%s$%s%u using 1:2 with linespoints lw 1.8 pt 7 ps 0.8 lc rgb '%s' title '%s', "
                "$%s%u using 1:3 with linespoints lw 1.2 dt 2 pt 6 ps 0.8 lc rgb '%s' notitle",
                i ? ", " : "", data, i, colour, titles[i], data, i, colour);
    }
    fputs("\n", figure);
}

void numerics_figure(const struct numerics *numerics) {
    FILE *figure = numerics->study->figure;
    const struct numerics_code *first = NULL;
    char names[64][64];
    const char *titles[64];
    uint32_t curves = 0;
    for (size_t c = 0; c < numerics->count && curves < 64; c++) {
        const struct numerics_code *code = &numerics->codes[c];
        if (!begins_curve(numerics, c))
            continue;
        first = first ? first : code;
        write_data(numerics, code, curves);
        snprintf(names[curves], sizeof names[curves], "%s%s%s", code->family->name,
                 code->family->on_circle ? ", " : "", code->family->on_circle ? code->placed : "");
        titles[curves] = names[curves];
        curves++;
    }
    if (!first)
        return;
    numerics->study->width = 1200;
    numerics->study->height = 520;
    fputs("set multiplot layout 1,2\n"
          "set logscale y\nset format y '10^{%L}'\nset grid ytics lc rgb '#dddddd' lt 1\n"
          "set border 3\nset tics nomirror out\nset ytics 100\nset mytics 1\n"
          "set ylabel 'condition number κ'\nset key off\n"
          "set tmargin at screen 0.91\nset bmargin at screen 0.13\n"
          "set lmargin at screen 0.065\nset rmargin at screen 0.44\n"
          "set title 'At equal work: worst κ (filled) and median (open)'\n"
          "set xlabel 'workers n, threshold δ'\nset yrange [1:1e16]\n"
          "set label 1 'beyond 1e15' at 0,4e15 textcolor rgb '#666666'\n"
          "set arrow 1 from graph 0, first 1e15 to graph 1, first 1e15 nohead lc rgb '#999999'\n",
          figure);
    write_sizes(numerics, first);
    write_plot(numerics, curves, titles, "sizes");
    fputs("set title 'With two workers lost'\nset xlabel 'workers n'\n"
          "unset label 1\n"
          "set lmargin at screen 0.52\nset rmargin at screen 0.84\n"
          "set key at screen 0.99,0.88 right top samplen 2 spacing 1.3\n"
          "set xtics (6, 10, 18, 34, 66)\nset logscale x 2\nset xrange [5:76]\n",
          figure);
    write_plot(numerics, curves, titles, "growth");
    fputs("unset multiplot\n", figure);
}
