#!/usr/bin/env bash
# The program from outside: usage, bad files, exit statuses, what it prints. CONVOY is the program, CONVOY_SOURCE_DIR the tree.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digit=$lenet/digits/000.png
. "$CONVOY_SOURCE_DIR/tests/program.bash"
. "$CONVOY_SOURCE_DIR/tests/made.bash"

# --- Usage --------------------------------------------------------------------------------------------------

run 0 --version && prints '^convoy [0-9]+\.[0-9]+\.[0-9]+$'
run 0 --help && prints '^  run '
run 0 -h && prints '^  run '
run 0 run --help && prints '^  --workers N '
run 0 inspect --help && prints '^  -j, --json '
run 0 run -h && prints '^  --workers N +size of the cluster, 1 to 256 \(6\)$' && prints '^Code and plan:$' && cp out help
run 0 help run && cmp -s out help || fail "$command: not what run --help prints"
run 0 help && prints '^  bench '
run 0 -V && prints '^libraries +oneDNN [0-9.]+, ZeroMQ [0-9.]+, ' && prints '^processor ' && prints '^commit '
run 0 inspect -V && prints '^convoy [0-9.]+$'
refuses 2 "no command 'flyy'" help flyy
refuses 2 "no command 'rum'; did you mean 'run'?" rum
refuses 2 'did you mean --stragglers?' run "$model" "$digit" --straglers 2
refuses 2 'did you mean --in-flight?' run "$model" "$digit" --inflight=3
refuses 2 'did you mean kill?' run "$model" "$digit" --fault 1:kil
refuses 2 'did you mean conv2?' run "$model" "$digit" --fault 1:kill@conv22
refuses 2 'did you mean conv1?' plan "$model" --explain conv_1 --no-trials
refuses 2 '--retrial and --no-trials' run "$model" "$digit" --retrial --no-trials
refuses 2 'bash, zsh or fish' completion
run 2
run 2 fly
grep -q "no command 'fly'" err || fail "$command: does not name the command"

refuses 2 'no model' run
refuses 2 'no file for' run "$model"
refuses 2 'unknown option --loosen' run "$model" "$digit" --loosen tcp://here
refuses 2 "'convoy bench --help'" bench "$model" --top 3
refuses 2 'unknown option -x' run "$model" "$digit" -x
refuses 2 'unknown option --work' run "$model" "$digit" --work 3
refuses 2 'unknown option --top' inspect "$model" --top 3
refuses 2 'inspect MODEL' inspect
refuses 2 '--workers needs a value' run "$model" "$digit" --workers
refuses 2 '--workers needs a value' run "$model" "$digit" --workers --check
refuses 2 '--check takes no value' run "$model" "$digit" --check=yes
for value in 0 257 -1 6x 1e2 '' ' 6' 99999999999999999999; do
    refuses 2 '--workers' run "$model" "$digit" --workers "$value"
done
refuses 2 'stragglers' run "$model" "$digit" --workers 4 --stragglers 4
refuses 2 '--parts 4' run "$model" "$digit" --parts 4
refuses 2 '--parts 4,' run "$model" "$digit" --parts 4,
refuses 2 '--parts 4,8,2' run "$model" "$digit" --parts 4,8,2
refuses 2 'spread,plain' run "$model" "$digit" --placement up
refuses 2 'f32,bf16,f16' run "$model" "$digit" --precision f64
refuses 2 '--mean 1,2' run "$model" "$digit" --mean 1,2
for colour in '' red '#ff' '#ffff' '#gggggg' '#ffffff0' fff '#12345 '; do
    refuses 2 '--background' run "$model" "$digit" --background "$colour"
