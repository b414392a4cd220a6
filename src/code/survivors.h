/* Which of the answers that came are used, if more came than a solution needs. */
#ifndef CODE_SURVIVORS_H
#define CODE_SURVIVORS_H

#include <convoy/status.h>

#include <stdint.h>

/* Moves those `keep` of workers[0..count) to the front whose system is well-conditioned; rows [count][order],
 * order <= keep <= count, are theirs. Deterministic, for one order of the workers. Cost: about 2·count²·order
 * + (count − keep)·count·(count + order) multiply-adds, no singular values. CONVOY_E_MEMORY;
 * CONVOY_E_INTERNAL if every choice is singular. */
convoy_status survivors_choose(uint32_t *workers, uint32_t count, uint32_t keep, uint32_t order,
                               const double *rows);

#endif
