/* Which δ of the answers that came are used, where any δ do. */
#ifndef CODE_SURVIVORS_H
#define CODE_SURVIVORS_H

#include "code/code.h"

/* Moves δ of workers[0..count), count >= δ, to the front, whose system is well-conditioned. For a family
 * without choose. Deterministic, for one order of the workers. Cost: about 2·count²·δ + (count −
 * δ)·count·(count + δ) multiply-adds, no singular values. CONVOY_E_MEMORY; CONVOY_E_INTERNAL where every
 * choice is singular. */
convoy_status survivors_choose(const struct code *code, uint32_t *workers, uint32_t count);

#endif
