#!/usr/bin/env bash
# What a run takes: standard input and pipes, folders, lists, images for a fixed batch, presets of pixels, labels; and what it says of them.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digits=("$lenet"/digits/*.png)
digit=${digits[0]}
. "$CONVOY_SOURCE_DIR/tests/program.bash"
. "$CONVOY_SOURCE_DIR/tests/made.bash"

# run_from FILE STATUS ARGUMENTS...: as run, with a pipe of the file as standard input.
run_from() {
    local status
    cat "$1" | "$CONVOY" "${@:3}" >out 2>err
    status=$?
    command="convoy ${*:3} < $1"
    [ $status -eq "$2" ] || fail "$command: exit status $status, not $2"
}

# gives WORDS: the results of the JSON in out, in order: INPUT=CLASS, INPUT[ROW]=CLASS, INPUT=error.
gives() {
    local got
    got=$(grep '"input":' out | sed -E 's/^.*"input":"([^"]*)",("row":([0-9]+),)?"error".*$/\1[\3]=error/
        t
        s/^.*"input":"([^"]*)",("row":([0-9]+),)?.*"index":([0-9]+).*$/\1[\3]=\4/' | sed 's/\[\]//' | paste -sd' ')
    [ "$got" = "$*" ] || fail "$command: gives '$got', not '$*'"
}
silent() { [ ! -s err ] || fail "$command: speaks unasked"; }
lines_of_err() { [ "$(wc -l <err)" -eq "$1" ] || fail "$command: not $1 lines on standard error"; }

quick=(--local --no-trials --json --top 1)

# --- Standard input and pipes -----------------------------------------------------------------------------------

run 0 run "$model" "$digit" "${quick[@]}"
wanted=$(grep -oE '"top":\[[^]]*\]' out)
same_top() { [ "$(grep -oE '"top":\[[^]]*\]' out)" = "$wanted" ] || fail "$command: another result"; }
run_from "$digit" 0 run "$model" - "${quick[@]}"
gives -=9 && same_top
"$CONVOY" run "$model" - "${quick[@]}" <"$digit" >out 2>err # a file
gives -=9 && same_top
run_from "$digit" 0 run "$model" --input image=- "${quick[@]}" && gives -=9
run 0 run "$model" <(cat "$digit") "${quick[@]}" && same_top
mkfifo fifo.png
cat "$digit" >fifo.png &
run 0 run "$model" fifo.png "${digits[1]}" "${quick[@]}"
prints '"input":"fifo.png",.*"index":9'
run_from "$digit" 0 run "$model" "${digits[1]}" - "$digit" "${quick[@]}" --in-flight 2
[ "$(grep -c '"index":9' out)" -ge 2 ] || fail "$command: not the digit twice"
run_from "$digit" 0 run "$model" - --local && prints '^-: 9 \('
printf -- '- 9\n' >expect.txt
run_from "$digit" 0 run "$model" - --local --expect expect.txt && prints '^accuracy +1 of 1 '

# Told by content: an array, a tensor of ONNX, pictures of each kind.
npy zeros.npy '1, 1, 32, 32' 4096
{ number 1 2; field 9 0000003f0000003f; number 2 1; } | to_file >two.pb # dims 2; raw_data, 0.5 twice
{ printf 'P5 32 32 255 '; head -c 1024 /dev/zero; } >zeros.pgm
model "$(field 1 "$(node Neg turn y x)")$(field 11 "$(value x 2)")$(field 12 "$(value y 2)")" | to_file >pair.onnx
run_from zeros.npy 0 run "$model" - "${quick[@]}"
run_from zeros.pgm 0 run "$model" - "${quick[@]}"
run_from two.pb 0 run pair.onnx - "${quick[@]}" && prints '"score":-0.5'
printf 'hello' >text.txt
run_from text.txt 3 run "$model" - --local && says '^convoy: -: is no .npy array, no PNG'
refuses 3 '-: is empty' run "$model" - --local
run_from text.txt 3 run "$model" "$digit" - --local && lines_of_err 1 && prints '; 1 input failed, as standard error says$'
head -c 100 "$digit" >cut.png
run_from cut.png 3 run "$model" - --local && says '^convoy: -: is a damaged or cut off PNG'
if [ -z "${CONVOY_SANITIZE-}" ]; then # it takes 2 GiB
    "$CONVOY" run "$model" - --local < <(head -c $(((1 << 30) + 1)) /dev/zero) >out 2>err
    says '^convoy: -: more than 1024 MiB come through this pipe'
