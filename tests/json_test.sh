#!/usr/bin/env bash
# Everything that the program prints as JSON, against the schemas of docs/json: in all modes, with bad files, failures and signals.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digits=("$lenet"/digits/00*.png)
. "$CONVOY_SOURCE_DIR/tests/program.bash"

python=/usr/bin/python3
if ! "$python" -c 'import jsonschema' 2>/dev/null; then
    echo "skipped: $python has no jsonschema (Debian: python3-jsonschema)"
    exit 77
fi

# is NAME [lines]: the last run's output is what docs/json/NAME.json says.
is() {
    "$python" "$CONVOY_SOURCE_DIR/tests/json_validate.py" "$CONVOY_SOURCE_DIR/docs/json/$1.json" out "${@:2}" >said 2>&1 ||
        fail "$command: $(cat said)"
}

# The test can fail: members that are missing, too many, or of another type.
command="a damaged object"
run 0 run "$model" "${digits[0]}" --json && is run
for damage in 's/"seed": 1/"seed": "1"/' 's/"seed": 1, //' 's/"seed": 1/"seed": 1, "more": 1/' 's/"coded":true/"coded":1/' 's/"degraded"/"Degraded"/'; do
    cp out whole
    sed "$damage" whole >out
    if cmp -s out whole; then fail "$damage changes nothing"; fi
    if "$python" "$CONVOY_SOURCE_DIR/tests/json_validate.py" "$CONVOY_SOURCE_DIR/docs/json/run.json" out 2>/dev/null; then fail "$damage is not found"; fi
    cp whole out
done

# --- run ------------------------------------------------------------------------------------------------------

run 0 run "$model" "${digits[@]}" --json --local --check --finite --repeat 3 --labels "$lenet/labels.txt" --expect "$lenet/digits/labels.txt" && is run
run 0 run "$model" "${digits[@]}" --json --fault 1:kill --fault 2:corrupt --in-flight 3 --scores && is run
run 0 run "$model" "${digits[@]}" --json --fault 1:lie=1,1,1 --verify all && is run
prints '"wrong":\[1\]' && prints '"distrusted": \[1\]'
run 0 run "$model" "${digits[@]}" --json --spawn 4 --stragglers 1 && is run
run 0 run "$model" "${digits[@]}" --json-lines --check && is run lines
[ "$(wc -l <out)" -eq $((${#digits[@]} + 1)) ] || fail "$command: not a line for each inference and one behind them"
run 0 run "$model" "${digits[0]}" --json --fault 0:kill --fault 1:kill --fault 2:kill && is run && prints '"degraded": true'

: >bad.png
run 3 run "$model" bad.png "${digits[@]}" missing.png --json && is run && prints '"failed": 2'
run 3 run "$model" bad.png "${digits[@]}" missing.png --json-lines && is run lines && prints '^\{"version": 1, .*"failed": 2'
run 3 run "$model" bad.png missing.png --json && is run

# A failure in the middle: what was done is there, and the reason behind it.
run 4 run "$model" "${digits[@]}" --json --no-fallback --fault 0:kill@conv2 --fault 1:kill@conv2 --fault 2:kill@conv2
[ ! -s out ] || is run
run 4 run "$model" "${digits[@]}" --json-lines --no-fallback --fault 0:kill@conv2 --fault 1:kill@conv2 --fault 2:kill@conv2
[ ! -s out ] || is run lines

# interrupt ARGUMENTS...: a run whose workers are slow is ended by SIGINT once it has printed something.
interrupt() {
    command="convoy $* (SIGINT)"
    "$CONVOY" "$@" >out 2>err </dev/null &
    local job=$!
    background+=($job)
    await '"input"' out
    kill -INT $job
    wait $job 2>/dev/null
}
slow=(--fault 0:delay=50ms --fault 1:delay=50ms --fault 2:delay=50ms --repeat 20)
set -m # so that SIGINT is not ignored in the background
interrupt run "$model" "$lenet"/digits/*.png --json "${slow[@]}" && is run && prints '"interrupted": true'
interrupt run "$model" "$lenet"/digits/*.png --json-lines "${slow[@]}" && is run lines && prints '"interrupted": true'
set +m

# --- inspect and plan -------------------------------------------------------------------------------------------

run 0 inspect "$model" --json && is inspect
LC_ALL=C sed 's/Relu/Welu/g; s/Gemm/Germ/g' "$model" >missing_operators.onnx
run 3 inspect missing_operators.onnx --json && is inspect
run 0 plan "$model" --json --no-trials && is plan
run 0 plan "$model" --json --no-trials --profile pi4-1gbit --code auto --precision auto && is plan
run 0 plan "$model" --json --no-trials --workers 4..6 && is plan
run 0 plan "$model" --json --no-trials --explain conv1 && is plan

# --- bench --------------------------------------------------------------------------------------------------------

run 0 bench "$model" --json --duration 0.3 && is bench
run 0 bench "$model" --json --duration 0.3 --local && is bench
run 0 bench "$model" --json --duration 0.3 --spawn 4 --stragglers 1 && is bench && prints '"engine": "spawn"'
run 0 bench "$model" --json --layers --runs 1 && is bench

finish json_test
