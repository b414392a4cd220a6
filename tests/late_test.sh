#!/usr/bin/env bash
# Workers that are late, and a machine that is busy, told apart by the whole program. LeNet-5 on six workers of which three answer half
# a second late, for good and for a while; and on eight processes beside four busy ones on the machine. Prints ratios and load averages.
# LATE_MODEL, LATE_INPUT: another network for the ratio. LATE_INFERENCES: how many beside the busy processes (300).
# CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=${LATE_MODEL:-$lenet/lenet5.onnx}
input=${LATE_INPUT:-$lenet/digits/000.png}
inferences=${LATE_INFERENCES:-300}
. "$CONVOY_SOURCE_DIR/tests/program.bash"
digits=("$lenet"/digits/*.png)
three=(--workers 6 --stragglers 2 --fault 0:delay=500ms --fault 3:delay=500ms --fault 4:delay=500ms)

# One warning, with the names of the three.
warns_once() {
    says "warning: .*: worker 0 late, worker 3 late, worker 4 late: computed here"
    [ "$(grep -c warning err)" -eq 1 ] || fail "$command: not one warning"
}

# --- More than γ are late for good: the master computes, from the first layer on ---------------------------------

run 0 run "$lenet/lenet5.onnx" "${digits[@]:0:40}" "${three[@]}" --check --json
prints '"degraded": true'
warns_once
here=$(grep -oE '"why_local": ?"too few (workers|answers)"' out | wc -l)
[ "$here" -eq 200 ] || fail "$command: $here of 200 layers were computed by the master"
errors_within 1e-4

# latencies: of all inferences of a run in out but the first, least to largest.
latencies() { grep -o '"all_ms":\[[^]]*' out | sed 's/.*\[//' | tr ',' '\n' | tail -n +2 | sort -g; }
run 0 run "$model" "$input" --local --repeat 30 --json
latencies >alone
run 0 run "$model" "$input" "${three[@]}" --repeat 30 --json
warns_once
latencies >late
paste alone late | awk '{ a[NR] = $1; b[NR] = $2 } END { m = int((NR + 1) / 2)
    printf "three of six workers 500 ms late, from the second inference on: %.2f times the time alone (medians; largest %.2f)\n", b[m] / a[m], b[NR] / a[NR] }'

# Without the fallback they are waited for.
run 0 run "$lenet/lenet5.onnx" "${digits[0]}" "${three[@]}" --no-fallback --json
prints '"degraded": false'

# --- They are late for a while: workers are used again ------------------------------------------------------------

repeat=200 # some seconds: longer than the workers are late
[ -z "${CONVOY_SANITIZE:-}" ] || repeat=40
run 0 run "$lenet/lenet5.onnx" "${digits[@]}" --repeat $repeat --workers 6 --stragglers 2 --json \
    --fault 0:delay=400ms@2 --fault 3:delay=400ms@2 --fault 4:delay=400ms@2
prints '"degraded": true'
warns_once
says 'enough workers answer in time again'
grep -q '"coded":false,"family":"' <(tail -n 2 out) && fail "$command: the last inference was not computed by the workers"

# --- A busy machine: nobody is late -------------------------------------------------------------------------------

for ((i = 0; i < 4; i++)); do
    (while [ $SECONDS -lt 300 ]; do :; done) &
    background+=($!)
done
many=()
while [ ${#many[@]} -lt "$inferences" ]; do many+=("${digits[@]}"); done
run 0 run "$lenet/lenet5.onnx" "${many[@]:0:inferences}" --spawn 8 --json
prints '"degraded": false'
echo "$inferences inferences on eight processes beside four busy ones, $(nproc) processors: none degraded, load averages $(cut -d' ' -f1-3 /proc/loadavg)"
kill "${background[@]}"
wait 2>/dev/null
finish late_test
