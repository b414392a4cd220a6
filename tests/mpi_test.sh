#!/usr/bin/env bash
# A model over the ranks of an MPI job: right answers, exit statuses, and killed ranks. CONVOY is the program, CONVOY_SOURCE_DIR the tree. $MPI_KILLS
# is the number of runs with ranks killed at random (3); $SEED makes the moments (printed).
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
mpirun=$CONVOY_SOURCE_DIR/scripts/convoy-mpirun
command -v mpirun >/dev/null || { echo "skipped: there is no mpirun (scripts/setup --mpi)"; exit 77; }
grep -q 'Open MPI' <<<"$(mpirun --version)" || { echo "skipped: this mpirun is not Open MPI's"; exit 77; }
if [ -n "${CONVOY_SANITIZE:-}" ]; then echo "skipped: a dozen processes with the sanitizer $CONVOY_SANITIZE take too long"; exit 77; fi

. "$CONVOY_SOURCE_DIR/tests/program.bash"
RANDOM=${SEED:=$RANDOM}
echo "seed $SEED"

"$CONVOY" run --mpi "$model" "$lenet/digits/000.png" >out 2>err
if grep -q 'has no MPI' err; then echo "skipped: $(cat err)"; exit 77; fi

# job STATUS OPTIONS... -- ARGUMENTS...: standard output to out, standard error to err; within 50 s (times the factor of patience.bash).
job() {
    local wanted=$1 status
    shift
    command="convoy-mpirun $*"
    timeout $(($(patience 50) / 10)) "$mpirun" "$@" >out 2>err </dev/null
    status=$?
    [ $status -eq "$wanted" ] || fail "${command:0:100}: exit status $status, not $wanted"
}

# counts N PATTERN FILE: so many lines match.
counts() {
    local found
    found=$(grep -cE -e "$2" "$3")
    [ "$found" -eq "$1" ] || fail "${command:0:100}: $found lines like '$2', not $1"
}

# --- Right answers and exit statuses ------------------------------------------------------------------------