fi

# A signal ends the wait for an input that does not come.
mkfifo never
sleep 1000 >never &
background+=($!)
"$CONVOY" run "$model" "$digit" - --local --no-trials <never >out 2>err &
waiting=$!
background+=($waiting)
await ': 9 ' out && kill -TERM $waiting
wait $waiting
[ $? -eq 143 ] && says '^convoy: interrupted by SIGTERM: 1 of 2 inferences were done$' || fail "SIGTERM while standard input is awaited"

refuses 2 '- and -: standard input can be read only once' run "$model" - -
refuses 2 '@- and -: standard input can be read only once' run "$model" @- -
refuses 2 'image=- and -: standard input' run "$model" --input image=- -
refuses 2 '--labels - and -: standard input' run "$model" - --labels -

# --- Folders -----------------------------------------------------------------------------------------------------

mkdir -p folder/sub.png folder/.hidden
cp "${digits[2]}" folder/b.png
cp "${digits[0]}" folder/a.PNG
cp "${digits[1]}" folder/.c.png
cp zeros.npy folder/Z.Npy
cp zeros.pgm folder/c.pgm
cp text.txt folder/notes.txt
cp text.txt folder/png
cp "${digits[0]}" folder/.png
inputs() { # those of the JSON, in order
    [ "$(grep -oE '"input":"[^"]*"' out | sed 's/.*:"//; s/"//' | paste -sd' ')" = "$*" ] || fail "$command: not the inputs $*"
}
run 0 run "$model" folder "${quick[@]}" && inputs folder/Z.Npy folder/a.PNG folder/b.png folder/c.pgm
run 0 run "$model" folder/ zeros.npy folder/b.png "${quick[@]}"
inputs folder/Z.Npy folder/a.PNG folder/b.png folder/c.pgm zeros.npy folder/b.png
ln -s nowhere folder/lost.jpeg
run 3 run "$model" folder "${quick[@]}" && inputs folder/Z.Npy folder/a.PNG folder/b.png folder/c.pgm folder/lost.jpeg
lines_of_err 1 && says '^convoy: folder/lost.jpeg: cannot be opened'
rm folder/lost.jpeg
cp zeros.npy folder/z.npy
refuses 2 'folder/z.npy: this file is an input' run "$model" folder --output folder/z.npy --local
rm folder/z.npy
mkdir bare && cp text.txt bare
refuses 3 'bare: this folder holds no file that ends in .png, .jpg' run "$model" bare --local
refuses 3 'bare: this folder holds no file' run "$model" "$digit" bare --local

# --- Lists -------------------------------------------------------------------------------------------------------

mkdir lists 'with blanks'
cp "$digit" 'with blanks/the digit.png'
cp "$digit" @digit.png
printf '\xef\xbb\xbfzeros.npy\r\n\n  \n# a comment\nwith blanks/the digit.png\nfolder\n./@digit.png' >lists/list.txt
run 0 run "$model" @lists/list.txt zeros.pgm "${quick[@]}"
inputs zeros.npy with blanks/the digit.png folder/Z.Npy folder/a.PNG folder/b.png folder/c.pgm ./@digit.png zeros.pgm
run_from lists/list.txt 0 run "$model" @- "${quick[@]}"
inputs zeros.npy with blanks/the digit.png folder/Z.Npy folder/a.PNG folder/b.png folder/c.pgm ./@digit.png
run 0 run "$model" ./@digit.png "${quick[@]}" && inputs ./@digit.png
printf 'zeros.npy\n-\n' >two.txt
run_from "$digit" 0 run "$model" @two.txt "${quick[@]}" && inputs zeros.npy -
refuses 2 '- and @two.txt: standard input can be read only once' run "$model" @two.txt -
run_from two.txt 2 run "$model" @- --local && says '@- and @-: standard input can be read only once'
printf 'zeros.npy\n\n@two.txt\n' >nested.txt
refuses 3 'nested.txt: line 3, @two.txt: lists do not nest; a file of this name is given as ./@two.txt' run "$model" @nested.txt --local
refuses 3 'missing.txt: cannot be read' run "$model" @missing.txt "$digit" --local
refuses 2 '@: the name of a list must follow' run "$model" @ "$digit"
printf '# nothing\n' >nothing.txt
refuses 3 'nothing.txt: this list names no inputs' run "$model" "$digit" @nothing.txt --local
printf 'a\0b\n' >zero.txt
refuses 3 'zero.txt is no text file of inputs, one a line' run "$model" @zero.txt --local
printf 'zeros.npy\nmissing.npy\n' >some.txt
run 3 run "$model" @some.txt "${quick[@]}" && gives zeros.npy="$(grep -oE '"index":[0-9]+' out | head -n 1 | cut -d: -f2)" missing.npy=error
for ((i = 0; i < 1000; i++)); do echo zeros.pgm; done >many.txt
run 0 run "$model" @many.txt "${quick[@]}" && [ "$(grep -c '"input":' out)" -eq 1000 ] || fail "$command: not 1000 results"

# --- The first bad input ends a strict run -----------------------------------------------------------------------

run 3 run "$model" "$digit" missing.png "${digits[1]}" --local --strict
lines_of_err 1 && says '^convoy: missing.png: cannot be opened'
[ "$(grep -c '^/.*:' out)" -eq 1 ] || fail "$command: not one result"
run 3 run "$model" "$digit" missing.png "${digits[1]}" "${quick[@]}" --strict
prints '^\], "error": "missing.png: ' && [ "$(grep -c '"input":' out)" -eq 1 ] || fail "$command: not one result and the error"
refuses 3 'missing.png: cannot be opened' run "$model" missing.png "$digit" --local --strict
run 0 run "$model" "$digit" "${digits[1]}" "${quick[@]}" --strict

# --- Images for a fixed batch ------------------------------------------------------------------------------------

# Four pictures of 2x2 at once; the best class is the brightest pixel.
flatten=$(node Flatten flat y x)$(field 5 "$(text 1 axis)$(number 3 1)$(number 20 2)")
model "$(field 1 "$flatten")$(field 11 "$(value x 4 1 2 2)")$(field 12 "$(value y 4 4)")" | to_file >four.onnx
picture() { # NAME BRIGHTEST
    local pixels=(40 40 40 40)
    pixels[$2]=$((200 + $2))
    printf 'P2 2 2 255 %s' "${pixels[*]}" >"$1"
}
for i in {0..9}; do picture "p$i.pgm" $((i % 4)); done
four=("${quick[@]}" --preset raw)
run 0 run four.onnx p{0..9}.pgm "${four[@]}"
gives p0.pgm=0 p1.pgm=1 p2.pgm=2 p3.pgm=3 p4.pgm=0 p5.pgm=1 p6.pgm=2 p7.pgm=3 p8.pgm=0 p9.pgm=1
says "^convoy: 4 images make one inference, since the input 'x' takes 4x1x2x2$" && lines_of_err 1
run 0 run four.onnx p{0..9}.pgm "${four[@]}" --quiet --in-flight 3 --repeat 2 --check && silent
gives p0.pgm=0 p1.pgm=1 p2.pgm=2 p3.pgm=3 p4.pgm=0 p5.pgm=1 p6.pgm=2 p7.pgm=3 p8.pgm=0 p9.pgm=1
run 0 run four.onnx p2.pgm "${four[@]}" && gives p2.pgm=2
for i in {0..9}; do echo "p$i.pgm $((i % 4))"; done >truth.txt
run 0 run four.onnx p{0..9}.pgm --local --preset raw --expect truth.txt --output y.npy
prints '^p9.pgm: 1 \(100.0 %\)$' && prints '^inferences +3 ' && prints '^accuracy +10 of 10 '
! grep -q '^rows ' out || fail "$command: there are no rows"
grep -aq '(10, 4)' <(head -c 128 y.npy) || fail "$command: y.npy is not 10x4"
[ "$(values y.npy | tr -s ' \n' ' ')" = "$(for i in {0..9}; do
    for ((k = 0; k < 4; k++)); do printf ' %d' $((k == i % 4 ? 200 + k : 40)); done; done) " ] || fail "$command: other values in y.npy"

# A bad file spoils nothing but itself, and stands in its place.
run 3 run four.onnx p0.pgm missing.pgm p1.pgm text.txt p2.pgm p3.pgm p4.pgm cut.png "${four[@]}" --quiet --output y.npy
gives p0.pgm=0 missing.pgm=error p1.pgm=1 text.txt=error p2.pgm=2 p3.pgm=3 p4.pgm=0 cut.png=error
lines_of_err 3 && prints '"failed": 3, '
grep -aq '(5, 4)' <(head -c 128 y.npy) || fail "$command: y.npy is not 5x4"
run 3 run four.onnx p0.pgm p1.pgm missing.pgm p2.pgm "${four[@]}" --quiet --strict && lines_of_err 1
[ "$(grep -c '"input":' out)" -eq 0 ] || fail "$command: a result, and no inference was begun"

# Arrays: a whole group is one inference with rows; others are as many inputs as they have rows.
npy four.npy '4, 1, 2, 2' 64
npy three.npy '3, 1, 2, 2' 48
npy one.npy '1, 2, 2' 16
run 0 run four.onnx four.npy "${quick[@]}" && gives 'four.npy[0]=0' 'four.npy[1]=0' 'four.npy[2]=0' 'four.npy[3]=0' && silent
run 0 run four.onnx p1.pgm four.npy p2.pgm one.npy --local --preset raw --top 1 --output y.npy && prints '^inferences +3 '
[ "$(grep -E '^[a-z0-9.]+(\[[0-9]\])?: ' out | sed 's/ (.*//' | paste -sd' ')" = \
    'p1.pgm: 1 four.npy[0]: 0 four.npy[1]: 0 four.npy[2]: 0 four.npy[3]: 0 p2.pgm: 2 one.npy: 0' ] || fail "$command: not these results"
grep -aq '(7, 4)' <(head -c 128 y.npy) || fail "$command: y.npy is not 7x4"
run 0 run four.onnx p3.pgm three.npy p1.pgm "${four[@]}" --quiet
gives p3.pgm=3 'three.npy[0]=0' 'three.npy[1]=0' 'three.npy[2]=0' p1.pgm=1
run 0 run four.onnx four.npy "${four[@]}" --one && gives 'four.npy[0]=0' 'four.npy[1]=0' 'four.npy[2]=0' 'four.npy[3]=0'
refuses 3 "p0.pgm has the shape 1x1x2x2, but the input 'x' takes 4x1x2x2" run four.onnx p0.pgm --local --one
run 0 run four.onnx p0.pgm three.npy "${four[@]}" --quiet --batch && gives p0.pgm=0 'three.npy[0]=0' 'three.npy[1]=0' 'three.npy[2]=0'
npy wide.npy '1, 1, 2, 3' 24
refuses 3 'wide.npy has the shape 1x1x2x3' run four.onnx wide.npy --local

# On workers, of which two are gone, what the uncoded model says.
weights() { number 1 2; number 1 1; number 1 2; number 1 2; number 2 1; text 8 w; field 9 "$(printf '%.0s0000003f' {1..8})"; }
conv=$(field 1 "$(node Conv conv c x w)")$(field 5 "$(weights)")
reshape=$(field 1 "$(node Flatten flat y c)$(field 5 "$(text 1 axis)$(number 3 1)$(number 20 2)")")
model "$conv$reshape$(field 11 "$(value x 4 1 8 8)")$(field 12 "$(value y 4 98)")" | to_file >conv.onnx
for i in {0..5}; do { printf 'P5 8 8 255 '; head -c 64 "$model" | tail -c $((64 - i)); head -c $i /dev/zero; } >"q$i.pgm"; done
run 0 run conv.onnx q{0..5}.pgm --fault 1:kill --fault 3:kill --check --quiet --no-fallback --json
errors_within 1e-5 # both filters are the same, so the largest element is there twice
[ "$(grep -c '"input":"q[0-5].pgm",' out)" -eq 6 ] || fail "$command: not 6 results"

# What a layer refuses, and what is not finite, belongs to all of its inference. z[i], and there are two of them.
gather=$(field 1 "$(node Cast cast i x)$(field 5 "$(text 1 to)$(number 3 7)$(number 20 2)")")$(field 1 "$(node Gather pick y z i)")
model "$gather$(field 5 "$(number 1 2)$(number 2 1)$(text 8 z)$(text 9 8bytes..)")$(
    field 11 "$(value x 4 1 2 2)")$(field 12 "$(value y 4 1 2 2)")" | to_file >gather.onnx
printf 'P2 2 2 255 7 7 7 7' >seven.pgm
for i in {0..5}; do printf 'P2 2 2 255 1 0 1 0' >"g$i.pgm"; done
run 3 run gather.onnx g0.pgm seven.pgm g{1..5}.pgm "${four[@]}" --quiet
lines_of_err 4 && says '^convoy: g2.pgm, in one inference with 3 more: .*index 7 into an axis of 2'
[ "$(grep -c '"error":' out)" -eq 4 ] && [ "$(grep -c '"top":' out)" -eq 3 ] || fail "$command: not 4 errors and 3 results"
refuses 3 'seven.pgm, in one inference with 3 more: ' run gather.onnx seven.pgm g{0..5}.pgm --local --preset raw --quiet --strict
log=$(field 1 "$(node Log log l x)")$(field 1 "$(node Relu act y l)")
model "$log$(field 11 "$(value x 4 1 2 2)")$(field 12 "$(value y 4 1 2 2)")" | to_file >log.onnx
run 0 run log.onnx g0.pgm g1.pgm "${four[@]}" --quiet --finite
lines_of_err 1 && says "^convoy: g0.pgm and 1 more in one inference: the first layer whose output is not finite is 'log'"

# Three planes [3,h,w] are no batch, and an output without a row for each image has no results of them.
model "$(field 1 "$(node Relu act y x)")$(field 11 "$(value x 3 2 2)")$(field 12 "$(value y 3 2 2)")" | to_file >planes.onnx
refuses 3 'one.npy has the shape 1x2x2' run planes.onnx one.npy --local
model "$(field 1 "$(node Flatten flat y x)$(field 5 "$(text 1 axis)$(number 3 0)$(number 20 2)")")$(
    field 11 "$(value x 4 1 2 2)")$(field 12 "$(value y 1 16)")" | to_file >joined.onnx
