/* convoy plan --svg: what a worker of each layer gets, sends and stores over k_A, at the largest threshold;
 * the paper's figure (FCDCC, arXiv 2411.01579, section VI). Drawn by gnuplot, as a program of its own. */
#include "plan_view.h"
#include "svg.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS 4
#define WIDTH   340 /* of one layer, pixels */
#define HEIGHT  260

/* The best choice of each k_A among those with the largest threshold, as rows of k_A, up, down, stored, cost.
 */
struct curve {
    convoy_layer_choice *points; /* [count], by k_A */
    size_t count;
    const convoy_layer_choice *optimum;
};

static bool curve_create(struct curve *curve, const convoy_session *session, size_t layer) {
    size_t count, kept = 0;
    uint32_t largest = 0;
    *curve = (struct curve){.points = plan_choices(session, layer, &count)};
    if (!curve->points)
        return false;
    for (size_t i = 0; i < count; i++)
        if (curve->points[i].threshold > largest)
            largest = curve->points[i].threshold;
    for (size_t i = 0; i < count; i++) { /* choices come by k_A */
        const convoy_layer_choice choice = curve->points[i];
        if (choice.threshold < largest)
            continue;
        if (kept && curve->points[kept - 1].input_parts == choice.input_parts) {
            if (choice.paper_cost < curve->points[kept - 1].paper_cost)
                curve->points[kept - 1] = choice;
            continue;
        }
        curve->points[kept++] = choice;
    }
    curve->count = kept;
    for (size_t i = 0; i < kept; i++)
        if (!curve->optimum || curve->points[i].paper_cost < curve->optimum->paper_cost)
            curve->optimum = &curve->points[i];
    return true;
}

static void plot(struct svg *svg, const char *name, const struct curve *curve, const double *lambda) {
    static const char *const titles[] = {"up", "down", "store", "total"};
    FILE *gnuplot = svg->gnuplot;
    fprintf(gnuplot, "set title ");
    svg_quote(svg, name);
    fprintf(gnuplot, " noenhanced\n$points << END\n");
    for (size_t i = 0; i < curve->count; i++) {
        const convoy_layer_choice *c = &curve->points[i];
        fprintf(gnuplot, "%u %g %g %g %g\n", c->input_parts, lambda[CONVOY_LAMBDA_UP] * c->up_elements,
                lambda[CONVOY_LAMBDA_DOWN] * c->down_elements,
                lambda[CONVOY_LAMBDA_STORE] * c->stored_elements, c->paper_cost);
    }
    fprintf(gnuplot, "END\n$optimum << END\n%u %g\nEND\nplot ", curve->optimum->input_parts,
            curve->optimum->paper_cost);
    for (int i = 0; i < 4; i++)
        fprintf(gnuplot, "$points using 1:%d with linespoints title '%s', ", i + 2, titles[i]);
    fprintf(gnuplot, "$optimum using 1:2 with points pointtype 6 pointsize 2 title 'optimum'\n");
}

/* Layers with more than one k_A: of the others, as of products with one row, there is no curve. *curves: how
 * many. False without memory. */
static bool count_curves(const convoy_session *session, size_t *curves) {
    const convoy_layer_info *layers;
    *curves = 0;
    for (size_t i = convoy_session_layers(session, &layers); i > 0; i--) {
        struct curve curve;
        if (!curve_create(&curve, session, i - 1))
            return false;
        *curves += curve.count > 1;
        free(curve.points);
    }
    return true;
}

static bool draw(struct svg *svg, const convoy_session *session, size_t rows, const double *lambda) {
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    fprintf(svg->gnuplot,
            "set multiplot layout %zu,%d\nset xlabel 'k_A' noenhanced\nset key font ',7'\nset yrange [0:*]\n",
            rows, COLUMNS);
    for (size_t i = 0; i < count; i++) {
        struct curve curve;
        if (!curve_create(&curve, session, i))
            return false;
        if (curve.count > 1)
            plot(svg, layers[i].name, &curve, lambda);
        free(curve.points);
    }
    fprintf(svg->gnuplot, "unset multiplot\n");
    return true;
}

convoy_status plan_draw(const convoy_session *session, const struct plan_options *options,
                        convoy_error *error) {
    struct svg svg;
    size_t curves;
    if (!count_curves(session, &curves))
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (curves == 0)
        return cli_error(
            error, CONVOY_E_INPUT,
            "--svg %s: no layer's input can be cut in more than one way, so there is nothing to draw",
            options->svg);
    const size_t rows = (curves + COLUMNS - 1) / COLUMNS;
    convoy_status status = svg_open(&svg, options->svg, COLUMNS * WIDTH, rows * HEIGHT, error);
    if (status != CONVOY_OK)
        return status;
    const bool drawn = draw(&svg, session, rows, options->cluster.session.lambda);
    status = svg_close(&svg, error);
    return drawn ? status : cli_error(error, CONVOY_E_MEMORY, "out of memory");
}
