#!/usr/bin/env bash
# The examples, complete programs over the library's public headers, on the models of models/: as right as the scripts that
# trained the models require, alone and with two of six workers gone; options that say what outputs mean; a sentence for errors.
set -uo pipefail

examples=$CONVOY_BUILD_DIR/examples
cd "$CONVOY_SOURCE_DIR" || exit 1
lenet=models/lenet5 yolo=models/yolo unet=models/unet
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/out err=$scratch/err
failures=0

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' "$out" "$err" 2>/dev/null | tail -n 12
    failures=$((failures + 1))
}

# runs PROGRAM ARGUMENTS...: it ends with status 0.
runs() { "$examples/$1" "${@:2}" >"$out" 2>"$err" || fail "$*: exit status $?"; }

# refuses STATUS WORDS PROGRAM ARGUMENTS...: it ends with this status and one sentence that has the words.
refuses() {
    "$examples/$3" "${@:4}" >"$out" 2>"$err"
    local status=$?
    [ $status -eq "$1" ] || fail "${*:3}: exit status $status, not $1"
    if [ "$(wc -l <"$err")" -ne 1 ] || ! grep -q "^$3: " "$err" || ! grep -qF -e "$2" "$err"; then
        fail "${*:3}: no sentence with '$2'"
    fi
}

# at_least SCRIPT NAME FIGURE: a figure that a training script requires.
at_least() {
    local required
    required=$(sed -n "s/^$2 = \([0-9.]*\).*/\1/p" "$1")
    awk -v figure="$3" -v required="$required" '
        BEGIN { exit !(figure ~ /^[0-9.]+$/ && required > 0 && figure + 0 >= required + 0) }' ||
        fail "$1 requires $2 = ${required:-(not found)}, measured is '$3'"
}
figure() { sed -nE "s/.*$1 ([0-9.]+).*/\1/p" "$out"; }

# The evaluation: its own comparison of both runs, and its figures beside those that are required.
scripts/examples "$CONVOY_BUILD_DIR" >"$out" 2>"$err" || fail "scripts/examples"
cp "$out" "$scratch/evaluation"
[ "$(grep -c '^  equal ' "$out")" -eq 3 ] || fail "scripts/examples: not three comparisons"
[ "$(grep -cE '^  workers: 6, [1-9][0-9]* layers .*; lost: 0 3; ' "$out")" -eq 3 ] ||
    fail "scripts/examples: two of six workers were not gone"
for run in 'alone: ' 'two gone: '; do
    grep "^  $run" "$scratch/evaluation" >"$out"
    at_least $lenet/train.py REQUIRED_ACCURACY "$(figure '300 =')"
    at_least $yolo/train.py REQUIRED_PRECISION "$(figure precision)"
    at_least $yolo/train.py REQUIRED_RECALL "$(figure recall)"
    at_least $unet/train.py REQUIRED_OVERLAP "$(figure 'mean' | tail -n 1)"
done

# Classes as in labels.txt, whatever "degraded" says on a busy machine.
runs classify $lenet/lenet5.onnx $lenet/digits/00[0-4].png
diff <(head -n 5 $lenet/digits/labels.txt) <(sed -nE 's|^.*/([0-9]+\.png): class ([0-9]+)(, degraded)?$|\1 \2|p' "$out") ||
    fail "classify: other classes"
printf 'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n' >"$scratch/words"
runs classify --labels "$scratch/words" $lenet/lenet5.onnx $lenet/digits/000.png
digit=$(head -n 1 $lenet/digits/labels.txt | cut -d' ' -f2)
[ "$(sed -nE 's/^.*: class ([a-z]+).*/\1/p' "$out")" = "$(sed -n "$((digit + 1))p" "$scratch/words")" ] ||
    fail "classify --labels: another word"

