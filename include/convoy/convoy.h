/* Convoy: coded distributed inference of convolutional neural networks. Includes all public headers. */
#ifndef CONVOY_H
#define CONVOY_H

#include <convoy/bench.h>
#include <convoy/input.h>
#include <convoy/model.h>
#include <convoy/mpi.h>
#include <convoy/plan.h>
#include <convoy/report.h>
#include <convoy/session.h>
#include <convoy/status.h>
#include <convoy/study.h>
#include <convoy/tensor.h>
#include <convoy/trace.h>
#include <convoy/version.h>
#include <convoy/worker.h>

#endif
