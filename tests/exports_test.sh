#!/usr/bin/env bash
# Both libraries define the names of the public headers, and no others that a program could meet.
set -euo pipefail

# The functions that the public headers declare: the name before the first bracket of what follows CONVOY_API.
declared=$(cat "$CONVOY_SOURCE_DIR"/include/convoy/*.h{,.in} | tr '\n' ' ' | grep -oE 'CONVOY_API [^(;]*\(' |
    grep -oE 'convoy_[a-z0-9_]+ ?\($' | tr -d ' (' | sort -u)

check() {
    if ! difference=$(diff <(echo "$declared") <(echo "$2")); then
        printf '%s: < declared but not defined, > defined but not declared\n%s\n' "$1" "$difference"
        exit 1
    fi
}
check libconvoy.so "$(nm -D --defined-only "$CONVOY_BUILD_DIR/libconvoy.so" | awk '{ print $NF }' | sort -u)"
check libconvoy.a "$(nm -g --defined-only "$CONVOY_BUILD_DIR/libconvoy.a" | awk 'NF == 3 { print $3 }' | sort -u)"
