#include "model/value_memory.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "model/memory_plan.h"

#include <stdlib.h>

/* --- Lifetimes ------------------------------------------------------------------------------------------ */

static void note_reader(const struct network *network, struct lifetime *values, uint32_t value,
                        const convoy_shape *shape, size_t step) {
    struct lifetime *lifetime = &values[network->values[value].alias_of];
    lifetime->last_reader = step;
    if (lifetime->maker == NO_STEP)
        return;
    const struct layer_desc *maker = &network->steps[lifetime->maker].desc;
    if (!shape_equal(shape, &maker->outputs[0].shape))
        lifetime->must_be_dense = true;
}

void lifetimes_find(const struct network *network, struct lifetime *values) {
    for (size_t v = 0; v < network->value_count; v++)
        values[v] =
            (struct lifetime){.maker = NO_STEP, .offset = NO_OFFSET, .must_be_dense = network->unfused};
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        for (uint32_t i = 0; i < step->desc.output_count; i++) {
            struct lifetime *made = &values[step->outputs[i]];
            made->maker = made->last_reader = s; /* until a step reads it */
            made->must_be_dense = made->must_be_dense || i > 0 || step->desc.outputs[i].dtype != CONVOY_F32;
        }
        for (uint32_t i = 0; i < step->desc.input_count; i++)
            note_reader(network, values, step->inputs[i], &step->desc.inputs[i].shape, s);
    }
    for (size_t i = 0; i < network->output_count; i++) {
        struct lifetime *lifetime = &values[network->values[network->outputs[i]].alias_of];
        lifetime->last_reader = READ_TO_THE_END;
        lifetime->must_be_dense = true;
    }
}

/* --- Places --------------------------------------------------------------------------------------------- */

/* Where the first output of a step lies: in the memory that is planned for the first output of one of the
 * steps, its home. */
struct place {
    size_t home, shift; /* shift: bytes from where that memory begins */
    bool joined;        /* is part of a concatenation, or the whole */
    size_t bytes,
        last; /* of the memory planned here, if this is a home: bytes, and the last step that reads any of it
               */
};

struct places {
    const struct network *network;
    struct lifetime *values;
    struct place *of; /* [step_count] */
};

static struct lifetime *input_lifetime(const struct places *p, size_t step, uint32_t input) {
    return &p->values[p->network->values[p->network->steps[step].inputs[input]].alias_of];
}

static struct lifetime *output_lifetime(const struct places *p, size_t step) {
    return &p->values[p->network->steps[step].outputs[0]];
}

/* Whether a value is the first output of the step that makes it: only these share memory. */
static bool is_first(const struct places *p, const struct lifetime *value) {
    return value->maker != NO_STEP && value == output_lifetime(p, value->maker);
}

/* The output of step s may take over the memory of what the step adds, if no later step reads that. */
static void place_over_input(struct places *p, size_t s) {
    const struct lifetime *output = output_lifetime(p, s);
    if (!output->over_input || output->last_reader == READ_TO_THE_END)
        return;
    const struct lifetime *added = input_lifetime(p, s, 1);
    if (!is_first(p, added) || added->last_reader != s || added == input_lifetime(p, s, 0) ||
        p->of[added->maker].joined || added->bytes != output->bytes)
        return;
    p->of[s].home = p->of[added->maker].home;
    p->of[p->of[s].home].last = output->last_reader;
}

/* Whether an input of a concatenation is another one, whose inputs lie in its memory and in nothing else's.
 */
static bool is_whole(const struct places *p, const struct lifetime *input) {
    const struct place *place = &p->of[input->maker];
    return place->joined && p->network->steps[input->maker].desc.kind == LAYER_CONCAT &&
           p->of[place->home].bytes == place->bytes;
}

/* Whether every input of a concatenation is free to lie in its output, or the first is one that is already in
 * such memory, which grows; *first: the step that makes the earliest. */
