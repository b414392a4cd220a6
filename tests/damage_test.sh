#!/usr/bin/env bash
# Eight workers without keys over a link that damages headers (damage_link.py): no wrong answer, and damage is no refusal: every worker
# that loses its master dials again, and none ends before the master has finished. DAMAGE_SHARE: of all headers (0.002); SEED repeats a run.
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import asyncio' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
share=${DAMAGE_SHARE:-0.002}
: "${SEED:=$RANDOM}"
echo "seed $SEED"
rounds=2
if [ -n "${CONVOY_SANITIZE:-}" ]; then rounds=1; fi
inputs=()
for ((i = 0; i < rounds; i++)); do inputs+=("$lenet"/digits/*.png); done

command="convoy run over a link that damages"
"$CONVOY" run "$lenet/lenet5.onnx" "${inputs[@]}" --workers 8 --stragglers 3 --distribute all --listen tcp://127.0.0.1:0 --check --json >out 2>err </dev/null &
master=$!
background+=($master)
await '^convoy: listening on tcp://127.0.0.1:[1-9]' err
port=$(sed -n 's/^convoy: listening on tcp:[^ ]*:\([0-9]*\) .*/\1/p' err)
"$python" "$CONVOY_SOURCE_DIR/tests/damage_link.py" "$port" "$share" "$SEED" damaged >link 2>link.err &
background+=($!)
await '^[0-9]+$' link
workers=()
for ((w = 0; w < 8; w++)); do
    "$CONVOY" worker --connect "tcp://127.0.0.1:$(cat link)" >"worker$w" 2>&1 &
    workers+=($!)
done
background+=("${workers[@]}")
wait $master || fail "$command: exit status $?"
for ((w = 0; w < 8; w++)); do
    kill -0 "${workers[w]}" 2>/dev/null || fail "worker $w has ended: $(tail -n 1 "worker$w")"
done

if grep -q '"top1_agrees": *false' out; then fail "$command: an answer is not that of the uncoded model"; fi
[ "$(grep -o '"top1_agrees": *true' out | wc -l)" -eq $((rounds * 300)) ] || fail "$command: not $((rounds * 300)) right answers"
errors_within 1e-4
grep -o '"degraded": [a-z]*, .*' out | tail -n 1
damages=$(cat damaged 2>/dev/null || echo 0)
lost=$(grep -c 'is lost: it sent what is no frame\|is lost: its connection ended' err)
echo "$damages headers of $((rounds * 300)) inferences damaged, $lost times a worker was lost and came again"
[ "$damages" -ge 10 ] || fail "the link damaged $damages headers: too few to tell"
if grep -lE 'Sanitizer|runtime error' err worker?; then fail "a sanitizer has found something"; fi

# All workers come to the next master, whose run needs each of them.
start_ns=$(date +%s%N)
"$CONVOY" run "$lenet/lenet5.onnx" "$lenet/digits/000.png" --workers 8 --stragglers 0 --distribute all --listen "tcp://127.0.0.1:$port" --check --json >out 2>err </dev/null ||
    fail "the second run: exit status $?"
command="the second run"
[ "$(grep -o '^convoy: worker [0-7] has joined' err | sort -u | wc -l)" -eq 8 ] || fail "$command: not all 8 workers came again"
echo "all 8 workers had come again after $((($(date +%s%N) - start_ns) / 1000000)) ms"
finish damage_test
