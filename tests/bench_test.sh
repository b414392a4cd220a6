#!/usr/bin/env bash
# convoy bench: the CSV that other programs read is well-formed, whatever the layers are called. CONVOY is the program,
# CONVOY_SOURCE_DIR the tree.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
export XDG_CACHE_HOME=$scratch

LC_ALL=C sed 's/conv1/c"n,1/g' "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" >model.onnx
run 0 bench model.onnx --runs 2 --csv
prints '^part,name,unit,value,floor$'
prints '^kernel,"c""n,1",ms,'
bad=$(grep -vcE '^part,|^[a-z]+,"([^"]|"")*",[^,"]+,[0-9.e+-]+,[0-9.e+-]*$' out)
[ "$bad" -eq 0 ] || fail "$command: $bad lines that are no CSV of five fields"

# The inference by this process alone has no answers that could be checked, and is measured all the same.
run 0 bench "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" --runs 1 --csv --verify all
prints '^network,"alone, wall",'

finish bench
