/* Settles a layer for oneDNN. Measured on version 2.6 and therefore kept to: a primitive that one thread
 * created and another executes crashes unless its scratch memory is the user's; omp_set_num_threads counts
 * for the calling thread alone. */
#include "compute/onednn.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <stdlib.h>
#include <string.h>

/* oneDNN declares all dimensions as arrays of its own length, which compilers take at its word. */
static bool widen(dnnl_dims_t wide, int rank, const int64_t *dims) {
    for (int i = 0; i < DNNL_MAX_NDIMS; i++)
        wide[i] = i < rank ? dims[i] : 0;
    return rank > 0 && rank <= DNNL_MAX_NDIMS;
}

bool onednn_plain(dnnl_memory_desc_t *md, int rank, const int64_t *dims) {
    dnnl_dims_t wide;
    return widen(wide, rank, dims) &&
           dnnl_memory_desc_init_by_strides(md, rank, wide, dnnl_f32, NULL) == dnnl_success;
}

bool onednn_any(dnnl_memory_desc_t *md, int rank, const int64_t *dims) {
    dnnl_dims_t wide;
    return widen(wide, rank, dims) &&
           dnnl_memory_desc_init_by_tag(md, rank, wide, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

uint32_t onednn_block(void) {
#if !defined(__x86_64__)
    return 0; /* oneDNN 2.6 has none elsewhere, but for SVE of 512 bits, on which nothing here was measured */
#endif
    bool wide = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
    return wide ? 16 : 8;
}

bool onednn_blocked(dnnl_memory_desc_t *md, int rank, const int64_t *dims, uint32_t block) {
    static const dnnl_format_tag_t tags[2][3] = {{dnnl_aBc8b, dnnl_aBcd8b, dnnl_aBcde8b},
                                                 {dnnl_aBc16b, dnnl_aBcd16b, dnnl_aBcde16b}};
    dnnl_dims_t wide;
    if ((block != 8 && block != 16) || rank < 3 || rank > 5 || !widen(wide, rank, dims))
        return false;
    return dnnl_memory_desc_init_by_tag(md, rank, wide, dnnl_f32, tags[block == 16][rank - 3]) ==
           dnnl_success;
}

bool onednn_same_dims(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b) {
    return a->ndims == b->ndims && memcmp(a->dims, b->dims, (size_t)a->ndims * sizeof a->dims[0]) == 0;
}

convoy_status onednn_failure(dnnl_status_t status, const char *what, convoy_error *error) {
    if (status == dnnl_out_of_memory)
        return error_memory(error);
    return error_set(error, CONVOY_E_INTERNAL, "oneDNN returned %d from %s", (int)status, what);
}

dnnl_status_t onednn_room(void) {
    return memory_is_there((size_t)16 << 20) ? dnnl_success : dnnl_out_of_memory;
}

static size_t scratch_of(const_dnnl_primitive_desc_t pd) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

dnnl_status_t onednn_reorder_create(dnnl_primitive_t *reorder, size_t *scratch_bytes,
                                    const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                                    dnnl_engine_t engine) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = onednn_room();
    if (status == dnnl_success)
        status = onednn_attributes_create(&attributes, NULL);
    if (status != dnnl_success)
        return status;
    status = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_create(reorder, pd);
    if (status == dnnl_success && scratch_of(pd) > *scratch_bytes)
        *scratch_bytes = scratch_of(pd);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

dnnl_status_t onednn_reorder_run(dnnl_primitive_t reorder, dnnl_stream_t stream, dnnl_memory_t from,
                                 dnnl_memory_t to, dnnl_memory_t scratch) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, scratch}};
    return dnnl_primitive_execute(reorder, stream, 3, args);
}

dnnl_status_t onednn_scratch_create(dnnl_memory_t *scratch, size_t bytes, void *data, dnnl_engine_t engine) {
    dnnl_memory_desc_t md;
    const dnnl_dims_t dims = {(int64_t)bytes};
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_u8, dnnl_a);
    return status == dnnl_success ? dnnl_memory_create(scratch, &md, engine, data) : status;
}

