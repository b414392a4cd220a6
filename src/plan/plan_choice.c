/* Which option each layer gets. Every layer is decided by itself: the option with the least score. What
 * couples the layers, the memory of a worker and the throughput of a resource, is a price in that score
 * (Everett's generalized Lagrange multipliers, doi 10.1287/opre.11.3.399), which is raised until the whole
 * fits. */
#include "plan/plan_internal.h"

#include <math.h>
#include <string.h>

#define ROUNDS 60 /* of raising prices */

/* ---- scores ---- */

void plan_option_use(const struct plan_request *request, const struct plan_option *option,
                     double use[RESOURCES]) {
    const struct prediction *p = &option->predicted;
    const struct profile *profile = request->costs.profile;
    use[RESOURCE_MASTER] = p->tasks_ns + p->encode_ns + p->decode_ns;
    use[RESOURCE_UP] = p->up_bytes / profile->link.up_bytes_per_ns;
    use[RESOURCE_DOWN] = p->down_bytes / profile->link.down_bytes_per_ns;
    use[RESOURCE_WORKERS] = p->workers_ns / request->cluster.workers;
}

static double weighted(const struct planner *planner, const double use[RESOURCES]) {
    double sum = 0;
    for (int r = 0; r < RESOURCES; r++)
        sum += planner->weights[r] * use[r];
    return sum;
}

double plan_score(const struct planner *planner, const struct plan_option *option) {
    const struct plan_request *request = planner->request;
    double use[RESOURCES], score = 0;
    switch (request->objective) {
    case PLAN_LATENCY:
        score = option->predicted.total_ns;
        break;
    case PLAN_THROUGHPUT:
        plan_option_use(request, option, use);
        score = weighted(planner, use);
        break;
    case PLAN_BYTES:
        score = option->predicted.up_bytes + option->predicted.down_bytes;
        break;
    case PLAN_PAPER:
        score = option->paper_cost;
        break;
    }
    return score + planner->price * option->stored_bytes;
}

/* ---- one layer ---- */

/* Whether the layer is better off with the workers than here. */
static bool pays(const struct planner *planner, const struct plan_layer *layer,
                 const struct plan_option *option) {
    const double here[RESOURCES] = {[RESOURCE_MASTER] = layer->here_ns};
    if (planner->request->distribute == PLAN_ALL || planner->request->decided)
        return true;
    if (planner->request->objective == PLAN_THROUGHPUT)
        return plan_score(planner, option) < weighted(planner, here);
    double price = planner->request->objective == PLAN_LATENCY ? planner->price : 0; /* else not of a time */
    return option->predicted.total_ns + price * option->stored_bytes < PLAN_WORTH * layer->here_ns;
}

/* Of a layer that workers do not get. fastest: of the options; NULL if none may be chosen. */
static const char *why_here(const struct planner *planner, const struct plan_layer *layer,
                            const struct plan_option *fastest) {
    if (layer->option_count == 0)
        return layer->why_local;
    if (!fastest)
        return "its answers may not decode well";
    if (fastest->predicted.total_ns >= layer->here_ns)
        return "faster here";
    if (fastest->predicted.total_ns >= PLAN_WORTH * layer->here_ns)
        return "hardly faster on workers";
    return planner->price > 0 ? "too large for the workers' memory" : "workers or link have more to do";
}

/* What travels decides among equals, then what is stored, then the multiply-adds. */
static bool is_better(const struct planner *planner, const struct plan_option *a,
                      const struct plan_option *b) {
    const struct partition_cost *x = &a->candidate.cost, *y = &b->candidate.cost;
    double of_a = plan_score(planner, a), of_b = plan_score(planner, b);
    if (of_a != of_b)
        return of_a < of_b;
    if (x->up + x->down != y->up + y->down)
        return x->up + x->down < y->up + y->down;
    return x->stored != y->stored ? x->stored < y->stored : x->macs < y->macs;
}

static bool may_be_chosen(const struct plan_option *option) {
    return option->weighed && !option->refused;
}

