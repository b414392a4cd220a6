#include "boxes.h"

#include "vision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_OVERLAP 0.5 /* of a box with a thing, if it is right */

convoy_status boxes_check(const struct box_outputs *outputs, const convoy_tensor *selected,
                          convoy_error *error) {
    const convoy_shape *boxes = &outputs->boxes->shape, *scores = &outputs->scores->shape;
    char text[2][192];
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[0] != 1 || boxes->dims[2] != 4 ||
        scores->dims[0] != 1 || scores->dims[2] != boxes->dims[1])
        return fail(error, CONVOY_E_INPUT,
                    "boxes are [1,N,4] and their scores [1,C,N], but the model's are %s and %s",
                    convoy_shape_text(boxes, text[0], sizeof text[0]),
                    convoy_shape_text(scores, text[1], sizeof text[1]));
    if (selected && (selected->shape.rank != 2 || selected->shape.dims[1] != 3))
        return fail(error, CONVOY_E_INPUT,
                    "what NonMaxSuppression selects is [K,3], but the model's output is %s",
                    convoy_shape_text(&selected->shape, text[0], sizeof text[0]));
    return CONVOY_OK;
}

/* Box `at` of a class. */
static struct box box_of(const struct box_outputs *outputs, size_t kind, size_t at) {
    const size_t count = (size_t)outputs->boxes->shape.dims[1];
    const double across = outputs->relative ? (double)outputs->width : 1,
                 down = outputs->relative ? (double)outputs->height : 1;
    struct box box = {.score = convoy_tensor_element(outputs->scores, kind * count + at), .kind = kind};
    double v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = convoy_tensor_element(outputs->boxes, 4 * at + i);
    if (outputs->format == BOX_CXCYWH)
        memcpy(box.corners, (double[]){v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2},
               sizeof v);
    else if (outputs->format == BOX_YXYX)
        memcpy(box.corners, (double[]){v[1], v[0], v[3], v[2]}, sizeof v);
    else
        memcpy(box.corners, v, sizeof v);
    for (size_t i = 0; i < 4; i++)
        box.corners[i] *= i % 2 ? down : across;
    return box;
}

/* By falling scores; of equal ones by class and place, so that the order is always the same. */
static int compare(const void *a, const void *b) {
    const struct box *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return memcmp(x->corners, y->corners, sizeof x->corners);
}

static void sort(struct box_list *list) {
    if (list->count > 1)
        qsort(list->boxes, list->count, sizeof *list->boxes, compare);
}

convoy_status boxes_take(struct box_list *list, const struct box_outputs *outputs,
                         const convoy_tensor *selected, double threshold, convoy_error *error) {
    const size_t rows = (size_t)selected->shape.dims[0];
    struct box_list taken = {calloc(rows + 1, sizeof *taken.boxes), 0};
    if (!taken.boxes)
        return fail(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        double index[3]; /* picture, class, box */
        for (size_t k = 0; k < 3; k++)
            index[k] = convoy_tensor_element(selected, 3 * i + k);
        if (index[0] != 0 || !(index[1] >= 0 && index[1] < (double)outputs->scores->shape.dims[1]) ||
            !(index[2] >= 0 && index[2] < (double)outputs->boxes->shape.dims[1])) {
            free(taken.boxes);
            return fail(error, CONVOY_E_INPUT,
                        "the model selects picture %g, class %g, box %g, which is not there", index[0],
                        index[1], index[2]);
        }
        const struct box box = box_of(outputs, (size_t)index[1], (size_t)index[2]);
        if (box.score >= threshold)
            taken.boxes[taken.count++] = box;
    }
    sort(&taken);
    *list = taken;
    return CONVOY_OK;
}