static bool may_join(const struct places *p, size_t s, size_t *first) {
    size_t sum = 0;
    *first = s;
    for (uint32_t i = 0; i < p->network->steps[s].desc.input_count; i++) {
        const struct lifetime *input = input_lifetime(p, s, i);
        if (!is_first(p, input) || input->last_reader == READ_TO_THE_END)
            return false;
        const struct place *place = &p->of[input->maker];
        bool grows = i == 0 && is_whole(p, input);
        if ((!grows && (place->home != input->maker || place->joined)) ||
            place->bytes % MEMORY_ALIGNMENT != 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (input_lifetime(p, s, k) == input)
                return false;
        sum += place->bytes;
        *first = place->home < *first ? place->home : *first;
    }
    /* Memory that grows stays where it is: those that lie in it name its home. */
    const struct lifetime *begin = input_lifetime(p, s, 0);
    return sum == p->of[s].bytes && (!is_whole(p, begin) || *first == p->of[begin->maker].home);
}

/* The inputs of a concatenation are made where they belong in its output. */
static void place_joined(struct places *p, size_t s) {
    const struct lifetime *output = output_lifetime(p, s);
    size_t first, shift = 0, last = output->last_reader;
    if (!output->joins || last == READ_TO_THE_END || !may_join(p, s, &first))
        return;
    for (uint32_t i = 0; i < p->network->steps[s].desc.input_count; i++) {
        const struct lifetime *input = input_lifetime(p, s, i);
        struct place *place = &p->of[input->maker];
        size_t bytes = place->bytes;
        last = p->of[place->home].last > last ? p->of[place->home].last : last;
        place->home = first;
        place->shift = shift;
        place->joined = true;
        shift += bytes;
    }
    size_t bytes = p->of[s].bytes;
    p->of[s].home = first;
    p->of[s].joined = true;
    p->of[first].bytes = bytes;
    p->of[first].last = last;
}

/* Plans the memory of homes and of further outputs. blocks, owners: [values]; owners: whose block it is. */
static convoy_status plan_blocks(struct places *p, struct plan_block *blocks, struct lifetime **owners,
                                 size_t *total, convoy_error *error) {
    size_t count = 0;
    for (size_t s = 0; s < p->network->step_count; s++) {
        const struct network_step *step = &p->network->steps[s];
        for (uint32_t i = 0; i < step->desc.output_count; i++) {
            struct lifetime *made = &p->values[step->outputs[i]];
            size_t bytes = i == 0 ? p->of[s].bytes : made->bytes,
                   last = i == 0 ? p->of[s].last : made->last_reader;
            if ((i == 0 && p->of[s].home != s) || last == READ_TO_THE_END)
                continue;
            owners[count] = made;
            blocks[count++] = (struct plan_block){.bytes = bytes, .first = s, .last = last};
        }
    }
    convoy_status status = memory_plan(blocks, count, total, error);
    for (size_t b = 0; b < count && status == CONVOY_OK; b++)
        owners[b]->offset = blocks[b].offset;
    return status;
}

convoy_status lifetimes_place(const struct network *network, struct lifetime *values, size_t *total,
                              convoy_error *error) {
    size_t steps = network->step_count;
    struct places p = {network, values, calloc(steps + 1, sizeof(struct place))};
    struct plan_block *blocks = calloc(network->value_count + 1, sizeof *blocks);
    struct lifetime **owners = calloc(network->value_count + 1, sizeof(struct lifetime *));
    convoy_status status = p.of && blocks && owners ? CONVOY_OK : error_memory(error);
    for (size_t s = 0; s < steps && status == CONVOY_OK; s++) {
        const struct lifetime *output = output_lifetime(&p, s);
        p.of[s] = (struct place){.home = s, .bytes = output->bytes, .last = output->last_reader};
        place_over_input(&p, s);
        place_joined(&p, s);
    }
    if (status == CONVOY_OK)
        status = plan_blocks(&p, blocks, owners, total, error);
    /* Homes come before those that lie in them, and have no shift until the end. */
    for (size_t s = steps; s-- > 0 && status == CONVOY_OK;) {
        size_t home = output_lifetime(&p, p.of[s].home)->offset;
        if (home != NO_OFFSET)
            output_lifetime(&p, s)->offset = home + p.of[s].shift;
    }
    free(p.of);
    free(blocks);
    free(owners);
    return status;
}