done
refuses 2 '--scale nan' run "$model" "$digit" --scale nan
refuses 2 'rotation' run "$model" "$digit" --code magic
refuses 2 'onednn' run "$model" "$digit" --backend magic
refuses 2 'kill@LAYER' run "$model" "$digit" --fault 1:explode
refuses 2 '9:kill' run "$model" "$digit" --fault 9:kill
refuses 2 'conv1' run "$model" "$digit" --fault 1:kill@nowhere
refuses 2 '1:kill' run "$model" "$digit" --fault 1:kill --local
refuses 2 "'image'" run "$model" --input nothing=x.png
refuses 2 'already' run "$model" "$digit" --input image="$digit"
refuses 2 "'scores'" run "$model" "$digit" --output nothing=x.npy
refuses 2 'must end in .npy' run "$model" "$digit" --output scores.txt
cp "$digit" input.npy
refuses 2 'this file is an input' run "$model" input.npy --output ./input.npy
refuses 2 'this file is an input' run "$model" --input image=input.npy --output "$scratch/input.npy"
cmp -s "$digit" input.npy || fail "an input was overwritten"
refuses 2 'must end in .npy' run "$model" "$digit" --output scores=npy
mkdir -p sub && : >there.npy && ln there.npy linked.npy && ln -s sub other
for twice in 'o.npy ./o.npy' 'o.npy sub/../o.npy' "o.npy $scratch/o.npy" 'sub/o.npy other/o.npy' 'there.npy linked.npy' 'o.npy scores=o.npy'; do
    read -r first second <<<"$twice"
    refuses 2 'goes to this file already' run "$model" "$digit" --output "$first" --output "$second"
done
rm there.npy linked.npy

# Nothing that a run reads is written over, by whatever option, and no two options write one file.
cp "$model" model.onnx
echo zero >names.txt
echo "$digit" >list.txt
for pair in 'trace model.onnx' 'audit model.onnx' 'trace names.txt' 'trace list.txt' 'audit list.txt'; do
    read -r option file <<<"$pair"
    cp "$file" before
    refuses 2 'this file is an input' run model.onnx @list.txt --labels names.txt --verify all "--$option" "$file"
    cmp -s "$file" before || fail "$command: $file was written over"
done
refuses 2 '--audit writes to this file already' run "$model" "$digit" --verify all --trace t.json --audit ./t.json
refuses 2 '--output writes to this file already' run "$model" "$digit" --output t.npy --trace t.npy
refuses 2 '--trace writes to this file already' bench "$model" --svg t.svg --trace t.svg
refuses 2 'this file is an input' bench model.onnx --svg model.onnx
rm model.onnx names.txt list.txt before
refuses 2 '--batch and --one' run "$model" "$digit" --batch --one

# --- Bad files ----------------------------------------------------------------------------------------------

refuses 3 missing.onnx run missing.onnx "$digit"
refuses 3 missing.onnx inspect missing.onnx
refuses 3 missing.png run "$model" missing.png
refuses 3 missing.txt run "$model" "$digit" --labels missing.txt
refuses 3 missing.txt run "$model" "$digit" --expect missing.txt
echo lonely >wrong.txt
refuses 3 'line 1' run "$model" "$digit" --expect wrong.txt
refuses 3 "$scratch" run "$scratch" "$digit"
mkdir empty
refuses 3 'empty: this folder holds no file' run "$model" empty
: >empty.onnx
refuses 3 empty.onnx run empty.onnx "$digit"
: >empty.png
refuses 3 empty.png run "$model" empty.png
echo 'This is not a network.' >text.onnx
refuses 3 text.onnx run text.onnx "$digit"
size=$(wc -c <"$model")
for part in 1 10 100 1000 $((size / 2)) $((size - 1)); do
    head -c "$part" "$model" >"cut$part.onnx"
    refuses 3 "cut$part.onnx" run "cut$part.onnx" "$digit"
done
head -c $(($(wc -c <"$digit") / 2)) "$digit" >half.png
refuses 3 half.png run "$model" half.png
npy huge.npy '4294967296, 4294967296' 4096
refuses 3 huge.npy run "$model" huge.npy
npy large.npy '18446744073709551616,' 4096
refuses 3 large.npy run "$model" large.npy
npy short.npy '1, 1, 32, 32' 100
refuses 3 short.npy run "$model" short.npy
npy shape.npy '1, 3, 224, 224' $((3 * 224 * 224 * 4))
refuses 3 1x3x224x224 run "$model" shape.npy
npy none.npy '0, 1, 32, 32' 0
refuses 3 none.npy run "$model" none.npy

graph() { field 1 "$1"; field 11 "$(value x 1 1 4 4)"; field 12 "$(value y 1 1 4 4)"; printf %s "${2-}"; } # NODE MORE