/* Gives the layer this option; NULL: leaves it here. */
static void settle(const struct planner *planner, struct plan_layer *layer, struct plan_option *option) {
    const struct plan_option *shown = option;
    for (size_t i = 0; i < layer->option_count && !option; i++) {
        const struct plan_option *other = &layer->options[i];
        if (may_be_chosen(other) && (!shown || other->predicted.total_ns < shown->predicted.total_ns))
            shown = other;
    }
    layer->chosen = option;
    layer->coded_ns = shown ? shown->predicted.total_ns : 0;
    layer->why_local = option ? NULL : why_here(planner, layer, shown);
}

static void choose_layer(const struct planner *planner, size_t step) {
    struct plan_layer *layer = &planner->layers[step];
    struct plan_option *best = NULL;
    for (size_t i = 0; i < layer->option_count; i++) {
        struct plan_option *option = &layer->options[i];
        if (may_be_chosen(option) && pays(planner, layer, option) &&
            (!best || is_better(planner, option, best)))
            best = option;
    }
    settle(planner, layer, best);
}

static void choose_layers(const struct planner *planner) {
    for (size_t s = 0; s < planner->count; s++)
        choose_layer(planner, s);
}

/* ---- throughput ---- */

/* What a layer takes of each resource with this option; NULL: here. */
static void use_of(const struct planner *planner, const struct plan_layer *layer,
                   const struct plan_option *option, double use[RESOURCES]) {
    memset(use, 0, RESOURCES * sizeof *use);
    if (option)
        plan_option_use(planner->request, option, use);
    else
        use[RESOURCE_MASTER] = layer->here_ns;
}

static void add_up(const struct planner *planner, double busy[RESOURCES]) {
    double use[RESOURCES];
    memset(busy, 0, RESOURCES * sizeof *busy);
    for (size_t s = 0; s < planner->count; s++) {
        use_of(planner, &planner->layers[s], planner->layers[s].chosen, use);
        for (int r = 0; r < RESOURCES; r++)
            busy[r] += use[r];
    }
}

static double busiest(const double busy[RESOURCES]) {
    double most = 0;
    for (int r = 0; r < RESOURCES; r++)
        most = fmax(most, busy[r]);
    return most;
}

double plan_busiest_ns(const struct planner *planner) {
    double busy[RESOURCES];
    add_up(planner, busy);
    return busiest(busy);
}

/* Raises the weight of what is busiest and lowers the others', and keeps the weights under which the busiest
 * had the least to do. */
static void balance(struct planner *planner) {
    double best = INFINITY, kept[RESOURCES];
    for (int r = 0; r < RESOURCES; r++)
        kept[r] = planner->weights[r] = 1.0 / RESOURCES;
    for (int round = 0; round < ROUNDS; round++) {
        double busy[RESOURCES], sum = 0;
        choose_layers(planner);
        add_up(planner, busy);
        double most = busiest(busy);
        if (most < best) {
            best = most;
            memcpy(kept, planner->weights, sizeof kept);
        }
        for (int r = 0; r < RESOURCES && most > 0; r++)
            sum += planner->weights[r] *= exp(busy[r] / most / sqrt(round + 1));
        for (int r = 0; r < RESOURCES && sum > 0; r++)
            planner->weights[r] /= sum;
    }
    memcpy(planner->weights, kept, sizeof kept);
}

/* Gives one layer the option, or leaves it here, with which the busiest resource has the least to do. */
static bool move_layer(const struct planner *planner, struct plan_layer *layer, double busy[RESOURCES]) {
    double rest[RESOURCES], use[RESOURCES], tried[RESOURCES], best = busiest(busy) * (1 - 1e-9);
    bool moved = false, here = planner->request->distribute == PLAN_PAYING;
    use_of(planner, layer, layer->chosen, use);
    for (int r = 0; r < RESOURCES; r++)
        rest[r] = busy[r] - use[r];
    for (size_t i = here ? 0 : 1; i <= layer->option_count; i++) {
        struct plan_option *option = i ? &layer->options[i - 1] : NULL;
        if (option && !may_be_chosen(option))
            continue;
        use_of(planner, layer, option, use);
        for (int r = 0; r < RESOURCES; r++)
            tried[r] = rest[r] + use[r];
        if (busiest(tried) >= best)
            continue;
        best = busiest(tried);
        memcpy(busy, tried, sizeof tried);
        settle(planner, layer, option);
        moved = true;
    }
    return moved;
}

