/* Which of oneDNN's kernels computes a layer: in the layouts that the tensors have where there is a kernel
 * for them, else dense; and Winograd's algorithm where it was timed and won. oneDNN never chooses that by
 * itself. */
#include "base/memory.h"
#include "base/tensor.h"
#include "compute/onednn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static onednn_recipe_writer *const writers[] = {
    [LAYER_CONV] = onednn_conv,     [LAYER_POOL] = onednn_pool,     [LAYER_ACTIVATION] = onednn_activation,
    [LAYER_BINARY] = onednn_binary, [LAYER_AFFINE] = onednn_affine, [LAYER_SOFTMAX] = onednn_softmax,
    [LAYER_LRN] = onednn_lrn,       [LAYER_MATMUL] = onednn_matmul, [LAYER_CAST] = NULL,
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

static bool is_reference(const_dnnl_primitive_desc_t pd) {
    const char *name = "ref";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return strncmp(name, "ref", 3) == 0;
}

/* Implementation number skip of a recipe. Only for dense tensors are oneDNN's plain loops good enough: they
 * are no worse there than ours. */
static dnnl_status_t find_implementation(const struct layer_desc *desc, struct onednn_recipe *recipe,
                                         uint32_t skip, dnnl_engine_t engine, dnnl_primitive_desc_t *pd) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_iterator_t iterator = NULL;
    dnnl_status_t status = onednn_attributes_create(&attributes, recipe->post_ops);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&iterator, &recipe->op, attributes, engine, NULL);
    while (status == dnnl_success && skip-- > 0)
        status = dnnl_primitive_desc_iterator_next(iterator);
    dnnl_primitive_desc_t found =
        status == dnnl_success ? dnnl_primitive_desc_iterator_fetch(iterator) : NULL;
    if (found && inputs_reachable(desc, recipe, found) &&
        (recipe->variant == ONEDNN_DENSE || !is_reference(found))) {
        *pd = found;
        found = NULL;
    }
    dnnl_primitive_desc_destroy(found);
    dnnl_primitive_desc_iterator_destroy(iterator);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_out_of_memory ? status : dnnl_success; /* anything else: there is none */
}

static dnnl_status_t try_variant(const struct layer_desc *desc, const struct layer_params *params,
                                 enum onednn_variant variant, uint32_t skip, dnnl_engine_t engine,
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
        status = find_implementation(desc, recipe, skip, engine, pd);
    }
    dnnl_post_ops_destroy(recipe->post_ops);
    recipe->post_ops = NULL;
    return status;
}

/* --- Timing --------------------------------------------------------------------------------------------- */

enum { CANDIDATES = 3, TIMED_RUNS = 3, EVICTION_BYTES = 16 << 20 };

/* Winograd's algorithm rounds more coarsely; it must be worth it. */
#define WINOGRAD_GAIN 0.9

/* A primitive on memory of its own. */
struct trial {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[6];
    int arg_count;
    void *memory[6];
    size_t input_bytes; /* memory[0] is the input */
    uint64_t best_ns;
};

static dnnl_status_t trial_add(struct trial *trial, int arg, const dnnl_memory_desc_t *md,
                               dnnl_engine_t engine) {
    if (!md || md->ndims == 0)
        return dnnl_success;
    size_t bytes = dnnl_memory_desc_get_size(md);
    void *data = memory_aligned(bytes);
    if (!data)
        return dnnl_out_of_memory;
    memset(data, 0x3c, bytes); /* 0.01: touched, and no denormal number */
    trial->memory[trial->arg_count] = data;
    trial->args[trial->arg_count].arg = arg;
    return dnnl_memory_create(&trial->args[trial->arg_count++].memory, md, engine, data);
}

static dnnl_status_t trial_begin(struct trial *trial, const_dnnl_primitive_desc_t pd, dnnl_engine_t engine) {
    static const int args[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST,
                               DNNL_ARG_SCRATCHPAD};
    trial->best_ns = UINT64_MAX;
    trial->input_bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0));
    dnnl_status_t status = dnnl_primitive_create(&trial->primitive, pd);
    for (size_t i = 0; i < sizeof args / sizeof args[0] && status == dnnl_success; i++)
        status = trial_add(trial, args[i], dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, args[i]),
                           engine);
    return status;
}

