#!/usr/bin/env bash
# Workers that are processes: started by the master (--spawn) and by hand (--listen, convoy worker, keys). CONVOY is the
# program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digits=("$lenet"/digits/*.png)
some=("${digits[@]:0:12}")
digit=${digits[0]}
. "$CONVOY_SOURCE_DIR/tests/program.bash"

# start NAME ARGUMENTS...: a run of the model in the background, its output in NAME.out and NAME.err. join NAME: waits for
# it; out and err are its.
start() {
    "$CONVOY" run "$model" "${@:2}" >"$1.out" 2>"$1.err" </dev/null &
    master=$!
    background+=($master)
}
join() {
    wait $master || fail "$1: exit status $?"
    cp "$1.out" out
    cp "$1.err" err
    command=$1
}

# Processes whose parent is this one.
children() {
    cat /proc/[0-9]*/status 2>/dev/null |
        awk -v parent="$1" '/^Pid:/ { pid = $2 } /^PPid:/ && $2 == parent { print pid }'
}

# --- Started by the master ------------------------------------------------------------------------------------

run 0 run "$model" "${digits[@]}" --spawn 6 --expect "$lenet/digits/labels.txt" --check --no-fallback
prints '^accuracy +298 of 300 = 99.33 %$'
prints '^check +every answer is that of the uncoded model'
prints '^workers +6, any 2 may be missing'
says '^convoy: worker 5 has joined: 6 alive, 2 more than needed$'

run 0 run "$model" "${some[@]}" --spawn 6 --check --json --quiet --no-fallback
prints '"workers": 6, "stragglers": 2, "engine": "spawn", '
prints '"degraded": false, .*"lost": \[\], "distrusted": \[\], "live": 6, "needed": 4\}'
errors_within 1e-5
[ ! -s err ] || fail "$command: printed on standard error in spite of --quiet"

# The same survivors: the same result. uncoded needs all its workers, and so does γ = 0.
for code in "--code uncoded" "--stragglers 0"; do
    run 0 run "$model" "${some[@]}" --workers 4 $code --quiet --no-fallback --output threads.npy
    run 0 run "$model" "${some[@]}" --spawn 4 $code --quiet --no-fallback --output spawn.npy
    differ_within spawn.npy threads.npy 1e-6
done

# Faults of both kinds happen to the workers that they name.
run 0 run "$model" "${some[@]}" --spawn 7 --stragglers 4 --check --json --no-fallback \
    --fault 1:kill --fault 3:kill@conv2 --fault 4:slow=20x --fault 5:delay=20ms --fault 6:busy=20x
prints '"degraded": false, .*"lost": \[1, 3\], "distrusted": \[\], "live": 5, "needed": 3\}'
errors_within 1e-5
run 0 run "$model" "$digit" --spawn 6 --fault 0:kill --fault 1:kill --fault 5:kill --check --json --quiet
prints '"degraded": true, .*"lost": \[0, 1, 5\], "distrusted": \[\], "live": 3, "needed": 4\}'
run 4 run "$model" "$digit" --spawn 6 --fault 0:kill --fault 1:kill --fault 5:kill --quiet --no-fallback

