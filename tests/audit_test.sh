#!/usr/bin/env bash
# --audit: a line for every wrong answer, also of a worker whose key has a name that is no UTF-8. CONVOY is the program, CONVOY_SOURCE_DIR the source
# tree.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5

# start KEY ARGUMENTS...: a worker in the background.
start() {
    "$CONVOY" worker --connect "ipc://$scratch/socket" --key "keys/$1.key" --server-key keys/master.pub --give-up 120s --quiet "${@:2}" 2>>workers.err &
    background+=($!)
}

mkdir keys allowed
liar=$'li\xe9r' # Latin-1
for name in master "$liar" w0 w1; do "$CONVOY" keygen --out keys "$name" >/dev/null; done
cp keys/{"$liar",w?}.pub allowed/
start w0
start w1
start "$liar" --fault lie=0.1
run 0 run "$lenet/lenet5.onnx" "$lenet/digits/000.png" --repeat 200 --distribute all --listen "ipc://$scratch/socket" --key keys/master.key --allow allowed \
    --workers 3 --stragglers 0 --verify all --audit audit --json --check
errors_within 1e-4
wrong=$(LC_ALL=C grep -c 'is wrong, off by' err)
[ "$wrong" -ge 1 ] || fail "$command: nobody lied"
lines=$(grep -cE '^\{"time":"[^"]*","layer":"[^"]*","worker":[0-2],"key":"li\?r","deviation":[^,]*,"threshold":[^,]*,"distrusted":(true|false)\}$' audit)
[ "$lines" -eq "$wrong" ] || fail "$command: $wrong answers were wrong, the audit has lines for $lines of them"

finish audit_test
