/* NonMaxSuppression: of boxes that overlap, the one with the highest score. How many are selected depends on
 * the data, so the selection is made when these are known. For each class it takes n·log n comparisons of
 * scores, and as many overlaps as boxes that pass the threshold times those that are selected. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct suppression {
    const float *boxes, *scores; /* [batch,box_count,4], [batch,classes,box_count] */
    int64_t batch, classes, box_count;
    int64_t most;          /* boxes of a class that are selected */
    double overlap, score; /* thresholds; score NaN: none */
    bool centred;          /* boxes are centre x, centre y, width, height; else the corners y, x, y, x */
};

/* Rows of batch, class, box; as many as fit. */
struct selection {
    int64_t *rows;
    size_t count, capacity;
};

struct box {
    double low[2], high[2];
};

static struct box box_of(const struct suppression *s, int64_t batch, int64_t number) {
    const float *b = s->boxes + (batch * s->box_count + number) * 4;
    struct box box;
    for (int i = 0; i < 2; i++) {
        double first = (double)b[i], second = (double)b[i + 2];
        double low = s->centred ? first - second / 2 : fmin(first, second);
        double high = s->centred ? first + second / 2 : fmax(first, second);
        box.low[i] = low, box.high[i] = high;
    }
    return box;
}

static double area_of(const double low[2], const double high[2]) {
    return fmax(0, high[0] - low[0]) * fmax(0, high[1] - low[1]);
}

/* The area that both have, as a part of the area that either has; 0 if one of them has none. */
static double overlap_of(const struct box *a, const struct box *b) {
    double low[2], high[2], area_a = area_of(a->low, a->high), area_b = area_of(b->low, b->high);
    for (int i = 0; i < 2; i++) {
        low[i] = fmax(a->low[i], b->low[i]);
        high[i] = fmin(a->high[i], b->high[i]);
    }
    double both = area_of(low, high);
    return area_a > 0 && area_b > 0 ? both / (area_a + area_b - both) : 0;
}

struct scored_box {
    double score;
    int64_t number;
};

/* From the highest score to the lowest; of equal ones the first. */
static int scores_compare(const void *left, const void *right) {
    const struct scored_box *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Adds a row; false if there is no memory. */
static bool select_box(struct selection *selection, int64_t batch, int64_t class, int64_t number) {
    if (selection->count == selection->capacity) {
        size_t capacity = selection->capacity ? 2 * selection->capacity : 64;
        int64_t *grown = reallocarray(selection->rows, capacity, 3 * sizeof *grown);
        if (!grown)
            return false;
        selection->rows = grown;
        selection->capacity = capacity;
    }
    memcpy(selection->rows + 3 * selection->count++, (const int64_t[]){batch, class, number},
           3 * sizeof(int64_t));
    return true;
}

/* The boxes of one class. candidates: memory for all of them. False if there is no memory. */
static bool select_class(const struct suppression *s, int64_t batch, int64_t class,
                         struct scored_box *candidates, struct selection *selection) {
    const float *scores = s->scores + (batch * s->classes + class) * s->box_count;
    size_t count = 0, first = selection->count;
    for (int64_t i = 0; i < s->box_count; i++)
        if (!isnan(scores[i]) && !((double)scores[i] <= s->score))
            candidates[count++] = (struct scored_box){(double)scores[i], i};
    qsort(candidates, count, sizeof *candidates, scores_compare);
    for (size_t i = 0; i < count && (int64_t)(selection->count - first) < s->most; i++) {
        struct box box = box_of(s, batch, candidates[i].number);
        bool stays = true;
        for (size_t k = first; k < selection->count && stays; k++) {
            struct box better = box_of(s, batch, selection->rows[3 * k + 2]);
            stays = !(overlap_of(&box, &better) > s->overlap);
        }
        if (stays && !select_box(selection, batch, class, candidates[i].number))
            return false;
    }
    return true;
}

/* *selection.rows are the caller's. */
static convoy_status select_all(struct lowering *l, const struct suppression *s,
                                struct selection *selection) {
    struct scored_box *candidates = calloc((size_t)s->box_count + 1, sizeof *candidates);
    bool done = candidates;
    for (int64_t batch = 0; batch < s->batch && s->box_count > 0 && s->most > 0; batch++)
        for (int64_t class = 0; class < s->classes && done; class ++)
            done = select_class(s, batch, class, candidates, selection);
    free(candidates);
    return done ? CONVOY_OK : node_fail(l, CONVOY_E_MEMORY, "out of memory");
}

/* What the node asks for. */
static convoy_status read_suppression(struct lowering *l, struct suppression *s) {
    const convoy_tensor *boxes = input_elements(l, 0), *scores = input_elements(l, 1);
    if (!boxes || !scores)
        return node_needs_data(l, "input '%s'", boxes ? "scores" : "boxes");
    const convoy_shape *b = &boxes->shape, *c = &scores->shape;
    if (boxes->dtype != CONVOY_F32 || scores->dtype != CONVOY_F32 || b->rank != 3 || c->rank != 3 ||
        b->dims[2] != 4 || b->dims[0] != c->dims[0] || b->dims[1] != c->dims[2])
        return node_fail(l, CONVOY_E_INPUT,
                         "boxes [batch,boxes,4] and scores [batch,classes,boxes] of float32 "
                         "are expected");
    struct int_list most = input_ints(l, 2, "max_output_boxes_per_class");
    *s = (struct suppression){.boxes = boxes->data,
                              .scores = scores->data,
                              .batch = c->dims[0],
                              .classes = c->dims[1],
                              .box_count = c->dims[2],
                              .most = most.count ? most.values[0] : 0,
                              .overlap = input_number_value(l, 3, "iou_threshold", 0),
                              .score = input_number_value(l, 4, "score_threshold", (double)NAN),
                              .centred = attribute_int(l, "center_point_box", 0) != 0};
    if (l->status == CONVOY_OK && (most.count > 1 || !(s->overlap >= 0 && s->overlap <= 1)))
        node_fail(l, CONVOY_E_INPUT, "takes one limit of boxes per class, and an iou_threshold of 0 to 1");
    return l->status;
}

static convoy_status lower_non_max_suppression(struct lowering *l) {
    struct suppression s;
    struct selection selection = {0};
    uint32_t value = NO_VALUE;
    if (read_suppression(l, &s) == CONVOY_OK && select_all(l, &s, &selection) == CONVOY_OK) {
        const convoy_shape shape = {2, {(int64_t)selection.count, 3}};
        elements_add(l, CONVOY_I64, &shape, selection.rows, &value);
    }
    free(selection.rows);
    output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator nms_operators[] = {
    OPERATOR("NonMaxSuppression", 10, lower_non_max_suppression, 2, 5),
    LAST_OPERATOR,
};
