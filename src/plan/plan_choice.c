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
    return option->predicted.total_ns + planner->price * option->stored_bytes < layer->here_ns;
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

static void choose_layer(const struct planner *planner, size_t step) {
    struct plan_layer *layer = &planner->layers[step];
    struct plan_option *fastest = NULL;
    layer->chosen = NULL;
    for (size_t i = 0; i < layer->option_count; i++) {
        struct plan_option *option = &layer->options[i];
        if (!option->weighed || option->refused)
            continue;
        if (!fastest || option->predicted.total_ns < fastest->predicted.total_ns)
            fastest = option;
        if (pays(planner, layer, option) && (!layer->chosen || is_better(planner, option, layer->chosen)))
            layer->chosen = option;
    }
    const struct plan_option *shown = layer->chosen ? layer->chosen : fastest;
    layer->coded_ns = shown ? shown->predicted.total_ns : 0;
    if (layer->chosen)
        layer->why_local = NULL;
    else if (fastest)
        layer->why_local = "faster here";
    else if (layer->option_count > 0)
        layer->why_local = "its answers may not decode well";
}

static void choose_layers(const struct planner *planner) {
    for (size_t s = 0; s < planner->count; s++)
        choose_layer(planner, s);
}

/* ---- throughput ---- */

/* Raises the weight of what is busiest and lowers the others', and keeps the weights under which the busiest
 * had the least to do. */
static void balance(struct planner *planner) {
    double best = INFINITY, kept[RESOURCES];
    for (int r = 0; r < RESOURCES; r++)
        kept[r] = planner->weights[r] = 1.0 / RESOURCES;
    for (int round = 0; round < ROUNDS; round++) {
        double busy[RESOURCES] = {0}, most = 0, sum = 0;
        choose_layers(planner);
        for (size_t s = 0; s < planner->count; s++) {
            double use[RESOURCES] = {[RESOURCE_MASTER] = planner->layers[s].here_ns};
            if (planner->layers[s].chosen)
                plan_option_use(planner->request, planner->layers[s].chosen, use);
            for (int r = 0; r < RESOURCES; r++)
                busy[r] += use[r];
        }
        for (int r = 0; r < RESOURCES; r++)
            most = fmax(most, busy[r]);
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

/* ---- memory ---- */

double plan_memory_bytes(const struct plan_request *request) {
    uint64_t least = 0;
    for (uint32_t w = 0; w < request->cluster.workers; w++) {
        uint64_t bytes = profile_worker(request->costs.profile, w)->memory_bytes;
        if (bytes && (!least || bytes < least))
            least = bytes;
    }
    return (double)least;
}

double plan_worker_bytes(const struct planner *planner) {
    const double element = 4;
    double stored = 0, most = 0;
    for (size_t s = 0; s < planner->count; s++) {
        const struct plan_option *option = planner->layers[s].chosen;
        if (!option)
            continue;
        stored += option->stored_bytes;
        most = fmax(most, (option->candidate.cost.up + option->candidate.cost.down) * element);
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
}

void plan_choose_all(struct planner *planner) {
    double bytes = plan_memory_bytes(planner->request);
    if (planner->request->objective == PLAN_THROUGHPUT && !planner->request->decided)
        balance(planner);
    choose_layers(planner);
    if (bytes > 0 && !fits(planner, bytes))
        fit_memory(planner, bytes);
}