# Two of six die while inferences run. Three are late, so that the run takes a few seconds.
late=(--fault 5:delay=2ms --fault 4:delay=2ms --fault 3:delay=2ms)
start die "${digits[@]}" --spawn 6 "${late[@]}" --check --json --no-fallback
await 'worker 5 has joined' die.err
sleep 0.5
victims=($(children $master))
[ ${#victims[@]} -eq 6 ] || fail "${#victims[@]} workers, not 6"
kill -KILL "${victims[@]:0:2}" || fail "there was nobody to kill any more"
join die
prints '"degraded": false, .*"lost": \[[0-5], [0-5]\], "distrusted": \[\], "live": 4, "needed": 4\}'
errors_within 1e-5
[ "$(grep -c 'is lost: [45] alive' err)" -eq 2 ] || fail "not two lines of a loss"

# One that is stopped is ended all the same.
start stop "${digits[@]}" --spawn 6 "${late[@]}" --no-fallback
await 'worker 5 has joined' stop.err
victims=($(children $master))
kill -STOP "${victims[@]:0:1}" || fail "there was nobody to stop any more"
join stop
kill -0 "${victims[@]:0:1}" 2>/dev/null && fail "a stopped worker is still there"
[ -z "$(ls "$TMPDIR")" ] || fail "sockets were left: $(ls "$TMPDIR")"

# A master that is killed does not leave workers behind; looked at in the end.
start orphans "${digits[@]}" --spawn 3 --stragglers 1 --repeat 1000
await 'worker 2 has joined' orphans.err
orphans=($(children $master))
[ ${#orphans[@]} -eq 3 ] || fail "${#orphans[@]} processes to be orphaned, not 3"
{
    kill -KILL $master
    wait $master
} 2>/dev/null

# --- Dialling in ------------------------------------------------------------------------------------------------

run 0 keygen master --out . && prints '^\./master\.key ' && prints '^\./master\.pub '
run 0 keygen alice
run 0 keygen mallory
[ "$(stat -c %a master.key alice.pub)" = "600"$'\n'"644" ] || fail "modes of key files"
refuses 1 alice.key keygen alice
refuses 2 'a/b' keygen a/b
refuses 2 'names' keygen
mkdir allowed
cp alice.pub allowed/

# listen NAME ARGUMENTS...: as start; its address in $url.
listen() {
    start "$1" --distribute all --listen tcp://127.0.0.1:0 "${@:2}"
    await '^convoy: listening on tcp://127.0.0.1:[1-9]' "$1.err"
    url=$(sed -n 's/^convoy: listening on \(tcp:[^ ]*\).*/\1/p' "$1.err")
}
dial() { "$CONVOY" worker --connect "$url" "$@" 2>>workers.err & background+=($!); }

# The command that a master prints for its workers is one that works.
start pasted "${some[@]}" --workers 1 --stragglers 0 --code uncoded --distribute all --listen "ipc://$scratch/it's here" --no-fallback
await '^convoy: a worker is started with: convoy worker --connect' pasted.err
pasted=$(sed -n 's/^convoy: a worker is started with: convoy //p' pasted.err)
eval "\"$CONVOY\" $pasted --quiet --give-up 60" 2>>workers.err &
background+=($!)
join pasted

listen keys "${digits[@]}" --workers 4 --stragglers 1 --key master.key --allow allowed --check --json --no-fallback
await 'waiting for workers on tcp://127.0.0.1:[0-9]*: 0 of 4 have come' keys.err
run 3 worker --connect "$url" --key mallory.key --server-key master.pub --give-up 500ms && says 'given up'
run 3 worker --connect "$url" --give-up 500ms && says 'given up'
run 3 worker --connect "$url" --key alice.key --server-key alice.pub --give-up 500ms && says 'given up'
for i in 1 2 3 4; do dial --key alice.key --server-key master.pub --give-up 60; done
join keys
says "a worker is started with: convoy worker --connect $url --key NAME\\.key --server-key master\\.pub\$"
wait $! || fail "a worker whose master has finished ends with status $?"
prints '"engine": "zmq", '
prints '"degraded": false, .*"needed": 3\}'
errors_within 1e-5
says 'its key is not among the allowed ones'
says 'worker [0-3] came from tcp 127\.0\.0\.1:[0-9]+ with the key alice$'
await 'the master at tcp://127\.0\.0\.1:[0-9]* has finished$' workers.err

# Filters are kept on disk: a worker that starts anew finds them.
for round in 1 2; do
    listen "disk$round" "${some[@]}" --workers 1 --stragglers 0 --code uncoded --no-fallback --check
    dial --cache-dir cache --give-up 60 --quiet
    join "disk$round"
    prints '^check +every answer is that of the uncoded model'
    ls -i cache >"files$round"
done
[ "$(grep -c '\.layer$' files1)" -eq 5 ] || fail "not 5 files in the cache: $(cat files1)"
cmp -s files1 files2 || fail "the second worker did not use the files of the first"

# A worker's own fault, and one that nobody waits for.
listen fault "${some[@]}" --workers 4 --stragglers 2 --check --json --no-fallback
"$CONVOY" worker --connect "$url" --fault kill@conv1 --quiet &
killed=$!
background+=($killed)
await 'worker 0 has joined' fault.err
for i in 1 2 3; do dial --give-up 60 --quiet; done
wait $killed || fail "a worker that a fault kills ends with status $?"
join fault
prints '"degraded": false, .*"lost": \[0\]'

# Nobody comes.
run 0 run "$model" "$digit" --distribute all --listen "ipc://$scratch/nobody" --join 300ms --check --json && prints '"degraded": true, .*"live": 0'
run 4 run "$model" "$digit" --distribute all --listen "ipc://$scratch/nobody" --join 300ms --no-fallback --quiet
# Too few to be measured: nothing is planned for workers, which is no less degraded, and those that come later are not used.
run 0 run "$model" "$digit" --listen "ipc://$scratch/nobody" --join 300ms --check --json
prints '"degraded": true, .*"live": 0, "needed": 4\}'
prints '"name":"conv1","op":"Conv","coded":false,"family":null,"kA":null,"kB":null,"delta":null,.*"why_local":"too few workers came"'
prints '"name":"pool1",.*"why_local":"neither a convolution nor a product by a constant"'
says '^convoy: warning: only 0 of 6 workers have come; 4 are needed: .* workers that come later are not used \(.*--distribute all'
run 0 run "$model" "$digit" --listen "ipc://$scratch/nobody" --join 300ms --layers
prints '^conv1 +Conv +here +1 '
prints '^degraded +1 of 1 inferences: a layer was computed here \(conv1: too few workers came\)$'
run 4 run "$model" "$digit" --listen "ipc://$scratch/nobody" --join 300ms --no-fallback --quiet

# A signal that ends a master leaves nothing behind, and ends it as such a signal does.
mkdir signals
for kind in "--spawn 2" "--distribute all --listen ipc://$scratch/ended --workers 2"; do
    for signal in TERM HUP; do
        TMPDIR=$scratch/signals start signal "${digits[@]}" --stragglers 1 --repeat 1000 $kind
        if [ "${kind:2:5}" = spawn ]; then await 'worker 1 has joined' signal.err; else await 'listening on ipc' signal.err; fi
        kill -$signal $master
        wait $master 2>/dev/null
        status=$?
        [ $status -eq $((128 + $(kill -l $signal))) ] || fail "$kind, SIG$signal: exit status $status"
        [ ! -e ended ] && [ -z "$(ls signals)" ] || fail "$kind: a socket was left after SIG$signal"
    done
done

# Where $TMPDIR is too long for a socket, /tmp serves; at the limit of the system it is still used.
long=$scratch/$(printf 'l%.0s' {1..200})
exact=$scratch/$(printf 'e%.0s' $(seq $((107 - ${#scratch} - 1 - 14 - 7))))
mkdir "$long" "$exact" "${exact}e"
for where in "$long" "$exact" "${exact}e"; do
    TMPDIR=$where run 0 run "$model" "$digit" --spawn 1 --workers 1 --stragglers 0 --code uncoded --no-fallback --quiet
done

# What is at the path of an ipc socket: a file stays as it is, a living master keeps its socket, a dead one's is replaced.
echo precious >file
refuses 3 "$scratch/file" run "$model" "$digit" --distribute all --listen "ipc://$scratch/file" --quiet
[ "$(cat file)" = precious ] || fail "a file at the path of --distribute all --listen was harmed"
start living "${some[@]}" --workers 1 --stragglers 0 --code uncoded --distribute all --listen "ipc://$scratch/socket" --no-fallback
await '^convoy: listening on ipc:' living.err
refuses 3 'another process listens there' run "$model" "$digit" --distribute all --listen "ipc://$scratch/socket" --quiet
url=ipc://$scratch/socket
dial --give-up 60 --quiet
join living
[ ! -e socket ] || fail "a master that has ended leaves its socket"
start dead "$digit" --distribute all --listen "ipc://$scratch/socket"
await '^convoy: listening on ipc:' dead.err
{
    kill -KILL $master
    wait $master
} 2>/dev/null
[ -S socket ] || fail "a killed master left no socket to be replaced"
run 0 run "$model" "$digit" --distribute all --listen "ipc://$scratch/socket" --join 300ms --quiet

# --- Refusals -----------------------------------------------------------------------------------------------------

refuses 2 'tcp://0.0.0.0:0' run "$model" "$digit" --distribute all --listen tcp://0.0.0.0:0
refuses 2 "'here'" run "$model" "$digit" --distribute all --listen here
refuses 3 'nowhere.key' run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --key nowhere.key --allow allowed
refuses 3 'nowhere' run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --key master.key --allow nowhere
refuses 2 'master.key' run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --key master.key
refuses 2 'allowed' run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --allow allowed
refuses 2 'master.key' run "$model" "$digit" --key master.key --allow allowed
for kind in slow=2x busy=2x; do
    refuses 2 "--fault $kind" run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --fault "1:$kind"
done
refuses 2 'the one or the other' run "$model" "$digit" --distribute all --listen tcp://127.0.0.1:0 --spawn 3
refuses 2 'local' run "$model" "$digit" --spawn 3 --local
refuses 2 'cluster of 2' run "$model" "$digit" --spawn 3 --workers 2 --stragglers 1
refuses 2 '--spawn 0' run "$model" "$digit" --spawn 0
refuses 2 '--join' run "$model" "$digit" --spawn 3 --join soon
refuses 2 '--join' run "$model" "$digit" --spawn 3 --join -1
refuses 2 'no master' worker
refuses 2 'no arguments' worker "$url" --connect "$url"
refuses 2 'tcp://192.0.2.1:1' worker --connect tcp://192.0.2.1:1
refuses 2 'alice.key' worker --connect "$url" --key alice.key
refuses 3 'mallory.pub' worker --connect "$url" --key alice.key --server-key allowed/mallory.pub
refuses 2 "'kill'" worker --connect "$url" --fault kill
refuses 2 '--give-up' worker --connect "$url" --give-up never
refuses 2 'abacus' worker --connect "$url" --backend abacus
refuses 2 'unknown option --spawn' worker --spawn 3
refuses 3 'cannot be made' worker --connect "$url" --cache-dir no/such/folder --quiet
chmod 644 alice.key
refuses 3 'alice.key' worker --connect "$url" --key alice.key --server-key master.pub

# --- The orphans --------------------------------------------------------------------------------------------------

for ((i = $(patience 15); i > 0; i--)); do # they give up after 5 s
    left=()
    for pid in "${orphans[@]}"; do if kill -0 "$pid" 2>/dev/null; then left+=("$pid"); fi; done
    [ ${#left[@]} -gt 0 ] || break
    sleep 0.05
done
if [ ${#left[@]} -gt 0 ]; then
    cp orphans.err err
    fail "${#left[@]} workers outlive their master by far"
    kill -KILL "${left[@]}"
fi

if grep -lE 'Sanitizer|runtime error' ./*err; then fail "a sanitizer has found something"; fi
finish spawn_test