refuses 3 'p0.pgm has the shape 1x1x2x2' run joined.onnx p0.pgm --local

# --- Presets of pixels -------------------------------------------------------------------------------------------

model "$(field 1 "$flatten")$(field 11 "$(value x 1 3 2 2)")$(field 12 "$(value y 1 12)")" | to_file >rgb.onnx
printf 'P3 2 2 255 0 100 200 1 101 201 2 102 202 255 128 64' >rgb.ppm
numbers() { # EXPECTED...: of the last run's y.npy
    paste <(values y.npy) <(printf '%s\n' "$@") | awk '{ d = $1 - $2; if (NF != 2 || d > 1e-4 || d < -1e-4) bad++ } END { exit !(NR == 12 && !bad) }' ||
        fail "$command: other numbers: $(values y.npy | paste -sd' ')"
}
run 0 run rgb.onnx rgb.ppm --local --quiet --preset tf --output y.npy
# shellcheck disable=SC2046 # numbers are words
numbers $(for v in 0 1 2 255 100 101 102 128 200 201 202 64; do awk -v v=$v 'BEGIN { print v / 127.5 - 1 }'; done)
run 0 run rgb.onnx rgb.ppm --local --quiet --preset caffe --output y.npy
# shellcheck disable=SC2046
numbers $(for v in 200 201 202 64; do awk -v v=$v 'BEGIN { print v - 103.939 }'; done) \
    $(for v in 100 101 102 128; do awk -v v=$v 'BEGIN { print v - 116.779 }'; done) \
    $(for v in 0 1 2 255; do awk -v v=$v 'BEGIN { print v - 123.68 }'; done)
