#!/usr/bin/env bash
# Eight worker processes, γ = 3: LeNet-5 over and over while workers are killed, stopped and continued, restarted and added at
# random, at most three missing at a time. Every answer must be right and decoded, and every event in the master's log.
#
# The workers answer 2 ms late each, so that the run lasts long enough for the events. CHAOS_SEED repeats a run; CHAOS_PASSES
# is how often the 300 digits are run (7: 2,100 inferences).
set -euo pipefail

. "$CONVOY_SOURCE_DIR/tests/patience.bash"
seed=${CHAOS_SEED:-$RANDOM}
passes=${CHAOS_PASSES:-7}
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    passes=2
    echo "under a sanitizer: $passes passes"
fi
echo "seed $seed"
RANDOM=$seed
nodes=8

folder=$(mktemp -d)
master=
declare -a worker
cleanup() {
    for pid in "${worker[@]}" $master; do
        kill -CONT "$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    if [ -n "${CHAOS_KEEP:-}" ]; then echo "kept: $folder"; else rm -rf "$folder"; fi
}
trap cleanup EXIT
fail() {
    echo "chaos: $*" >&2
    tail -n 30 "$folder/log" >&2
    exit 1
}

start_worker() {
    "$CONVOY" worker --connect "ipc://$folder/master" --quiet >>"$folder/workers" 2>&1 &
    worker[$1]=$!
}

# The workers that are alive by the master's last word.
alive() { sed -n 's/.*: \([0-9]*\) alive.*/\1/p' "$folder/log" | tail -n 1; }

# Waits until N workers are alive; false when the run has ended.
await_alive() {
    local tries
    for ((tries = $(patience 30); tries > 0; tries--)); do
        if [ "$(alive)" = "$1" ]; then return 0; fi
        if ! kill -0 "$master" 2>/dev/null; then return 1; fi
        sleep 0.1
    done
    fail "$1 workers were not alive within $(patience 3) s"
}

digits=()
for ((i = 0; i < passes; i++)); do digits+=("$CONVOY_SOURCE_DIR"/models/lenet5/digits/*.png); done
late=()
for ((w = 0; w < nodes; w++)); do late+=(--fault "$w:delay=2ms"); done
"$CONVOY" run "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" "${digits[@]}" --distribute all --listen "ipc://$folder/master" \
    --workers $nodes --stragglers 3 "${late[@]}" --check --json >"$folder/json" 2>"$folder/log" &
master=$!
for ((w = 0; w < nodes; w++)); do start_worker $w; done
await_alive $nodes || fail "the run ended before its workers had come"

# Rounds: up to three workers are hurt, and mended; the next round begins when all are back and hold their filters.
rounds=0 kills=0 stops=0
while kill -0 "$master" 2>/dev/null; do
    mapfile -t victims < <(for ((w = 0; w < nodes; w++)); do echo "$RANDOM $w"; done | sort -n | head -n $((1 + RANDOM % 3)) | cut -d' ' -f2)
    declare -A killed=()
    for w in "${victims[@]}"; do
        if ((RANDOM % 2)); then
            kill -KILL "${worker[w]}"
            wait "${worker[w]}" 2>/dev/null || true
            killed[$w]=1
            kills=$((kills + 1))
        else
            kill -STOP "${worker[w]}"
            stops=$((stops + 1))
        fi
        sleep "0.0$((RANDOM % 10))"
    done
    sleep "0.$((RANDOM % 9))"
    for w in "${victims[@]}"; do
        if [ -n "${killed[$w]:-}" ]; then start_worker "$w"; else kill -CONT "${worker[w]}"; fi
    done
    rounds=$((rounds + 1))
    sleep 0.5 # a worker that was stopped a moment is not missed by anybody: its log line may never come
    await_alive $nodes || break
    sleep 0.2
done
status=0
wait "$master" || status=$?
master=
echo "$rounds rounds, $kills workers killed and restarted, $stops stopped and continued"
[ $status -eq 0 ] || fail "exit status $status"
[ $rounds -ge 3 ] || fail "the run was over before it was disturbed"
judge_degraded "$folder/json" "$folder/log" $((passes * 300))
if grep -q '"top1_agrees": *false' "$folder/json"; then fail "an answer is not that of the uncoded model"; fi
inferences=$(grep -o '"top1_agrees": *true' "$folder/json" | wc -l)
[ "$inferences" -eq $((passes * 300)) ] || fail "$inferences answers instead of $((passes * 300))"
grep -o '"max_rel_error": *[0-9.e+-]*' "$folder/json" | sed "s,.*:,,; s, ,," | awk '{ if ($1 > worst) worst = $1 } END { printf "largest relative error %g\n", worst; exit !(worst <= 1e-4) }' ||
    fail "an answer is off"
if [ "$kills" -gt 0 ]; then grep -q 'is lost' "$folder/log" || fail "no loss in the log"; fi
echo "$inferences inferences, all right"
