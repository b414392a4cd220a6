#!/usr/bin/env bash
# Mistakes of all kinds over all commands, mistyped, missing, contradictory, out of range, wrong files: each is one line on standard error that
# names the thing and the remedy, nothing on standard output, and the exit status: 2 usage, 3 bad file, 1 unwritable, 4 too few workers.
set -uo pipefail

lenet=$CONVOY_SOURCE_DIR/models/lenet5
model=$lenet/lenet5.onnx
digit=$lenet/digits/000.png
. "$CONVOY_SOURCE_DIR/tests/program.bash"

# mistake STATUS THING REMEDY ARGUMENTS...: the program ends with the status and one sentence that both expressions match.
count=0
mistake() {
    local thing=$2 remedy=$3
    count=$((count + 1))
    run "$1" "${@:4}"
    [ ! -s out ] || fail "$command: it prints on standard output"
    [ "$(wc -l <err)" -eq 1 ] || fail "$command: not one line on standard error"
    grep -q '^convoy: ' err || fail "$command: no sentence of convoy"
    grep -qE -e "$thing" err || fail "$command: it does not name the thing, '$thing'"
    grep -qE -e "$remedy" err || fail "$command: it does not name the remedy, '$remedy'"
}

# --- Mistyped -------------------------------------------------------------------------------------------------

mistake 2 "no command 'fly'" "'convoy --help' lists" fly
mistake 2 "no command 'rnu'" "did you mean 'run'\?" rnu
mistake 2 "no command 'plna'" "did you mean 'plan'\?" help plna
mistake 2 'option --worker' 'did you mean --workers\?' run "$model" "$digit" --worker 3
mistake 2 'option --stragler' 'did you mean --stragglers\?' plan "$model" --stragler=1
mistake 2 'option --out-dir' "'convoy keygen --help' lists" keygen rack --out-dir here
mistake 2 'option -x' "'convoy run --help' lists" run "$model" "$digit" -x
mistake 2 'option --top' "'convoy inspect --help' lists" inspect "$model" --top 3
mistake 2 '--precision f64' 'one of f32,bf16,f16,auto' run "$model" "$digit" --precision f64
mistake 2 '--preset imagnet' 'one of .*imagenet' run "$model" "$digit" --preset imagnet
mistake 2 '--preset cafe' 'caffe' run "$model" "$digit" --preset cafe
mistake 3 imagnet 'did you mean imagenet\?' run "$model" "$digit" --labels imagnet
mistake 2 '--distribute some' 'one of auto,paying,all' inspect "$model" --distribute some
mistake 2 "code family 'rotaton'" 'rotation.*table:FILE.npz, or auto' run "$model" "$digit" --code rotaton
mistake 2 'backend magic' 'onednn and reference' bench "$model" --backend magic
mistake 2 "'explode'" 'kill@LAYER' run "$model" "$digit" --fault 1:explode
mistake 2 "'klil'" 'did you mean kill\?' run "$model" "$digit" --fault 1:klil
mistake 2 '1:kill@conv22' 'did you mean conv2\?' run "$model" "$digit" --fault 1:kill@conv22
mistake 2 '--explain conv22' 'did you mean conv2\?' plan "$model" --no-trials --explain conv22
mistake 2 '--explain nowhere' 'convoy inspect lists' plan "$model" --no-trials --explain nowhere
mistake 2 'profile pi9' 'pi4-wifi' plan "$model" --profile pi9
mistake 2 "study 'numerix'" 'numerics, ' study numerix
mistake 2 tcsh 'bash, zsh or fish' completion tcsh
mistake 2 "'here'" 'tcp://HOST:PORT or ipc://PATH' worker --connect here
mistake 2 "'here'" 'tcp://HOST:PORT or ipc://PATH' run "$model" "$digit" --listen here

# --- Missing --------------------------------------------------------------------------------------------------

