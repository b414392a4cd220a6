#!/usr/bin/env bash
# examples/classify, the complete program that the README points at: right classes for held-out digits, and a sentence for bad input.
set -euo pipefail

classify=$CONVOY_BUILD_DIR/examples/classify
lenet=$CONVOY_SOURCE_DIR/models/lenet5
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# The first five: classes as in labels.txt, whatever "degraded" says on a busy machine.
"$classify" "$lenet/lenet5.onnx" "$lenet"/digits/00[0-4].png >"$out"
diff <(head -n 5 "$lenet/digits/labels.txt") <(sed -E 's|^.*/([0-9]+\.png): class ([0-9]+)(, degraded)?$|\1 \2|' "$out")

if "$classify" "$lenet/lenet5.onnx" /no/such.png 2>"$out"; then
    echo "a missing image was not noticed"
    exit 1
fi
grep -q '^classify: .*/no/such\.png' "$out"
