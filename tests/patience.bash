# What tells a slow machine from a failure; sourced by tests of the program. CONVOY_TIMEOUT_FACTOR, given to CMake, multiplies what a test may
# take, and what it waits for: nothing is waited for that comes when it works but for its own time.

# patience SECONDS: as many tenths of a second, times the factor.
patience() { echo $(($1 * 10 * ${CONVOY_TIMEOUT_FACTOR:-1})); }

# Whether others use this machine, twice over.
machine_is_busy() { awk -v processors="$(nproc)" '{ exit !($1 > 2 * processors) }' /proc/loadavg; }

# judge_degraded JSON LOG INFERENCES: none is degraded, by the JSON of a run. What counts on a busy machine is time: while a worker does not
# come to its turn for a third of a second, the master alone computes hundreds of inferences of a small network. Calls `fail`.
judge_degraded() {
    if grep -q '"degraded": *false' "$1"; then return 0; fi
    excuse_degraded "$(grep -c '"why_local":"too few' "$1" || true)" "$2" "$3"
    awk '/^{"input":/ { split($0, a, /"ms": */); all += a[2] + 0; if (/"why_local":"too few/) here += a[2] + 0 }
        END { printf "%.3g of %.3g ms were spent on them\n", here, all; exit !(20 * here <= all) }' "$1" ||
        fail "that is more than a busy machine explains"
}

# excuse_degraded COUNT LOG INFERENCES: so many are degraded. On a machine that others use twice over a well worker may be late beside those
# that a test makes late: such inferences are told, and are at most half of all. Calls `fail`.
excuse_degraded() {
    grep 'computed here' "$2" | sed -n '1,5p'
    machine_is_busy || fail "$1 inferences degraded"
    [ $(($1 * 2)) -le "$3" ] || fail "$1 of $3 inferences degraded, more than a busy machine explains"
    echo "$1 of $3 inferences degraded, at a load of $(cut -d' ' -f1 /proc/loadavg) on $(nproc) processors"
}
