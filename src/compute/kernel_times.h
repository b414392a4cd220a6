/* Which kernel computes a convolution fastest, by trial: each shape is timed once, and remembered in memory
 * and, where wanted, in a file. */
#ifndef COMPUTE_KERNEL_TIMES_H
#define COMPUTE_KERNEL_TIMES_H

#include "compute/backend.h"

struct kernel_times;

/* backend is borrowed. folder: where the times are kept across runs, a file for each kind of processor (made
 * if it does not exist; what cannot be read or written is done without); NULL: nowhere. CONVOY_E_MEMORY. */
convoy_status kernel_times_create(struct kernel_times **times, struct backend *backend, const char *folder,
                                  convoy_error *error);

/* Keeps the new times, and frees. Takes NULL. */
void kernel_times_destroy(struct kernel_times **times);

/* The CPU time of a convolution of this complete geometry, float32, by the fastest kernel of the backend, in
 * ns, of the calling thread; *kernel: which it is. Winograd's algorithm rounds more coarsely: it is named
 * only where it takes at most `worth` times as long as the direct kernel. 0 and CONV_DIRECT where that cannot
 * be found out. The first call for a shape takes some ten runs of it, four where these are long. Thread-safe:
 * the trials of all threads take turns. */
uint64_t kernel_times_find(struct kernel_times *times, const struct conv_geometry *geometry, double worth,
                           enum conv_kernel *kernel);

#endif
