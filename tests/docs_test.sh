#!/usr/bin/env bash
# Types every command of README.md and of the examples of the manual pages: each ends with status 0 and says nothing like an error, and prints
# what the page shows, but for numbers. What is not run stands in `exceptions`, with the reason. A command that is new in a page is run.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
. "$CONVOY_SOURCE_DIR/tests/program.bash"
export CONVOY_SOURCE_DIR

# NAME FILE: the files that a page speaks of, in the folder in which its commands are run.
files=(
    "model.onnx $lenet/lenet5.onnx"
    "vgg16.onnx $lenet/lenet5.onnx"
    "lenet5.onnx $lenet/lenet5.onnx"
    "photo.jpg $lenet/digits/000.png"
    "cat.jpg $lenet/digits/001.png"
    "digits $lenet/digits"
    "labels.txt $lenet/labels.txt"
    "imagenet.txt $lenet/labels.txt"
    "scripts $CONVOY_SOURCE_DIR/scripts"
    "build/release/convoy $CONVOY"
    "bin/convoy $CONVOY"
    "bin/convoy-mpirun $CONVOY_SOURCE_DIR/scripts/convoy-mpirun"
)
port=$((20000 + $$ % 20000))
# TEXT REPLACEMENT: words of a page that stand for something else on each machine.
words=(
    "MASTER 127.0.0.1"
    ":7341 :$port"
    "/tmp/convoy.socket $scratch/tmp/convoy.socket"
)
# PATTERN|REASON: what is not run.
exceptions=(
    "scripts/demo*|it installs packages and builds"
    "scripts/test*|it installs packages, builds and runs all tests, this one too"
    "scripts/build*|it builds for minutes"
    "scripts/examples*|it builds; the test example runs it"
    "convoy study numerics --out*|it takes ten minutes; the test study_numerics runs a smaller one"
    "convoy study * --quick*|it takes a minute; the test study_numerics runs it"
    "convoy completion fish | source|it is for fish"
)
mpi_reason=
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    mpi_reason="a dozen processes with the sanitizer $CONVOY_SANITIZE take too long"
elif ! grep -q 'Open MPI' <<<"$(mpirun --version 2>&1)"; then
    mpi_reason="there is no mpirun of Open MPI (scripts/setup --mpi)"
elif grep -q 'has no MPI' <<<"$("$CONVOY" run --mpi "$lenet/lenet5.onnx" "$lenet/digits/000.png" 2>&1)"; then
    mpi_reason="this build has no MPI"
fi
if [ -n "$mpi_reason" ]; then exceptions+=("*convoy-mpirun*|$mpi_reason"); fi
command -v jq >/dev/null || exceptions+=("*| jq *|there is no jq")
command -v gnuplot >/dev/null || exceptions+=("*--svg*|there is no gnuplot")

error_words='unknown|usage:|cannot|no such|not found|failed|error'
patience_s=$(($(patience 50) / 10)) # of one command

# --- What stands in a page ----------------------------------------------------------------------------------------

# The lines that a page shows to be typed, a blank line between two blocks: indented ones of Markdown, but for drawings; literal ones of EXAMPLES.
markdown_lines() {
    awk '/^```/ { fence = !fence } fence { next } /^    / && !/[─│┌└]/ { print substr($0, 5); next } { print "" }' "$1"
}
manual_lines() {
    awk '/^\.Sh /{ here = /EXAMPLES/ } !here { next }
        /^\.Bd -literal/ { literal = 1; print ""; next } /^\.Ed/ { literal = 0; print ""; next }
        literal { print $0 == "" ? " " : $0; next }
        /^\.Dl / { sub(/^\.Dl /, ""); if (sub(/^"/, "")) sub(/"$/, ""); print ""; print; print "" }' "$1" | sed 's/\\e/\\/g; s/\\-/-/g; s/\\&//g'
}

# Of these lines "> COMMAND" for each command, and "< LINE" for each line of output behind it: those of a block that has lines with "$ ", but
# for these lines.
commands_of() {
    awk 'function flush(   i, line, dollars) {
            for (i = 1; i <= n; i++) dollars += lines[i] ~ /^\$ /
            for (i = 1; i <= n; i++) {
                line = lines[i]
                if (line !~ /[^ ]/) continue
                if (dollars && !going && line !~ /^\$ /) { print "< " line; continue }
                sub(/^\$ /, "", line)
                going = sub(/\\$/, "", line)
                sub(/^ +/, "", line)
                printf "%s%s%s", started ? "" : "> ", line, going ? "" : "\n"
                started = going
            }
            n = 0; going = 0; started = 0
        }
        $0 != "" { lines[++n] = $0; next } { flush() } END { flush() }'
}

