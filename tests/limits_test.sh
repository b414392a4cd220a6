#!/usr/bin/env bash
# Under any limit on address space (ulimit -v) and on descriptors (ulimit -n) the program does its work, or says one sentence and
# ends: it never hangs, aborts or is killed by a signal. Run with threads, run with processes (--spawn), and a worker.
# Some limits by default; LIMITS=all for all of them (scripts/limits).
# shellcheck source=tests/program.bash
. "$CONVOY_SOURCE_DIR/tests/program.bash"

if [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "limits: skipped: sanitizers need terabytes of address space"
    exit 77
fi

spaces=(50000 100000 150000 300000 500000 1000000) # kB
files=(8 16 24 64)
if [ "${LIMITS:-}" = all ]; then
    spaces=($(seq 50000 50000 700000) 1000000 1500000 2000000)
    files=($(seq 8 64))
fi
model=$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx
inputs=("$CONVOY_SOURCE_DIR"/models/lenet5/digits/00[0-4].png)
worked=0 refused=0

# limited OPTION LIMIT ARGUMENTS...: the program under `ulimit OPTION LIMIT`. Its status in $status.
limited() {
    command="ulimit $1 $2; convoy ${*:3:1} ... ${*: -2}"
    (ulimit -c 0 "$1" "$2" && exec timeout 60 "$CONVOY" "${@:3}" >out 2>err </dev/null)
    status=$?
}

# Whether it worked; else it must have said one sentence. ld.so has its own where not even the libraries fit.
judge() {
    if [ $status -eq 0 ]; then
        worked=$((worked + 1))
        return 0
    fi
    refused=$((refused + 1))
    case $status in
    1 | 3 | 127) ;;
    124) fail "$command: hangs" ;;
    *) fail "$command: exit status $status" ;;
    esac
    [ "$(wc -l <err)" -eq 1 ] || fail "$command: exit status $status, and not one line on standard error"
    grep -qE '^convoy: |: error while loading shared libraries: ' err || fail "$command: no sentence"
    [ ! -s out ] || fail "$command: results, and exit status $status"
    return 1
}

# The classes that a run found are those of a run without limits.
run 0 run "$model" "${inputs[@]}" --quiet --top 1
grep '\.png: ' out | cut -d'(' -f1 >wanted
try_run() {
    limited "$1" "$2" run "$model" "${inputs[@]}" --quiet --top 1 "${@:3}"
    if judge && ! grep '\.png: ' out | cut -d'(' -f1 | cmp -s - wanted; then fail "$command: other classes"; fi
}

# A worker of a master without limits.
try_worker() {
    "$CONVOY" run "$model" "${inputs[@]}" --quiet --workers 1 --stragglers 0 --distribute all --listen "ipc://$scratch/master" \
        >master.out 2>master.err </dev/null &
    local master=$!
    background+=("$master")
    limited "$1" "$2" worker --connect "ipc://$scratch/master" --quiet --give-up 20s
    if judge; then
        wait "$master" || fail "$command: the worker's status is 0, its master's $?: $(cat master.err)"
    else
        kill -KILL "$master" 2>/dev/null
        wait "$master" 2>/dev/null
    fi
    background=()
    rm -f "$scratch/master"
}

try_all() {
    try_run "$1" "$2"
    try_run "$1" "$2" --spawn 6
    try_worker "$1" "$2"
}
for limit in "${spaces[@]}"; do try_all -v "$limit"; done
for limit in "${files[@]}"; do
    try_all -n "$limit"
    try_run -n "$limit" --workers 60 --spawn 60
done
echo "limits: $worked worked, $refused refused by a sentence"
if [ $worked -eq 0 ] || [ $refused -eq 0 ]; then fail "not both were seen"; fi

# Enough for six workers, with room: it is no use to refuse what would work.
try_run -v 400000
[ $status -eq 0 ] || fail "$command: refused"
try_run -n 64 --spawn 6
[ $status -eq 0 ] || fail "$command: refused"

# The soft limit is raised where the hard one allows it.
(ulimit -Sn 16 && run 0 run "$model" "${inputs[@]}" --quiet --spawn 6 && [ $failures -eq 0 ]) || fail "the soft limit is not raised"

# No library that makes threads of its own is loaded, whatever Debian's alternatives say.
if ldd "$CONVOY" | grep -iE 'blas|lapack'; then fail "a BLAS or LAPACK is loaded that alternatives may replace"; fi

finish limits