static void trial_end(struct trial *trial) {
    for (int i = 0; i < trial->arg_count; i++) {
        dnnl_memory_destroy(trial->args[i].memory);
        free(trial->memory[i]);
    }
    dnnl_primitive_destroy(trial->primitive);
}

/* Of the calling thread: other users of the machine do not count. Where several threads compute, this one
 * does as long as they do. */
static uint64_t cpu_time_ns(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Leaves the caches as a run of the network does: the weights gone, the input there. Without it small maps
 * with many channels, whose time is that of reading weights, would seem three times as fast, and Winograd's,
 * four times as many, would win. */
static void caches_settle(struct trial *trial, unsigned char *other) {
    memset(other, 1, EVICTION_BYTES);
    const volatile unsigned char *input = trial->memory[0];
    for (size_t i = 0; i < trial->input_bytes; i += MEMORY_ALIGNMENT)
        (void)input[i];
}

static dnnl_status_t trial_run(struct trial *trial, unsigned char *other, dnnl_stream_t stream) {
    caches_settle(trial, other);
    uint64_t start_ns = cpu_time_ns();
    dnnl_status_t status = dnnl_primitive_execute(trial->primitive, stream, trial->arg_count, trial->args);
    if (status == dnnl_success)
        status = dnnl_stream_wait(stream);
    uint64_t spent_ns = cpu_time_ns() - start_ns;
    if (spent_ns < trial->best_ns)
        trial->best_ns = spent_ns;
    return status;
}

/* The fastest of pds[count], the first of them favoured; in turns, so that a disturbance meets all. */
static dnnl_status_t time_all(dnnl_primitive_desc_t *pds, uint32_t count, dnnl_engine_t engine,
                              uint32_t *fastest) {
    struct trial trials[CANDIDATES] = {0};
    dnnl_stream_t stream = NULL;
    unsigned char *other = malloc(EVICTION_BYTES);
    dnnl_status_t status =
        other ? dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) : dnnl_out_of_memory;
    for (uint32_t i = 0; i < count && status == dnnl_success; i++)
        status = trial_begin(&trials[i], pds[i], engine);
    for (int run = 0; run <= TIMED_RUNS; run++) /* the first one warms up */
        for (uint32_t i = 0; i < count && status == dnnl_success; i++)
            status = trial_run(&trials[i], other, stream);
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if ((double)trials[i].best_ns < (best ? 1 : WINOGRAD_GAIN) * (double)trials[best].best_ns)
            best = i;
    for (uint32_t i = 0; i < count; i++)
        trial_end(&trials[i]);
    dnnl_stream_destroy(stream);
    free(other);
    if (status == dnnl_success)
        *fastest = best;
    return status;
}

/* --- Winograd ------------------------------------------------------------------------------------------- */

/* Below this many channels the transformations cost more than the products that they save: 3 channels, 64
 * filters, 224 x 224: 3.7 ms against 1.1. */
#define WINOGRAD_MIN_CHANNELS 16

static bool admits_winograd(const struct layer_desc *desc) {
    const struct conv_geometry *g = &desc->conv;
    bool admitted = desc->kind == LAYER_CONV && desc->tuned && g->layout == CONV_CHANNELS_FIRST &&
                    g->spatial == 2 && g->groups == 1 && g->in_channels >= WINOGRAD_MIN_CHANNELS &&
                    g->out_channels >= WINOGRAD_MIN_CHANNELS;
    for (uint32_t i = 0; i < g->spatial && admitted; i++)
        admitted = g->kernel[i] == 3 && g->stride[i] == 1 && g->dilation[i] == 1;
    return admitted;
}

static const struct onednn_choice *find_choice(const struct onednn_backend *backend,
                                               const struct layer_desc *desc) {
    for (size_t i = 0; i < backend->choice_count; i++)
        if (memcmp(&backend->choices[i].geometry, &desc->conv, sizeof desc->conv) == 0 &&
            backend->choices[i].inputs == desc->input_count)
            return &backend->choices[i];
    return NULL;
}

