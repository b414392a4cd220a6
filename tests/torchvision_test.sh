#!/usr/bin/env bash
# Four of torchvision's networks with seeded weights (joins, depthwise convolutions, residuals, large products): Convoy's output, alone and on ten workers of
# which any two are gone, is within 1e-4 of PyTorch's, and AlexNet's partitions are those that cost the least. scripts/test-networks tries many
# more. Needs Debian's python3-torch and python3-torchvision (scripts/setup --models); without them it is skipped, with the reason. Sanitizers
# run the smallest network alone.
set -euo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, torch, torchvision' 2>/dev/null; then
    echo "skipped: python3-torch and python3-torchvision are not installed (scripts/setup --models)"
    exit 77
fi
networks=(squeezenet1_1 mobilenet_v2 resnet18 alexnet)
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "under a sanitizer: only squeezenet1_1"
    networks=(squeezenet1_1)
fi
optimum=yes
if ! "$python" -c 'import onnx' 2>/dev/null; then
    echo "python3-onnx is not installed (scripts/setup --models): the choice of partitions is not compared with the best"
    optimum=
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for network in "${networks[@]}"; do
    "$python" "$CONVOY_SOURCE_DIR/tests/network_export.py" "$network" "$folder"
    codes=()
    [ "$network" != squeezenet1_1 ] || codes=(codes) # all of them on the smallest one
    "$CONVOY_BUILD_DIR/tests/any_two_test" "$folder/model.onnx" "$folder/input.npy" "$folder/output.npy" 10 "${codes[@]}"
    if [ -n "$optimum" ] && [ "$network" = alexnet ]; then
        echo "$network: convoy plan beside the least cost of all partitions"
        "$python" "$CONVOY_SOURCE_DIR/tests/plan_optimum.py" "$CONVOY" "$folder/model.onnx"
    fi
done