mistake 2 'no model' 'convoy run MODEL INPUT' run
mistake 2 "input 'image'" '--input image=FILE' run "$model"
mistake 2 '@' '@list.txt' run "$model" @
mistake 2 '--workers' '--workers N' run "$model" "$digit" --workers
mistake 2 '--labels' '--labels FILE' run "$model" "$digit" --labels --check
mistake 2 '--labels' '--labels FILE' run "$model" "$digit" --labels ''
mistake 2 '0 models' 'convoy inspect MODEL' inspect
mistake 2 '0 models' 'convoy plan MODEL' plan
mistake 2 '0 models' 'convoy bench MODEL' bench
mistake 2 'TOPIC' 'topics are: .*numerics' study
mistake 2 'no master' '--connect URL' worker
mistake 2 '0 names' 'convoy keygen NAME' keygen
mistake 2 '0 shells' 'bash, zsh or fish' completion
mistake 2 '2 shells' 'convoy completion SHELL' completion bash zsh
mistake 2 '--calibrate' '-o PROFILE' plan --calibrate
mistake 2 "'kill'" 'WORKER:KIND' run "$model" "$digit" --fault kill
mistake 2 'master.key' 'folder of allowed keys' run "$model" "$digit" --listen "ipc://$scratch/a" --key master.key
mistake 2 'rack.key' "master's public key" worker --connect "ipc://$scratch/a" --key rack.key
mistake 2 'tcp://\*:0' '--insecure' run "$model" "$digit" --listen 'tcp://*:0'
mistake 2 'tcp://192.0.2.1:7341' '--key and --server-key' worker --connect tcp://192.0.2.1:7341

# --- Out of range, or of another kind -------------------------------------------------------------------------

mistake 2 '--top 0' 'from 1 to 1000' run "$model" "$digit" --top 0
mistake 2 '--workers six' 'from 1 to 256' run "$model" "$digit" --workers six
mistake 2 '--threads 257' 'from 1 to 256' worker --connect "ipc://$scratch/a" --threads 257
mistake 2 '--runs 0' 'from 1 to 1000' bench "$model" --runs 0
mistake 2 '--seed -1' 'whole number' study numerics --seed -1
mistake 2 '--in-flight 0' 'whole number from 1' run "$model" "$digit" --in-flight 0
mistake 2 '--workers 9..4' 'A..B' plan "$model" --workers 9..4
mistake 2 '--parts 4' '4,8' run "$model" "$digit" --parts 4
mistake 2 '--join soon' '500ms' run "$model" "$digit" --join soon
mistake 2 '--give-up -5' 'seconds' worker --connect "ipc://$scratch/a" --give-up -5
mistake 2 '--mean 1,2' '0.5,0.4,0.3' run "$model" "$digit" --mean 1,2
mistake 2 '--scale nan' 'a number' run "$model" "$digit" --scale nan
mistake 2 '--background red' '#ff8000' run "$model" "$digit" --background red
mistake 2 '--lambda 1' 'three or four numbers' plan "$model" --lambda 1
mistake 2 '6 stragglers|stragglers, not 6' 'fewer than|at most 5' run "$model" "$digit" --stragglers 6
mistake 2 '9:kill' '0 to 5' run "$model" "$digit" --fault 9:kill
mistake 2 "'kill'" 'slow=10x' worker --connect "ipc://$scratch/a" --fault kill
mistake 2 "'a/b'" 'without slashes' keygen a/b
mistake 2 '99' 'leave out the size' run "$model" "$digit" --size 99
mistake 2 '--check' '--check alone' run "$model" "$digit" --check=yes

# --- Contradictory --------------------------------------------------------------------------------------------

