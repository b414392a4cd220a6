#!/usr/bin/env bash
# packaging/slurm.sh without Slurm: srun is a script that starts the tasks of the step here. Right answers and exit statuses; and however the batch
# script ends, by SIGKILL too, no secret key is left in a file. CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

if ! getent hosts localhost >/dev/null; then # which stands for the first node here
    echo "skipped: this machine cannot resolve localhost (no /etc/hosts?)"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx

mkdir bin home
cat >bin/srun <<'SRUN'
#!/usr/bin/env bash
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM # tasks that have not begun do not begin
while [[ $1 == --* ]]; do
    if [[ $1 == --ntasks=* ]]; then tasks=${1#*=}; fi
    shift
done
for ((i = 0; i < tasks; i++)); do "$@" & echo $! >>"$TASKS"; done
wait
SRUN
cat >bin/hostname <<'HOSTNAME'
#!/bin/sh
echo localhost
HOSTNAME
chmod +x bin/*
export PATH=$scratch/bin:$PATH HOME=$scratch/home TASKS=$scratch/tasks SLURM_JOB_NUM_NODES=5 SLURM_JOB_ID=$$

# batch ARGUMENTS...: the batch script, in the background.
batch() {
    rm -f tasks out err
    command="slurm.sh $*"
    bash "$CONVOY_SOURCE_DIR/packaging/slurm.sh" "$@" >out 2>err </dev/null &
    script=$!
    background+=($script)
}

# No file of the job is there but, if $1 is given, files of that name.
expect_files() {
    local left
    left=$(find home tmp -type f ! -name "${1:-none}")
    [ -z "$left" ] || fail "$command: left behind: $left"
}

batch "$model" "$lenet"/digits/00?.png --stragglers 1 --distribute all --check --no-fallback --expect "$lenet/digits/labels.txt"
wait $script || fail "$command: exit status $?"
prints '^check +every answer is that of the uncoded model'
says 'with the key worker$'
expect_files

batch broken.onnx "$lenet/digits/000.png"
wait $script
status=$?
[ $status -eq 3 ] || fail "$command: exit status $status, not 3"
expect_files

batch "$model" "$lenet"/digits/*.png --stragglers 1 --distribute all --repeat 1000
await 'worker 3 has joined' err
expect_files worker.pub
mapfile -t job < <(cat tasks; pgrep -P $script) # Slurm ends all processes of a job
{
    kill -KILL $script "${job[@]}"
    wait $script
} 2>/dev/null
expect_files worker.pub # a public key, of no use to anybody

finish slurm_test
