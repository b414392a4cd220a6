/* Which partition each layer gets: profiles of the machines that it depends on. */
#ifndef CONVOY_PLAN_H
#define CONVOY_PLAN_H

#include <convoy/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Measures this machine, the workers that the options describe, and the link between them, and writes what
 * was found as a profile (JSON, docs/planning.md) to the file `path`, in whose place it is put whole. Makes
 * the workers as convoy_session_create does, but without a model: threads, processes started here, or those
 * that dial in, all n of which it waits for until none has come for join_ns. Of the options it takes what
 * describes workers; deadline_ns and what says how layers are coded or computed change nothing. Threads and
 * processes started here share the processors of this machine: they are measured one after the other.
 *
 * Blocks, usually for some seconds once the workers have come, for a minute at most. Other load on the
 * machines or the link is measured, too. CONVOY_E_USAGE for options that make no sense, a local session among
 * them; CONVOY_E_WORKERS where fewer than n - γ workers answer; CONVOY_E_IO, CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_calibrate(const convoy_options *options, const char *path,
                                          convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