npy x.npy '1, 1, 4, 4' 64
model "$(graph "$(node Relu act y x)")" | to_file >relu.onnx
run 0 run relu.onnx x.npy
model "$(graph "$(node Levitate up y x)")" | to_file >operator.onnx
refuses 3 Levitate run operator.onnx x.npy
grep -q up err || fail "$command: does not name the node"
model "$(graph "$(node Relu act y x)" "$(field 1 "$(node Levitate up z x)")")" | to_file >dead.onnx # nobody needs z
run 0 run dead.onnx x.npy

# Without inputs a model runs once.
seven=$(field 1 "$(node Constant k y)$(field 5 "$(text 1 value_int)$(number 3 7)$(number 20 2)")")
model "$seven$(field 12 "$(value y)")" | to_file >constant.onnx
run 0 run constant.onnx && prints '^constant.onnx: y: int64 scalar, 7$'
run 0 run constant.onnx --local --output y.npy --json && prints '"input":"constant.onnx"'
[ "$(od -An -v -t d8 -j 128 y.npy | tr -d ' ')" = 7 ] || fail "$command: not 7 in y.npy"
grep -q "'<i8'" y.npy || fail "$command: y.npy has not the type of the output, int64"
refuses 2 'x.npy: the model has no inputs' run constant.onnx x.npy
refuses 2 'the model has no inputs' run constant.onnx --input x=x.npy
run 0 inspect constant.onnx

# Outputs whose shapes depend on data are joined along the first axis if they fit.
model "$(graph "$(node NonZero find y x)")" | to_file >nonzero.onnx
npy none.npy '1, 1, 4, 4' 64
{ head -c 128 none.npy; for ((i = 0; i < 64; i++)); do printf '\x3f'; done; } >all.npy # 0.75 everywhere
run 0 run nonzero.onnx all.npy --local --output y.npy && grep -q "'<i8'.* (4, 16)" y.npy || fail "$command: y.npy is not [4,16] of int64"
run 0 run nonzero.onnx all.npy all.npy --local --check --output y.npy && grep -q '(8, 16)' y.npy || fail "$command: y.npy is not [8,16]"
run 3 run nonzero.onnx all.npy none.npy --local --output y.npy && says 'shapes 4x16 and 4x0 cannot be joined'

# Nodes that need the data are named with the reason, and no layers. An output may have no shape.
model "$(field 1 "$(node Neg turn t x)")$(field 1 "$(node NonZero find z t)")$(field 1 "$(node Neg behind y z)")$(
    field 11 "$(value x 1 1 4 4)")$(field 12 "$(text 1 y)$(field 2 "$(field 1 "$(number 1 7)")")")" | to_file >behind.onnx
run 0 inspect behind.onnx
prints '^output +y +int64 unknown shape$' && prints '^1 layer, '
prints '^find +NonZero +the input depends on the data$' && prints "^behind +Neg +reads 'z'$"
prints '^2 nodes are postponed: computed here at the end of a run, neither coded nor planned$'
run 0 inspect behind.onnx --json
prints '"shape": null' && prints '"postponed": \[' && prints '"why": "the input depends on the data"'
run 0 plan behind.onnx && prints '^postponed +2 nodes are computed here at the end of a run, for which no time is predicted'
run 0 plan behind.onnx --json && prints '"postponed_count": 2'
run 0 run behind.onnx x.npy --layers && prints '^postponed +2 nodes are computed here at the end of each run'
run 0 run behind.onnx x.npy --json && prints '"failed": 0, "postponed_count": 2, '
refuses 2 "with an output of the model: 'y'" run behind.onnx x.npy --output z=z.npy
refuses 2 "--explain find: this node is postponed to the end of a run, and never coded: the input depends on the data" \
    plan behind.onnx --explain find
run 0 inspect constant.onnx && ! grep -q postponed out || fail "$command: nothing is postponed"

# Open axes of one name have one size.
open_value() { text 1 "$1"; field 2 "$(field 1 "$(number 1 1)$(field 2 "$(field 1 "$(number 1 1)")$(field 1 "$(text 2 length)")")")"; } # NAME
model "$(field 1 "$(node Concat join y a b)$(field 5 "$(text 1 axis)$(number 3 1)$(number 20 2)")")$(field 11 "$(open_value a)")$(
    field 11 "$(open_value b)")$(field 12 "$(open_value y)")" | to_file >named.onnx