# The boxes that NonMaxSuppression of the model selects are those that the example selects; a threshold leaves fewer.
runs detect --local --selected selected $yolo/yolo.onnx $yolo/scenes/*.png
cp "$out" "$scratch/selected"
runs detect --local --overlap 0.45 $yolo/yolo.onnx $yolo/scenes/*.png
diff "$out" "$scratch/selected" || fail "detect: other boxes without --selected"
# What the numbers of a box mean: corners as printed, one box a line; with --relative in 96ths of a pixel.
corners() {
    runs detect --local --selected selected "$@" $yolo/yolo.onnx $yolo/scenes/*.png
    sed -nE 's/^.* box(es)?: //p' "$out" | tr ';' '\n' | sed -E 's/.* at (.*),(.*) to (.*),(.*)/\1 \2 \3 \4/'
}
# nearly TEXT FORMULA: by the formula, the corners $1..$4 of file a give $5..$8 of file b, but for what is printed rounded: 1.25 at most.
nearly() {
    paste -d' ' "$scratch/a" "$scratch/b" | awk '
        function away(x, y) { if (x - y > 1.25 || y - x > 1.25) bad++ }
        { '"$2"' } END { exit !(NR > 0 && !bad) }' || fail "detect: $1"
}
corners --format yxyx >"$scratch/b"
corners --format xyxy --relative >"$scratch/a"
nearly '--format xyxy' 'away($2 / 96, $5); away($1 / 96, $6); away($4 / 96, $7); away($3 / 96, $8)'
corners --format cxcywh --relative >"$scratch/b"
nearly '--format cxcywh' 'away($1 - $3 / 2, $5); away($2 - $4 / 2, $6); away($1 + $3 / 2, $7); away($2 + $4 / 2, $8)'
runs detect --local --threshold 0.99 $yolo/yolo.onnx $yolo/scenes/*.png
[ "$(wc -w <"$out")" -lt "$(wc -w <"$scratch/selected")" ] || fail "detect --threshold: no fewer boxes"
runs detect --help
grep -q '^  --selected NAME' "$out" || fail "detect --help: no line of --selected"

# What is drawn are PNG files of the size that the model sees, one for each picture, and no longer the picture.
runs segment --local -o "$scratch/drawn" $unet/unet.onnx $unet/scenes/0[01].png
runs detect --local -o "$scratch/drawn" $yolo/yolo.onnx $yolo/scenes/0[01].png
[ "$(cd "$scratch/drawn" && echo *)" = "00-boxes.png 00-mask.png 01-boxes.png 01-mask.png" ] || fail "-o: other files"
for i in 00 01; do # the first 24 bytes of a PNG file end with its width and height
    cmp -n 24 "$scratch/drawn/$i-mask.png" $unet/scenes/$i.png || fail "segment -o: another size than $i.png"
    cmp -n 24 "$scratch/drawn/$i-boxes.png" $yolo/scenes/$i.png || fail "detect -o: another size than $i.png"
    cmp -s "$scratch/drawn/$i-mask.png" $unet/scenes/$i.png && fail "segment -o: nothing was drawn on $i.png"
    cmp -s "$scratch/drawn/$i-boxes.png" $yolo/scenes/$i.png && fail "detect -o: nothing was drawn on $i.png"
done

# Usage, status 2; other errors, status 1.
refuses 2 'see segment --help' segment
refuses 2 'see segment --help' segment $unet/unet.onnx
refuses 2 'unknown option --nonsense' detect --nonsense $yolo/yolo.onnx x.png
refuses 2 '--threshold takes a number from 0 to 1' detect --threshold much $yolo/yolo.onnx x.png
refuses 2 '--workers takes a whole number from 1 to 256' classify --workers 2.5 $lenet/lenet5.onnx x.png
refuses 2 '--format takes one of yxyx,xyxy,cxcywh' detect --format corners $yolo/yolo.onnx x.png
refuses 2 '--labels needs a value' classify $lenet/lenet5.onnx x.png --labels
refuses 2 '--local takes no value' classify --local=yes $lenet/lenet5.onnx x.png
refuses 2 'stragglers' classify --workers 2 --stragglers 2 $lenet/lenet5.onnx x.png
refuses 2 "no output 'nothing'" segment --output nothing $unet/unet.onnx $unet/scenes/00.png
refuses 2 'drawn into the same file' segment -o "$scratch/drawn" $unet/unet.onnx $unet/scenes/00.png $yolo/scenes/00.png
refuses 1 '/no/such.png' classify $lenet/lenet5.onnx /no/such.png
refuses 1 '/no/such.txt' detect --labels /no/such.txt $yolo/yolo.onnx $yolo/scenes/00.png
refuses 1 'says nothing of' classify --truth $yolo/scenes/boxes.txt $lenet/lenet5.onnx $lenet/digits/299.png
refuses 1 'boxes are [1,N,4]' detect --boxes scores $yolo/yolo.onnx $yolo/scenes/00.png
refuses 1 'scores are [1,C,H,W]' segment $lenet/lenet5.onnx $lenet/digits/000.png
refuses 1 'is no picture of 8-bit grey' segment --truth $unet/scenes $unet/unet.onnx $unet/scenes/00.png

if [ $failures -gt 0 ]; then
    echo "example_test: $failures failures"
    exit 1
fi
echo "example_test: all good"
