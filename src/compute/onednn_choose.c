/* Which of oneDNN's kernels computes a layer: in the layouts that the tensors have where there is a kernel
 * for them, else dense; and Winograd's algorithm where that is asked for, which oneDNN never chooses by
 * itself. */
#include "base/memory.h"
#include "base/tensor.h"
#include "compute/layer.h"
#include "compute/onednn.h"

#include <stdlib.h>
#include <string.h>

/* From so many rows on a product may be a convolution (write_rows in onednn_conv.c). With fewer rows reading
 * the weights takes longer than computing, and they are not held twice for that. */
#define MANY_ROWS 16

static onednn_recipe_writer *const writers[LAYER_KINDS] = {
    [LAYER_CONV] = onednn_conv,     [LAYER_POOL] = onednn_pool,     [LAYER_ACTIVATION] = onednn_activation,
    [LAYER_BINARY] = onednn_binary, [LAYER_AFFINE] = onednn_affine, [LAYER_SOFTMAX] = onednn_softmax,
    [LAYER_LRN] = onednn_lrn,       [LAYER_MATMUL] = onednn_matmul, [LAYER_NORMALIZE] = onednn_normalize,
    [LAYER_REDUCE] = onednn_reduce, [LAYER_RESIZE] = onednn_resize, [LAYER_CONV_TRANSPOSE] = onednn_deconv,
};

dnnl_status_t onednn_attributes_create(dnnl_primitive_attr_t *attributes, const_dnnl_post_ops_t post_ops) {
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

/* --- One variant ---------------------------------------------------------------------------------------- */

/* Whether the inputs can be brought to what the primitive takes: where it sees other dimensions than the
 * tensor's, only a dense tensor is both. */
static bool inputs_reachable(const struct layer_desc *desc, const struct onednn_recipe *recipe,
                             const_dnnl_primitive_desc_t pd) {
    dnnl_memory_desc_t lies;
    for (uint32_t i = 0; i < recipe->input_count; i++) {
        const struct onednn_operand *input = &recipe->inputs[i];
        const dnnl_memory_desc_t *given = onednn_given(desc, input->index, &lies);
        const dnnl_memory_desc_t *inside =
            dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, input->arg);
        if (given && !onednn_same_dims(given, inside) && !dnnl_memory_desc_equal(inside, &input->plain))
            return false;
    }
    const dnnl_memory_desc_t *added = recipe->adds ? onednn_given(desc, 1, &lies) : NULL;
    return !added || onednn_same_dims(added, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0));
}

static bool is_called(const_dnnl_primitive_desc_t pd, const char *begin) {
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return strncmp(name, begin, strlen(begin)) == 0;
}

/* Only for dense tensors are oneDNN's plain loops good enough: they are no worse there than ours. */
static bool is_wanted(const struct layer_desc *desc, const struct onednn_recipe *recipe,
                      const_dnnl_primitive_desc_t pd) {
    switch (recipe->variant) {
    case ONEDNN_DENSE:
        break;
    case ONEDNN_ROWS:
        if (!is_called(pd, "brgconv_1x1"))
            return false;
        break;
    case ONEDNN_BLOCKED:
        if (is_called(pd, "ref"))
            return false;
        break;
    case ONEDNN_WINOGRAD:
        if (!is_called(pd, desc->kernel == CONV_WINOGRAD_2 ? "jit_fp32_wino_2x3" : "jit_wino_4x3"))
            return false;
        break;
    }
    return inputs_reachable(desc, recipe, pd);
}

/* oneDNN's first choice for a recipe; of Winograd's algorithms the one that is asked for. */
static dnnl_status_t find_implementation(const struct layer_desc *desc, struct onednn_recipe *recipe,
                                         dnnl_engine_t engine, dnnl_primitive_desc_t *pd) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_iterator_t iterator = NULL;
    dnnl_status_t status = onednn_room();
    if (status == dnnl_success)
        status = onednn_attributes_create(&attributes, recipe->post_ops);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&iterator, &recipe->op, attributes, engine, NULL);
    for (bool more = status == dnnl_success; more && !*pd;) {
        *pd = dnnl_primitive_desc_iterator_fetch(iterator);
        if (*pd && !is_wanted(desc, recipe, *pd)) {
            dnnl_primitive_desc_destroy(*pd);
            *pd = NULL;
        }
        more =
            recipe->variant == ONEDNN_WINOGRAD && dnnl_primitive_desc_iterator_next(iterator) == dnnl_success;
    }
    dnnl_primitive_desc_iterator_destroy(iterator);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_out_of_memory ? status : dnnl_success; /* anything else: there is none */
}

