#!/usr/bin/env bash
# README's list of operators is what the program has, and what its command prints.
set -uo pipefail
. "$CONVOY_SOURCE_DIR/tests/program.bash"

run 0 inspect --operators
prints '^Conv 1 [0-9]+$'
prints '^CastLike 15 [0-9]+$'
[ "$(cut -d' ' -f1 out | LC_ALL=C sort -u)" = "$(cut -d' ' -f1 out)" ] || fail "$command: not in order, or an operator twice"
refuses 2 '--operators takes no model' inspect --operators model.onnx
"$CONVOY_SOURCE_DIR/scripts/list-operators" --check "$CONVOY" 2>err || fail "README.md's list is another"

finish operator_list
