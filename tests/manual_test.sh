#!/usr/bin/env bash
# The manual pages: each command has one, whose options are those of the program and no others; pages refer only to those that there are;
# every page has examples; mandoc finds nothing wrong. CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
man=$CONVOY_SOURCE_DIR/man

# The options that the help lists, and those that stand in the tags of a page's section OPTIONS: "--name" and "-x", one a line.
help_options() { sed -nE 's/^  (-(.), )?--([a-z0-9-]+).*/--\3 \2/p' out | awk '{ print $1 } NF > 1 { print "-" $2 }' | sort -u; }
page_options() {
    awk '/^\.Sh /{ here = /OPTIONS/ } here && /^\.It /' "$1" | grep -oE 'Fl -?[A-Za-z][A-Za-z0-9-]*' | sed -E 's/Fl -/--/; s/Fl /-/' | sort -u
}

# same_options PAGE: the options of the page are those in the file `options`.
same_options() {
    local page=$1 only
    [ -s options ] || fail "$page: the help lists no options"
    page_options "$man/$page" >described
    only=$(comm -23 options described | tr '\n' ' ')
    [ -z "$only" ] || fail "man/$page does not describe $only"
    only=$(comm -13 options described | tr '\n' ' ')
    [ -z "$only" ] || fail "man/$page describes $only, which the program does not take"
}

# --- Options ----------------------------------------------------------------------------------------------------

run 0 --help
commands=$(sed -nE 's/^  ([a-z]+) .*/\1/p' out | grep -vx help)
[ "$(wc -w <<<"$commands")" -ge 8 ] || fail "the help lists fewer commands than there are"
: >common
for name in $commands; do
    if [ ! -s "$man/convoy-$name.1" ]; then
        fail "there is no page man/convoy-$name.1"
        continue
    fi
    run 0 "$name" --help
    help_options >options
    same_options "convoy-$name.1"
    prints "convoy-$name\(1\)"
    if [ -s common ]; then comm -12 common options >both; else cp options both; fi
    mv both common
    grep -q "^\.It Cm $name\$" "$man/convoy.1" || fail "man/convoy.1 does not name the command $name"
done
mv common options # what every command takes stands in the overview
same_options convoy.1
printf '%s\n' --help -h >options
printf '%s\n' -n >>options # mpirun's
sort -u -o options options
same_options convoy-mpirun.1

# The comparison can fail, both ways.
cp "$man/convoy-keygen.1" page.1
run 0 keygen --help
help_options >options
sed 's/^\.It Fl o , Fl -out/.It Fl o , Fl -into/' page.1 >changed.1
page_options changed.1 >described
[ "$(comm -3 options described | tr -d '\t' | sort | tr '\n' ' ')" = '--into --out ' ] || fail "another name of an option is not noticed"

# --- Pages ------------------------------------------------------------------------------------------------------

for page in "$man"/*.1; do
    name=$(basename "$page" .1)
    case $name in
    convoy | convoy-mpirun) ;;
    *) grep -qx "${name#convoy-}" <<<"$commands" || fail "man/$name.1 is of no command" ;;
    esac
    grep -qE '^\.Sh EXAMPLES$' "$page" || fail "man/$name.1 has no examples"
    for other in $(sed -nE 's/^\.Xr (convoy[a-z-]*) 1.*/\1/p' "$page" | sort -u); do
        [ -s "$man/$other.1" ] || fail "man/$name.1 refers to $other(1), and there is no such page"
    done
done

# --- Form -------------------------------------------------------------------------------------------------------

# Pages of other packages need not be installed, and the index of pages need not be new.
lint() { mandoc -T lint -W style "$1" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db'; }
if command -v mandoc >/dev/null; then
    for page in "$man"/*.1; do
        lint "$page" >out || true
        [ ! -s out ] || { fail "mandoc finds fault with ${page##*/}:"; sed -n '1,10p' out; }
    done
    sed 's/^\.Sh EXAMPLES/.Sh EXAMPLES\n.Zz/' "$man/convoy.1" >damaged.1
    grep -q 'unknown macro' <<<"$(lint damaged.1)" || fail "mandoc finds no fault with an unknown macro"
else
    echo "the form of the pages is not looked at: mandoc is not installed (Debian: mandoc)"
fi

finish manual_test
