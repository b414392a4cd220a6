/* convoy bench --svg: for every row the share of its inferences that do not take longer, over the time. Both
 * axes are logarithmic, that of the shares in what is left: so the tail has as much room as the middle. */
#include "latency.h"
#include "svg.h"

#include <string.h>

#define WIDTH  800 /* pixels */
#define HEIGHT 480

/* Of each bucket where it ends, and the share of the inferences that take longer; not of the last, beyond
 * which there are none. */
static void print_points(struct svg *svg, size_t number, const struct histogram *times) {
    uint64_t left = times->count;
    fprintf(svg->gnuplot, "$row%zu << END\n%g 1\n", number, (double)times->least / 1e6);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!times->buckets[i])
            continue;
        left -= times->buckets[i];
        const double end = left ? histogram_start(i + 1) : (double)times->most;
        fprintf(svg->gnuplot, "%g %g\n", end / 1e6,
                (double)(left ? left : times->buckets[i]) / (double)times->count);
    }
    fprintf(svg->gnuplot, "END\n");
}

static void print_title(struct svg *svg, const struct latency *latency, const struct bench_options *options) {
    char title[600];
    const convoy_options *session = &options->cluster.session;
    const char *path = options->common.arguments.items[0], *slash = strrchr(path, '/');
    int length = snprintf(title, sizeof title, "%.400s", slash ? slash + 1 : path);
    if (latency->count > 1)
        snprintf(title + length, sizeof title - (size_t)length, ": %.60s code, %s, n = %u, γ = %u",
                 session->code, precision_text(session->precision), session->workers, session->stragglers);
    fprintf(svg->gnuplot, "set title ");
    svg_quote(svg, title);
    fprintf(svg->gnuplot, " noenhanced\n");
}

static void plot(struct svg *svg, const struct latency *latency) {
    const char *between = "plot ";
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_row *row = &latency->rows[i];
        if (row->times.count == 0)
            continue;
        fprintf(svg->gnuplot, "%s$row%zu using 1:2 with steps linewidth 2 title ", between, i);
        svg_quote(svg, row->title);
        between = ", ";
    }
    fprintf(svg->gnuplot, "\n");
}

convoy_status latency_draw(const struct latency *latency, const struct bench_options *options,
                           convoy_error *error) {
    struct svg svg;
    uint64_t most = 10; /* or as many as there are */
    convoy_status status = svg_open(&svg, options->svg, WIDTH, HEIGHT, error);
    if (status != CONVOY_OK)
        return status;
    fprintf(svg.gnuplot, "set encoding utf8\n");
    print_title(&svg, latency, options);
    for (size_t i = 0; i < latency->count; i++) {
        print_points(&svg, i, &latency->rows[i].times);
        most = latency->rows[i].times.count > most ? latency->rows[i].times.count : most;
    }
    fprintf(
        svg.gnuplot,
        "set logscale xy\nset xlabel 'ms' noenhanced\nset ylabel 'percentile' noenhanced\n"
        "set ytics ('p50' 0.5, 'p90' 0.1, 'p99' 0.01, 'p99.9' 0.001, 'p99.99' 0.0001, 'p99.999' 0.00001)\n"
        "set yrange [1:%g]\nset grid\nset key left top noenhanced\n",
        1.0 / (double)most);
    plot(&svg, latency);
    return svg_close(&svg, error);
}
