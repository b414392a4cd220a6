/* convoy run --mpi, on all ranks of a job: rank 0 runs the model, the others are its workers. */
#ifndef CLI_MPI_RANKS_H
#define CLI_MPI_RANKS_H

#include "run_options.h"

/* Does what this process's rank has to do. Returns the exit status. */
int mpi_ranks_run(struct run_options *options);

#endif