# The extraction finds what it should: continued lines, blocks with output, no drawings and no code.
printf '%s\n' text '' '    one a \' '        b  # c' '    two' '' '    $ three' '    3 lines' '' '```c' '    no' '```' '' '    input ── cut' >page.md
[ "$(markdown_lines page.md | commands_of)" = $'> one a b  # c\n> two\n> three\n< 3 lines' ] || fail "the commands of a page are not found"
printf '%s\n' '.Sh NAME' '.Dl no' '.Sh EXAMPLES' '.Dl "one | '"'two three'"'"' '.Bd -literal' '$ four \e' '    --five' '6' '' '7' '.Ed' '.Dl eight' >page.1
[ "$(manual_lines page.1 | commands_of)" = $'> one | \'two three\'\n> four --five\n< 6\n< 7\n> eight' ] || fail "the commands of a manual page are not found"

# --- How one is run -----------------------------------------------------------------------------------------------

# prepare NAME: a folder of this name with the files that pages speak of, in which this process then stands.
prepare() {
    local entry
    mkdir -p "$scratch/$1/build/release" "$scratch/$1/bin" "$scratch/$1/home/.zfunc"
    cd "$scratch/$1" || exit 1
    for entry in "${files[@]}"; do ln -s "${entry#* }" "${entry%% *}"; done
    mkdir photos && cp photo.jpg cat.jpg photos && echo photos/cat.jpg >list.txt
    echo 'localhost slots=7' >hosts
    {
        printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 32, 32), }"
        head -c $((3 * 32 * 32 * 4)) /dev/zero
    } >batch.npy
    : >err
}

# judge STATUS COMMAND OUT ERR: it went well.
judge() {
    [ "$1" -eq 0 ] || fail "$page: $2: exit status $1"
    if grep -iqE "$error_words" "$4"; then fail "$page: $2: it says $(grep -iE -m1 "$error_words" "$4")"; fi
}

# type_command COMMAND: to the end; output to out, messages to err.
type_command() {
    HOME=$PWD/home PATH=$PWD/bin:$PATH timeout $patience_s bash -o pipefail -c "$1" >out 2>err </dev/null
}

# begin COMMAND NAME: in the background; output to NAME.out, messages to NAME.err. Its process is $started.
begin() {
    HOME=$PWD/home PATH=$PWD/bin:$PATH bash -c "exec $1" >"$2.out" 2>"$2.err" </dev/null &
    started=$!
    background+=("$started")
}

