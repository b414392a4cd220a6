#!/usr/bin/env bash
# What the objects of src/runtime tell of its files: no two call each other in a circle, directly or through others; and those that only
# decide read no clock, lock nothing and use no transport. A table of functions counts as calls of all that it names.
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# The files that only decide, and the names that they must not refer to.
passive='assignments collection holdings jobs lateness outcome peer selection'
active='^(pthread_|sem_|clock_|transport_|zmq_|nanosleep$|usleep$|poll$|time$|gettimeofday$)'

# edges OBJECT...: "A B" for every object A that refers to a name that object B defines.
edges() {
    nm -A -g "$@" | awk '
        { object = $0; sub(/\.o:.*/, "", object); sub(/.*\//, "", object); sub(/.*\.o:/, "") }
        $(NF - 1) ~ /^[Uwv]$/ { user[++uses] = object; used[uses] = $NF; next }
        { home[$NF] = object }
        END { for (i = 1; i <= uses; i++) if (used[i] in home) print user[i], home[used[i]] }' | sort -u
}

# no_circle EDGES: fails if there are circles, and prints the files of each.
no_circle() {
    if tsort "$1" 2>"$scratch/loops" >/dev/null; then return 0; fi
    sed 's/^tsort: //' "$scratch/loops"
    return 1
}

# --- The check finds what it is to find ---------------------------------------------------------------------------
cat >"$scratch/first.c" <<'END'
int second(int x);
int first(int x);
int first(int x) { return x > 0 ? second(x - 1) : 0; }
END
cat >"$scratch/second.c" <<'END'
extern int (*const table[])(int);
int second(int x);
int second(int x) { return table[0](x); }
END
cat >"$scratch/third.c" <<'END'
int first(int x);
extern int (*const table[])(int);
int (*const table[])(int) = {first};
END
for name in first second third; do
    (cd "$scratch" && "$CC" -c $name.c -o $name.o)
done
edges "$scratch"/{first,second,third}.o >"$scratch/circle"
if no_circle "$scratch/circle" >"$scratch/found"; then fail "a circle of three files was not found"; fi
for name in first second third; do
    grep -qx "$name" "$scratch/found" || fail "a circle of three files was reported without $name"
done
edges "$scratch"/{first,second}.o >"$scratch/line"
no_circle "$scratch/line" || fail "two files of which one calls the other were called a circle"

# --- src/runtime ---------------------------------------------------------------------------------------------------
objects=()
for source in "$CONVOY_SOURCE_DIR"/src/runtime/*.c; do
    case $source in *_test.c) continue ;; esac
    objects+=("$scratch/runtime/$(basename "$source" .c).o")
    mkdir -p "$scratch/runtime"
    cp "$CONVOY_BUILD_DIR/CMakeFiles/convoy_internal.dir/src/runtime/$(basename "$source").o" "${objects[-1]}"
done
edges "${objects[@]}" >"$scratch/edges"
grep -qx "coded_run dispatcher" "$scratch/edges" || fail "coded_run was not seen to call the dispatcher: can nm read these objects?"
no_circle "$scratch/edges" || fail "these files of src/runtime call each other in a circle"

# names FILE: what its object refers to of clocks, locks and transports.
names() { nm -g "$scratch/runtime/$1.o" | awk -v active="$active" '$(NF - 1) == "U" && $NF ~ active { print $NF }'; }
for name in $passive; do
    found=$(names "$name" | tr '\n' ' ')
    [ -z "$found" ] || fail "src/runtime/$name.c only decides, but refers to $found"
    if grep -n -e '->ops->' "$CONVOY_SOURCE_DIR/src/runtime/$name.c"; then fail "src/runtime/$name.c only decides, but calls a seam"; fi
done
[ -n "$(names dispatcher)" ] || fail "the dispatcher was not seen to use clocks and locks"

[ $failures -eq 0 ] && echo "objects_test: all good"
exit $((failures > 0))
