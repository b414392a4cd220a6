# What tells a slow machine from a failure; sourced by tests of the program. CONVOY_TIMEOUT_FACTOR, given to CMake, multiplies what a test may
# take, and what it waits for: nothing is waited for that comes when it works but for its own time.

# patience SECONDS: as many tenths of a second, times the factor.
patience() { echo $(($1 * 10 * ${CONVOY_TIMEOUT_FACTOR:-1})); }

# Whether others use this machine, twice over.
machine_is_busy() { awk -v processors="$(nproc)" '{ exit !($1 > 2 * processors) }' /proc/loadavg; }
