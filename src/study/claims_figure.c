#include "code/code.h"
#include "study/claims.h"

/* Lines tell families apart by colour and mark; gnuplot's own colours repeat. */
static void print_stability(FILE *figure) {
    fprintf(figure, "set title \"Mean squared error, AlexNet, n = 20, float64\\n"
                    "worst 4 neighbours lost\"\n"
                    "set ylabel 'relative to the output''s variance'\n"
                    "set logscale y\n"
                    "set format y '10^{%%T}'\n"
                    "set offsets 0.3, 0.3, 0, 0\n"
                    "set key outside right top\n"
                    "set style data linespoints\n"
                    "plot for [v=1:|stability|] $stability using v+1:xtic(1) lt v lw 2 ps 0.9 title "
                    "stability[v], 1e-27 lc rgb 'black' dt 2 lw 1.5 title 'published'\n"
                    "unset logscale\n"
                    "set format y\n"
                    "set offsets 0, 0, 0, 0\n");
}

static void print_resilience(FILE *figure) {
    const struct code_family *family;
    fprintf(figure, "set title \"Time of AlexNet's conv3 on 10 worker threads, γ = 2\\n"
                    "some 100 ms late\"\n"
                    "set xlabel 'workers that are late'\n"
                    "set ylabel 'ms'\n"
                    "set xrange [-0.3:4.3]\n"
                    "set yrange [0:*]\n"
                    "set xtics 1\n"
                    "set arrow 1 from 2.5, graph 0 to 2.5, graph 1 nohead dt 3\n"
                    "set key outside right top\n"
                    "plot ");
    for (size_t i = 0; (family = code_family_at(i)); i++)
        fprintf(figure, "%s$late%zu using ($1+%g):2:3:4 with yerrorlines lt %zu lw 2 ps 0.9 title '%s'",
                i ? ", " : "", i, 0.03 * (double)i - 0.09, i + 1, family->name);
    fprintf(figure, "\nunset arrow 1\nset xtics autofreq\nset xrange [*:*]\nset yrange [*:*]\n");
}

static void print_scaling(FILE *figure, const struct claims *claims) {
    fprintf(figure, "set title \"Time of one machine by that of the cluster\\n"
                    "(dashed: with a link of 1 Gbit/s)\"\n"
                    "set xlabel 'n, workers'\n"
                    "set ylabel 'gain'\n"
                    "set logscale y\n"
                    "set xrange [0:62]\n"
                    "set key outside right top\n"
                    "set style data linespoints\n"
                    "plot ");
    for (size_t n = 0; n < CLAIMS_NETWORKS; n++)
        fprintf(figure,
                "$scaling%zu using 1:2 lt %zu lw 2 ps 0.9 title '%s', $scaling%zu using 1:3 lt %zu lw 1.5 "
                "dt 2 ps 0.6 notitle, ",
                n, n + 1, claims->networks[n].name, n, n + 1);
    fprintf(figure, "1 lc rgb 'black' dt 3 notitle\nunset logscale\nset xrange [*:*]\n");
}

static void print_optimum(FILE *figure, const struct claims *claims) {
    fprintf(figure, "set title 'k_A in closed form, and the cheapest that is admitted'\n"
                    "set xlabel 'k_A in closed form'\n"
                    "set ylabel 'k_A of the least cost (1: whole)'\n"
                    "set logscale xy\n"
                    "set yrange [0.7:100]\n"
                    "set key outside right top\n"
                    "set ytics (1,4,8,16,32,64)\n"
                    "plot ");
    for (size_t n = 0; n < CLAIMS_NETWORKS; n++)
        if (claims->optimum_cases[n])
            fprintf(figure, "$optimum%zu using 1:2 with points lt %zu ps 1.3 title '%s', ", n, n + 1,
                    claims->networks[n].name);
    fprintf(figure, "x lc rgb 'black' dt 3 title 'equal'\nunset logscale\n");
}

void claims_figure(struct claims *claims) {
    FILE *figure = claims->study->figure;
    fprintf(figure, "set encoding utf8\nset multiplot layout 2,2\nset grid ytics lc rgb '#dddddd'\n");
    print_stability(figure);
    print_resilience(figure);
    print_scaling(figure, claims);
    print_optimum(figure, claims);
    fprintf(figure, "unset multiplot\n");
}