either='the one or the other'
mistake 2 '- and -' 'only once' run "$model" - -
mistake 2 '--csv and --json' "$either" bench "$model" --csv --json
mistake 2 '--runs' '--layers' bench "$model" --runs 3
mistake 2 '--duration' '--runs' bench "$model" --layers --duration 2
mistake 2 '2 stragglers among 2' 'fewer' bench "$model" --spawn 2 --stragglers 2
mistake 2 "--trace $digit" 'another name' run "$model" "$digit" --trace "$digit"
mistake 2 '--batch and --one' "$either" run "$model" "$digit" --batch --one
mistake 2 '--retrial and --no-trials' "$either" plan "$model" --retrial --no-trials
mistake 2 '1:kill.*local' "$either" run "$model" "$digit" --fault 1:kill --local
mistake 2 'local.*checked' "$either" run "$model" "$digit" --verify all --local
mistake 2 'local.*started' "$either" run "$model" "$digit" --spawn 4 --local
mistake 2 "ipc://$scratch/a" "$either" run "$model" "$digit" --spawn 4 --listen "ipc://$scratch/a"
mistake 2 '--mpi and --spawn' "$either" run "$model" "$digit" --mpi --spawn 4
mistake 2 'master.key' 'listen' run "$model" "$digit" --key master.key
mistake 2 '8 workers' 'fewer' run "$model" "$digit" --spawn 8 --workers 4
mistake 2 '--lambda' '--objective paper' run "$model" "$digit" --lambda 1,1,1
mistake 2 '--audit wrong.json' '--verify' run "$model" "$digit" --audit wrong.json
mistake 2 "$digit" 'leave out' run "$model" "$digit" --input image="$digit"
mistake 2 'nothing=x' "'image'" run "$model" --input nothing=x
mistake 2 'nothing=x.npy' "'scores'" run "$model" "$digit" --output nothing=x.npy
mistake 2 'scores.txt' '\.npy' run "$model" "$digit" --output scores.txt
mistake 2 '--operators' 'no model' inspect "$model" --operators
mistake 2 '--out' 'one size' plan "$model" --workers 4..6 --out plan.json
mistake 2 '--listen' '--calibrate' plan "$model" --listen "ipc://$scratch/a"
mistake 2 '--svg' 'for a plan' plan --calibrate -o profile.json --svg plan.svg
mistake 2 'plan.json' 'give the code' run "$model" "$digit" --plan plan.json --code auto
mistake 2 '2 models' 'convoy inspect MODEL' inspect "$model" "$model"
mistake 2 "$digit" 'no arguments' worker --connect "ipc://$scratch/a" "$digit"
mistake 2 '1 names' '--out -' keygen rack --out -

# --- Wrong kind of file ---------------------------------------------------------------------------------------

npy() { # FILE SHAPE BYTES: an array of float32 zeros
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2), }" >"$1"
    head -c "$3" /dev/zero >>"$1"
}
echo 'This is not a network.' >text.txt
: >empty.png
mistake 3 missing.onnx 'No such file' run missing.onnx "$digit"
mistake 3 missing.onnx 'No such file' inspect missing.onnx
mistake 3 missing.onnx 'No such file' plan missing.onnx
mistake 3 missing.onnx 'No such file' bench missing.onnx
mistake 3 text.txt 'ONNX model' inspect text.txt
mistake 3 000.png 'ONNX model' run "$digit" "$digit"
mistake 3 "$scratch" 'a folder' inspect "$scratch"
mistake 3 missing.png 'No such file' run "$model" missing.png
mistake 3 text.txt 'PNG' run "$model" text.txt
mkdir void
mistake 3 void '\.png' run "$model" void
mistake 3 missing.txt 'No such file' run "$model" @missing.txt
mistake 3 empty.png 'empty' run "$model" empty.png "$digit" --strict
mistake 3 empty.png 'empty' run "$model" empty.png
npy shape.npy '1, 3, 224, 224' $((3 * 224 * 224 * 4))
mistake 3 'shape.npy.*1x3x224x224' 'takes .*1x32x32' run "$model" shape.npy
npy short.npy '1, 1, 32, 32' 100
mistake 3 short.npy '4096 bytes' run "$model" short.npy
npy nan.npy '1, 1, 32, 32' $((32 * 32 * 4 - 4))
printf '\x00\x00\xc0\x7f' >>nan.npy
mistake 3 'nan.npy: element \[0,0,31,31\]' 'must be finite' run "$model" nan.npy
mistake 3 missing.txt 'No such file' run "$model" "$digit" --labels missing.txt
mistake 3 lenet5.onnx 'one a line' run "$model" "$digit" --labels "$model"
echo lonely >lonely.txt
mistake 3 'lonely.txt: line 1' 'NAME LABEL' run "$model" "$digit" --expect lonely.txt
mistake 3 missing.json 'No such file' run "$model" "$digit" --plan missing.json
mistake 3 text.txt 'JSON' run "$model" "$digit" --plan text.txt
mistake 3 text.txt 'JSON' plan "$model" --profile text.txt
echo '{}' >empty.json
mistake 3 empty.json 'convoy_plan' run "$model" "$digit" --plan empty.json
"$CONVOY" plan "$model" --no-trials --distribute all -o six.json >/dev/null
mistake 3 'six.json: made for 6 workers' 'not 8' run "$model" "$digit" --no-trials --plan six.json --workers 8
mistake 3 missing.npz 'No such file' run "$model" "$digit" --code table:missing.npz
mistake 3 text.txt 'zip' run "$model" "$digit" --code table:text.txt
mkdir allowed
mistake 3 nobody.key 'No such file' run "$model" "$digit" --listen "ipc://$scratch/a" --key nobody.key --allow allowed
mistake 3 env:NOBODY_HAS_THIS 'variable' worker --connect "ipc://$scratch/a" --key env:NOBODY_HAS_THIS --server-key env:NOBODY_HAS_THIS
"$CONVOY" keygen open >/dev/null && chmod 644 open.key
mistake 3 open.key 'make it 600' run "$model" "$digit" --listen "ipc://$scratch/a" --key open.key --allow allowed
chmod 600 open.key
mistake 3 nowhere 'folder of allowed keys' run "$model" "$digit" --listen "ipc://$scratch/a" --key open.key --allow nowhere
mistake 3 "ipc://$scratch/no/such/folder" 'cannot listen|No such file' run "$model" "$digit" --listen "ipc://$scratch/no/such/folder"