static bool remember_choice(struct onednn_backend *backend, const struct layer_desc *desc,
                            uint32_t winograd) {
    struct onednn_choice *grown = reallocarray(backend->choices, backend->choice_count + 1, sizeof *grown);
    if (!grown)
        return false;
    backend->choices = grown;
    backend->choices[backend->choice_count++] =
        (struct onednn_choice){.geometry = desc->conv, .inputs = desc->input_count, .winograd = winograd};
    return true;
}

/* Times oneDNN's Winograd kernels against the direct one. *winograd: 0, or which one won. */
static dnnl_status_t time_winograd(struct onednn_backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, dnnl_primitive_desc_t direct,
                                   uint32_t *winograd) {
    dnnl_primitive_desc_t pds[CANDIDATES] = {direct};
    uint32_t count = 1;
    dnnl_status_t status = dnnl_success;
    struct onednn_recipe recipe;
    struct activation after;
    while (count < CANDIDATES && status == dnnl_success) {
        status = try_variant(desc, params, ONEDNN_WINOGRAD, count - 1, backend->engine, &recipe, &pds[count],
                             &after);
        if (!pds[count])
            break;
        count++;
    }
    *winograd = 0;
    if (status == dnnl_success && count > 1)
        status = time_all(pds, count, backend->engine, winograd);
    for (uint32_t i = 1; i < count; i++)
        dnnl_primitive_desc_destroy(pds[i]);
    return status;
}

static dnnl_status_t decide_winograd(struct onednn_backend *backend, const struct layer_desc *desc,
                                     const struct layer_params *params, dnnl_primitive_desc_t direct,
                                     uint32_t *winograd) {
    pthread_mutex_lock(&backend->lock);
    dnnl_status_t status = dnnl_success;
    const struct onednn_choice *choice = find_choice(backend, desc);
    if (choice)
        *winograd = choice->winograd;
    else
        status = time_winograd(backend, desc, params, direct, winograd);
    if (!choice && status == dnnl_success && !remember_choice(backend, desc, *winograd))
        status = dnnl_out_of_memory;
    pthread_mutex_unlock(&backend->lock);
    return status;
}

/* --- All ------------------------------------------------------------------------------------------------ */

static bool is_empty(const struct layer_desc *desc) {
    bool empty = shape_product(&desc->output, 0, desc->output.rank) == 0;
    for (uint32_t i = 0; i < desc->input_count; i++)
        empty = empty || shape_product(&desc->inputs[i], 0, desc->inputs[i].rank) == 0;
    return empty;
}

dnnl_status_t onednn_choose(struct onednn_backend *backend, const struct layer_desc *desc,
                            const struct layer_params *params, struct onednn_recipe *recipe,
                            dnnl_primitive_desc_t *pd, struct activation *after) {
    if ((size_t)desc->kind >= sizeof writers / sizeof writers[0] || !writers[desc->kind] ||
        desc->dtype != CONVOY_F32 || is_empty(desc))
        return dnnl_success;
    bool laid_out = desc->free_output;
    for (uint32_t i = 0; i < desc->input_count; i++)
        laid_out = laid_out || (desc->blocks && desc->blocks[i]);
    dnnl_status_t status = dnnl_success;
    if (laid_out)
        status = try_variant(desc, params, ONEDNN_BLOCKED, 0, backend->engine, recipe, pd, after);
    if (status == dnnl_success && !*pd)
        status = try_variant(desc, params, ONEDNN_DENSE, 0, backend->engine, recipe, pd, after);
    if (status != dnnl_success || !*pd || !admits_winograd(desc))
        return status;
    uint32_t winograd = 0;
    status = decide_winograd(backend, desc, params, *pd, &winograd);
    if (status != dnnl_success || winograd == 0)
        return status;
    dnnl_primitive_desc_destroy(*pd);
    *pd = NULL;
    return try_variant(desc, params, ONEDNN_WINOGRAD, winograd - 1, backend->engine, recipe, pd, after);
}