/* Copies data from one layout to another, here and now. */
static dnnl_status_t reorder_once(const dnnl_memory_desc_t *from_md, void *from_data,
                                  const dnnl_memory_desc_t *to_md, void *to_data, dnnl_engine_t engine) {
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t from = NULL, to = NULL, scratch = NULL;
    dnnl_stream_t stream = NULL;
    size_t bytes = 1;
    dnnl_status_t status = onednn_reorder_create(&reorder, &bytes, from_md, to_md, engine);
    void *data = memory_aligned(bytes);
    if (status == dnnl_success && !data)
        status = dnnl_out_of_memory;
    if (status == dnnl_success)
        status = onednn_scratch_create(&scratch, bytes, data, engine);
    if (status == dnnl_success)
        status = dnnl_memory_create(&from, from_md, engine, from_data);
    if (status == dnnl_success)
        status = dnnl_memory_create(&to, to_md, engine, to_data);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = onednn_reorder_run(reorder, stream, from, to, scratch);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    dnnl_stream_destroy(stream);
    dnnl_memory_destroy(scratch);
    dnnl_memory_destroy(to);
    dnnl_memory_destroy(from);
    dnnl_primitive_destroy(reorder);
    free(data);
    return status;
}

/* Smaller constants stay in the caches. */
#define LEAST_COPIED ((size_t)4 << 20)

/* Memory for weights that are read from end to end at every run: in large pages where the system has them,
 * which is worth 3 to 6 percent of a whole network. NULL where there is none. */
static struct buffer *weights_memory(size_t bytes) {
    struct buffer *buffer = buffer_create(bytes);
    if (buffer)
        memory_in_large_pages(buffer->data, bytes);
    return buffer;
}

/* Keeps a constant in the layout that the primitive wants. Where that is the model's own, it is the model's
 * own memory, or a copy in large pages if there is to be one: a mapped file's pages are small, and reading
 * 151 MB takes 9.4 to 12.7 ms there, 8.3 in large ones (AlexNet's first product). */
static convoy_status add_constant(struct onednn_layer *layer, const struct onednn_constant *constant,
                                  bool own_weights, const_dnnl_primitive_desc_t pd, dnnl_engine_t engine,
                                  convoy_error *error) {
    const dnnl_memory_desc_t *chosen =
        dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, constant->arg);
    size_t bytes = dnnl_memory_desc_get_size(chosen);
    struct buffer *owner;
    void *data;
    if (dnnl_memory_desc_equal(chosen, &constant->plain) && !(own_weights && bytes >= LEAST_COPIED)) {
        convoy_tensor kept;
        convoy_status status = tensor_keep(&kept, constant->tensor, error);
        if (status != CONVOY_OK)
            return status;
        owner = kept.owner;
        data = kept.data;
    } else {
        owner = weights_memory(bytes);
        data = owner ? owner->data : NULL;
        dnnl_status_t done =
            owner ? reorder_once(&constant->plain, constant->tensor->data, chosen, data, engine)
                  : dnnl_out_of_memory;
        if (done != dnnl_success) {
            buffer_release(&owner);
            return onednn_failure(done, "reordering weights", error);
        }
        tensor_discard(constant->tensor);
        layer->weights_bytes += bytes;
    }
    dnnl_memory_t memory;
    dnnl_status_t made = dnnl_memory_create(&memory, chosen, engine, data);
    if (made != dnnl_success) {
        buffer_release(&owner);
        return onednn_failure(made, "dnnl_memory_create", error);
    }
    uint32_t i = layer->constant_count++;
    layer->constants[i].arg = constant->arg;
    layer->constants[i].memory = memory;
    layer->constants[i].owner = owner;
    return CONVOY_OK;
}

convoy_status onednn_operand_add(struct onednn_layer *layer, const struct operand *operand, bool output,
                                 dnnl_engine_t engine, convoy_error *error) {
    struct operand *added = &layer->operands[layer->operand_count++];
    *added = *operand;
    if (dnnl_memory_desc_equal(&operand->outside, &operand->between))
        return CONVOY_OK;
    const dnnl_memory_desc_t *from = output ? &operand->between : &operand->outside,
                             *to = output ? &operand->outside : &operand->between;
    dnnl_status_t status = onednn_reorder_create(&added->reorder, &layer->scratch_bytes, from, to, engine);
    return status == dnnl_success ? CONVOY_OK : onednn_failure(status, "making a reorder", error);
}

static convoy_status add_input(struct onednn_layer *layer, const struct layer_desc *desc,
                               const struct onednn_operand *planned, const_dnnl_primitive_desc_t pd,
                               dnnl_engine_t engine, convoy_error *error) {
    dnnl_memory_desc_t lies;
    const dnnl_memory_desc_t *given = onednn_given(desc, planned->index, &lies);
    struct operand operand = {.arg = planned->arg,
                              .index = planned->index,
                              .outside = given ? *given : planned->plain,
                              .inside =
                                  *dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, planned->arg)};
    operand.between = operand.inside;
    if (given && !onednn_same_dims(given, &operand.inside) &&
        !onednn_plain(&operand.between, given->ndims, given->dims))
        return error_memory(error);
    return onednn_operand_add(layer, &operand, false, engine, error);
}