refuses 2 '--channels rgb: the preset caffe is blue first' run rgb.onnx rgb.ppm --preset caffe --channels rgb
run 0 run rgb.onnx rgb.ppm --local --preset caffe --channels bgr && silent

# --- Warnings ----------------------------------------------------------------------------------------------------

means=123.68,116.779,103.939
run 0 run rgb.onnx rgb.ppm rgb.ppm --local --mean $means && lines_of_err 1
says "^convoy: warning: --mean $means is taken away from pixels of 0 to 1, and seems to be meant for 0 to 255: --scale 1 leaves them so$"
run 0 run rgb.onnx rgb.ppm --local --preset tf --mean 127.5 && says 'from pixels of 0 to 2,'
run 0 run rgb.onnx rgb.ppm --local --mean $means --scale 0.017 && says '^convoy: warning: --mean'
for options in '--scale 1' '--preset raw' '--preset caffe' '--quiet'; do
    # shellcheck disable=SC2086 # options are several words
    run 0 run rgb.onnx rgb.ppm --local --mean $means $options && silent
done
run 0 run rgb.onnx rgb.ppm --local --mean 0.5,0.4,1 && silent
run 0 run pair.onnx two.pb --local --mean $means && silent # no pictures go there

printf '%s\n' zero one two >few.txt
run 0 run "$model" "$digit" "${digits[1]}" --local --labels few.txt && lines_of_err 1
says '^convoy: warning: --labels few.txt has 3 names, but the first output has 10 classes$'
printf '%s\n' {a..l} >more.txt
run 0 run "$model" "$digit" --local --labels more.txt && says 'more.txt has 12 names, but the first output has 10 classes'
printf '%s\n' {a..k} >eleven.txt # one too many is often an end
run 0 run "$model" "$digit" --local --labels eleven.txt && silent
run 0 run "$model" "$digit" --local --labels "$lenet/labels.txt" && silent
printf '000.png nine\n001.png 3\n002.png seven\n' >words.txt
run 0 run "$model" "$digit" --local --expect words.txt && lines_of_err 1
says "^convoy: warning: --expect words.txt: 2 of its 3 labels belong to no class, the first is 'nine'; without --labels they are numbers$"
run 0 run "$model" "$digit" --local --expect words.txt --labels "$lenet/labels.txt"
says "2 of its 3 labels belong to no class, the first is 'nine'$"
printf '000.png 9\n001.png ten\n' >word.txt
run 0 run "$model" "$digit" --local --expect word.txt --labels "$lenet/labels.txt"
says "1 of its 2 labels belongs to no class, the first is 'ten'$"
run 0 run "$model" "$digit" --local --expect words.txt --quiet && silent

