/* How the ranks of an MPI job find each other: rank 0 shares a few bytes with all others, and that is all
 * that MPI is used for. */
#ifndef TRANSPORT_MPI_BOOTSTRAP_H
#define TRANSPORT_MPI_BOOTSTRAP_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MPI_BOOTSTRAP_BYTES 1024 /* that can be shared */

struct mpi_bootstrap;

/* What this process is in its job. */
struct mpi_place {
    uint32_t rank, size;
    bool one_host; /* all ranks share this machine's memory */
};

/* Starts MPI, in a child process, and waits for all ranks. CONVOY_E_USAGE: a build without MPI; CONVOY_E_IO.
 */
convoy_status mpi_bootstrap_create(struct mpi_bootstrap **bootstrap, struct mpi_place *place,
                                   convoy_error *error);

/* Rank 0, once: the bytes for all others. Waits for nobody. CONVOY_E_CLOSED: the child is gone. */
convoy_status mpi_bootstrap_share(struct mpi_bootstrap *bootstrap, const void *bytes, size_t size);

/* Other ranks, once: exactly `size` bytes from rank 0. CONVOY_E_CLOSED: rank 0 ended without sharing;
 * CONVOY_E_IO: it did not within wait_ns; CONVOY_E_INPUT: another number of bytes. */
convoy_status mpi_bootstrap_receive(struct mpi_bootstrap *bootstrap, void *bytes, size_t size,
                                    uint64_t wait_ns, convoy_error *error);

/* Ends the child; rank 0's tells the others first that nothing will be shared, where nothing was. Takes NULL.
 */
void mpi_bootstrap_destroy(struct mpi_bootstrap **bootstrap);

/* The MPI library and its version, "Open MPI v4.1.4", or "no MPI", cut to size bytes. Returns text. */
const char *mpi_bootstrap_library(char *text, size_t size);

#endif
