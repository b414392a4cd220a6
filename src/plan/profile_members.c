#include "plan/profile_members.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>

/* ---- the tables ---- */

#define LEAST_RATE 1e-6
#define MOST_RATE  1e9

#define GMAC_S(name_, struct_, rates_, kind_)                                                                \
    {                                                                                                        \
        .name = name_ "_gmac_s", .kind = MEMBER_NUMBER,                                                      \
        .offset = offsetof(struct struct_, rates_.macs_per_ns) + (kind_) * sizeof(double), .required = true, \
        .times = 1, .over = 1, .least = LEAST_RATE, .most = MOST_RATE                                        \
    }
#define RATES(struct_, rates_)                                                                               \
    GMAC_S("convolution", struct_, rates_, RATE_CONVOLUTION),                                                \
        GMAC_S("pointwise", struct_, rates_, RATE_POINTWISE),                                                \
        GMAC_S("depthwise", struct_, rates_, RATE_DEPTHWISE),                                                \
        GMAC_S("product", struct_, rates_, RATE_PRODUCT)

#define MEMBERS(items_)                                                                                      \
    { .items = items_, .count = sizeof items_ / sizeof items_[0] }

static const struct profile_member master_items[] = {
    RATES(profile, master),
    {.name = "memory_gb_s",
     .kind = MEMBER_NUMBER,
     .offset = offsetof(struct profile, bytes_per_ns),
     .required = true,
     .times = 1,
     .over = 1,
     .least = LEAST_RATE,
     .most = MOST_RATE},
    {.name = "task_us",
     .kind = MEMBER_NUMBER,
     .offset = offsetof(struct profile, task_ns),
     .times = 1e3,
     .over = 1,
     .most = 1e9},
    {.name = "processor", .kind = MEMBER_TEXT, .offset = offsetof(struct profile, processor)},
};

#define MBIT_S(name_, field_)                                                                                \
    {                                                                                                        \
        .name = name_ "_mbit_s", .kind = MEMBER_NUMBER, .offset = offsetof(struct profile, field_),          \
        .required = true, .null_is_infinite = true, .times = 1, .over = PROFILE_MBIT_S, .least = LEAST_RATE, \
        .most = MOST_RATE                                                                                    \
    }

static const struct profile_member link_items[] = {
    MBIT_S("up", link.up_bytes_per_ns),
    MBIT_S("down", link.down_bytes_per_ns),
    {.name = "latency_ms",
     .kind = MEMBER_NUMBER,
     .offset = offsetof(struct profile, link.latency_ns),
     .times = 1e6,
     .over = 1,
     .most = 1e6},
};

/* Their ranges: slowness_is_valid. */
#define SLOWNESS(field_)                                                                                     \
    {                                                                                                        \
        .name = #field_, .kind = MEMBER_NUMBER, .offset = offsetof(struct worker_profile, slowness.field_),  \
        .times = 1, .over = 1                                                                                \
    }

static const struct profile_member slowness_items[] = {
    SLOWNESS(deviation),
    SLOWNESS(exponential),
    SLOWNESS(stall_share),
    SLOWNESS(stall_times),
};
static const struct profile_members slowness_members = MEMBERS(slowness_items);

static const struct profile_member worker_items[] = {
    {.name = "count",
     .kind = MEMBER_COUNT,
     .offset = offsetof(struct worker_profile, count),
     .required = true,
     .least = 1,
     .most = CONVOY_MAX_WORKERS},
    RATES(worker_profile, rates),
    {.name = "memory_bytes",
     .kind = MEMBER_BYTES,
     .offset = offsetof(struct worker_profile, memory_bytes),
     .most = PROFILE_MOST_BYTES},
    {.name = "slowness", .kind = MEMBER_OBJECT, .members = &slowness_members},
};

static const struct profile_members master_members = MEMBERS(master_items),
                                    link_members = MEMBERS(link_items),
                                    worker_members = MEMBERS(worker_items);

