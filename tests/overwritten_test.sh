#!/usr/bin/env bash
# A model that is overwritten while a master uses it: a sentence and exit status 3, no signal, and no answer that was computed with other
# weights. A model that is replaced by a move does no harm.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
digit=$lenet/digits/000.png
. "$CONVOY_SOURCE_DIR/tests/program.bash"

# master OVERWRITE...: a master waits for workers, the command overwrites its model, then four workers dial in.
master() {
    local i socket=ipc://$scratch/socket
    cp "$lenet/lenet5.onnx" model.onnx
    "$CONVOY" run model.onnx "$digit" --workers 4 --stragglers 1 --distribute all --listen "$socket" --join 10 --json >out 2>err </dev/null &
    background+=($!)
    await 'listening on' err
    "$@"
    for ((i = 0; i < 4; i++)); do
        "$CONVOY" worker --connect "$socket" --give-up 2s 2>/dev/null &
        background+=($!)
    done
    wait "${background[0]}"
    status=$?
    command="a master whose model: $*"
    for ((i = 1; i <= 4; i++)); do wait "${background[i]}"; done
    background=()
}

shorten() { head -c 1000 "$lenet/lenet5.onnx" >model.onnx; }
zero() { head -c "$(wc -c <model.onnx)" /dev/zero | dd of=model.onnx conv=notrunc status=none; }
replace() { cp "$lenet/lenet5.onnx" new.onnx && mv new.onnx model.onnx; }

for overwrite in shorten zero; do
    master "$overwrite"
    [ $status -eq 3 ] || fail "$command: exit status $status, not 3"
    says 'while it was in use; a new file should be moved to its place' # if it is read just then: of no name
    if grep -q '"top"' out; then fail "$command: an answer"; fi
done
master replace
[ $status -eq 0 ] || fail "$command: exit status $status, not 0"
prints '"top": *\[\{"index":9'

finish overwritten_test
