#!/usr/bin/env bash
# Operators in operator sets, types and forms that ONNX's own cases do not reach (operator_cases_make.py, map_cases_make.py): the runner of
# those cases finds NumPy's and PyTorch's outputs, on every backend, and on workers of whom some are gone. Needs Debian's python3-onnx, python3-numpy and python3-torch
# (scripts/setup --models); without them it is skipped, with the reason.
set -euo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx, torch' 2>/dev/null; then
    echo "skipped: python3-numpy, python3-onnx and python3-torch are not installed (scripts/setup --models)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder"/{node,pytorch-converted,pytorch-operator,simple} # the groups of the official cases
"$python" "$CONVOY_SOURCE_DIR/tests/operator_cases_make.py" "$folder/node"
"$python" "$CONVOY_SOURCE_DIR/tests/map_cases_make.py" "$folder/node"
status=0
CONVOY_ONNX_TESTS=$folder "$CONVOY_BUILD_DIR/tests/conformance_test" >"$folder/out" 2>&1 || status=$?
grep -E '^(FAILED|not applicable) | cases: ' "$folder/out" || true
if [ $status != 0 ] || ! grep -q ' 0 failed, 0 not applicable$' "$folder/out"; then
    echo "operator_cases: some case is not computed, or wrong" >&2
    exit 1
fi
CONVOY_ONNX_TESTS=$folder "$CONVOY_BUILD_DIR/tests/conformance_coded_test" >"$folder/coded" 2>&1 || status=$?
grep 'ran coded$' "$folder/coded" || true
if [ $status != 0 ]; then
    cat "$folder/coded" >&2
    echo "operator_cases: some case is wrong on workers" >&2
    exit 1
fi
