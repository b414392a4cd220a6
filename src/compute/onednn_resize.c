/* Linear interpolation along one axis by oneDNN's resampling, which knows one rule: positions are centres of
 * pixels, the scale is the ratio of the sizes, and what is outside has the value at the border. */
#include "compute/onednn.h"

static bool has_its_rule(const struct layer_desc *desc) {
    const struct axis_map *map = &desc->resize.map;
    return desc->resize.filter == RESIZE_LINEAR && desc->resize.stretch == 1 &&
           !desc->resize.exclude_outside && !desc->resize.extrapolate && map->shift == 0.5 &&
           map->numerator == 1 && map->offset == -0.5 &&
           map->denominator == (double)desc->resize.out / (double)desc->resize.in;
}

bool onednn_resize(const struct layer_desc *desc, const struct layer_params *params,
                   struct onednn_recipe *recipe) {
    (void)params;
    const int64_t outer = (int64_t)desc->resize.outer, inner = (int64_t)desc->resize.inner;
    const bool last = inner == 1; /* the axis that is resized */
    const dnnl_dims_t in = {last ? 1 : outer, last ? outer : inner, (int64_t)desc->resize.in},
                      out = {last ? 1 : outer, last ? outer : inner, (int64_t)desc->resize.out};
    const dnnl_format_tag_t tag = last ? dnnl_ncw : dnnl_nwc;
    recipe->input_count = 1;
    recipe->inputs[0].arg = DNNL_ARG_SRC;
    recipe->output.arg = DNNL_ARG_DST;
    return has_its_rule(desc) &&
           dnnl_memory_desc_init_by_tag(&recipe->inputs[0].plain, 3, in, dnnl_f32, tag) == dnnl_success &&
           dnnl_memory_desc_init_by_tag(&recipe->output.plain, 3, out, dnnl_f32, tag) == dnnl_success &&
           dnnl_resampling_forward_desc_init(&recipe->op.resampling, dnnl_forward_inference,
                                             dnnl_resampling_linear, NULL, &recipe->inputs[0].plain,
                                             &recipe->output.plain) == dnnl_success;
}
