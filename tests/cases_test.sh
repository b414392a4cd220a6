#!/usr/bin/env bash
# Small models that are easy to get wrong (cases_make.py): the program's output, alone and on six workers of which two are gone, is
# NumPy's, value by value. Needs Debian's python3-onnx and python3-numpy (scripts/setup --models); without them it is skipped, with the
# reason.
set -uo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx' 2>/dev/null; then
    echo "skipped: python3-numpy and python3-onnx are not installed (scripts/setup --models)"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"
coded=(--workers 6 --fault 0:kill --fault 3:kill --quiet)

# compare CASE OPTION...: the values of one run are right.
compare() {
    rm -f actual.npy
    run 0 run "$1/model.onnx" "$1/input.npy" --output actual.npy "${@:2}"
    "$python" "$CONVOY_SOURCE_DIR/tests/cases_compare.py" actual.npy "$1/expected.npy" >err 2>&1 || fail "$command"
}

# values CASE [OPTION...]: the values are right, alone, coded, and coded along the width; options are for the coded runs.
values() {
    compare "$1" --local
    compare "$1" "${coded[@]}" "${@:2}"
    compare "$1" "${coded[@]}" --cut width --code systematic "${@:2}"
}

# first_not_finite CASE LAYER: the values are not compared, but --finite names the layer, alone and coded.
first_not_finite() {
    local how
    echo "$1: values are not compared: activations may turn a NaN into a number; --finite must name the layer"
    for how in --local "${coded[*]}"; do
        # shellcheck disable=SC2086 # several options
        run 0 run "$1/model.onnx" "$1/input.npy" --finite $how
        says "^convoy: $1/input.npy: the first layer whose output is not finite is $2: element \[[0-9,]*\] is nan$"
    done
}

"$python" "$CONVOY_SOURCE_DIR/tests/cases_make.py" . 2>err || fail "cases_make.py"
first_not_finite nan-before-relu "'root' \(Sqrt\)"
for case in log-of-zero overflowing-exp infinite-weight largest-numbers; do
    values "$case" --no-fallback --parts 4,4
    run 0 run "$case/model.onnx" "$case/input.npy" "${coded[@]}" --no-fallback --parts 4,4 --check --json
    prints '"differ":0' && prints '"degraded": false'
done
compare wide-log-of-zero --local --no-trials # alone, Winograd's kernels make NaN of infinities: convoy(1), --finite
compare wide-log-of-zero "${coded[@]}" --no-fallback
values channel-of-zeros --no-fallback --parts 4,8
values unlike-outputs --no-fallback --parts 1,8
values unlike-channels --no-fallback --parts 4,4
values batch-norm-training --no-fallback
values open-first-axis --no-fallback
values float64-maps --no-fallback

finish cases_test
