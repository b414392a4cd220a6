#!/usr/bin/env bash
# LeNet-5 over and over on eight workers with keys, every answer verified, while at most three places at a time are without a sound worker: one is
# killed, stopped, restarted or slow, its link damages bytes, or it lies until it is banned; and a ninth worker comes and goes. Every result must be
# that of the uncoded model and be decoded, the audit must name each liar and nobody else, and memory and descriptors must stay as they are.
#
# TRUST_INFERENCES (2400) and TRUST_DELAY, by which all answers are late so that a short run sees enough ("2ms"; "": not at all). SEED repeats the order
# of events.
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import asyncio' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
. "$CONVOY_SOURCE_DIR/tests/program.bash"
. "$CONVOY_SOURCE_DIR/tests/watch.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
wanted=${TRUST_INFERENCES:-2400}
delay=${TRUST_DELAY-2ms}
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    wanted=600
    echo "under a sanitizer: $wanted inferences"
fi
: "${SEED:=$RANDOM}"
echo "seed $SEED"
RANDOM=$SEED
places=8 # of workers; place 8 is the ninth's

give_up() {
    fail "$*"
    finish trust_test
}

# --- Workers --------------------------------------------------------------------------------------------------

mkdir keys allowed cache
declare -a pid=() key=()
keys=0
# The worker of a place gets a key that nobody had.
new_key() {
    key[$1]=k$((keys++))
    "$CONVOY" keygen --out keys "${key[$1]}" >/dev/null && cp "keys/${key[$1]}.pub" allowed/
}
# start PLACE SOCKET ARGUMENTS...
start() {
    "$CONVOY" worker --connect "ipc://$2" --key "keys/${key[$1]}.key" --server-key keys/master.pub --give-up 5s --quiet "${@:3}" 2>>workers.err &
    pid[$1]=$!
    background+=($!)
}
# end PLACE SIGNAL
end() {
    kill "-$2" "${pid[$1]}" 2>/dev/null
    wait "${pid[$1]}" 2>/dev/null
}
# A sound worker instead of whatever is there.
renew() {
    end "$1" KILL
    start "$1" "$scratch/socket"
}

# --- The master -----------------------------------------------------------------------------------------------

master_runs() { kill -0 "$master" 2>/dev/null; }
alive() { sed -n 's/.*: \([0-9]*\) alive.*/\1/p' err | tail -n 1; }

# until_true COMMAND...: waits until the command succeeds; false when the run has ended before.
until_true() {
    local tries
    for ((tries = $(patience 30); tries > 0; tries--)); do
        if "$@"; then return 0; fi
        if ! master_runs; then return 1; fi
        sleep 0.1
    done
    give_up "round $rounds: not within $(patience 30) tenths of a second: $*"
}
are_alive() { [ "$(alive)" = "$1" ]; }
is_banned() { grep -q "\"key\":\"$1\".*\"distrusted\":true" audit && ! kill -0 "$2" 2>/dev/null; }

# --- What happens to a place: hurt_KIND PLACE, and mend_KIND PLACE some time later ------------------------------

kinds=(kill stop restart slow corrupt lie)
hurt_kill() { end "$1" KILL; }
mend_kill() { start "$1" "$scratch/socket"; }
hurt_stop() { kill -STOP "${pid[$1]}"; }
mend_stop() { kill -CONT "${pid[$1]}"; }
hurt_restart() {
    end "$1" TERM
    start "$1" "$scratch/socket" --cache-dir "cache/$1"
}
mend_restart() { :; }
hurt_slow() {
    end "$1" KILL
    start "$1" "$scratch/socket" --fault slow=20x
}
mend_slow() { renew "$1"; }
hurt_corrupt() {
    end "$1" KILL
    start "$1" "$(cat link)"
}
mend_corrupt() { renew "$1"; }
hurt_lie() {
    end "$1" KILL
    new_key "$1"
    start "$1" "$scratch/socket" --fault "lie=${sizes[RANDOM % ${#sizes[@]}]}" --seed "$((SEED + keys))"
}
sizes=(1e-2 1e-1,0.1 10,1,0.5 1e3)
# A liar is banned before another worker takes its place.
mend_lie() {
    if until_true is_banned "${key[$1]}" "${pid[$1]}"; then liars+=("${key[$1]}"); fi
    wait "${pid[$1]}" 2>/dev/null
    new_key "$1"
    start "$1" "$scratch/socket"
}
# The ninth worker comes, or goes.
toggle_ninth() {
    if [ -n "${pid[$places]:-}" ]; then
        end $places TERM
        unset "pid[$places]"
    else
        new_key $places
        start $places "$scratch/socket"
    fi
}