/* Intersection over union. */
static double overlap_of(const double a[4], const double b[4]) {
    const double width = fmin(a[2], b[2]) - fmax(a[0], b[0]), height = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    if (!(width > 0 && height > 0))
        return 0;
    const double both = width * height;
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

convoy_status boxes_find(struct box_list *list, const struct box_outputs *outputs, double threshold,
                         double overlap, convoy_error *error) {
    const size_t kinds = (size_t)outputs->scores->shape.dims[1],
                 places = (size_t)outputs->boxes->shape.dims[1];
    struct box_list found = {calloc(kinds * places + 1, sizeof *found.boxes), 0};
    size_t kept = 0;
    if (!found.boxes)
        return fail(error, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < kinds * places; i++)
        if (convoy_tensor_element(outputs->scores, i) >= threshold)
            found.boxes[found.count++] = box_of(outputs, i / places, i % places);
    sort(&found);
    for (size_t i = 0; i < found.count; i++) {
        const struct box box = found.boxes[i];
        bool covered = false;
        for (size_t k = 0; k < kept && !covered; k++)
            covered =
                found.boxes[k].kind == box.kind && overlap_of(found.boxes[k].corners, box.corners) > overlap;
        if (!covered)
            found.boxes[kept++] = box;
    }
    *list = (struct box_list){found.boxes, kept};
    return CONVOY_OK;
}

static bool near(double a, double b, double scale) {
    return fabs(a - b) <= SAME * scale;
}

/* Whether each box of a list has a partner in another one. */
static bool has_partners(const struct box_list *list, const struct box_list *others, double threshold) {
    for (size_t i = 0; i < list->count; i++) {
        const struct box *box = &list->boxes[i];
        bool found = near(box->score, threshold, 1);
        for (size_t k = 0; k < others->count && !found; k++) {
            const struct box *other = &others->boxes[k];
            found = box->kind == other->kind && near(box->score, other->score, 1);
            for (size_t c = 0; c < 4 && found; c++)
                found = near(box->corners[c], other->corners[c], fmax(1, fabs(box->corners[c])));
        }
        if (!found)
            return false;
    }
    return true;
}

bool boxes_same(const struct box_list *a, const struct box_list *b, double threshold) {
    return has_partners(a, b, threshold) && has_partners(b, a, threshold);
}

/* The things of a picture by the truth. */
static convoy_status read_truth(struct box_list *things, const struct lines *truth, const char *path,
                                convoy_error *error) {
    size_t at = 0, lines = 0;
    const char *line;
    *things = (struct box_list){calloc(truth->count + 1, sizeof *things->boxes), 0};
    if (!things->boxes)
        return fail(error, CONVOY_E_MEMORY, "out of memory");
    for (; (line = lines_next(truth, path, &at)); lines++) {
        struct box box = {0};
        int end = 0;
        if (*line == '\0')
            continue;
        if (sscanf(line, "%zu %lf %lf %lf %lf%n", &box.kind, &box.corners[0], &box.corners[1],
                   &box.corners[2], &box.corners[3], &end) != 5 ||
            line[end] != '\0')
            return fail(error, CONVOY_E_INPUT, "the truth says '%s' of %s, and not CLASS X1 Y1 X2 Y2", line,
                        path);
        things->boxes[things->count++] = box;
    }
    if (lines == 0)
        return fail(error, CONVOY_E_INPUT, "the truth says nothing of %s", path);
    return CONVOY_OK;
}

convoy_status tally_add(struct tally *tally, const struct box_list *list, const struct lines *truth,
                        const char *path, convoy_error *error) {
    struct box_list things;
    convoy_status status = read_truth(&things, truth, path, error);
    if (status == CONVOY_OK) {
        tally->things += things.count;
        tally->boxes += list->count;
    }
    for (size_t i = 0; status == CONVOY_OK && i < list->count; i++) {
        double most = 0;
        size_t best = 0;
        for (size_t k = 0; k < things.count; k++) { /* those that are still there */
            const double overlap = overlap_of(list->boxes[i].corners, things.boxes[k].corners);
            if (things.boxes[k].kind == list->boxes[i].kind && overlap > most) {
                most = overlap;
                best = k;
            }
        }
        if (most >= LEAST_OVERLAP) {
            tally->right++;
            tally->overlap += most;
            things.boxes[best] = things.boxes[--things.count];
        }
    }
    free(things.boxes);
    return status;
}

void tally_tell(const struct tally *tally) {
    const double right = (double)tally->right;
    printf("%zu things, %zu boxes, %zu right: precision %.4f, recall %.4f, mean overlap %.4f\n",
           tally->things, tally->boxes, tally->right, tally->boxes ? right / (double)tally->boxes : 0,
           tally->things ? right / (double)tally->things : 0, tally->right ? tally->overlap / right : 0);
}
