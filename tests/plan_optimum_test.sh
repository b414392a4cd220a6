#!/usr/bin/env bash
# convoy plan --objective paper finds the least cost of all partitions, by the formulas of docs/scheme.md (plan_optimum.py): LeNet-5 and
# networks of many kinds of layers. Larger networks: torchvision_test.sh. Needs Debian's python3-numpy and python3-onnx (scripts/setup
# --models); without them it is skipped, with the reason.
set -euo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx' 2>/dev/null; then
    echo "skipped: python3-numpy and python3-onnx are not installed (scripts/setup --models)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" "$CONVOY_SOURCE_DIR/tests/plan_make.py" "$folder"
for cluster in "4 1" "10 2" "20 4"; do
    for model in "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" "$folder/kinds.onnx" "$folder/names.onnx"; do
        # shellcheck disable=SC2086 # two numbers
        "$python" "$CONVOY_SOURCE_DIR/tests/plan_optimum.py" "$CONVOY" "$model" $cluster
    done
done
