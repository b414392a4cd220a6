#!/usr/bin/env bash
# --trace: the file is what Perfetto reads (trace_check.py), shows every fault, and is whole however the run ends. CONVOY is the program,
# CONVOY_SOURCE_DIR the source tree.
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import json' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digits=("$lenet"/digits/*.png)
some=("${digits[@]:0:20}")

# check [JSON]: of the file trace; what it has is in seen.
check() { "$python" "$CONVOY_SOURCE_DIR/tests/trace_check.py" trace "$@" >seen 2>bad || fail "$command: $(tail -n 1 bad)"; }

# sees PATTERN, misses PATTERN: a line of seen matches, or none does.
sees() { grep -qE -e "$1" seen || fail "$command: no line like '$1' in $(cat seen)"; }
misses() { ! grep -qE -e "$1" seen || fail "$command: a line like '$1' in $(cat seen)"; }

# --- Alone, and on workers that are well ------------------------------------------------------------------------

run 0 run "$model" "${some[@]}" --local --trace trace --json
check out
sees '^steps inference=20$'
sees '^layers .*conv1=20'
misses '^worker'

run 0 run "$model" "${some[@]}" --trace trace --json --no-fallback
check out
sees '^steps compute=[0-9]+ decode=100 encode=[0-9]+ inference=20 send=[0-9]+ wait=[0-9]+$'
sees '^layers .*conv2=20'
sees '^master rows 1$'
misses '(lost|wrong)='
for word in '"name":"process_name"' '"name":"thread_sort_index"' '"name":"worker 5"' '"name":"compute"' '"queued_us":'; do
    grep -qF -e "$word" trace || fail "$command: no $word in the trace"
done

# --- Faults: with another that is dead from the start all but one are needed, however slow they are ---------------

run 0 run "$model" "${some[@]}" --trace trace --json --fault 0:kill --fault 1:kill@conv2 --fault 4:slow=1000000x
check out
sees '^worker 1 .*lost=[12]( |$)'
sees '^worker 4 .*late='
misses '^worker (0 |4 .*used=)'

run 0 run "$model" "${some[@]}" --trace trace --json --fault 0:kill --fault 2:corrupt --fault 5:lie=0.1 --verify all
check out
sees '^worker 2 .*lost='
misses '^worker 2 .*used='
sees '^worker 5 .*wrong=[12]( |$)'
sees '^steps .*verify='

# Too few are left: the master computes.
run 0 run "$model" "${some[@]}" --trace trace --json --fault 0:kill@conv2 --fault 1:kill@conv2 --fault 2:kill@conv2
check out
sees '^steps .*here='
prints '"degraded": true'

run 0 run "$model" "${digits[@]}" --spawn 6 --trace trace --json --fault 0:kill@fc1 --fault 3:slow=30x --fault 5:delay=5ms --no-fallback
check out
sees '^worker 0 .*lost=[12]( |$)'
sees '^worker 3 '

# --- Several inferences at once ---------------------------------------------------------------------------------

run 0 run "$model" "${digits[@]}" --in-flight 4 --trace trace --json --fault 2:drop=0.1 --no-fallback
check out
sees '^steps .* inference=300 '
sees '^master rows [234]$'

# --- bench ------------------------------------------------------------------------------------------------------

run 0 bench "$model" --workers 4 --stragglers 1 --duration 0.2 --trace trace --csv
check
sees '^steps .*inference=[1-9][0-9]+ '
sees '^worker 3 '

# --- Ends -------------------------------------------------------------------------------------------------------

# Interrupted while it runs, as by Ctrl-C.
command="an interrupted run"
rm trace
env --default-signal=INT "$CONVOY" run "$model" "${digits[@]}" --repeat 100000 --trace trace --json --in-flight 2 --fault 1:slow=1000000x >out 2>err </dev/null &
master=$!
background+=("$master")
await '"name":"wait"' trace
kill -INT "$master"
{ wait "$master"; } 2>/dev/null
status=$?
[ $status -eq 130 ] || fail "$command: exit status $status, not 130"
check
sees '^worker 1 '
sees '^steps .*inference='

# In the middle of a run: whole events, and no closing bracket.
rm trace
"$CONVOY" run "$model" "${digits[@]}" --repeat 100000 --trace trace >out 2>err </dev/null &
master=$!
background+=("$master")
command="a run under way"
await '"name":"wait"' trace
kill -STOP "$master"
[ "$(tail -c 1 trace)" = '}' ] || fail "$command: the trace ends with $(tail -c 80 trace)"
echo ']' >>trace
"$python" -c 'import json, sys; json.load(sys.stdin)' <trace 2>bad || fail "$command: the trace and a bracket are no JSON: $(tail -n 1 bad)"
{
    kill -KILL "$master"
    wait "$master"
} 2>/dev/null

# --- Files that cannot be written -------------------------------------------------------------------------------

refuses 1 '/nowhere/trace: ' run "$model" "${digits[0]}" --trace /nowhere/trace
refuses 2 '--trace ' run "$model" "${digits[0]}" --trace "$model"
refuses 2 'needs a value' run "$model" "${digits[0]}" --trace
refuses 1 '/nowhere/trace: ' bench "$model" --trace /nowhere/trace
[ -s "$model" ] || fail "the model was overwritten"

# A disk that is full from the start is told of before workers are started; one that becomes full, in the end.
if [ -e /dev/full ]; then
    refuses 1 '/dev/full: the trace cannot be written: No space left on device' run "$model" "${digits[0]}" --spawn 6 --trace /dev/full
fi
command="a run whose trace becomes too large"
(
    trap '' XFSZ
    ulimit -f 100
    exec "$CONVOY" run "$model" "${digits[@]}" --trace trace --top 1 --quiet --expect "$lenet/digits/labels.txt" >out 2>err </dev/null
)
status=$?
[ $status -eq 1 ] || fail "$command: exit status $status, not 1"
says '^convoy: trace: the trace cannot be written: File too large$'
prints '^accuracy +298 of 300'

finish trace_test
