# What the tests of the program share; to be sourced. They run in a scratch folder of their own, in which `run` leaves the files out and
# err, and end with `finish`.

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

# The last words of a test.
finish() {
    if [ $failures -gt 0 ]; then
        echo "$1: $failures failures"
        exit 1
    fi
    echo "$1: all good"
}