static const struct profile_member profile_items[] = {
    {.name = "convoy_profile", .kind = MEMBER_VERSION, .required = true},
    {.name = "name", .kind = MEMBER_TEXT, .offset = offsetof(struct profile, name)},
    {.name = "master", .kind = MEMBER_OBJECT, .required = true, .members = &master_members},
    {.name = "link", .kind = MEMBER_OBJECT, .required = true, .members = &link_members},
    {.name = "shared_processors",
     .kind = MEMBER_COUNT,
     .offset = offsetof(struct profile, shared_processors),
     .most = 4096},
    {.name = "workers", .kind = MEMBER_WORKERS, .required = true, .members = &worker_members},
};

const struct profile_members profile_members = MEMBERS(profile_items);

/* ---- checks ---- */

double profile_member_value(const struct profile_member *member, const void *base) {
    const void *at = (const char *)base + member->offset;
    if (member->kind == MEMBER_COUNT)
        return *(const uint32_t *)at;
    if (member->kind == MEMBER_BYTES)
        return (double)*(const uint64_t *)at;
    return *(const double *)at / member->times * member->over;
}

/* Comparisons that fail for NaN. */
static bool is_in_range(const struct profile_member *member, double value) {
    return (member->least == 0 && member->most == 0) || (value >= member->least && value <= member->most) ||
           (member->null_is_infinite && isinf(value) && value > 0);
}

bool compute_rates_are_valid(const struct compute_rates *rates) {
    bool valid = true;
    for (int kind = 0; kind < RATE_KINDS; kind++)
        valid = valid && rates->macs_per_ns[kind] >= LEAST_RATE && rates->macs_per_ns[kind] <= MOST_RATE;
    return valid;
}

/* Numbers of an object; those of objects within it follow. */
static convoy_status check_numbers(const struct profile_members *members, const void *base, const char *where,
                                   convoy_error *error) {
    for (uint32_t i = 0; i < members->count; i++) {
        const struct profile_member *member = &members->items[i];
        if (member->kind == MEMBER_OBJECT) {
            char within[64];
            snprintf(within, sizeof within, "%s%s.", where, member->name);
            const convoy_status status = check_numbers(member->members, base, within, error);
            if (status != CONVOY_OK)
                return status;
        }
        if (member->kind != MEMBER_NUMBER && member->kind != MEMBER_COUNT && member->kind != MEMBER_BYTES)
            continue;
        const double value = profile_member_value(member, base);
        if (!is_in_range(member, value))
            return error_set(error, CONVOY_E_INPUT, "%s%s is %g: must be from %g to %g", where, member->name,
                             value, member->least, member->most);
    }
    return CONVOY_OK;
}

static convoy_status check_workers(const struct profile *profile, convoy_error *error) {
    uint32_t count = 0;
    if (profile->worker_kinds < 1 || profile->worker_kinds > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_INPUT, "workers has %u kinds of them: must be 1 to %d",
                         profile->worker_kinds, CONVOY_MAX_WORKERS);
    for (uint32_t k = 0; k < profile->worker_kinds; k++) {
        const struct worker_profile *worker = &profile->workers[k];
        char where[32];
        snprintf(where, sizeof where, "workers[%u].", k);
        const convoy_status status = check_numbers(&worker_members, worker, where, error);
        if (status != CONVOY_OK)
            return status;
        if (!slowness_is_valid(&worker->slowness))
            return error_set(
                error, CONVOY_E_INPUT,
                "%sslowness: must be a deviation of 0 to 2, an exponential part of 0 to 100, and "
                "a stall_share of 0 to 1, which takes stall_times of 1 to 1e4",
                where);
        count += worker->count;
        if (count > CONVOY_MAX_WORKERS)
            return error_set(error, CONVOY_E_INPUT, "workers has more than %d workers in all",
                             CONVOY_MAX_WORKERS);
    }
    return CONVOY_OK;
}

convoy_status profile_check(const struct profile *profile, convoy_error *error) {
    const convoy_status status = check_numbers(&profile_members, profile, "", error);
    return status == CONVOY_OK ? check_workers(profile, error) : status;
}