/* The output stays as the primitive leaves it where that is allowed; nothing else may then touch its padding.
 */
static convoy_status add_output(struct onednn_layer *layer, const struct layer_desc *desc,
                                const struct onednn_operand *planned, const_dnnl_primitive_desc_t pd,
                                dnnl_engine_t engine, convoy_error *error) {
    struct operand operand = {.arg = planned->arg,
                              .outside = planned->plain,
                              .inside =
                                  *dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, planned->arg)};
    operand.between = operand.inside;
    dnnl_memory_desc_t blocked;
    bool stays = desc->free_output && !layer->adds_after && layer->after.kind == ACTIVATION_NONE &&
                 onednn_blocked(&blocked, (int)desc->outputs[0].shape.rank, desc->outputs[0].shape.dims,
                                onednn_block()) &&
                 dnnl_memory_desc_equal(&blocked, &operand.inside);
    if (stays)
        operand.outside = operand.inside;
    layer->output_block = stays ? onednn_block() : 0;
    layer->output_bytes = dnnl_memory_desc_get_size(&operand.outside);
    return onednn_operand_add(layer, &operand, true, engine, error);
}

/* What is added to the output: brought to where that goes, or dense. */
static convoy_status add_addend(struct onednn_layer *layer, const struct layer_desc *desc,
                                const struct onednn_recipe *recipe, const_dnnl_primitive_desc_t pd,
                                dnnl_engine_t engine, convoy_error *error) {
    dnnl_memory_desc_t lies;
    const dnnl_memory_desc_t *given = onednn_given(desc, 1, &lies);
    struct operand operand = {.index = 1, .onto_output = recipe->adds, .inside = recipe->output.plain};
    if (recipe->adds)
        operand.inside = *dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    else if (given && !onednn_plain(&operand.inside, given->ndims, given->dims))
        return error_memory(error);
    operand.outside = given ? *given : recipe->output.plain;
    operand.between = operand.inside;
    layer->adds_after = recipe->adds_after;
    return onednn_operand_add(layer, &operand, false, engine, error);
}

/* Divides the arena: scratch memory, then the operands that are used otherwise than they lie. */
static bool layout_arena(struct onednn_layer *layer) {
    if (layer->scratch_bytes == 0)
        layer->scratch_bytes = 1; /* so that there always is a handle */
    size_t end = layer->scratch_bytes;
    for (uint32_t i = 0; i < layer->operand_count; i++) {
        struct operand *operand = &layer->operands[i];
        if (!operand->reorder || operand->onto_output)
            continue;
        if (!size_add(end, MEMORY_ALIGNMENT - 1, &end))
            return false;
        operand->offset = end -= end % MEMORY_ALIGNMENT;
        if (!size_add(end, dnnl_memory_desc_get_size(&operand->between), &end))
            return false;
    }
    layer->arena_bytes = end;
    return true;
}

static convoy_status build_primitive(struct onednn_layer *layer, const struct layer_desc *desc,
                                     const struct onednn_recipe *recipe, const_dnnl_primitive_desc_t pd,
                                     dnnl_engine_t engine, convoy_error *error) {
    dnnl_status_t made = onednn_room();
    if (made == dnnl_success)
        made = dnnl_primitive_create(&layer->primitive, pd);
    if (made != dnnl_success)
        return onednn_failure(made, "dnnl_primitive_create", error);
    layer->scratch_bytes = scratch_of(pd);
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < recipe->input_count && status == CONVOY_OK; i++)
        status = add_input(layer, desc, &recipe->inputs[i], pd, engine, error);
    if (status == CONVOY_OK && (recipe->adds || recipe->adds_after))
        status = add_addend(layer, desc, recipe, pd, engine, error);
    if (status == CONVOY_OK)
        status = add_output(layer, desc, &recipe->output, pd, engine, error);
    for (uint32_t i = 0; i < recipe->constant_count && status == CONVOY_OK; i++)
        status = add_constant(layer, &recipe->constants[i], desc->own_weights, pd, engine, error);
    return status;
}

