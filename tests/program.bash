# What the tests of the program share; to be sourced first. They then stand in a scratch folder of their own, in which `run` leaves the
# files out and err. What they start in the background they add to ${background[@]}: it ends with them, stopped or not. They end with `finish`.

. "$CONVOY_SOURCE_DIR/tests/patience.bash"
scratch=$(mktemp -d)
mkdir "$scratch/tmp"
export CONVOY TMPDIR=$scratch/tmp # where the sockets of spawned workers are
cd "$scratch" || exit 1
declare -a background=()
cleanup() {
    [ $BASHPID -eq $$ ] || return # a subshell that a signal ends before it has become a program
    for pid in "${background[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$scratch"
}
trap cleanup EXIT

failures=0

fail() {
    echo "FAILED: $*"
    sed 's/^/    stderr: /' err | tail -n 12
    failures=$((failures + 1))
}

# run STATUS ARGUMENTS...: runs the program, standard output to out, standard error to err.
run() {
    local wanted=$1 status
    shift
    "$CONVOY" "$@" >out 2>err </dev/null
    status=$?
    command="convoy $*"
    [ ${#command} -le 200 ] || command="${command:0:90} ... ${command: -90}"
    [ $status -eq "$wanted" ] || fail "$command: exit status $status, not $wanted"
}

# refuses STATUS WORDS ARGUMENTS...: the program fails with that status, prints nothing and one sentence that has the words.
refuses() {
    run "$1" "${@:3}"
    [ ! -s out ] || fail "$command: printed on standard output"
    [ "$(wc -l <err)" -eq 1 ] || fail "$command: not one line on standard error"
    grep -q "^convoy: " err && grep -qF -e "$2" err || fail "$command: no sentence with '$2'"
}

# The last run's output has a line that matches.
prints() { grep -qE -e "$1" out || fail "$command: no line like '$1' on standard output"; }
says() { grep -qE -e "$1" err || fail "$command: no line like '$1' on standard error"; }

# errors_within BOUND: every max_rel_error of the JSON in out.
errors_within() {
    grep -oE '"max_rel_error":[^,}]*' out | awk -F: -v bound="$1" '
        { if (!($2 + 0 <= bound)) bad++ } END { exit !(NR && !bad) }' ||
        fail "$command: an error of more than $1, or none printed"
}

# await PATTERN FILE: a line of the file matches, within 20 s (times the factor of patience.bash).
await() {
    local tries
    for ((tries = $(patience 20); tries > 0; tries--)); do
        if grep -qE -e "$1" "$2" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    fail "no line like '$1' came in $2"
    return 1
}

# A .npy's float32 values, one a line; the largest difference of two such files, relative to the largest value of the second.
values() { od -An -v -w4 -t f4 -j 128 "$1"; }
difference() {
    paste <(values "$1") <(values "$2") | awk '
        function abs(x) { return x < 0 ? -x : x }
        { if (NF != 2 || /n/) bad++ # a file is shorter, nan, inf
          if (abs($1 - $2) > d) d = abs($1 - $2); if (abs($2) > m) m = abs($2) }
        END { if (NR > 0 && !bad && m > 0) printf "%g\n", d / m; else print "unknown" }'
}
differ_within() {
    difference "$1" "$2" | awk -v bound="$3" '{ exit !($1 != "unknown" && $1 <= bound) }' ||
        fail "$1 and $2 differ by $(difference "$1" "$2"), more than $3"
}

# The last words of a test.
finish() {
    if [ $failures -gt 0 ]; then
        echo "$1: $failures failures"
        exit 1
    fi
    echo "$1: all good"
}
