#!/usr/bin/env bash
# The same answers whatever carries the frames: ten worker threads, ten spawned processes, ten that dial in over tcp, and ten
# ranks under MPI. γ of the ten are killed at once, so that every layer has the same survivors, which is checked; then outputs are
# within 1e-6 of each other. All follow one plan, made for float32: for halves a smaller δ is planned, which some losses of γ workers
# need, not this one; then not all that are left would be used. LeNet-5 always; VGG-16 where $CONVOY_VGG16 is a folder that tests/network_export.py made:
#
#     /usr/bin/python3 tests/network_export.py vgg16 FOLDER
#
# CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"

engines=(threads spawn listen)
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "without MPI: a dozen ranks with the sanitizer $CONVOY_SANITIZE take too long"
elif ! command -v mpirun >/dev/null || ! grep -q 'Open MPI' <<<"$(mpirun --version)"; then
    echo "without MPI: Open MPI's mpirun is not there (scripts/setup --mpi)"
elif grep -q 'has no MPI' <<<"$("$CONVOY" run --mpi no-model no-input 2>&1)"; then
    echo "without MPI: this convoy was built without it"
else
    engines+=(mpi)
fi

# run_on ENGINE ARGUMENTS...: a run on ten workers; standard output to out, standard error to err.
run_on() {
    local engine=$1 status=0
    shift
    command="$engine: convoy run $(basename "$1")"
    case $engine in
    threads) "$CONVOY" run "$@" --workers 10 >out 2>err ;;
    spawn) "$CONVOY" run "$@" --spawn 10 >out 2>err ;;
    listen)
        "$CONVOY" run "$@" --workers 10 --distribute all --listen tcp://127.0.0.1:0 >out 2>err &
        local master=$!
        background+=("$master")
        await '^convoy: listening on tcp://127.0.0.1:[1-9]' err
        url=$(sed -n 's/^convoy: listening on \(tcp:[^ ]*\).*/\1/p' err)
        for ((w = 0; w < 10; w++)); do
            "$CONVOY" worker --connect "$url" --give-up 60 --quiet 2>>workers.err &
            background+=($!)
        done
        wait "$master"
        ;;
    mpi) "$CONVOY_SOURCE_DIR/scripts/convoy-mpirun" -n 11 -- "$@" --distribute all >out 2>err ;;
    esac || status=$?
    [ $status -eq 0 ] || fail "$command: exit status $status"
}

# compare MODEL γ PRECISION INPUT...: on all engines.
compare() {
    local model=$1 stragglers=$2 precision=$3 engine kills=()
    shift 3
    "$CONVOY" plan "$model" --workers 10 --stragglers "$stragglers" --distribute all --out chosen.plan >out 2>err ||
        fail "convoy plan: exit status $?"
    for ((w = 0; w < stragglers; w++)); do kills+=(--fault "$((2 * w + 1)):kill"); done
    for engine in "${engines[@]}"; do
        run_on "$engine" "$model" "$@" --plan chosen.plan --stragglers "$stragglers" --precision "$precision" "${kills[@]}" --no-fallback \
            --json --output "$engine.npy"
        prints '"degraded": false'
        prints "\"precision\": \"$precision\""
        grep -o '"used":\[[^]]*\]' out >"$engine.used"
        [ -s "$engine.used" ] || fail "$command: tells of no survivors"
        cmp -s "$engine.used" threads.used || fail "$command: other survivors than with threads"
        differ_within "$engine.npy" threads.npy 1e-6
        echo "$(basename "$model"), $# inputs, $precision, $stragglers of 10 killed, $engine: largest difference $(difference "$engine.npy" threads.npy)"
    done
}

# γ = 5: fc3 has ten outputs and δ = 5, and with a smaller γ others of the living might answer first.
for precision in f32 bf16 f16; do
    compare "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" 5 $precision "$CONVOY_SOURCE_DIR"/models/lenet5/digits/00?.png
done
if [ -z "${CONVOY_VGG16:-}" ]; then
    echo "VGG-16 is left out: \$CONVOY_VGG16 is no folder with model.onnx and input.npy"
elif [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "VGG-16 is left out under a sanitizer"
else
    compare "$CONVOY_VGG16/model.onnx" 2 f32 "$CONVOY_VGG16/input.npy"
fi
finish transports_test
