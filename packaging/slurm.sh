#!/usr/bin/env bash
#SBATCH --job-name=convoy
#SBATCH --nodes=11
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --no-kill
#SBATCH --time=01:00:00
# Convoy in a Slurm job: the first node is the master, each other node a worker. Adapt the numbers above, then
#
#   sbatch slurm.sh MODEL INPUT... [OPTION OF CONVOY RUN...]
#   sbatch --nodes=9 slurm.sh vgg16.onnx photos/*.jpg --stragglers 2 --json
#
# MPI is not needed: the workers are tasks of a step that goes on when one dies (--kill-on-bad-exit=0), in a job that goes on when a node dies
# (--no-kill). The keys are made for this job and travel in the environment of its processes, so that no end of the job leaves them on a disk. The
# batch script's exit status is convoy's.
set -euo pipefail
[ $# -gt 1 ] || { echo "usage: sbatch slurm.sh MODEL INPUT... [OPTION OF CONVOY RUN...]" >&2; exit 2; }

convoy=${CONVOY:-convoy}
workers=$((SLURM_JOB_NUM_NODES - 1))
[ $workers -ge 1 ] || { echo "slurm.sh: a job of one node has no workers" >&2; exit 2; }

# A pair is two lines, the first of which is the public key. The folder of those that may come holds a public key alone; only the master reads it.
master_keys=$("$convoy" keygen --out -)
worker_keys=$("$convoy" keygen --out -)
allowed=$(mktemp -d)
trap 'rm -rf "$allowed"' EXIT
echo "${worker_keys%%$'\n'*}" >"$allowed/worker.pub"

# Two jobs on one node must not meet: the port follows from the job's number, below those that Linux gives away.
port=$((20000 + SLURM_JOB_ID % 12000))
master=tcp://$(hostname):$port

# The workers dial until the master is there, and end a minute after it has gone for good.
CONVOY_KEY=$worker_keys CONVOY_SERVER_KEY=${master_keys%%$'\n'*} \
    srun --export=ALL --nodes=$workers --ntasks=$workers --exclude="$(hostname -s)" --no-kill --kill-on-bad-exit=0 --wait=0 \
    "$convoy" worker --connect "$master" --key env:CONVOY_KEY --server-key env:CONVOY_SERVER_KEY \
    --threads "${SLURM_CPUS_PER_TASK:-1}" --give-up 60 &
step=$!

status=0
CONVOY_KEY=$master_keys "$convoy" run --listen "tcp://*:$port" --key env:CONVOY_KEY --allow "$allowed" --workers $workers --join 120 "$@" ||
    status=$?
kill $step 2>/dev/null || true # srun passes it on to the workers
wait $step || true
exit $status