# --- What cannot be written -----------------------------------------------------------------------------------

mistake 1 scores.npy 'No such file' run "$model" "$digit" --local --output no/such/scores.npy
mistake 1 trace.json 'No such file' run "$model" "$digit" --trace no/such/trace.json
mistake 1 bench.svg 'No such file' bench "$model" --svg no/such/bench.svg
mistake 1 wrong.json 'No such file' run "$model" "$digit" --verify all --audit no/such/wrong.json
mistake 1 plan.json 'No such file' plan "$model" -o no/such/plan.json
mistake 1 plan.svg 'No such file' plan "$model" --svg no/such/plan.svg
mistake 1 profile.json 'No such file' plan --calibrate -o no/such/profile.json
mistake 1 "$scratch" 'directory' plan "$model" -o "$scratch"
mistake 1 no/such/folder 'No such file' study numerics --quick --out no/such/folder
mistake 1 no/such/rack.key 'No such file' keygen rack --out no/such
mistake 1 open.key 'another name' keygen open
if [ -e /dev/full ]; then
    for arguments in "inspect $model" "plan $model --no-trials" 'completion bash' 'help run' '--version'; do
        read -ra words <<<"$arguments"
        "$CONVOY" "${words[@]}" >/dev/full 2>err
        [ $? -eq 1 ] || fail "convoy $arguments: a full disk is not noticed"
        [ "$(wc -l <err)" -eq 1 ] && grep -q 'standard output cannot be written: No space' err || fail "convoy $arguments: no sentence of a full disk"
        count=$((count + 1))
    done
fi

# --- Too few workers ------------------------------------------------------------------------------------------

mistake 4 'only 3 of 6 workers' '4 are needed' run "$model" "$digit" --no-fallback --quiet --fault 0:kill --fault 2:kill --fault 5:kill

# The judgement can fail: on another status, a sentence without the words, and more than one line.
before=$failures
{ mistake 2 model input run "$model" "$digit" --local; mistake 2 'no such words' . fly; mistake 3 . . run "$model" missing.png missing.png; } >/dev/null
[ $failures -ge $((before + 3)) ] || fail "what is no mistake, or is told badly, is not noticed"
failures=$before

[ $count -ge 100 ] || fail "only $count mistakes were made"
echo "$count mistakes were made"

finish mistakes_test
