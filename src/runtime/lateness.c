/* A slow worker is spared: what it would do too late takes processor time from others, if these share a
 * machine with it. It is asked again once it has rested, and is slow no longer with the first answer that
 * took no longer than others'. A late one costs others nothing by being asked, so it is asked again as soon
 * as it owes nothing. */
#include "runtime/lateness.h"

#include <stddef.h>

#define SLOW_FACTOR     4  /* times what a job takes others */
#define REST_FACTOR     20 /* times what it took the worker: trying it takes little of its time */
#define LONGEST_REST_NS UINT64_C(5000000000)

/* a + b, and "never" where that is more. */
static uint64_t later(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t lateness_bound_ns(uint64_t sent_ns, const struct lateness_others *others, uint64_t longest_ns) {
    uint64_t end_ns = later(sent_ns, longest_ns);
    if (!others->last_ns)
        return end_ns;
    uint64_t from_ns = others->last_ns > sent_ns ? others->last_ns : sent_ns;
    uint64_t took_ns = from_ns - sent_ns;
    uint64_t more_ns = took_ns > UINT64_MAX / (LATE_FACTOR - 1) ? UINT64_MAX : took_ns * (LATE_FACTOR - 1);
    bool few = others->answered < (others->asked + 1) / 2;
    uint64_t floor_ns = few ? LATE_FEW_FLOOR_NS : LATE_FLOOR_NS;
    uint64_t bound_ns = later(from_ns, more_ns > floor_ns ? more_ns : floor_ns);
    return bound_ns < end_ns ? bound_ns : end_ns;
}

void lateness_note_reply(struct lateness *lateness, bool answered, uint64_t settled_ns, uint64_t bound_ns) {
    if (settled_ns >= bound_ns)
        lateness->late = true;
    else if (answered)
        lateness->late = false;
}

/* The harmonic mean: one slow worker among those that answered does not move it far. */
uint32_t lateness_usual_us(const uint32_t *took_us, uint32_t count) {
    double paces = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!took_us[i])
            continue;
        paces += 1 / (double)took_us[i];
        known++;
    }
    return known ? (uint32_t)(known / paces) : 0;
}

void lateness_note_pace(struct lateness *lateness, uint32_t took_us, uint32_t usual_us, uint64_t now_ns) {
    if (!took_us || !usual_us)
        return;
    float pace = (float)took_us / (float)usual_us;
    lateness->pace = lateness->pace > 0 ? (7 * lateness->pace + pace) / 8 : pace;
    lateness->slow = took_us > (uint64_t)SLOW_FACTOR * usual_us;
    uint64_t rest_ns = REST_FACTOR * 1000 * (uint64_t)took_us;
    lateness->rests_until_ns = later(now_ns, rest_ns < LONGEST_REST_NS ? rest_ns : LONGEST_REST_NS);
}

enum lateness_verdict lateness_judge(const struct lateness *lateness, bool owes, uint64_t now_ns) {
    bool spared = lateness->slow && (owes || now_ns < lateness->rests_until_ns);
    if (lateness->late)
        return owes || spared ? LATENESS_STALLED : LATENESS_LATE;
    return spared ? LATENESS_SLOW : LATENESS_PROMPT;
}
