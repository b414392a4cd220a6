/* What this build is made from and with. */
#include <convoy/version.h>

#include "base/commit.h"
#include "base/processor.h"
#include "compute/backend.h"
#include "transport/mpi_bootstrap.h"
#include "transport/zmq_transport.h"

#include <stdio.h>
#include <unistd.h>

const char *convoy_build_text(char *text, size_t size) {
    char onednn[32], zmq[32], mpi[128], processor[256];
    snprintf(text, size,
             "commit     %s\nlibraries  oneDNN %s, ZeroMQ %s, %s\ncompiler   %s\nprocessor  %s, %ld of them",
             CONVOY_COMMIT, onednn_version_text(onednn, sizeof onednn), zmq_version_text(zmq, sizeof zmq),
             mpi_bootstrap_library(mpi, sizeof mpi), __VERSION__, processor_name(processor, sizeof processor),
             sysconf(_SC_NPROCESSORS_ONLN));
    return text;
}
