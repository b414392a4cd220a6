/* Settles a layer for oneDNN. Measured on version 2.6 and therefore kept to: a primitive that one thread
 * created and another executes crashes unless its scratch memory is the user's; omp_set_num_threads counts
 * for the calling thread alone. */
#include "compute/onednn.h"

#include "base/error.h"
#include "base/tensor.h"
#include "compute/layer.h"

#include <stdlib.h>

static onednn_recipe_writer *const writers[] = {
    [LAYER_CONV] = onednn_conv,     [LAYER_POOL] = onednn_pool,     [LAYER_ACTIVATION] = onednn_activation,
    [LAYER_BINARY] = onednn_binary, [LAYER_AFFINE] = onednn_affine, [LAYER_SOFTMAX] = onednn_softmax,
    [LAYER_LRN] = onednn_lrn,       [LAYER_MATMUL] = onednn_matmul, [LAYER_CAST] = NULL,
};

bool onednn_plain(dnnl_memory_desc_t *md, int rank, const int64_t *dims) {
    return dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, NULL) == dnnl_success;
}

bool onednn_any(dnnl_memory_desc_t *md, int rank, const int64_t *dims) {
    return dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

convoy_status onednn_failure(dnnl_status_t status, const char *what, convoy_error *error) {
    if (status == dnnl_out_of_memory)
        return error_memory(error);
    return error_set(error, CONVOY_E_INTERNAL, "oneDNN returned %d from %s", (int)status, what);
}

/* Attributes of every primitive: scratch memory from outside, and float32 that stays float32. */
static dnnl_status_t attributes_create(dnnl_primitive_attr_t *attributes, const_dnnl_post_ops_t post_ops) {
    dnnl_primitive_attr_t made;
    dnnl_status_t status = dnnl_primitive_attr_create(&made);
    if (status != dnnl_success)
        return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(made, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_fpmath_mode(made, dnnl_fpmath_mode_strict);
    if (status == dnnl_success && post_ops)
        status = dnnl_primitive_attr_set_post_ops(made, post_ops);
    if (status == dnnl_success)
        *attributes = made;
    else
        dnnl_primitive_attr_destroy(made);
    return status;
}

static size_t scratch_of(const_dnnl_primitive_desc_t pd) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

/* A primitive that copies between two layouts; *scratch_bytes grows to what it needs. */
static dnnl_status_t reorder_create(dnnl_primitive_t *reorder, size_t *scratch_bytes,
                                    const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                                    dnnl_engine_t engine) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = attributes_create(&attributes, NULL);
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
    dnnl_status_t status = reorder_create(&reorder, &bytes, from_md, to_md, engine);
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

/* Keeps a constant in the layout that the primitive wants: where that is the model's own, the model's own
 * memory. */
static convoy_status add_constant(struct onednn_layer *layer, const struct onednn_constant *constant,
                                  const_dnnl_primitive_desc_t pd, dnnl_engine_t engine, convoy_error *error) {
    const dnnl_memory_desc_t *chosen =
        dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, constant->arg);
    struct buffer *owner;
    void *data;
    if (dnnl_memory_desc_equal(chosen, &constant->plain)) {
        convoy_tensor kept;
        convoy_status status = tensor_keep(&kept, constant->tensor, error);
        if (status != CONVOY_OK)
            return status;
        owner = kept.owner;
        data = kept.data;
    } else {
        owner = buffer_create(dnnl_memory_desc_get_size(chosen));
        data = owner ? owner->data : NULL;
        dnnl_status_t done =
            owner ? reorder_once(&constant->plain, constant->tensor->data, chosen, data, engine)
                  : dnnl_out_of_memory;
        if (done != dnnl_success) {
            buffer_release(&owner);
            return onednn_failure(done, "reordering weights", error);
        }
        tensor_discard(constant->tensor);
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

static convoy_status add_operand(struct onednn_layer *layer, const struct onednn_operand *planned,
                                 bool output, const_dnnl_primitive_desc_t pd, dnnl_engine_t engine,
                                 convoy_error *error) {
    struct operand *operand = &layer->operands[layer->operand_count++];
    *operand = (struct operand){.arg = planned->arg, .index = planned->index, .plain = planned->plain};
    operand->chosen = *dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, planned->arg);
    if (dnnl_memory_desc_equal(&operand->chosen, &operand->plain))
        return CONVOY_OK;
    dnnl_status_t status =
        reorder_create(&operand->reorder, &layer->scratch_bytes, output ? &operand->chosen : &operand->plain,
                       output ? &operand->plain : &operand->chosen, engine);
    return status == dnnl_success ? CONVOY_OK : onednn_failure(status, "making a reorder", error);
}

/* Divides the arena: scratch memory, then the operands that the primitive wants otherwise. */
static bool layout_arena(struct onednn_layer *layer) {
    size_t end = layer->scratch_bytes;
    for (uint32_t i = 0; i < layer->operand_count; i++) {
        struct operand *operand = &layer->operands[i];
        if (!operand->reorder)
            continue;
        if (!size_add(end, MEMORY_ALIGNMENT - 1, &end))
            return false;
        operand->offset = end -= end % MEMORY_ALIGNMENT;
        if (!size_add(end, dnnl_memory_desc_get_size(&operand->chosen), &end))
            return false;
    }
    layer->arena_bytes = end;
    return true;
}

static convoy_status build(struct onednn_layer *layer, const struct onednn_recipe *recipe,
                           const_dnnl_primitive_desc_t pd, dnnl_engine_t engine, convoy_error *error) {
    dnnl_status_t made = dnnl_primitive_create(&layer->primitive, pd);
    if (made != dnnl_success)
        return onednn_failure(made, "dnnl_primitive_create", error);
    layer->scratch_bytes = scratch_of(pd);
    if (layer->scratch_bytes == 0)
        layer->scratch_bytes = 1; /* so that there always is a handle */
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < recipe->input_count && status == CONVOY_OK; i++)
        status = add_operand(layer, &recipe->inputs[i], false, pd, engine, error);
    if (status == CONVOY_OK)
        status = add_operand(layer, &recipe->output, true, pd, engine, error);
    for (uint32_t i = 0; i < recipe->constant_count && status == CONVOY_OK; i++)
        status = add_constant(layer, &recipe->constants[i], pd, engine, error);
    if (status == CONVOY_OK && !layout_arena(layer))
        status = error_memory(error);
    return status;
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
    free(layer);
    *slot = NULL;
}

static bool is_empty(const struct layer_desc *desc) {
    bool empty = shape_product(&desc->output, 0, desc->output.rank) == 0;
    for (uint32_t i = 0; i < desc->input_count; i++)
        empty = empty || shape_product(&desc->inputs[i], 0, desc->inputs[i].rank) == 0;
    return empty;
}

/* *pd stays NULL, without an error, where oneDNN cannot compute the layer. */
static dnnl_status_t plan(const struct layer_desc *desc, const struct layer_params *params,
                          dnnl_engine_t engine, struct onednn_recipe *recipe, dnnl_primitive_desc_t *pd,
                          struct activation *after) {
    onednn_recipe_writer *write =
        (size_t)desc->kind < sizeof writers / sizeof writers[0] ? writers[desc->kind] : NULL;
    if (!write || desc->dtype != CONVOY_F32 || is_empty(desc))
        return dnnl_success;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = dnnl_post_ops_create(&recipe->post_ops);
    if (status != dnnl_success)
        return status;
    recipe->activation = desc->activation;
    if (write(desc, params, recipe)) {
        *after = (struct activation){.kind = ACTIVATION_NONE};
        if (!onednn_fuse_activation(recipe->post_ops, &recipe->activation))
            *after = recipe->activation;
        status = attributes_create(&attributes, recipe->post_ops);
        if (status == dnnl_success)
            status = dnnl_primitive_desc_create(pd, &recipe->op, attributes, engine, NULL);
        if (status != dnnl_out_of_memory)
            status = dnnl_success;
    }
    dnnl_primitive_attr_destroy(attributes);
    dnnl_post_ops_destroy(recipe->post_ops);
    return status;
}

convoy_status onednn_layer_prepare(struct backend *base, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **out,
                                   convoy_error *error) {
    struct onednn_backend *backend = (struct onednn_backend *)base;
    convoy_status status = layer_check(desc, params, error);
    if (status != CONVOY_OK)
        return status;
    struct onednn_layer *layer = calloc(1, sizeof *layer);
    struct onednn_recipe *recipe = calloc(1, sizeof *recipe);
    dnnl_primitive_desc_t pd = NULL;
    int before = onednn_threads_set(backend->threads);
    if (!layer || !recipe) {
        status = error_memory(error);
        goto out;
    }
    layer->base.ops = base->ops;
    layer->serial = atomic_fetch_add(&backend->serial, 1);
    dnnl_status_t planned = plan(desc, params, backend->engine, recipe, &pd, &layer->after);
    if (planned != dnnl_success)
        status = onednn_failure(planned, "dnnl_primitive_desc_create", error);
    else if (pd)
        status = build(layer, recipe, pd, backend->engine, error);
    else
        status = backend->inner->ops->layer_prepare(backend->inner, desc, params, &layer->inner, error);
out:
    onednn_threads_set(before);
    dnnl_primitive_desc_destroy(pd);
    free(recipe);
    struct layer *made = layer ? &layer->base : NULL;
    if (status == CONVOY_OK)
        *out = made;
    else
        onednn_layer_destroy(&made);
    return status;
}
