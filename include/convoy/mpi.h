/* The processes of an MPI job as master (rank 0) and workers (all others). MPI tells them where the master
 * listens and gives them the keys of this job; after that everything travels as it does between processes
 * started by hand, so that a rank that dies costs one worker. */
#ifndef CONVOY_MPI_H
#define CONVOY_MPI_H

#include <convoy/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_mpi convoy_mpi;

/* Called by all ranks, once, before the process starts threads of its own: MPI runs in a process that is
 * forked here. Returns when all ranks have come. CONVOY_E_USAGE: a build without MPI, or a job of one rank;
 * CONVOY_E_IO: MPI did not start, or not within two minutes. */
CONVOY_API convoy_status convoy_mpi_start(convoy_mpi **mpi, convoy_error *error);

/* Also tells the ranks that still wait for this one that it will not be their master. Takes NULL. Options
 * that were filled from it are void. */
CONVOY_API void convoy_mpi_destroy(convoy_mpi **mpi);

CONVOY_API uint32_t convoy_mpi_rank(const convoy_mpi *mpi);
CONVOY_API uint32_t convoy_mpi_size(const convoy_mpi *mpi);

/* Rank 0: fills listen (unless it is given), key_file, allowed_folder, listening and its context; the address
 * and the workers' keys are shared when the session made with these options calls listening (which calls the
 * one that was given, too). The keys are made here, for this job alone, and lie in memory. The strings belong
 * to mpi, which must outlive the session. CONVOY_E_USAGE: options that have keys already; CONVOY_E_IO,
 * CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_mpi_fill_master(convoy_mpi *mpi, convoy_options *options,
                                                convoy_error *error);

/* Other ranks: waits for the master and fills connect, key_file, server_key_file and give_up_ns (a few
 * seconds: nobody but this master will ever come). The strings belong to mpi. CONVOY_E_CLOSED: rank 0 ended;
 * CONVOY_E_IO: it shared nothing within five minutes; CONVOY_E_MEMORY. */
CONVOY_API convoy_status convoy_mpi_fill_worker(convoy_mpi *mpi, convoy_worker_options *options,
                                                convoy_error *error);

#ifdef __cplusplus
}
#endif
#endif