static dnnl_status_t try_variant(const struct layer_desc *desc, const struct layer_params *params,
                                 enum onednn_variant variant, dnnl_engine_t engine,
                                 struct onednn_recipe *recipe, dnnl_primitive_desc_t *pd,
                                 struct activation *after) {
    *recipe = (struct onednn_recipe){.variant = variant, .activation = desc->activation};
    dnnl_status_t status = dnnl_post_ops_create(&recipe->post_ops);
    if (status != dnnl_success)
        return status;
    if (writers[desc->kind](desc, params, recipe)) {
        *after = (struct activation){.kind = ACTIVATION_NONE};
        if (recipe->adds_after || !onednn_fuse_activation(recipe->post_ops, &recipe->activation))
            *after = recipe->activation;
        status = find_implementation(desc, recipe, engine, pd);
    }
    dnnl_post_ops_destroy(recipe->post_ops);
    recipe->post_ops = NULL;
    return status;
}

/* --- All ------------------------------------------------------------------------------------------------ */

/* Whether all tensors are of the type that recipes are for, and there is one output. */
static bool is_float32(const struct layer_desc *desc) {
    bool all = desc->output_count == 1 && desc->outputs[0].dtype == CONVOY_F32;
    for (uint32_t i = 0; i < desc->input_count; i++)
        all = all && desc->inputs[i].dtype == CONVOY_F32;
    return all;
}

static bool is_empty(const struct layer_desc *desc) {
    bool empty = shape_product(&desc->outputs[0].shape, 0, desc->outputs[0].shape.rank) == 0;
    for (uint32_t i = 0; i < desc->input_count; i++)
        empty = empty || shape_product(&desc->inputs[i].shape, 0, desc->inputs[i].shape.rank) == 0;
    return empty;
}

/* Whether it is a product of many rows. */
static bool has_rows(const struct layer_desc *desc) {
    struct conv_product product;
    return desc->kind == LAYER_CONV && conv_is_product(&desc->conv, &product) && product.rows >= MANY_ROWS;
}

dnnl_status_t onednn_choose(struct onednn_backend *backend, const struct layer_desc *desc,
                            const struct layer_params *params, struct onednn_recipe *recipe,
                            dnnl_primitive_desc_t *pd, struct activation *after) {
    if (!writers[desc->kind] || !is_float32(desc) || is_empty(desc))
        return dnnl_success;
    const struct conv_geometry *g = &desc->conv;
    bool laid_out = desc->free_output || (desc->kind == LAYER_CONV && (g->in_block || g->out_block));
    for (uint32_t i = 0; i < desc->input_count; i++)
        laid_out = laid_out || desc->inputs[i].block;
    dnnl_status_t status = dnnl_success;
    if (laid_out)
        status = try_variant(desc, params, ONEDNN_BLOCKED, backend->engine, recipe, pd, after);
    if (status == dnnl_success && !*pd && has_rows(desc))
        status = try_variant(desc, params, ONEDNN_ROWS, backend->engine, recipe, pd, after);
    if (status == dnnl_success && !*pd)
        status = try_variant(desc, params, ONEDNN_DENSE, backend->engine, recipe, pd, after);
    if (status != dnnl_success || !*pd || desc->kind != LAYER_CONV || desc->kernel == CONV_DIRECT ||
        !conv_admits_winograd(&desc->conv))
        return status;
    struct onednn_recipe fast;
    struct activation fast_after;
    dnnl_primitive_desc_t fast_pd = NULL;
    status = try_variant(desc, params, ONEDNN_WINOGRAD, backend->engine, &fast, &fast_pd, &fast_after);
    if (status != dnnl_success || !fast_pd)
        return status;
    dnnl_primitive_desc_destroy(*pd);
    *pd = fast_pd;
    *recipe = fast;
    *after = fast_after;
    return dnnl_success;
}