# --- ImageNet's labels -------------------------------------------------------------------------------------------

for classes in 1000 1001; do
    model "$(field 1 "$(node Relu act y x)")$(field 11 "$(value x 1 $classes)")$(field 12 "$(value y 1 $classes)")" | to_file >$classes.onnx
done
names() { # CLASSES INDEX=NAME...
    local pair files=()
    for pair in "${@:2}"; do
        npy "at${pair%%=*}.npy" "1, $1" $((4 * ${pair%%=*}))
        { printf '\x00\x00\x80\x3f'; head -c $((4 * ($1 - ${pair%%=*} - 1))) /dev/zero; } >>"at${pair%%=*}.npy"
        files+=("at${pair%%=*}.npy")
    done
    run 0 run "$1.onnx" "${files[@]}" "${quick[@]}" --labels imagenet && silent
    for pair in "${@:2}"; do prints "\"index\":${pair%%=*},\"label\":\"${pair#*=}\""; done
}
names 1001 0=background 1=tench 2=goldfish 282=tabby 1000='toilet tissue'
names 1000 0=tench 1=goldfish 2='great white shark' 134='crane bird' 207='golden retriever' 281=tabby 388='giant panda' 404=airliner \
    477="carpenter's kit" 508='computer keyboard' 517=crane 639='maillot tank suit' 701=parachute 817='sports car' 954=banana 999='toilet tissue'
run 0 run 1000.onnx at0.npy --local --top 1 && prints '^at0.npy: 0 \(' # nothing is assumed
list=$CONVOY_SOURCE_DIR/cli/imagenet_labels.txt
[ "$(wc -l <"$list")" -eq 1000 ] && [ "$(sort -u "$list" | wc -l)" -eq 1000 ] || fail "not 1000 names in $list"
printf 'at0.npy tench\nat1.npy goldfish\n' >truth.txt
run 0 run 1000.onnx at0.npy --local --labels imagenet --expect truth.txt && silent && prints '^accuracy +1 of 1 '
echo zero >imagenet
run 0 run "$model" "$digit" --local --labels ./imagenet && says './imagenet has 1 name, but'

finish inputs_test