npy three.npy '1, 3' 12
npy four.npy '1, 4' 16
run 0 run named.onnx three.npy --input b=three.npy
refuses 3 "'length' is 3 in input 'a' and 4 in input 'b'" run named.onnx three.npy --input b=four.npy
run 0 inspect named.onnx && prints '^join +Concat +1x448 '

# Pictures for models of uint8 and with the channels last: [1,2,2,3], which becomes float32.
bytes_value() { text 1 "$1"; field 2 "$(field 1 "$(number 1 2)$(field 2 "$(dims "${@:2}")")")"; } # NAME DIM...
cast=$(node Cast cast y x)$(field 5 "$(text 1 to)$(number 3 1)$(number 20 2)")
model "$(field 1 "$cast")$(field 11 "$(bytes_value x 1 2 2 3)")$(field 12 "$(value y 1 2 2 3)")" | to_file >pixels.onnx
printf 'P3 2 2 255 1 2 3 4 5 6 7 8 9 250 251 252' >pixels.ppm
run 0 run pixels.onnx pixels.ppm --local --output pixels.npy
[ "$(values pixels.npy | tr -s ' \n' ' ')" = ' 1 2 3 4 5 6 7 8 9 250 251 252 ' ] || fail "$command: other pixels"
run 0 run pixels.onnx pixels.ppm --local --channels bgr --layout nhwc --output pixels.npy
[ "$(values pixels.npy | tr -s ' \n' ' ')" = ' 3 2 1 6 5 4 9 8 7 252 251 250 ' ] || fail "$command: other pixels"
refuses 3 'pictures go into [N,C,H,W]' run pixels.onnx pixels.ppm --layout nchw
refuses 2 'raw is accepted' run pixels.onnx pixels.ppm --preset unit
refuses 2 "--layout chwn" run pixels.onnx pixels.ppm --layout chwn

weights() { number 1 1; number 1 1; number 1 3; number 1 3; number 2 1; text 8 w; printf %s "$1"; } # 1x1x3x3 float32
conv=$(node Conv conv y x w)
model "$(graph "$conv" "$(field 5 "$(weights "$(text 9 '20 bytes, not 36....')")")")" | to_file >weights.onnx
refuses 3 "'w'" run weights.onnx x.npy
outside=$(field 13 "$(text 1 location)$(text 2 ../../../../../../../../etc/passwd)")$(number 14 1)
model "$(graph "$conv" "$(field 5 "$(weights "$outside")")")" | to_file >outside.onnx
refuses 3 passwd run outside.onnx x.npy

