#!/usr/bin/env bash
# How programs end: masters that signals end at random moments, masters that are killed, outputs that nobody takes. Nothing is left in $TMPDIR
# or among the processes, the JSON is whole, the status is the signal's, and workers have ended or wait again. $SEED repeats the moments
# (printed); $ENDS_ROUNDS is the number of masters for each signal and kind (2), $ENDS_KILLS that of those that are killed (6).
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import json' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digits=("$lenet"/digits/*.png)
digit=${digits[0]}
many=() # enough that no master comes to its end
for ((i = 0; i < 20; i++)); do many+=("${digits[@]}"); done
count=${#many[@]}
many+=(--repeat 30)
: "${SEED:=$RANDOM}"
RANDOM=$SEED
rounds=${ENDS_ROUNDS:-2}
kills=${ENDS_KILLS:-6}
echo "seed $SEED"

declare -A kinds=(
    [threads]="--workers 4 --stragglers 1"
    [spawn]="--spawn 4 --stragglers 1"
    [listen]="--workers 2 --stragglers 1 --distribute all --listen ipc://$scratch/door"
)

# --- What is looked at ----------------------------------------------------------------------------------------

# begin ARGUMENTS...: the program in the background, as a shell with a terminal would start it, its output in $output and err: $master.
output=out
begin() {
    rm -f out err # of the one before, for whoever waits for a line
    env --default-signal=INT,TERM,HUP,PIPE ${ignored:+--ignore-signal=$ignored} ${group:+setsid} "$CONVOY" "$@" >"$output" 2>err </dev/null &
    master=$!
    background[$master]=$master # whose number another process may have when it has ended
    command="convoy ${*:1:2} ... ${*: -1}"
}

# Whether the program has begun, and taken signals in hand: SIGTERM is number 15.
has_begun() {
    local caught
    [ "/proc/$master/exe" -ef "$CONVOY" ] || return
    caught=$(sed -n 's/^SigCgt:[^0-9a-f]*//p' "/proc/$master/status" 2>/dev/null)
    [ $(((16#${caught:-0} >> 14) & 1)) -eq 1 ]
}

# Until then, and for a random time of less than $1 milliseconds more.
await_moment() {
    local ms=$((20 + RANDOM % $1))
    for ((tries = $(patience 20) * 10; tries > 0; tries--)); do
        if has_begun; then break; fi
        sleep 0.01
    done
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}

# end SIGNAL: sends it, and waits: $status and $took, in ms.
end() {
    local start_ns
    start_ns=$(date +%s%N)
    kill "-$1" "$master" 2>/dev/null || fail "$command: has ended already"
    { wait "$master"; } 2>/dev/null
    status=$?
    unset "background[$master]"
    took=$((($(date +%s%N) - start_ns) / 1000000))
}

# The processes that this test's masters have started: their sockets are below $TMPDIR.
spawned() { grep -lz "ipc:/[/]$TMPDIR/" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3; }

nothing_is_left() {
    [ -z "$(ls -A "$TMPDIR")" ] || fail "$command: left $(find "$TMPDIR" -mindepth 1 | tr '\n' ' ')"
    [ ! -e door ] || fail "$command: left its socket"
}

no_process_is_left() {
    local left
    left=$(spawned)
    [ -z "$left" ] || fail "$command: left the processes $(echo $left)"
}

# Those that a killed master has left give up by themselves.
no_process_stays() {
    for ((tries = $(patience 20); tries > 0; tries--)); do
        [ -n "$(spawned)" ] || return 0
        sleep 0.1
    done
    no_process_is_left
}

# The object in out: how many results it has, or "broken". It ends as that of an interrupted run.
interrupted_results() {
    "$python" -c '
import json, sys
run = json.load(sys.stdin)
print(len(run["results"]) if run["interrupted"] is True and run["model"] else "broken")' <out 2>/dev/null || echo broken
}

# What an interrupted run has printed. One that had no processor for the 2 s that it has may have printed less.
judge_output() {
    local results said
    results=$(interrupted_results)
    said=$(sed -n "s/^convoy: interrupted by SIG$1: \([0-9]*\) of $count inferences were done\$/\1/p" err)
    if [ "$results" = broken ] && [ "$took" -ge 1900 ] && machine_is_busy; then
        cut_short=$((cut_short + 1))
        return
    fi
    [ "$results" != broken ] || fail "$command: after $took ms no JSON of an interrupted run: $(tail -c 200 out)"
    [ "$results" = "$said" ] || fail "$command: says that '$said' inferences were done, and prints $results"
    [ "$results" = 0 ] || with_results=$((with_results + 1))
}

# --- Workers that dial in -------------------------------------------------------------------------------------

# One waits for the next master, and takes its time between two looks; one ends with its own, and is another one for each master, so
# that it comes soon.
start_leaving() {
    end_leaving
    : >leaving.err
    "$CONVOY" worker --connect "ipc://$scratch/door" --give-up 300 2>leaving.err &
    leaving=$!
    background[leaving]=$leaving
}
end_leaving() {
    [ -n "$leaving" ] || return
    { kill -KILL $leaving && wait $leaving; } 2>/dev/null
    unset "background[$leaving]"
    leaving=
}
leaving=

start_waiting() {
    "$CONVOY" worker --connect "ipc://$scratch/door" --quiet 2>waiting.err &
    waiting=$!
    background[waiting]=$waiting
}

# Whether it is let in by a master, as it says.
is_in() { [[ $(grep -E 'of the master|is lost' leaving.err | tail -n 1) == *'of the master'* ]]; }

# A worker that a master had let in when it ended has ended well; else it still waits.
judge_leaving() {
    for ((tries = $(patience 20); tries > 0; tries--)); do
        if ! kill -0 $leaving 2>/dev/null; then
            wait $leaving || fail "$command: a worker with --give-up ends with status $?"
            grep -q 'has finished$' leaving.err || fail "$command: a worker that was not told goodbye has ended"
            unset "background[$leaving]"
            leaving=
            return
        fi
        is_in || return
        sleep 0.1
    done
    fail "$command: a worker with --give-up has not ended"
}

judge_workers() {
    kill -0 $waiting 2>/dev/null || fail "$command: a worker without --give-up has ended"
    judge_leaving
}

# --- Masters that signals end ---------------------------------------------------------------------------------

# Half of them after the first result.
interrupt() { # KIND SIGNAL
    if [ "$1" = listen ]; then start_leaving; fi
    begin run "$model" "${many[@]}" --json ${kinds[$1]}
    command="$1, SIG$2"
    if [ $((RANDOM % 2)) -eq 1 ]; then await '^{"input"' out; fi
    await_moment 800
    end "$2"
    [ $status -eq $((128 + $(kill -l "$2"))) ] || fail "$command: exit status $status"
    judge_output "$2"
    nothing_is_left
    no_process_is_left
    if [ "$1" = listen ]; then judge_workers; fi
    echo "$took" >>times
}

start_waiting
for kind in threads spawn listen; do
    for signal in INT TERM HUP; do
        before=$failures
        with_results=0 cut_short=0
        : >times
        for ((round = 0; round < rounds; round++)); do interrupt $kind $signal; done
        sort -n times | awk -v name="$kind, SIG$signal" -v n=$rounds -v w=$with_results -v c=$cut_short -v f=$((failures - before)) '
            { t[NR] = $1 }
            END { printf "%s: %d masters, %d with results, %d failures; ended after %d ms (median), %d ms (longest)%s\n",
                      name, n, w, f, t[int((NR + 1) / 2)], t[NR], c ? "; " c " cut short by a busy machine" : "" }'
    done
done

# --- Masters that are killed ----------------------------------------------------------------------------------

# The next master finds and removes what one has left.
before=$failures
folders=0
names=(spawn listen)
for ((round = 0; round < kills; round++)); do
    kind=${names[round % 2]}
    if [ $kind = listen ]; then start_leaving; fi
    begin run "$model" "${many[@]}" --json ${kinds[$kind]}
    await_moment 800
    end KILL
    [ $status -eq 137 ] || fail "$kind, SIGKILL: exit status $status"
    [ -z "$(ls -A "$TMPDIR")" ] || folders=$((folders + 1))
    run 0 run "$model" "$digit" ${kinds[$kind]} --no-fallback --quiet
    command="$kind, after SIGKILL"
    nothing_is_left
    if [ $kind = listen ]; then judge_workers; fi
done
no_process_stays
echo "SIGKILL: $kills masters, $folders of which left a folder that the next one removed, $((failures - before)) failures"

# One that lives keeps its folder.
begin run "$model" "${many[@]}" --quiet ${kinds[spawn]}
living=$master
await_moment 100
for ((tries = $(patience 20); tries > 0; tries--)); do
    if compgen -G "$TMPDIR/convoy-*/master" >/dev/null; then break; fi
    sleep 0.1
done
kept=$(find "$TMPDIR" | sort)
"$CONVOY" run "$model" "$digit" ${kinds[spawn]} --quiet >second.out 2>second.err </dev/null || fail "beside a living master: exit status $?"
[ "$(find "$TMPDIR" | sort)" = "$kept" ] || fail "a master removes what belongs to a living one"
master=$living
end TERM
nothing_is_left

# The worker without --give-up serves the next master.
end_leaving
run 0 run "$model" "$digit" --workers 1 --stragglers 0 --code uncoded --distribute all --listen "ipc://$scratch/door" --no-fallback --quiet

# --- Twice, never, and too late -------------------------------------------------------------------------------

# children PID: processes whose parent it is.
children() {
    cat /proc/[0-9]*/status 2>/dev/null |
        awk -v parent="$1" '/^Pid:/ { pid = $2 } /^PPid:/ && $2 == parent { print pid }'
}

# A stopped worker has to be waited for; the second signal does not wait.
begin run "$model" "${many[@]}" --json --spawn 3 --stragglers 1
command="a second signal"
await 'worker 2 has joined' err
stopped=($(children $master))
kill -STOP "${stopped[@]}"
kill -TERM $master
sleep 0.3
end TERM
[ $status -eq 143 ] || fail "$command: exit status $status"
kill -0 "${stopped[@]}" 2>/dev/null || fail "$command: the program did not end at once"
nothing_is_left
kill -KILL "${stopped[@]}" 2>/dev/null

# Ctrl-C reaches the workers, too.
group=own begin run "$model" "${many[@]}" --json --spawn 3 --stragglers 1
command="a signal to the process group"
await '^{"input"' out
kill -INT -- -$master
{ wait $master; } 2>/dev/null
status=$? took=0
[ $status -eq 130 ] || fail "$command: exit status $status"
judge_output INT
nothing_is_left
no_process_is_left

# What does not come to its end within 2 s: here an output that nobody reads, a full pipe.
if [ "${CONVOY_SANITIZE:-}" = thread ]; then
    echo "without an output that nobody reads: ThreadSanitizer holds signals back while the C library writes"
else
    mkfifo pipe
    exec 9<>pipe
    dd if=/dev/zero of=pipe oflag=nonblock bs=4096 count=1000 2>/dev/null
    output=pipe begin run "$model" "${many[@]}" --json --spawn 2 --stragglers 0 --code uncoded
    command="an output that nobody reads"
    await 'worker 1 has joined' err
    end HUP
    [ $status -eq 129 ] || fail "$command: exit status $status"
    [ "$took" -ge 1500 ] || fail "$command: ended after $took ms"
    nothing_is_left
    exec 9>&-
    no_process_stays
fi

# Signals that were ignored at the beginning are ignored, by the workers, too.
ignored=HUP begin run "$model" "${digits[@]}" --spawn 3 --stragglers 1 --fault 0:delay=2ms --fault 1:delay=2ms --json
command="an ignored signal"
await 'worker 2 has joined' err
kill -HUP $master $(children $master)
wait $master || fail "$command: exit status $?"
prints '"lost": \[\], "distrusted": \[\], "live": 3'
nothing_is_left

# A worker ends at once.
begin worker --connect "ipc://$scratch/door" --quiet
command="a worker"
await_moment 50
end TERM
[ $status -eq 143 ] || fail "$command: exit status $status"

# --- Other commands -------------------------------------------------------------------------------------------

for line in "plan --calibrate --spawn 3 --out profile" "bench $model --layers --runs 1000" "bench $model --duration 600" "bench $model --spawn 3 --duration 600" "plan $model --workers 2..200"; do
    begin $line
    command="convoy ${line%% *}"
    await_moment 300
    end INT
    [ $status -eq 130 ] || fail "$command: exit status $status"
    [ ! -e profile ] || fail "$command: wrote a profile"
    nothing_is_left
    no_process_is_left
done

# --- Outputs that nobody takes --------------------------------------------------------------------------------

# Each would take minutes if it went on.
slow=(--stragglers 0 --fault 0:delay=100ms --quiet)
for kind in "--workers 2" "--spawn 2"; do
    for how in "" --json; do
        command="$kind $how into a pipe"
        env --default-signal=PIPE "$CONVOY" run "$model" "${digits[@]}" $kind $how "${slow[@]}" 2>err </dev/null | head -n 1 >out
        statuses=("${PIPESTATUS[@]}")
        [ "${statuses[0]}" -eq 141 ] || fail "$command: exit status ${statuses[0]}"
        [ ! -s err ] || fail "$command: printed on standard error"
        [ "$(wc -l <out)" -eq 1 ] || fail "$command: head did not get its line"
        nothing_is_left
        no_process_is_left
        if [ -e /dev/full ]; then
            command="$kind $how onto a full disk"
            "$CONVOY" run "$model" "${digits[@]}" $kind $how "${slow[@]}" >/dev/full 2>err </dev/null
            status=$?
            [ $status -eq 1 ] || fail "$command: exit status $status"
            [ "$(cat err)" = "convoy: standard output cannot be written: No space left on device" ] || fail "$command: no such sentence"
            nothing_is_left
            no_process_is_left
        fi
    done
done

# Where SIGPIPE is ignored a pipe that is closed is a failure as any other.
command="an ignored SIGPIPE"
env --ignore-signal=PIPE "$CONVOY" run "$model" "${digits[@]}" --spawn 2 "${slow[@]}" 2>err </dev/null | head -n 1 >out
status=${PIPESTATUS[0]}
[ "$status" = 1 ] || fail "$command: exit status $status"
says '^convoy: standard output cannot be written: Broken pipe$'
nothing_is_left
no_process_is_left

if grep -lE 'Sanitizer|runtime error' ./*err; then fail "a sanitizer has found something"; fi
finish ends_test