/* A layer of the reference. It gets dense inputs. */
static convoy_status build_inner(struct onednn_layer *layer, const struct layer_desc *desc,
                                 const struct layer_params *params, struct onednn_backend *backend,
                                 convoy_error *error) {
    struct layer_desc dense = *desc;
    struct value_desc *inputs = calloc(desc->input_count, sizeof *inputs);
    if (!inputs)
        return error_memory(error);
    dense.inputs = inputs;
    dense.free_output = false;
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < desc->input_count && status == CONVOY_OK; i++) {
        inputs[i] = (struct value_desc){desc->inputs[i].dtype, desc->inputs[i].shape, 0};
        dnnl_memory_desc_t lies;
        const dnnl_memory_desc_t *given = onednn_given(desc, i, &lies);
        if (!given)
            continue;
        struct operand operand = {.index = i, .outside = *given};
        onednn_plain(&operand.inside, given->ndims, given->dims);
        operand.between = operand.inside;
        status = onednn_operand_add(layer, &operand, false, backend->engine, error);
    }
    if (status == CONVOY_OK)
        status = backend->inner->ops->layer_prepare(backend->inner, &dense, params, &layer->inner, error);
    free(inputs);
    return status;
}

static bool is_float_concat(const struct layer_desc *desc) {
    return desc->kind == LAYER_CONCAT && desc->outputs[0].dtype == CONVOY_F32 &&
           shape_product(&desc->outputs[0].shape, 0, desc->outputs[0].shape.rank) > 0;
}

static convoy_status build(struct onednn_layer *layer, const struct layer_desc *desc,
                           const struct layer_params *params, struct onednn_backend *backend,
                           convoy_error *error) {
    struct onednn_recipe recipe = {0};
    dnnl_primitive_desc_t pd = NULL;
    convoy_status status = CONVOY_OK;
    if (onednn_loops_apply(desc)) {
        status = onednn_loops_prepare(layer, desc, backend->engine, error);
        return status == CONVOY_OK && !layout_arena(layer) ? error_memory(error) : status;
    }
    dnnl_status_t chosen = onednn_choose(backend, desc, params, &recipe, &pd, &layer->after);
    if (chosen != dnnl_success)
        status = onednn_failure(chosen, "choosing a primitive", error);
    else if (pd)
        status = build_primitive(layer, desc, &recipe, pd, backend->engine, error);
    else if (is_float_concat(desc))
        status = onednn_concat(layer, desc, backend->engine, error);
    else if (onednn_transposes(desc))
        status = onednn_transpose(layer, desc, backend->engine, error);
    else
        status = build_inner(layer, desc, params, backend, error);
    dnnl_primitive_desc_destroy(pd);
    if (status != CONVOY_OK)
        return status;
    if (!layer->primitive) /* even where a concatenation joins blocks, since these are full */
        tensor_bytes(desc->outputs[0].dtype, &desc->outputs[0].shape,
                     &layer->output_bytes); /* checked before */
    return layout_arena(layer) ? CONVOY_OK : error_memory(error);
}

void onednn_layer_destroy(struct layer **slot) {
    struct onednn_layer *layer = slot ? (struct onednn_layer *)*slot : NULL;
    if (!layer)
        return;
    if (layer->inner)
        layer->inner->ops->layer_destroy(&layer->inner);
    for (uint32_t i = 0; i < layer->operand_count; i++)
        dnnl_primitive_destroy(layer->operands[i].reorder);
    for (uint32_t i = 0; i < layer->constant_count; i++) {
        dnnl_memory_destroy(layer->constants[i].memory);
        buffer_release(&layer->constants[i].owner);
    }
    dnnl_primitive_destroy(layer->primitive);
    free(layer->operands);
    free(layer->chunks);
    free(layer);
    *slot = NULL;
}

convoy_status onednn_layer_prepare(struct backend *base, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **out,
                                   convoy_error *error) {
    struct onednn_backend *backend = (struct onednn_backend *)base;
    convoy_status status = layer_check(desc, params, error);
    if (status != CONVOY_OK)
        return status;
    struct onednn_layer *layer = calloc(1, sizeof *layer);
    struct layer *made = layer ? &layer->base : NULL;
    if (layer)
        layer->operands = calloc((size_t)desc->input_count + 1, sizeof *layer->operands);
    if (!layer || !layer->operands) {
        onednn_layer_destroy(&made);
        return error_memory(error);
    }
    layer->base.ops = base->ops;
    layer->input_count = desc->input_count;
    layer->serial = atomic_fetch_add(&backend->serial, 1);
    int before = onednn_threads_set((int)backend->base.threads);
    status = build(layer, desc, params, backend, error);
    onednn_threads_set(before);
    if (status == CONVOY_OK)
        *out = made;
    else
        onednn_layer_destroy(&made);
    return status;
}