# A node whose attribute is a graph with such a node, ten thousand times: the outermost header is the last one made.
deep() {
    local hex=$1 length=$((${#1} / 2)) tag i
    local -a headers=()
    for ((i = 0; i < 10000; i++)); do
        for tag in 0a 32 2a; do # graph's node, attribute's graph, node's attribute
            if [ $length -lt 128 ]; then
                hex=$tag$(printf %02x $length)
            elif [ $length -lt 16384 ]; then
                printf -v hex '%s%02x%02x' $tag $((length & 127 | 128)) $((length >> 7))
            else
                printf -v hex '%s%02x%02x%02x' $tag $((length & 127 | 128)) $((length >> 7 & 127 | 128)) $((length >> 14))
            fi
            headers+=("$hex")
            length=$((length + ${#hex} / 2))
        done
    done
    { for ((i = ${#headers[@]} - 1; i >= 0; i--)); do printf %s "${headers[i]}"; done; printf '%s' "$1"; }
}
model "$(field 1 "$(deep "$(node Relu act y x)")")" | to_file >deep.onnx
refuses 3 deep.onnx run deep.onnx x.npy

# --- Results ------------------------------------------------------------------------------------------------
# A loaded machine may be slow enough for the early fallback, so runs that must be coded forbid it.

digits=("$lenet"/digits/*.png)

run 0 inspect "$model" && prints '^conv1 .* Conv .* 1x6x28x28 '
run 0 inspect "$model" --json
prints '"opset": 13'
prints '"codable": true'
prints '"why": null'
prints '"weights_bytes": '

# A model with operators that are missing is shown all the same.
LC_ALL=C sed 's/Relu/Welu/g; s/Gemm/Germ/g' "$model" >missing_operators.onnx
run 3 inspect missing_operators.onnx && prints '^conv1 +Conv +yes$'
prints ' +Welu +no$'
prints '^Welu +4 +relu1$'
prints '^Germ +3 +fc1$'
says ": 7 operators of 2 kinds are not supported at operator set 13: Welu \(4, first at node 'relu1'\), Germ \(3\)$"
run 3 inspect missing_operators.onnx --json
prints '"supported": false'
prints '"unsupported": \['
prints '"count": 4'
refuses 3 '7 operators of 2 kinds' run missing_operators.onnx "$digit"

run 0 bench "$model" --layers --runs 2
prints '^part +of +value +unit +floor +value/floor'
prints '^machine +memcpy +[0-9.]+ +GB/s'
prints '^share +conv2 +[0-9.e-]+ +ms +[0-9.e-]+ +[0-9.]+$'
prints '^network +on workers, CPU +[0-9.e-]+ +ms'
run 0 bench "$model" --layers --runs 1 --csv
prints '^decode,"all",ms,[0-9.e-]+,[0-9.e-]+$'
[ "$(wc -l <out)" -eq $((1 + 2 + 2 + 4 * 6 + 4)) ] || fail "$command: not a line for each figure"
run 0 bench "$model" --layers --runs 1 --json --no-trials --workers 3 --stragglers 1
prints '"workers": 3'
prints '"floor": null'
run 0 bench relu.onnx --duration 10ms
prints '^No layer of this model is coded on 6 workers'
prints '^alone +[0-9]'
! grep -qE '^coded' out || fail "$command: a row of workers that compute nothing"
run 0 bench relu.onnx --layers --runs 1
prints '^No layer of this model is coded on 6 workers'
! grep -qE '^(kernel|share|encode|decode) ' out || fail "$command: figures of layers, and there are none"
refuses 2 'bench MODEL' bench
refuses 2 'runs' bench "$model" --layers --runs 0
refuses 2 'at most 5 can be stragglers' bench "$model" --layers --stragglers 6

run 0 run "$model" "${digits[@]}" --local --expect "$lenet/digits/labels.txt" --check
prints '^accuracy +298 of 300 = 99.33 %$'
prints '^check +every answer is that of the uncoded model'
[ ! -s err ] || fail "$command: standard error is not empty"

run 0 run "$model" "${digits[@]}" --expect "$lenet/digits/labels.txt" --check --fault 1:kill --fault 4:delay=2s --quiet \
    --no-fallback --layers
prints '^accuracy +298 of 300 = 99.33 %$'
prints '^check +every answer is that of the uncoded model.* 300 of 300 first classes agree$'
prints '^differing +0 % of the elements, errors at most [0-9.e-]+ of a channel'
prints '^lost +1$'
prints '^degraded +no$'

# Of many inputs with an expectation only the misses are shown, and the summary has at most eight lines.
run 0 run "$model" "${digits[@]}" --expect "$lenet/digits/labels.txt" --check --fault 1:kill --quiet
[ "$(grep -cE '\.png: .*; expected [0-9]$' out)" -eq 2 ] || fail "$command: not the two misses"
[ "$(wc -l <out)" -le $((2 + 1 + 8)) ] || fail "$command: more than two misses, a blank line and eight lines"
run 0 run "$model" "${digits[@]:0:20}" --expect "$lenet/digits/labels.txt" --local
[ "$(grep -cE '\.png: [0-9] \([0-9.]+ %\)' out)" -eq 20 ] || fail "$command: not a line for each input"

# Scores, and the probabilities that they stand for: together they are 1.
run 0 run "$model" "$digit" --local --scores --top 1 && prints '000\.png: 9 \(-?[0-9.]+\)$'
run 0 run "$model" "$digit" --local --json --top 10
grep -o '"probability":[0-9.e-]*' out | awk -F: '{ sum += $2; n++ } END { exit !(n == 10 && sum > 0.999999 && sum < 1.000001) }' ||
    fail "$command: not ten probabilities with the sum 1"

# Outputs that are no classification are described, and named.
model "$(field 1 "$(node Relu act y x)")$(field 1 "$(node Neg turn z x)")$(field 11 "$(value x 1 1 4 4)")$(
    field 12 "$(value y 1 1 4 4)")$(field 12 "$(value z 1 1 4 4)")" | to_file >two.onnx
run 0 run two.onnx all.npy --local
prints '^all\.npy:$' && prints '^  y: float32 1x1x4x4, least 0\.74[0-9]*, mean 0\.74[0-9]*, largest 0\.74' && prints '^  z: float32 1x1x4x4, least -0\.74'
run 0 run two.onnx all.npy --local --json && prints '"outputs":\[\{"name":"y","type":"float32","shape":\[1,1,4,4\],"least":0\.74'

# Objects line by line.
run 0 run "$model" "${digits[@]:0:3}" --json-lines --local
[ "$(wc -l <out)" -eq 4 ] || fail "$command: not four lines"
[ "$(sed -n '1,3p' out | grep -cE '^\{"input":".*"layers":\[.*\]\}$')" -eq 3 ] || fail "$command: not three results"
[ "$(tail -n 1 out | grep -cE '^\{"version": 1, "model": .*"needed": 0\}$')" -eq 1 ] || fail "$command: not the rest in the last line"

# A byte order mark in front of a text is no part of it.
printf '\xef\xbb\xbf000.png nine\n' >expect.txt
printf '\xef\xbb\xbfzero\n1\n2\n3\n4\n5\n6\n7\n8\nnine\n' >labels.txt
run 0 run "$model" "$digit" --local --expect expect.txt --labels labels.txt --top 10 --scores
prints '^accuracy +1 of 1 = 100.00 %$'
prints '000\.png: nine \([0-9.-]+\), .*, zero \([0-9.-]+\)'

# Killed on the way and two seconds late: everything is coded with δ = 4, and right; the dead are not heard again.
run 0 run "$model" "${digits[@]}" --workers 6 --stragglers 2 --fault 1:kill@conv2 --fault 4:delay=2s --check --json --quiet \
    --in-flight 3 --no-fallback --labels "$lenet/labels.txt"
[ "$(grep -c '"input":' out)" -eq 300 ] || fail "$command: not 300 results"
prints '^\{"version": 1, "model": .*"workers": 6, "stragglers": 2, "engine": "threads", "seed": 1, "results": \[$'
prints '^\], "code": "rotation", "precision": "f32", "degraded": false, "total_ms": [0-9.]+, '
prints '"lost": \[1\]'
prints '"top":\[\{"index":9,"label":"9","score":'
for layer in conv1 conv2 fc1 fc2 fc3; do
    [ "$(grep -c "\"name\":\"$layer\",\"op\":\"[A-Za-z]*\",\"coded\":true,\"family\":\"rotation\",\"kA\":[0-9]*,\"kB\":[0-9]*,\"delta\":4,\"asked\":[4-9]," out)" -eq 300 ] ||
        fail "$command: $layer is not coded with delta 4, and four workers asked, everywhere"
done
# Worker 1 dies when conv2 is asked of it. With three inferences in flight it may be asked a later layer before that.
uses_worker_1='"used":\[([0-9,]*,)?1[],]'
! grep -qE "\"name\":\"conv2\"[^]]*$uses_worker_1" out || fail "$command: worker 1 answered the layer that killed it"
! grep -qE "$uses_worker_1" <<<"$(grep '"input":' out | tail -n 200)" || fail "$command: an answer of worker 1 was used after its death"
[ "$(grep -c '"differing":0.0,"top1_agrees":true' out)" -eq 300 ] || fail "$command: elements or first classes differ"
errors_within 1e-5

run 0 run "$model" "$digit" --json --repeat 3 --local
prints '"engine": "local"'
prints '"first_ms":[0-9.e-]+,"all_ms":\[[0-9.e-]+,[0-9.e-]+,[0-9.e-]+\]'

npy batch.npy '3, 1, 32, 32' $((3 * 32 * 32 * 4))
run 0 run "$model" batch.npy --local && prints '^rows +batch.npy is 3 inferences, one for each row$'
run 0 run "$model" batch.npy batch.npy --local && prints '^rows +2 files are 6 inferences'
run 0 run "$model" batch.npy "$digit" --json --local --output out.npy
[ "$(grep -c '"input":' out)" -eq 4 ] || fail "$command: not 4 results"
prints '"input":"batch.npy","row":2'
grep -aq '(4, 10)' <(head -c 128 out.npy) || fail "$command: out.npy is not 4x10"
npy image.npy '1, 32, 32' $((32 * 32 * 4))
run 0 run "$model" image.npy --local && prints '^image.npy:'
run 0 run "$model" --input image="$digit" --local && prints '000.png:'

# A named file may lack the batch axis as well.
npy row.npy '1, 4, 4' 64
model "$(graph "$(node Add add y x z)" "$(field 11 "$(value z 1 1 4 4)")")" | to_file >add.onnx
run 0 run add.onnx x.npy --input z=row.npy && prints '^x.npy:'

# An image [h,w,3] of a model that takes any size is one inference, unless told otherwise; a batch of any size is several.
dynamic() { # FILE RANK: y = Relu(x) with RANK open axes, the last but one of 3
    local open axes=
    open=$(field 1 "")
    for ((i = 0; i < $2; i++)); do axes+=$([ $i -eq $(($2 - 1)) ] && field 1 "$(number 1 3)" || printf %s "$open"); done
    local info
    info=$(field 2 "$(field 1 "$(number 1 1)$(field 2 "$axes")")")
    model "$(field 1 "$(node Relu act y x)")$(field 11 "$(text 1 x)$info")$(field 12 "$(text 1 y)$info")" | to_file >"$1"
}
dynamic any3.onnx 3
dynamic any4.onnx 4
npy hwc.npy '4, 2, 3' 96
npy nhwc.npy '4, 1, 2, 3' 96
results() { [ "$(grep -c '"input":' out)" -eq "$1" ] || fail "$command: not $1 results"; }
run 0 run any3.onnx hwc.npy --json --local && results 1
run 0 run any3.onnx hwc.npy --json --local --one && results 1
run 0 run any3.onnx hwc.npy --json --local --batch && results 4
run 0 run any4.onnx nhwc.npy --json --local && results 4
run 0 run any4.onnx nhwc.npy --json --local --batch && results 4
run 0 run any4.onnx nhwc.npy --json --local --one && results 1
npy two.npy '2, 1, 4, 4' 128
run 0 run relu.onnx two.npy --json --local && results 2
refuses 3 'two.npy has the shape 2x1x4x4' run relu.onnx two.npy --local --one

# An input [C,H,W] is one result, not C of them.
npy whole.npy '3, 4, 4' 192
flatten=$(node Flatten flat y x)$(field 5 "$(text 1 axis)$(number 3 0)$(number 20 2)")
model "$(field 1 "$flatten")$(field 11 "$(value x 3 4 4)")$(field 12 "$(value y 1 48)")" | to_file >flatten.onnx
refuses 2 "--batch: the input 'x' takes 3x4x4" run flatten.onnx whole.npy --batch
run 0 run flatten.onnx whole.npy --json --local
[ "$(grep -c '"input":' out)" -eq 1 ] || fail "$command: not one result"

# --- Some inputs that are bad -----------------------------------------------------------------------------------

for values in '00 00 c0 7f' '00 00 80 ff'; do # nan, -inf
    { head -c $((128 + 4 * (1024 + 70))) batch.npy && printf "\\x${values// /\\x}" && tail -c $((4 * (2 * 1024 - 71))) batch.npy; } >bad.npy
    refuses 3 'bad.npy: element [1,0,2,6] is ' run "$model" bad.npy --local
done
refuses 3 'bad.npy: element [1,0,2,6] is -inf' run "$model" --input image=bad.npy --local
printf '000.png 9\nbad.npy 1\nmissing.png 1\n' >some.txt
run 3 run "$model" missing.png "$digit" bad.npy half.png shape.npy batch.npy --local --expect some.txt --output some.npy
[ "$(wc -l <err)" -eq 4 ] || fail "$command: not a line for each bad file"
for name in missing.png bad.npy half.png shape.npy; do says "^convoy: .*$name"; done
prints '^inferences +4 in .*; 4 inputs failed, as standard error says$'
prints '^accuracy +1 of 1 = 100.00 % of those that ran$'
grep -aq '(4, 10)' <(head -c 128 some.npy) || fail "$command: some.npy is not 4x10"
run 3 run "$model" missing.png "$digit" bad.npy batch.npy half.png --local --in-flight 3 --repeat 2 --json
[ "$(grep -oE '"input":"[^"]*",("row":.,)?"(error|ms)"' out | sed 's/.*\///; s/"input"://' | tr -d '",\n')" = \
    missing.pngerror000.pngmsbad.npyerrorbatch.npyrow:0msbatch.npyrow:1msbatch.npyrow:2mshalf.pngerror ] ||
    fail "$command: not these results in this order"
prints '^\], .*"failed": 3, '
run 3 run "$model" missing.png bad.npy --json --local && prints '"error":"bad.npy: element' && prints '^\], .*"failed": 2, '
refuses 3 'text.onnx' run text.onnx missing.png "$digit"
refuses 1 folder.npy run "$model" missing.png "$digit" --local --output "$scratch/no/such/folder.npy"

# An input that a layer refuses is one of them: z[i], and there are 48 of them.
gather=$(node Cast cast i x)$(field 5 "$(text 1 to)$(number 3 7)$(number 20 2)")
model "$(field 1 "$gather")$(field 1 "$(node Gather pick y z i)")$(field 5 "$(number 1 2)$(number 2 1)$(text 8 z)$(text 9 8bytes..)")$(
    field 11 "$(value x 1 1 4 4)")$(field 12 "$(value y 1 1 4 4)")" | to_file >gather.onnx
{ head -c 188 x.npy && printf '\x00\x00\xe0\x40'; } >seven.npy
refuses 3 'index 7 into an axis of 2' run gather.onnx seven.npy --local
run 3 run gather.onnx x.npy seven.npy x.npy --local --repeat 2 --json --output picked.npy
prints '"input":"seven.npy","error":"seven.npy: .*index 7 into an axis of 2'
prints '^\], .*"failed": 1, '
grep -aq '(2, 1, 4, 4)' <(head -c 128 picked.npy) || fail "$command: picked.npy is not of two inferences"

# --- The first layer whose output is not finite -----------------------------------------------------------------

log=$(node Log log l x)
model "$(field 1 "$log")$(field 1 "$(node Relu act y l)")$(field 11 "$(value x 1 1 4 4)")$(field 12 "$(value y 1 1 4 4)")" | to_file >log.onnx
run 0 run log.onnx x.npy --local && [ ! -s err ] || fail "$command: speaks unasked"
run 0 run log.onnx x.npy --local --finite --quiet --repeat 2
says "^convoy: x.npy: the first layer whose output is not finite is 'log' \\(Log\\): element \\[0,0,0,0\\] is -inf$"
[ "$(wc -l <err)" -eq 1 ] || fail "$command: not one line"
run 0 run log.onnx x.npy --local --finite --json --quiet
prints '"first_not_finite":\{"layer":"log","op":"Log","element":\[0,0,0,0\],"value":"-inf"\}'
run 0 run "$model" "$digit" --finite --json --quiet
prints '"first_not_finite":null'
prints '"name":"relu1","op":"Relu"'
[ ! -s err ] || fail "$command: speaks of what is finite"
run 0 run "$model" "${digits[@]:0:10}" --finite --check --fault 1:kill --fault 3:kill --no-fallback --quiet
prints '^check +every answer is that of the uncoded model'

# --- Workers that are gone, and output that cannot be written --------------------------------------------------

gone=(--fault 0:kill --fault 2:kill --fault 5:kill)
run 0 run "$model" "$digit" "${gone[@]}" --check --quiet
prints '^check +every answer is that of the uncoded model'
prints '^degraded +1 of 1 '
refuses 4 '' run "$model" "$digit" "${gone[@]}" --no-fallback --quiet
refuses 4 '' run "$model" "$digit" "${gone[@]}" --no-fallback --quiet --json

# What cannot be written is told before the run; a run that fails leaves nothing, and no file as it was not.
refuses 1 folder.npy run "$model" "$digit" --local --output "$scratch/no/such/folder.npy"
refuses 1 folder.npy run "$model" "$digit" --local --output "$digit/folder.npy"
mkdir taken.npy
refuses 1 taken.npy run "$model" "$digit" --local --output taken.npy
echo kept >kept.npy
refuses 4 '' run "$model" "$digit" "${gone[@]}" --no-fallback --quiet --output kept.npy
refuses 4 '' run "$model" "$digit" "${gone[@]}" --no-fallback --quiet --output fresh.npy
[ "$(cat kept.npy)" = kept ] && [ ! -e fresh.npy ] || fail "a run that failed touched its output"
if [ -e /dev/full ]; then
    "$CONVOY" run "$model" "$digit" --local >/dev/full 2>err
    [ $? -eq 1 ] || fail "a full standard output is not noticed"
fi

finish cli_test
