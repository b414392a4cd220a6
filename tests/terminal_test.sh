#!/usr/bin/env bash
# What the program shows on a terminal, and not elsewhere: colours, tables that fit, bars with the time that is left.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
. "$CONVOY_SOURCE_DIR/tests/program.bash"

if ! command -v script >/dev/null; then
    echo "skipped: there is no script(1), which makes a terminal (Debian: bsdutils)"
    exit 77
fi

# on_terminal COLUMNS ARGUMENTS...: runs the program on a terminal of that width; what both streams wrote goes to out.
on_terminal() {
    local columns=$1 words
    shift
    printf -v words '%q ' "$CONVOY" "$@"
    command="convoy $* (on $columns columns)"
    [ ${#command} -le 200 ] || command="${command:0:90} ... ${command: -90}"
    script -qec "stty cols $columns; $words" /dev/null </dev/null 2>err | tr -d '\r' >out
}
escape=$'\033'

# --- Colours ----------------------------------------------------------------------------------------------------

export TERM=xterm
unset NO_COLOR
on_terminal 100 run "$model" "$lenet/digits/000.png" --layers
grep -qF "$escape[1mlayer " out || fail "$command: the head of the table is not bold"
on_terminal 100 run "$model" missing.png
grep -qF "$escape[31mconvoy:$escape[0m missing.png" out || fail "$command: the error is not marked"
for plain in NO_COLOR=1 TERM=dumb TERM=; do
    export "${plain?}"
    on_terminal 100 run "$model" "$lenet/digits/000.png" --layers --quiet
    grep -q '^layer ' out || fail "$command, $plain: no table"
    if grep -qF "$escape[1m" out; then fail "$command: colours with $plain"; fi
    unset NO_COLOR
    export TERM=xterm
done
run 0 run "$model" "$lenet/digits/000.png" --layers
if grep -qF "$escape" out err; then fail "$command: sequences of a terminal in a file"; fi

# --- Widths -----------------------------------------------------------------------------------------------------

for columns in 80 200; do
    for arguments in "run $model $lenet/digits/000.png --layers" "plan $model --no-trials" "inspect $model" "run --help"; do
        read -ra words <<<"$arguments"
        on_terminal $columns "${words[@]}" --quiet
        # Of the table: sentences below it, and a head with the path of the model, are as long as they are.
        sed "s/$escape\[[0-9;]*[mK]//g" out | case $arguments in *--help) cat ;; *) sed -n '/^layer /,/^$/p' ;; esac >table
        widest=$(LC_ALL=C.UTF-8 wc -L <table)
        [ "$widest" -gt 20 ] || fail "$command: nothing was printed"
        [ "$widest" -le $columns ] || fail "$command: a line of $widest columns"
    done
done

# --- Progress ---------------------------------------------------------------------------------------------------

on_terminal 80 run "$model" "$lenet"/digits/00*.png --fault 0:delay=60ms --fault 1:delay=60ms --fault 2:delay=60ms --repeat 2
grep -qE 'runs \[#+\.*\] [0-9]+/20, [0-9]+ s left' out || fail "$command: no bar that tells how long it will take"
on_terminal 80 run "$model" "$lenet"/digits/00*.png --quiet
if grep -q '\[#' out; then fail "$command: a bar, although it was to be quiet"; fi

finish terminal_test