job 0 -n 7 -- "$model" --distribute all "$lenet"/digits/*.png --expect "$lenet/digits/labels.txt" --check --top 1
counts 1 '^accuracy +298 of 300' out
counts 1 '^check +every answer is that of the uncoded model' out
counts 1 '^lost +none' out
counts 6 '^convoy: rank [1-6]: worker [0-5] of the master' err
left=$(find . -mindepth 1 ! -name out ! -name err ! -path ./tmp)
[ -z "$left" ] || fail "$command: left behind: $left"

echo broken >broken.onnx
job 3 -n 3 -- broken.onnx "$lenet/digits/000.png" --stragglers 1
counts 1 '^convoy: ' err
job 2 -n 1 -- "$model" "$lenet/digits/000.png"
counts 1 'no workers' err
job 2 -n 3 -- "$model" --distribute all "$lenet/digits/000.png" --workers 3
counts 1 'has 2 ranks besides rank 0' err
job 2 -n 3 -- "$model" --distribute all "$lenet/digits/000.png" --local

for input in "-" "--input input=-"; do
    job 2 -n 3 -- "$model" --distribute all $input --stragglers 1
    counts 1 '^convoy: -: with --mpi there is no standard input' err
done

# A loop over models reads its list to the end.
command="a loop of three models"
for ((i = 0; i < 3; i++)); do echo "$model"; done >list
runs=0
while read -r one; do
    timeout $(($(patience 50) / 10)) "$mpirun" -n 3 -- "$one" --distribute all "$lenet/digits/000.png" --stragglers 1 >out 2>err || fail "$command: exit status $?"
    runs=$((runs + 1))
done <list
[ $runs -eq 3 ] || fail "$command: $runs runs"

# --- A job that is interrupted leaves no rank ----------------------------------------------------------------

# Ctrl-C is a signal to the whole process group of the script; impatient people send it twice.
for ((run = 0; run < ${MPI_INTERRUPTS:-8}; run++)); do
    command="interrupt $run"
    mark=$scratch/mark.$run.onnx
    cp "$model" "$mark"
    rm -f err
    set -m # a process group of its own, and signals as a shell at a terminal sets them
    "$mpirun" -n 4 -- "$mark" --distribute all "$lenet"/digits/*.png --stragglers 1 --repeat 1000 >out 2>err </dev/null &
    job=$!
    set +m
    if ((run % 4)); then await 'worker 2 has joined' err; else sleep 0.3; fi # some while they still start
    sleep "0.$((RANDOM % 5))"
    kill -INT -- -$job
    if ((run % 2)); then
        sleep "0.0$((RANDOM % 10))"
        kill -INT -- -$job 2>/dev/null
    fi
    wait $job
    status=$?
    [ $status -eq 130 ] || fail "$command: exit status $status"
    for ((i = $(patience 10); i > 0; i--)); do
        left=$(ps -eo pid=,args= | grep -F "$mark" | grep -vc 'grep -F')
        [ "$left" -gt 0 ] || break
        sleep 0.1
    done
    if [ "$left" -gt 0 ]; then
        fail "$command: $left processes are left"
        ps -eo pid=,args= | grep -F "$mark" | grep -v 'grep -F' | while read -r pid _; do kill -KILL "$pid"; done
    fi
done

# --- A killed rank costs one worker -------------------------------------------------------------------------

# The workers of a job: convoy's processes right below its mpirun. Rank 0 has a shell above it, and what runs MPI for a rank that rank.
workers_of() {
    ps -eo pid=,ppid=,comm= | awk -v job="$1" '
        { parent[$1] = $2; name[$1] = $3 }
        END {
            for (pid in parent) {
                if (name[pid] != "convoy" || name[parent[pid]] != "mpirun") continue
                for (above = pid; above > 1 && above != job; above = parent[above]);
                if (above == job) print pid
            }
        }'
}

# Eight workers, γ = 3: two are killed and one is stopped for a while, all at random moments. Every answer is right and decoded. Each
# answers 1 ms late, so that the run lasts 6 s or more, however busy the machine: it must not be over before it is disturbed.
late=()
for ((w = 0; w < 8; w++)); do late+=(--fault "$w:delay=1ms"); done
for ((run = 0; run < ${MPI_KILLS:-3}; run++)); do
    command="run $run with killed ranks"
    rm -f err
    timeout $(($(patience 60) / 10)) "$mpirun" -n 9 -- "$model" --distribute all "$lenet"/digits/*.png --expect "$lenet/digits/labels.txt" --stragglers 3 --repeat 4 "${late[@]}" --check --top 1 \
        >out 2>err </dev/null &
    job=$!
    until grep -qs '^convoy: worker 7 has joined' err || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
    sleep "0.$((RANDOM % 10))"
    mapfile -t victims < <(for pid in $(workers_of $job); do echo "$RANDOM $pid"; done | sort -n | cut -d' ' -f2)
    if [ ${#victims[@]} -eq 8 ]; then
        kill -STOP "${victims[0]}"
        sleep "0.$((RANDOM % 5))"
        kill -KILL "${victims[1]}"
        sleep "0.$((RANDOM % 5))"
        kill -KILL "${victims[2]}"
        sleep "0.$((RANDOM % 5))"
        kill -CONT "${victims[0]}"
    else
        fail "$command: ${#victims[@]} workers to choose from, not 8"
    fi
    wait $job
    status=$?
    [ $status -eq 0 ] || fail "$command: exit status $status"
    counts 1 '^accuracy +298 of 300' out
    counts 1 '^check +every answer is that of the uncoded model' out
    counts 1 '^degraded +no' out
    counts 1 '^lost +[0-7], [0-7]$' out
    counts 2 '^convoy: warning: worker [0-7] is lost: .* ended' err
done

finish mpi