/* Weights treat layers that are alike alike, though the best may be to share them out: moves one layer at a
 * time for as long as that helps. */
static void move_layers(struct planner *planner) {
    double busy[RESOURCES];
    bool moved = true;
    add_up(planner, busy);
    for (int round = 0; round < ROUNDS && moved; round++) {
        moved = false;
        for (size_t s = 0; s < planner->count; s++)
            moved = (planner->layers[s].option_count > 0 && move_layer(planner, &planner->layers[s], busy)) ||
                    moved;
    }
}

/* ---- memory ---- */

double plan_memory_bytes(const struct plan_request *request, uint32_t *worker) {
    uint64_t least = 0;
    *worker = 0;
    for (uint32_t w = 0; w < request->cluster.workers; w++) {
        uint64_t bytes = profile_worker(request->costs.profile, w)->memory_bytes;
        if (!bytes || (least && bytes >= least))
            continue;
        least = bytes;
        *worker = w;
    }
    return (double)least;
}

double plan_worker_bytes(const struct planner *planner) {
    double stored = 0, most = 0;
    for (size_t s = 0; s < planner->count; s++) {
        const struct plan_option *option = planner->layers[s].chosen;
        if (!option)
            continue;
        const struct partition_cost *cost = &option->candidate.cost;
        stored += option->stored_bytes;
        most = fmax(most, (cost->up + cost->down) * plan_element_bytes(&planner->subjects[s]));
    }
    return stored + most;
}

static bool fits(const struct planner *planner, double bytes) {
    return plan_worker_bytes(planner) <= bytes;
}

/* Leaves to the master what stores the most until the rest fits. */
static void drop_layers(struct planner *planner, double bytes) {
    while (!fits(planner, bytes)) {
        struct plan_layer *largest = NULL;
        for (size_t s = 0; s < planner->count; s++) {
            struct plan_layer *layer = &planner->layers[s];
            if (layer->chosen && (!largest || layer->chosen->stored_bytes > largest->chosen->stored_bytes))
                largest = layer;
        }
        largest->chosen = NULL;
        largest->why_local = "too large for the workers' memory";
    }
}

/* A price moves all layers at once and leaves gaps: gives each layer the best option that still fits. */
static void fill_gaps(struct planner *planner, double bytes) {
    double price = planner->price;
    planner->price = 0;
    for (size_t s = 0; s < planner->count; s++) {
        struct plan_layer *layer = &planner->layers[s];
        struct plan_option *before = layer->chosen, *best = before;
        for (size_t i = 0; i < layer->option_count; i++) {
            struct plan_option *option = layer->chosen = &layer->options[i];
            if (may_be_chosen(option) && pays(planner, layer, option) && fits(planner, bytes) &&
                (!best || is_better(planner, option, best)))
                best = option;
        }
        layer->chosen = before;
        if (best != before)
            settle(planner, layer, best);
    }
    planner->price = price;
}

/* The least price of a stored byte, to a hundredth, at which a worker's memory suffices. */
static void fit_memory(struct planner *planner, double bytes) {
    double low = 0, high = 1e-9;
    while (!fits(planner, bytes) && high < 1e18) {
        low = planner->price;
        high = planner->price = high * 4;
        choose_layers(planner);
    }
    for (int round = 0; round < ROUNDS && high > low * 1.01; round++) {
        planner->price = (low + high) / 2;
        choose_layers(planner);
        if (fits(planner, bytes))
            high = planner->price;
        else
            low = planner->price;
    }
    planner->price = high;
    choose_layers(planner);
    drop_layers(planner, bytes);
    fill_gaps(planner, bytes);
}

void plan_choose_all(struct planner *planner) {
    uint32_t worker;
    double bytes = plan_memory_bytes(planner->request, &worker);
    bool balanced = planner->request->objective == PLAN_THROUGHPUT && !planner->request->decided;
    if (balanced)
        balance(planner);
    choose_layers(planner);
    if (balanced)
        move_layers(planner);
    if (bytes > 0 && !planner->request->decided && !fits(planner, bytes))
        fit_memory(planner, bytes);
}