# choose_victims: some of the places, one to three, the first only now and then: it keeps its process, which is watched.
choose_victims() {
    mapfile -t victims < <(for ((p = 0; p < places; p++)); do echo "$RANDOM $p"; done | sort -n | head -n $((1 + RANDOM % 3)) | cut -d' ' -f2)
}
# The kind of the next event: all of them in turn first, then any.
choose_kind() {
    local place=$1
    if [ "$place" = 0 ]; then
        kind=stop
    elif ((events < ${#kinds[@]})); then
        kind=${kinds[events++]}
    else
        kind=${kinds[RANDOM % ${#kinds[@]}]}
        events=$((events + 1))
    fi
}

# --- The run --------------------------------------------------------------------------------------------------

"$CONVOY" keygen --out keys master >/dev/null
digits=("$lenet"/digits/*.png)
repeat=$(((wanted + ${#digits[@]} - 1) / ${#digits[@]}))
inferences=$((repeat * ${#digits[@]}))
late=()
if [ -n "$delay" ]; then
    for ((p = 0; p < places; p++)); do late+=(--fault "$p:delay=$delay"); done
fi
command="convoy run --verify all"
"$CONVOY" run "$lenet/lenet5.onnx" "${digits[@]}" --repeat "$repeat" --distribute all --listen "ipc://$scratch/socket" --key keys/master.key --allow allowed \
    --workers $places --stragglers 3 --reserve 1 "${late[@]}" --verify all --audit audit --check --top 1 >out 2>err </dev/null &
master=$!
background+=($master)
await '^convoy: listening on' err || give_up "the master does not listen"
"$python" "$CONVOY_SOURCE_DIR/tests/damage_link.py" "$scratch/socket" 0.02 "$SEED" damaged >link 2>link.err &
background+=($!)
await . link || give_up "the link does not listen"
rounds=0 events=0 liars=()
declare -A count=()
for ((p = 0; p < places; p++)); do
    new_key $p
    start $p "$scratch/socket"
done
until_true are_alive $places || give_up "the run ended before its workers had come"
touch audit
watchers=()
watch master "$master" "$master" &
watchers+=($!)
watch worker "${pid[0]}" "$master" &
watchers+=($!)

while master_runs; do
    choose_victims
    kinds_now=()
    for p in "${victims[@]}"; do
        choose_kind "$p"
        kinds_now+=("$kind")
        count[$kind]=$((${count[$kind]:-0} + 1))
        "hurt_$kind" "$p"
        sleep "0.0$((RANDOM % 10))"
    done
    sleep "0.$((RANDOM % 9))"
    for i in "${!victims[@]}"; do "mend_${kinds_now[i]}" "${victims[i]}"; done
    if ((RANDOM % 4 == 0)); then
        toggle_ninth
        count[join]=$((${count[join]:-0} + 1))
    fi
    rounds=$((rounds + 1))
    sleep 0.5 # a worker that was stopped a moment is not missed by anybody: its log line may never come
    until_true are_alive $((places + ${pid[$places]:+1}+0)) || break
    sleep 0.3 # they get their filters
done
status=0
wait "$master" || status=$?
wait "${watchers[@]}"

# --- What came of it ------------------------------------------------------------------------------------------

[ $status -eq 0 ] || fail "$command: exit status $status"
for kind in "${!count[@]}"; do printf '%s %d, ' "$kind" "${count[$kind]}"; done
echo "in $rounds rounds; $(cat damaged 2>/dev/null || echo 0) headers damaged"
prints "^inferences +$inferences in "
prints "^check +every answer is that of the uncoded model: .* $inferences of $inferences first classes agree"
sed -n '/^inferences/p; /^check/p; /^lost/p; /^degraded/p' out
degraded=$(sed -n 's/^degraded *\([0-9]*\) of .*/\1/p' out)
if [ -n "$degraded" ]; then excuse_degraded "$degraded" err "$inferences"; fi

[ ${#liars[@]} -ge 1 ] || fail "nobody lied"
named=$(sed -n 's/.*"key":"\([^"]*\)".*"distrusted":true.*/\1/p' audit | sort -u)
[ "$named" = "$(printf '%s\n' "${liars[@]}" | sort -u)" ] || fail "the audit distrusts $(echo $named), the liars were ${liars[*]}"
others=$(sed -n 's/.*"key":"\([^"]*\)".*/\1/p' audit | sort -u | grep -vxF -f <(printf '%s\n' "${liars[@]}"))
echo "${#liars[@]} liars, all named in $(wc -l <audit) lines of the audit"
[ -z "$others" ] || fail "the audit names $(echo $others), who did not lie"
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    if grep -lE 'Sanitizer|runtime error' err workers.err; then fail "a sanitizer has found something"; fi
    echo "memory not judged: the sanitizer $CONVOY_SANITIZE has its own"
else
    flat master 6144
    flat worker 6144
fi
flat_descriptors master 6 # connections that are being closed
flat_descriptors worker 2
finish trust_test
