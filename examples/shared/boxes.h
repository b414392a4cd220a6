/* Boxes around things: out of the outputs of a model, and beside the truth. */
#ifndef BOXES_H
#define BOXES_H

#include "lines.h"

#include <convoy/convoy.h>

struct box {
    double corners[4]; /* x1, y1, x2, y2, in pixels */
    double score;
    size_t kind; /* class */
};

struct box_list {
    struct box *boxes; /* to be freed */
    size_t count;
};

#define BOX_FORMATS "yxyx,xyxy,cxcywh"
enum box_format { BOX_YXYX, BOX_XYXY, BOX_CXCYWH };

/* What a model says of a picture. */
struct box_outputs {
    const convoy_tensor *boxes;  /* [1,N,4] */
    const convoy_tensor *scores; /* [1,C,N] */
    unsigned format;
    bool relative;         /* 1 is a side of the picture, not a pixel */
    int64_t height, width; /* of the picture */
};

/* Sees that the outputs have the shapes that are said above, and selected, if it is not NULL, [K,3].
 * CONVOY_E_INPUT. */
convoy_status boxes_check(const struct box_outputs *outputs, const convoy_tensor *selected,
                          convoy_error *error);

/* The boxes that the model's NonMaxSuppression selected and whose score is at least the threshold, by falling
 * scores. CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status boxes_take(struct box_list *list, const struct box_outputs *outputs,
                         const convoy_tensor *selected, double threshold, convoy_error *error);

/* The same for a model without one: boxes of falling scores, but those that overlap with a better one of
 * their class by more than overlap (intersection over union). CONVOY_E_MEMORY. */
convoy_status boxes_find(struct box_list *list, const struct box_outputs *outputs, double threshold,
                         double overlap, convoy_error *error);

/* Whether two lists are the same but for rounding (SAME): each box has a partner of its class in the other
 * list, with the same score and corners, unless its score is that of the threshold. */
bool boxes_same(const struct box_list *a, const struct box_list *b, double threshold);

/* How right boxes are, over many pictures. */
struct tally {
    size_t things, boxes, right;
    double overlap; /* sum, of those that are right */
};

/* Compares the boxes of a picture, by falling scores, with the lines "PICTURE CLASS X1 Y1 X2 Y2" of the
 * truth; a line "PICTURE" alone says that it may have none. CONVOY_E_INPUT, CONVOY_E_MEMORY. */
convoy_status tally_add(struct tally *tally, const struct box_list *list, const struct lines *truth,
                        const char *path, convoy_error *error);

/* Prints precision, recall and mean overlap. */
void tally_tell(const struct tally *tally);

#endif
