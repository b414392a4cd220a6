/* NonMaxSuppression-10 and -11. */
#include "node_rig.h"

/* Four squares of two by two in a row, each one to the right of the one before: neighbours overlap by 2 of 6.
 */
static const double row[] = {0, 0, 2, 2, 0, 1, 2, 3, 0, 2, 2, 4, 0, 3, 2, 5};
static const double centres[] = {1, 1, 2, 2, 2, 1, 2, 2, 3, 1, 2, 2, 4, 1, 2, 2}; /* x, y, width, height */

/* count numbers of the three optional inputs are there; NAN: left out. */
static void begin(struct node_rig *rig, const double *boxes, const double *scores, int64_t classes,
                  double most, double overlap, double score) {
    node_rig_begin(rig, "NonMaxSuppression", 11, 1);
    node_rig_input(rig, CONVOY_F32, CUBE(1, 4, 4), boxes);
    node_rig_input(rig, CONVOY_F32, CUBE(1, classes, 4), scores);
    const double options[] = {most, overlap, score};
    for (int i = 0; i < 3; i++)
        if (isnan(options[i]))
            node_rig_left_out(rig);
        else
            node_rig_input(rig, i == 0 ? CONVOY_I64 : CONVOY_F32, i == 1 ? SCALAR : VECTOR(1), &options[i]);
}

static void selections(void **state) {
    (void)state;
    const double none = (double)NAN;
    static const double scores[] = {0.5, 0.9, 0.4, 0.9, 0.1, 0.2, 0.3, 0.4};
    struct node_rig rig;
    begin(&rig, row, scores, 1, 9, 0.25,
          none); /* 1 and 3 have the highest score; they do not overlap enough */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 0, 1, 0, 0, 3));
    begin(&rig, centres, scores, 1, 9, 0.25, none);
    node_int(&rig.node, "center_point_box", 1);
    node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 0, 1, 0, 0, 3));
    begin(&rig, row, scores, 1, 9, 0.5, none); /* all, by score, and of equal ones the first */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(4, 3), VALUES(0, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0, 2));
    static const double alike[] = {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 5, 5, 6, 6};
    for (int some = 0; some < 2; some++) { /* an overlap must be above its threshold */
        begin(&rig, alike, VALUES(4, 3, 2, 1), 1, 9, some ? 0.99 : 1, none);
        node_rig_gives(&rig, CONVOY_I64, MATRIX(some ? 2 : 4, 3),
                       some ? VALUES(0, 0, 0, 0, 0, 3) : VALUES(0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3));
    }
    begin(&rig, row, scores, 1, 9, 0.5, 0.5); /* a score must be above its threshold */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 0, 1, 0, 0, 3));
    begin(&rig, row, scores, 2, 1, none, none); /* an overlap of 0 is the default; classes are apart */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 0, 1, 0, 1, 3));
    begin(&rig, row, scores, 1, none, none, none); /* no box is selected if nothing says how many may be */
    node_rig_gives(&rig, CONVOY_I64, MATRIX(0, 3), NULL);
    begin(&rig, row, scores, 1, 0, none, none);
    node_rig_gives(&rig, CONVOY_I64, MATRIX(0, 3), NULL);
}

/* Corners in any order, boxes without area, and scores that are no numbers. */
static void strange_boxes(void **state) {
    (void)state;
    struct node_rig rig;
    begin(&rig, VALUES(2, 2, 0, 0, 0, 2, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1), VALUES(0.9, 0.8, 0.7, (double)NAN), 1,
          9, 0.5, (double)NAN);
    node_rig_gives(&rig, CONVOY_I64, MATRIX(2, 3), VALUES(0, 0, 0, 0, 0, 2));
}

static void refusals(void **state) {
    (void)state;
    struct node_rig rig;
    begin(&rig, row, row, 1, 1, 1.5, (double)NAN);
    node_rig_fails(&rig, CONVOY_E_INPUT, "iou_threshold of 0 to 1");
    node_rig_begin(&rig, "NonMaxSuppression", 10, 1);
    node_rig_input(&rig, CONVOY_F32, CUBE(1, 2, 4), NULL);
    node_rig_input(&rig, CONVOY_F32, CUBE(1, 1, 3), NULL);
    node_rig_fails(&rig, CONVOY_E_INPUT, "[batch,boxes,4]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections),
        cmocka_unit_test(strange_boxes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
