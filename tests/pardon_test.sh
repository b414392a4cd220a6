#!/usr/bin/env bash
# A worker that lies is banned, with its key; after SIGUSR1 to the master the key is let in again. SIGUSR1 harms no other run. CONVOY is the program,
# CONVOY_SOURCE_DIR the source tree.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
mkdir keys allowed
for name in master liar w0 w1 w2 w3; do "$CONVOY" keygen --out keys "$name" >/dev/null; done
cp keys/{liar,w?}.pub allowed/

# start KEY FILE ARGUMENTS...: a worker in the background; its messages go to the file.
start() {
    "$CONVOY" worker --connect "ipc://$scratch/socket" --key "keys/$1.key" --server-key keys/master.pub --give-up 5s "${@:3}" >"$2" 2>&1 &
    worker=$!
    background+=($!)
}

command="convoy run --verify all"
"$CONVOY" run "$lenet/lenet5.onnx" "$lenet/digits/000.png" --repeat 1000000 --distribute all --listen "ipc://$scratch/socket" --key keys/master.key \
    --allow allowed --workers 5 --stragglers 1 --verify all --audit audit >out 2>err </dev/null &
master=$!
background+=($master)
await '^convoy: listening on' err
for w in 0 1 2 3; do start w$w w$w; done
await '4 alive' err

start liar first --fault lie=0.1
await '"key":"liar".*"distrusted":true' audit
await 'is lost: its answers were wrong' err
wait $worker
[ $? -eq 3 ] || fail "the liar has not ended with status 3"
grep -q 'it refuses: its answers were wrong' first || fail "the liar was not told why: $(cat first)"

start liar second
await 'was refused: its answers were wrong' err
wait $worker
[ $? -eq 3 ] || fail "who has the liar's key is let in"

kill -USR1 $master
await 'no worker is distrusted any more' err
came=$(grep -c 'came from .* with the key liar' err)
start liar third
await 'worker [0-4] of the master' third
[ "$(grep -c 'came from .* with the key liar' err)" -eq $((came + 1)) ] || fail "who has the liar's key is not let in after SIGUSR1"
kill -0 $master 2>/dev/null || fail "the master has ended"
[ "$(grep -c '"distrusted":true' audit)" -eq 1 ] || fail "the audit distrusts more than the liar"

# A restart clears nothing: a worker with a key of its own that gave one wrong answer is banned by the next.
kill -KILL $worker
wait $worker 2>/dev/null
lines=$(wc -l <audit)
start liar rare --fault lie=0.1,0.001,0.0002
for ((tries = $(patience 300); tries > 0; tries--)); do
    if [ "$(wc -l <audit)" -gt "$lines" ]; then break; fi
    sleep 0.1
done
kill -KILL $worker
wait $worker 2>/dev/null
start liar again --fault lie=0.1
await 'it refuses: its answers were wrong' again
[ "$(tail -n +$((lines + 1)) audit | grep -c '"distrusted":false')" -eq 1 ] || fail "a restart cleared what was known of a key: $(tail -n +$((lines + 1)) audit)"
kill -TERM $master
wait $master

# A run without workers takes the signal, too.
"$CONVOY" run "$lenet/lenet5.onnx" "$lenet/digits/000.png" --repeat 30000 --local >out 2>err </dev/null &
master=$!
background+=($master)
for ((tries = $(patience 20); tries > 0; tries--)); do
    if [ "$(sed -n 's/^SigBlk:\t//p' /proc/$master/status 2>/dev/null)" = 0000000000000200 ]; then kill -USR1 $master; fi
    if grep -q 'no worker is distrusted' err || ! kill -0 $master 2>/dev/null; then break; fi
    sleep 0.1
done
wait $master || fail "convoy run --local: exit status $? after SIGUSR1"
says 'no worker is distrusted any more'
finish pardon_test
