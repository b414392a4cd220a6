#!/usr/bin/env bash
# Files as other programs write them: what Convoy reads is what NumPy and Pillow read, and what a wrong reading would spoil is
# refused. tests/files_make.py makes them, with Debian's python3-numpy, python3-pil and python3-onnx; without these the test is skipped,
# with the reason. The models copy their input, so that an output is what was read.
set -uo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy, onnx, PIL' 2>/dev/null; then
    echo "skipped: python3-numpy, python3-onnx and python3-pil are not installed (scripts/setup --models)"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"
"$python" "$CONVOY_SOURCE_DIR/tests/files_make.py" "$scratch" || exit 1

# equal_within FILE FILE BOUND: as many values, of which no two differ by more.
equal_within() {
    paste <(values "$1") <(values "$2") | awk -v bound="$3" '
        { d = $1 - $2; if (NF != 2 || /n/ || d > bound || -d > bound) bad++ }
        END { exit !(NR && !bad) }'
}

count=0
while read -r model file expected tolerance options; do
    # shellcheck disable=SC2086 # options are several words
    run 0 run "$model" "$file" --local --quiet --no-trials --output got.npy $options
    equal_within got.npy "$expected" "$tolerance" || fail "$command: not the values of NumPy or Pillow"
    rm -f got.npy
    count=$((count + 1))
done <cases
[ $count -gt 0 ] || fail "no cases"

while read -r model file words; do
    refuses 3 "$words" run "$model" "$file" --local
done <refused

# Pictures that lack their last bytes.
for picture in rgba.png deep.png exif6.png exif6.jpg cmyk.jpg p6-16.ppm; do
    for bytes in 1 2 8; do
        head -c -$bytes $picture >"cut-$picture"
        refuses 3 "cut-$picture" run rgb.onnx "cut-$picture" --local
    done
done

# The mark in front of UTF-8 belongs to no label and to no name.
printf '\xef\xbb\xbfzero\none\n' >labels.txt
printf '\xef\xbb\xbfclass.npy zero\n' >expect.txt
"$python" -c 'import numpy; x = numpy.zeros((1, 3, 6, 8), "f4"); x[0, 0, 0, 0] = 1; numpy.save("class.npy", x)'
run 0 run rgb.onnx class.npy --local --labels labels.txt --expect expect.txt
prints 'accuracy +1 of 1'
run 0 run rgb.onnx class.npy --local --labels labels.txt --json
prints '"top":\[\{"index":0,"label":"zero","score":1.0,'

finish files_test
