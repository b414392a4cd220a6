#!/usr/bin/env bash
# Networks and products of quantised numbers and of halves (quantised_make.py): on six and on ten workers, of which two are gone, a layer's
# integers are those of the program alone but for single steps, and alone they are NumPy's; the digits are the same. quantised_compare.py
# has the bounds, and prints what it finds. Needs Debian's python3-onnx, python3-numpy and python3-pil (scripts/setup --models); without
# them the test is skipped, with the reason.
set -uo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx, PIL' 2>/dev/null; then
    echo "skipped: python3-numpy, python3-onnx and python3-pil are not installed (scripts/setup --models)"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5
"$python" "$CONVOY_SOURCE_DIR/tests/quantised_make.py" "$lenet/lenet5.onnx" "$lenet/digits" . 2>err || fail "quantised_make.py"

# three_times MODEL CODED OUTPUTS ARGUMENT...: the outputs alone, on six and on ten workers, to MODEL.alone, MODEL.six and MODEL.ten; workers
# compute so many layers.
three_times() {
    local model=$1 wanted=$2 outputs=$3 who name coded
    local -A how=([alone]="--local" [six]="--workers 6 --fault 0:kill --fault 3:kill" [ten]="--workers 10 --fault 2:kill --fault 7:kill")
    for who in alone six ten; do
        mkdir -p "$model.$who"
        local -a files=()
        for name in $outputs; do files+=(--output "$name=$model.$who/$name.npy"); done
        # shellcheck disable=SC2086 # several options
        run 0 run "$model.onnx" "${@:4}" --one --quiet --layers --no-fallback ${how[$who]} "${files[@]}"
        coded=$(grep -cE ' [0-9]+x[0-9]+ +[0-9]+ ' out)
        [ $who = alone ] || [ "$coded" -eq "$wanted" ] || fail "$command: $coded layers were coded, not $wanted"
    done
}

products="conv1 conv2 fc1 fc2 fc3"
for variant in u8-tensor u8-channel s8-tensor; do
    inputs=()
    for name in $products; do inputs+=(--input "$name.x=$variant/$name.x.npy"); done
    for form in qdq qlinear; do
        three_times $variant/$form.layers 5 "$products" "${inputs[@]}" --no-trials
        three_times $variant/$form 5 "scores image conv1 pool1 conv2 pool2 fc1 fc2 fc3 sum" $variant/images.npy --no-trials
    done
done
while read -r name _ count; do
    three_times "single/$name" "$count" y "single/$name.x.npy"
done <single/list
"$python" "$CONVOY_SOURCE_DIR/tests/quantised_compare.py" . || fail "quantised_compare.py"

# The sums of operators of integers travel as they are, whatever halves are asked for.
inputs=() outputs=()
for name in $products; do
    inputs+=(--input "$name.x=u8-tensor/$name.x.npy")
    outputs+=(--output "$name=$name.f16.npy")
done
run 0 run u8-tensor/qlinear.layers.onnx "${inputs[@]}" --no-trials --one --quiet --no-fallback --workers 6 --fault 2:kill --precision f16 "${outputs[@]}"
for name in $products; do cmp "$name.f16.npy" "u8-tensor/qlinear.layers.alone/$name.npy" || fail "$name differs with frames of float16"; done

run 0 run u8-tensor/qlinear.layers.onnx "${inputs[@]}" --no-trials --one --quiet --no-fallback --workers 6 --fault 2:kill --precision bf16 --finite "${outputs[@]}"
for name in $products; do cmp "$name.f16.npy" "u8-tensor/qlinear.layers.alone/$name.npy" || fail "$name differs with frames of bfloat16 and --finite"; done

# One digit at a time, each compared.
run 0 run u8-channel/qlinear.onnx "$lenet"/digits/*.png --expect "$lenet/digits/labels.txt" --check --quiet --no-fallback --fault 1:kill --fault 4:kill --layers
grep -E '^(accuracy|check|differing) ' out
prints '^check .* 300 of 300 first classes agree$'
prints '^differing +0(\.0[0-9]*)? % of the elements'

finish quantised_test
