#include "base/copy_rate.h"

#include "base/clock.h"
#include "base/median.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { COPY_BYTES = 64 << 20, MOST_RUNS = 64 };

double copy_rate_measure(uint32_t runs) {
    char *from = memory_aligned(COPY_BYTES), *to = memory_aligned(COPY_BYTES);
    double ns[MOST_RUNS], rate = 0;
    if (from && to) {
        memset(from, 1, COPY_BYTES);
        memset(to, 2, COPY_BYTES);
        runs = runs < MOST_RUNS ? runs : MOST_RUNS;
        for (uint32_t run = 0; run < runs; run++) {
            uint64_t start_ns = clock_thread_ns();
            memcpy(to, from, COPY_BYTES);
            ns[run] = (double)(clock_thread_ns() - start_ns);
            from[run] = to[COPY_BYTES - 1 - run]; /* so that no copy is left out */
        }
        rate = 2.0 * COPY_BYTES / median(ns, runs);
    }
    free(from);
    free(to);
    return rate;
}
