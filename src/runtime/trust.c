#include "runtime/trust.h"

enum trust_step trust_note_wrong(struct trust *trust, uint64_t job, uint64_t last_job) {
    if (trust->failures && job <= trust->renewed_at)
        return TRUST_KEEP;
    if (trust->failures++)
        return TRUST_BAN;
    trust->renewed_at = last_job;
    return TRUST_RENEW;
}

bool trust_is_doubtful(const struct trust *trust) {
    return trust->failures > 0;
}
