/* Worker processes of this machine, over an ipc socket in a folder of their own that no other user enters. */
#ifndef SESSION_SPAWN_H
#define SESSION_SPAWN_H

#include <convoy/status.h>

#include <stddef.h>
#include <stdint.h>

struct spawn;

/* Makes the folder (run_folder.h). program: the
 * convoy program, a path or a name to be found in PATH; NULL: "convoy". CONVOY_E_IO, CONVOY_E_MEMORY. */
convoy_status spawn_create(struct spawn **spawn, const char *program, convoy_error *error);

/* Where the master is to listen and the workers dial. */
const char *spawn_url(const struct spawn *spawn);

/* Starts one more worker, which gives up when there has been no master for a few seconds. faults: kinds that
 * it injects itself. CONVOY_E_IO with the program's name where it cannot be started; CONVOY_E_MEMORY. */
convoy_status spawn_start(struct spawn *spawn, const char *backend, uint32_t threads,
                          const char *const *faults, size_t fault_count, convoy_error *error);

/* How many have not ended. */
uint32_t spawn_running(struct spawn *spawn);

/* Ends the workers, whose master's endpoint is closed by now, and removes the folder. Takes at most a second
 * or so. Takes NULL. */
void spawn_destroy(struct spawn **spawn);

#endif
