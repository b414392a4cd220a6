/* What became of a worker's share of a layer, by the states in which the layer left it. A pure function, so
 * that a simulation may use it. */
#ifndef RUNTIME_OUTCOME_H
#define RUNTIME_OUTCOME_H

#include "runtime/jobs.h"
#include "runtime/peer.h"

#include <convoy/report.h>

/* state: of the worker's task in the layer's last job, which is closed (job_close). standing: the worker's
 * when that job was chosen. used: its answer was decoded. asked: workers were, whose answers would suffice;
 * else those that are well were left alone, since they are too few. */
convoy_outcome outcome_of(enum task_state state, enum worker_standing standing, bool used, bool asked);

#endif
