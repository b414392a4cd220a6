/* How convoy plan shows plans. (plan_view.c for people, plan_json.c, plan_sizes.c for many clusters) */
#ifndef CLI_PLAN_VIEW_H
#define CLI_PLAN_VIEW_H

#include "plan_options.h"
#include "table.h"

/* All of these return false if there was no memory. */

/* The layers and the totals. */
bool plan_print(const convoy_session *session, const struct plan_options *options);
bool plan_print_json(const convoy_session *session, const char *model);

/* Draws options->svg. CONVOY_E_IO, CONVOY_E_INPUT, CONVOY_E_MEMORY. (plan_svg.c) */
convoy_status plan_draw(const convoy_session *session, const struct plan_options *options,
                        convoy_error *error);

/* Every way to code a layer. */
bool plan_print_choices(const convoy_session *session, size_t layer, const struct plan_options *options);
bool plan_print_choices_json(const convoy_session *session, size_t layer);

/* A line for each size of a cluster. */
struct plan_size {
    uint32_t workers, stragglers;
    convoy_plan_totals totals; /* without the profile */
    size_t coded_layers;
    double times; /* of what the objective makes small, that alone; 1 if there is nothing to compute */
};
struct plan_sizes {
    const struct plan_options *options;
    char *profile;           /* of the first */
    struct plan_size *items; /* [count] */
    size_t count, capacity;
    bool failed; /* no memory for one */
};
void plan_sizes_open(struct plan_sizes *sizes, const struct plan_options *options);
void plan_sizes_add(struct plan_sizes *sizes, const convoy_session *session, uint32_t workers,
                    uint32_t stragglers);
bool plan_sizes_close(struct plan_sizes *sizes, bool print);
bool plan_print_sizes_json(const struct plan_sizes *sizes);

/* A cell of bytes: three digits and a unit, "1.35 MB". */
void plan_add_bytes(struct table *table, double bytes);

/* "objective latency; workers get layers that pay", for the head. */
void plan_print_aims(const struct plan_options *options);

/* The alternatives that were compared, the caller's to free; NULL without memory. */
convoy_plan_alternative *plan_alternatives(const convoy_session *session, size_t *count);

/* The choices of a layer, the caller's to free; NULL without memory. */
convoy_layer_choice *plan_choices(const convoy_session *session, size_t layer, size_t *count);

#endif
