#!/usr/bin/env bash
# What a master and its workers cost over time: memory over 10,000 jobs (LeNet-5 has five layers that are jobs) with a worker
# present that is stopped, memory over 10,200 inferences, and processor time while there is nothing to do. Prints the figures.
# SOAK_REPEAT: runs of each of 30 digits in the first (70: 10,500 jobs). CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

if [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "skipped: the sanitizer $CONVOY_SANITIZE has memory and time of its own"
    exit 77
fi
repeat=${SOAK_REPEAT:-70}
lenet=$CONVOY_SOURCE_DIR/models/lenet5
. "$CONVOY_SOURCE_DIR/tests/program.bash"
. "$CONVOY_SOURCE_DIR/tests/watch.bash"

# User and system time of a process, in clock ticks.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# start WORKERS ARGUMENTS...: a master in the background, and so many workers.
start() {
    local workers=$1
    shift
    "$CONVOY" run "$lenet/lenet5.onnx" "$@" --distribute all --listen "ipc://$scratch/socket" >out 2>err </dev/null &
    master=$!
    background+=($master)
    command="convoy run lenet5.onnx ${*: -8}"
    await '^convoy: listening on' err
    worker=()
    for ((w = 0; w < workers; w++)); do
        "$CONVOY" worker --connect "ipc://$scratch/socket" --quiet --give-up 5s 2>>workers.err &
        worker+=($!)
        background+=($!)
    done
}

# --- Memory ---------------------------------------------------------------------------------------------------

# Each worker answers 1 ms late, which makes the run long enough to look at.
late=()
for ((w = 0; w < 6; w++)); do late+=(--fault "$w:delay=1ms"); done
start 6 "$lenet"/digits/0[0-2]?.png --repeat "$repeat" --workers 6 --stragglers 2 "${late[@]}" --check --json --no-fallback
await 'worker 5 has joined' err
kill -STOP "${worker[5]}"
watch master "$master" "$master" &
watchers=($!)
watch worker "${worker[0]}" "$master" &
watchers+=($!)
wait "$master" || fail "$command: exit status $?"
wait "${watchers[@]}"
prints '"degraded": false'
errors_within 1e-4
[ "$(grep -o '"top1_agrees": *true' out | wc -l)" -eq 30 ] || fail "$command: not 30 right answers"
echo "$((30 * repeat * 5)) jobs, one of six workers stopped"
flat master 6144 # 10,000 payloads of the stopped worker would be 30 MB
flat worker 6144
kill -CONT "${worker[5]}"
wait "${worker[@]}" # they end with their master; the stopped one gives up

# 10,200 inferences of one run, at once one and eight: their JSON alone is 17 MB, 32 bytes kept for each would be 320 kB.
inputs=()
for ((i = 0; i < 34; i++)); do inputs+=("$lenet"/digits/*.png); done
run_in_flight() {
    "$CONVOY" run "$lenet/lenet5.onnx" "${inputs[@]}" --workers 6 --stragglers 2 --in-flight "$1" --json >out 2>err </dev/null &
    master=$!
    background+=($master)
    command="convoy run lenet5.onnx (10,200 digits) --in-flight $1 --json"
    watch "$1-in-flight" "$master" "$master"
    wait "$master" || fail "$command: exit status $?"
    [ "$(grep -c '"input":' out)" -eq 10200 ] || fail "$command: not 10200 results"
}
# A master that computes a layer itself, since its workers are late, needs memory for that: not the run to be measured.
for flight in 1 8; do
    for ((try = 0; try < 3; try++)); do
        run_in_flight $flight
        if ! grep -q 'computed here' err; then break; fi
        echo "$flight-in-flight: the master computed a layer itself at a load of $(cut -d' ' -f1 /proc/loadavg)"
    done
    if grep -q 'computed here' err && machine_is_busy; then
        echo "$flight-in-flight: memory not judged: the machine is too busy for its workers"
    else
        flat "$flight-in-flight" 512
    fi
done

# --- With nothing to do -----------------------------------------------------------------------------------------

# A master that waits for its fourth worker, and the three that are there.
start 3 "$lenet/digits/000.png" --workers 6 --stragglers 2 --join 60
await 'worker 2 has joined' err
sleep 0.5
before=("$(ticks $master)" "$(ticks "${worker[0]}")")
sleep 5
after=("$(ticks $master)" "$(ticks "${worker[0]}")")
hertz=$(getconf CLK_TCK)
for i in 0 1; do
    awk -v who="$([ $i = 0 ] && echo master || echo worker)" -v used=$((after[i] - before[i])) -v hertz="$hertz" 'BEGIN {
        share = used / hertz / 5
        printf "idle %s: %.2f %% of a processor\n", who, 100 * share
        exit !(share < 0.03) }' || fail "a process that has nothing to do takes 3 % of a processor or more"
done
finish soak_test
