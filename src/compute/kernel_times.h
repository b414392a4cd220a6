/* Which kernel computes a convolution fastest, by trial: each shape is timed once, and remembered in memory
 * and, where wanted, in a file. */
#ifndef COMPUTE_KERNEL_TIMES_H
#define COMPUTE_KERNEL_TIMES_H

#include "base/cancel.h"
#include "compute/backend.h"

struct kernel_times;

/* backend is borrowed. folder: where the times are kept across runs, a file for each kind of processor (made
 * if it does not exist; what cannot be read or written is done without); NULL: nowhere. cancel: if it asks
 * so, no kernel is timed any more, and nothing is known of further shapes; borrowed, may be NULL.
 * CONVOY_E_MEMORY. */
convoy_status kernel_times_create(struct kernel_times **times, struct backend *backend, const char *folder,
                                  const struct cancel *cancel, convoy_error *error);

/* Times every shape anew when it is asked for next; shapes that are not asked for keep their times. Not while
 * other threads use the times. */
void kernel_times_forget(struct kernel_times *times);

/* Keeps the new times, and frees. Takes NULL. */
void kernel_times_destroy(struct kernel_times **times);

/* The CPU time of a convolution of this complete geometry, float32, by one kernel of the backend, in ns, of
 * the calling thread. 0 where there is no such kernel, or that cannot be found out. The first call for a
 * shape takes some four runs of it by each kernel, two where these are long. Thread-safe: the trials of all
 * threads take turns. */
uint64_t kernel_times_of(struct kernel_times *times, const struct conv_geometry *geometry,
                         enum conv_kernel kernel);

/* What a kernel is chosen for. */
enum kernel_use {
    KERNEL_ALONE,     /* a layer that is computed here */
    KERNEL_ON_WORKER, /* a coded share of one */
    KERNEL_FASTEST,   /* whatever it rounds */
    KERNEL_USES
};

/* The same by the fastest kernel that is exact enough for the use, which it names. 0 and CONV_DIRECT if
 * nothing is known. */
uint64_t kernel_times_find(struct kernel_times *times, const struct conv_geometry *geometry,
                           enum kernel_use use, enum conv_kernel *kernel);

#endif
