#!/usr/bin/env bash
# Completion of command lines: what bash offers behind the script of `convoy completion bash`, for commands, options, their values and files;
# zsh and fish take theirs, and fish offers the same.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
mkdir files
: >files/a-file.onnx
: >files/b.png

# listed COMMAND: the options that the help lists, sorted.
listed() {
    run 0 "$1" --help
    sed -nE 's/^  (-., )?--([a-z0-9-]+).*/--\2/p' out | sort
}
run 0 --help
commands=$(sed -nE 's/^  ([a-z]+) .*/\1/p' out | sort)
[ "$(wc -w <<<"$commands")" -ge 9 ] || fail "the help lists fewer commands than there are"

# --- bash -------------------------------------------------------------------------------------------------------

run 0 completion bash
cp out convoy.bash
bash -n convoy.bash || fail "bash does not take its script"
# shellcheck disable=SC1091
. ./convoy.bash

# offers WORDS...: what bash offers for the last of these words of a command line, in the folder of the files, sorted.
offers() (
    cd files || exit 1
    COMP_WORDS=(convoy "$@") COMP_CWORD=$# COMPREPLY=()
    _convoy
    printf '%s\n' "${COMPREPLY[@]}" | sort
)
# offered WANTED WORDS...: just these, separated by blanks.
offered() {
    local got
    got=$(offers "${@:2}" | paste -sd' ')
    [ "$got" = "$1" ] || fail "bash offers '$got' for 'convoy ${*:2}', not '$1'"
}

[ "$(offers '' | grep -v '^--')" = "$commands" ] || fail "bash offers other commands than there are"
offered run ru
offered completion comp
offered '--help' --h
for name in $commands; do
    [ "$name" != help ] || continue
    [ "$(offers "$name" --)" = "$(listed "$name")" ] || fail "bash offers other options of $name than there are"
done
offered '--no-fallback --no-trials' run model.onnx b.png --no-
offered --server-key worker --ser
offered --server-key worker --connect ipc://x --ser
offered 'auto bf16 f16 f32' run model.onnx --precision ''
offered 'bf16' run model.onnx --precision b
offered rotation inspect model.onnx --code rot
offered 'height width' plan model.onnx --cut ''
offered '' run model.onnx --workers ''
offered '' worker --give-up ''
offered 'a-file.onnx b.png' run ''
offered a-file.onnx inspect a-
offered b.png run a-file.onnx --labels b
offered b.png plan a-file.onnx -o b
offered b.png plan a-file.onnx --out b
offered '' run c
offered '' fly --

# The function is that of the command `convoy`.
grep -q -- '-F _convoy convoy$' <<<"$(complete -p convoy)" || fail "bash completes convoy by $(complete -p convoy 2>&1)"

# --- zsh --------------------------------------------------------------------------------------------------------

run 0 completion zsh
cp out _convoy
[ "$(head -n 1 _convoy)" = '#compdef convoy' ] || fail "zsh does not find what its script completes"
for name in $commands; do
    if [ "$name" = help ]; then continue; fi
    grep -qx "    $name)" _convoy || fail "the script for zsh has no options of $name"
done
if command -v zsh >/dev/null; then
    zsh -n _convoy || fail "zsh does not take its script"
else
    echo "the script for zsh is not read: zsh is not installed (Debian: zsh)"
fi

# --- fish -------------------------------------------------------------------------------------------------------

run 0 completion fish
cp out convoy.fish
for name in $commands; do
    if [ "$name" = help ]; then continue; fi
    grep -q -- "-a $name " convoy.fish || fail "the script for fish has no command $name"
done
if command -v fish >/dev/null; then
    fish --no-execute convoy.fish || fail "fish does not take its script"
    # fish_offers LINE: the words that fish offers for the end of this command line.
    fish_offers() { (cd files && HOME=$scratch fish --no-config -c "source ../convoy.fish; complete -C '$1'" 2>&1 | cut -f1 | sort | paste -sd' '); }
    [ "$(fish_offers 'convoy ru')" = run ] || fail "fish offers '$(fish_offers 'convoy ru')' for 'convoy ru'"
    [ "$(fish_offers 'convoy run --no-')" = '--no-fallback --no-trials' ] || fail "fish offers '$(fish_offers 'convoy run --no-')' for 'convoy run --no-'"
    [ "$(fish_offers 'convoy plan --cut ')" = 'height width' ] || fail "fish offers '$(fish_offers 'convoy plan --cut ')' for 'convoy plan --cut'"
    [ "$(fish_offers 'convoy inspect a-')" = a-file.onnx ] || fail "fish offers '$(fish_offers 'convoy inspect a-')' for 'convoy inspect a-'"
else
    echo "the script for fish is not read: fish is not installed (Debian: fish)"
fi

finish completion_test
