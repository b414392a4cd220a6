/* A plan as a file: JSON that a person can read and edit, a line for each layer. */
#ifndef PLAN_PLAN_FILE_H
#define PLAN_PLAN_FILE_H

#include "plan/plan.h"

/* Writes the decisions, and beside them what they were made of. The file is there whole, or what was there
 * before is. CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status plan_write(const struct plan *plan, const char *path, convoy_error *error);

/* Makes the plan that a file decides on, for these subjects. Times are predicted anew; what the file says of
 * them is not read. CONVOY_E_IO if it cannot be read; CONVOY_E_INPUT, with file and place, if it is damaged,
 * or made for another model, code or cluster. */
convoy_status plan_read(struct plan **plan, const char *path, const struct plan_request *request,
                        const struct plan_subject *subjects, size_t count, convoy_error *error);

/* The same from text[0..bytes); name: of the file, for sentences. */
convoy_status plan_parse(struct plan **plan, const char *text, size_t bytes, const char *name,
                         const struct plan_request *request, const struct plan_subject *subjects,
                         size_t count, convoy_error *error);

#endif
