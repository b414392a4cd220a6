/* The bars of convoy bench: for each row how often which time came, over one logarithmic axis. */
#include "latency.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_COLUMNS 80
#define MOST_COLUMNS  200
#define LINES         3 /* of a row's bars */
#define LEVELS        8 /* of a bar in one line */
#define NARROWEST     2 /* the axis spans at least such a factor */

/* Where the bars stand. */
struct axis {
    double least_ms, most_ms; /* at its ends */
    size_t margin, columns;
    bool utf8;
};

static struct axis axis_of(const struct latency *latency) {
    struct axis axis = {.least_ms = INFINITY, .utf8 = terminal_has_utf8()};
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_row *row = &latency->rows[i];
        const size_t length = strlen(row->title) + 2;
        axis.margin = length > axis.margin ? length : axis.margin;
        if (row->times.count == 0)
            continue;
        axis.least_ms = fmin(axis.least_ms, (double)row->times.least / 1e6);
        axis.most_ms = fmax(axis.most_ms, (double)row->times.most / 1e6);
    }
    axis.least_ms = fmax(axis.least_ms, 1e-6);
    const double widen = sqrt(NARROWEST * axis.least_ms / fmax(axis.most_ms, 1e-6));
    if (widen > 1) {
        axis.least_ms /= widen;
        axis.most_ms = NARROWEST * axis.least_ms;
    }
    const size_t columns = terminal_width(stdout, USUAL_COLUMNS);
    axis.columns = (columns < MOST_COLUMNS ? columns : MOST_COLUMNS) - axis.margin;
    return axis;
}

/* Columns from the left end, which are fractions. */
static double position(const struct axis *axis, double ms) {
    const double at = log(ms / axis->least_ms) / log(axis->most_ms / axis->least_ms);
    return fmin(fmax(at, 0), 1) * (double)axis->columns;
}

/* ---- bars ---- */

/* Shares a bucket out over the columns that it touches. */
static void spread_bucket(const struct axis *axis, const struct histogram *times, size_t bucket,
                          double *heights) {
    const double from = position(axis, fmax(histogram_start(bucket), 1) / 1e6),
                 to = position(axis, histogram_start(bucket + 1) / 1e6);
    const size_t last = axis->columns - 1;
    size_t column = (size_t)from < last ? (size_t)from : last;
    if (!(to > from)) {
        heights[column] += (double)times->buckets[bucket];
        return;
    }
    for (; column <= last && (double)column < to; column++) {
        const double part = fmin(to, (double)column + 1) - fmax(from, (double)column);
        heights[column] += (double)times->buckets[bucket] * part / (to - from);
    }
}

/* heights: [columns], scratch. */
static void sum_columns(const struct axis *axis, const struct histogram *times, double *heights) {
    memset(heights, 0, axis->columns * sizeof *heights);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (times->buckets[i])
            spread_bucket(axis, times, i, heights);
}

/* A column's bar in one of the lines, from the top. What is there at all is seen. */
static void print_cell(const struct axis *axis, double height, double highest, size_t line) {
    const int below = (int)(LINES - 1 - line) * LEVELS;
    int level = (int)ceil(height / highest * LINES * LEVELS) - below;
    level = level < 0 ? 0 : level > LEVELS ? LEVELS : level;
    if (level == 0)
        putchar(' ');
    else if (axis->utf8)
        printf("\xE2\x96%c", 0x80 + level); /* U+2581 to U+2588, blocks of one to eight eighths */
    else
        putchar(level * 2 < LEVELS ? '.' : '#');
}

static void print_bars(const struct axis *axis, const struct latency_row *row, double *heights) {
    double highest = 0;
    if (row->times.count == 0)
        return;
    sum_columns(axis, &row->times, heights);
    for (size_t c = 0; c < axis->columns; c++)
        highest = fmax(highest, heights[c]);
    for (size_t line = 0; line < LINES; line++) {
        const double floor = highest * (double)(LINES - 1 - line) / LINES;
        size_t end = axis->columns; /* of the bars in this line */
        while (end > 0 && !(heights[end - 1] > floor))
            end--;
        printf("%-*s", end || line == LINES - 1 ? (int)axis->margin : 0, line == LINES - 1 ? row->title : "");
        for (size_t c = 0; c < end; c++)
            print_cell(axis, heights[c], highest, line);
        printf("\n");
    }
}

/* ---- the axis ---- */

/* Puts a label on the line, around its column, if it keeps clear of what stands there; a mark on the rule. */
static void put_label(const struct axis *axis, char *rule, char *labels, double ms) {
    char text[16];
    const size_t column = (size_t)fmin(position(axis, ms), (double)axis->columns - 1);
    const size_t length = (size_t)snprintf(text, sizeof text, "%.3g", ms);
    size_t start = column > length / 2 ? column - length / 2 : 0;
    if (length > axis->columns || length >= sizeof text)
        return;
    if (start + length > axis->columns)
        start = axis->columns - length;
    for (size_t i = start > 2 ? start - 2 : 0; i < start + length + 2 && i < axis->columns; i++)
        if (labels[i] != ' ')
            return;
    memcpy(labels + start, text, length);
    rule[column] = '+';
}

/* The ends first, then 1, 2 and 5 of every power of ten between them. line: [columns + 1] each, scratch. */
static void print_axis(const struct axis *axis, char *rule, char *labels) {
    static const double steps[] = {1, 2, 5};
    memset(rule, '-', axis->columns);
    memset(labels, ' ', axis->columns);
    put_label(axis, rule, labels, axis->least_ms);
    put_label(axis, rule, labels, axis->most_ms);
    for (double power = pow(10, floor(log10(axis->least_ms))); power < axis->most_ms; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (power * steps[i] > axis->least_ms && power * steps[i] < axis->most_ms)
                put_label(axis, rule, labels, power * steps[i]);
    printf("%*s%s\n%-*s%s\n", (int)axis->margin, "", rule, (int)axis->margin, "ms", labels);
}

bool latency_print_bars(const struct latency *latency) {
    if (latency_inferences(latency) == 0)
        return true;
    const struct axis axis = axis_of(latency);
    double *heights = calloc(axis.columns, sizeof *heights);
    char *rule = calloc(axis.columns + 1, 1), *labels = calloc(axis.columns + 1, 1);
    const bool made = heights && rule && labels;
    for (size_t i = 0; made && i < latency->count; i++)
        print_bars(&axis, &latency->rows[i], heights);
    if (made)
        print_axis(&axis, rule, labels);
    free(heights);
    free(rule);
    free(labels);
    return made;
}
