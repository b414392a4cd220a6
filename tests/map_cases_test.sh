#!/usr/bin/env bash
# Operators on maps in operator sets and forms that the official node tests do not reach (map_cases_make.py): the runner of those
# tests finds NumPy's and PyTorch's outputs, on every backend. Needs Debian's python3-onnx, python3-numpy and python3-torch
# (scripts/setup --models); without them it is skipped, with the reason.
set -uo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx, torch' 2>/dev/null; then
    echo "skipped: python3-numpy, python3-onnx and python3-torch are not installed (scripts/setup --models)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" "$CONVOY_SOURCE_DIR/tests/map_cases_make.py" "$folder" || exit 1
CONVOY_ONNX_NODE_TESTS=$folder "$CONVOY_BUILD_DIR/tests/onnx_node_test" >"$folder/out" 2>&1
status=$?
grep -E '^(FAILED|skipped) |passed, ' "$folder/out"
if [ $status != 0 ] || ! grep -q ', 0 skipped, 0 failed$' "$folder/out"; then
    echo "map_cases_test: some case is not computed, or wrong" >&2
    exit 1
fi