# shows LINE: the output of the last command has this line behind those before, but for numbers and blanks.
mask() { sed -E 's/[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/#/g; s/[[:blank:]]+/ /g; s/ $//'; }
shows() {
    local wanted line
    wanted=$(mask <<<"$1")
    while [ "$shown" -lt ${#printed[@]} ]; do
        line=${printed[shown]}
        shown=$((shown + 1))
        if [ "$line" = "$wanted" ]; then return 0; fi
    done
    fail "$page: $typed: it does not print '$1'"
}

# The comparison can fail, on other words and on another order, and does not on other numbers.
page=page.1 typed=four printed=('a # b' 'c')
before=$failures
for lines in 'a 12.5e-3  b/c/0' 'a/1' 'c/0' 'c/a 1 b/1'; do
    shown=0 failures=0
    IFS=/ read -ra wanted <<<"${lines%/*}"
    for line in "${wanted[@]}"; do shows "$line"; done >/dev/null
    if [ $failures -ne "${lines##*/}" ]; then before=$((before + 1)) && echo "FAILED: the output is compared in another way: $lines"; fi
done
failures=$before

# Masters that wait for workers, and these workers, run beside each other, and end at the end of the page.
declare -a masters=() workers=()
meet() {
    local entry command address count i status tries
    local -a jobs=() names=() serving=()
    [ ${#masters[@]} -eq 0 ] || [ ${#workers[@]} -gt 0 ] || fail "$page: no worker for ${masters[0]}"
    for entry in "${masters[@]}"; do
        begin "$entry" "master${#jobs[@]}"
        jobs+=("$started")
        names+=("$entry")
    done
    for command in "${workers[@]}"; do
        address=${command#*--connect }
        address=${address%% *}
        address=${address##*[:/]} # the port, or the name of the socket
        count=0
        for entry in "${masters[@]}"; do
            [[ $entry == *--listen*"$address"* ]] && count=$(sed -nE 's/.*--workers ([0-9]+).*/\1/p' <<<"$entry")
        done
        [ "${count:-0}" -gt 0 ] || fail "$page: no master for $command"
        for ((i = 0; i < ${count:-0}; i++)); do
            begin "$command" "worker${#serving[@]}"
            serving+=("$started")
        done
    done
    for ((i = 0; i < ${#jobs[@]}; i++)); do
        for ((tries = $((10 * patience_s)); tries > 0; tries--)); do kill -0 "${jobs[i]}" 2>/dev/null || break; sleep 0.1; done
        [ $tries -gt 0 ] || { kill -KILL "${jobs[i]}"; fail "$page: ${names[i]}: it does not end: $(tail -n 3 "master$i.err")"; }
        wait "${jobs[i]}"
        judge $? "${names[i]}" "master$i.out" "master$i.err"
    done
    for ((i = 0; i < ${#serving[@]}; i++)); do
        kill -TERM "${serving[i]}" 2>/dev/null
        wait "${serving[i]}"
        status=$?
        [ $status -eq 0 ] || [ $status -eq 143 ] || fail "$page: a worker ended with status $status: $(tail -n 3 "worker$i.err")"
    done
    masters=() workers=()
}

# --- All of them --------------------------------------------------------------------------------------------------

run_count=0
for page in README.md $(cd "$CONVOY_SOURCE_DIR" && echo man/*.1); do
    case $page in
    *.md) markdown_lines "$CONVOY_SOURCE_DIR/$page" ;;
    *) manual_lines "$CONVOY_SOURCE_DIR/$page" ;;
    esac | commands_of >"$scratch/script"
    grep -q '^> ' "$scratch/script" || fail "$page: no commands are found"
    prepare "$(basename "$page" .1)"
    if ! grep -q 'convoy keygen' "$scratch/script"; then # the page takes them as given
        mkdir allowed && bin/convoy keygen master --quiet >/dev/null && bin/convoy keygen rack --quiet >/dev/null && cp rack.pub allowed
    fi
    typed='' printed=() shown=0
    while IFS= read -r line; do
        if [[ $line == '< '* ]]; then
            [ -z "$typed" ] || shows "${line#< }"
            continue
        fi
        typed=${line#> }
        for word in "${words[@]}"; do typed=${typed//"${word%% *}"/"${word#* }"}; done
        reason=
        for exception in "${exceptions[@]}"; do
            # shellcheck disable=SC2053 # a pattern
            if [[ $typed == ${exception%|*} ]]; then reason=${exception##*|}; fi
        done
        if [ -n "$reason" ]; then
            echo "not run: $page: $typed: $reason"
            typed=
        elif [[ $typed == *' --listen '* && $typed != *--calibrate* ]]; then
            masters+=("$typed")
            typed=
        elif [[ $typed == 'convoy worker '* ]]; then
            workers+=("$typed")
            typed=
        else
            type_command "$typed"
            judge $? "$typed" out err
            mapfile -t printed < <(mask <out)
            shown=0
            run_count=$((run_count + 1))
        fi
    done <"$scratch/script"
    meet
    cd "$scratch" || exit 1
done
[ $run_count -ge 30 ] || fail "only $run_count commands were run"
echo "$run_count commands were run"

finish docs_test
