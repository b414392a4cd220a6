#!/usr/bin/env bash
# convoy plan from outside: what it prints, what it refuses, plans as files; and that inspect, plan, run and bench choose alike. Networks
# beside LeNet-5 need Debian's python3-numpy and python3-onnx (scripts/setup --models): without them they are left out, which is said.
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import json' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
lenet=$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx
digit=$CONVOY_SOURCE_DIR/models/lenet5/digits/000.png
. "$CONVOY_SOURCE_DIR/tests/program.bash"

models=("$lenet" "$digit")
if "$python" -c 'import numpy, onnx' 2>/dev/null; then
    "$python" "$CONVOY_SOURCE_DIR/tests/plan_make.py" "$scratch" || exit 1
    models+=(kinds.onnx kinds.npy names.onnx names.npy)
else
    echo "only LeNet-5: python3-numpy and python3-onnx are not installed (scripts/setup --models)"
fi

# choices: of the JSON in out, each layer with its parts and threshold, or "here".
choices() {
    "$python" - <<'PYTHON'
import json
with open("out") as file:
    found = json.load(file)
for layer in found["results"][0]["layers"] if "results" in found else found["layers"]:
    coded = layer.get("coded", layer.get("codable"))
    print(layer["name"], f'{layer["kA"]}x{layer["kB"]} {layer["delta"]}' if coded else "here")
PYTHON
}

# same FILE FILE WHAT
same() { cmp -s "$1" "$2" || { diff "$1" "$2" | head -n 6; fail "$3"; }; }

# --- What it prints -----------------------------------------------------------------------------------------

run 0 plan --help && prints '^  --lambda UP,DOWN,STORE'
run 0 plan "$lenet" --no-trials --profile pi5-1gbit --distribute all
prints '^layer +here ms +coded ms +parts +δ +asked +up +down +stored +error +why here$'
prints '^conv1 .* 8x1 +4 +6 '
prints '^pool1 .* here .* neither a convolution nor a product by a constant$'
prints '^planned .* times the time alone$'
prints '^memory .* at each worker'
run 0 plan "$lenet" --no-trials --profile pi4-wifi
prints 'pi4-wifi .*; workers get layers that pay$'
prints '^conv1 .* faster here$'
prints '^planned +the same: every layer stays here'
run 0 plan "$lenet" --no-trials --profile pi4-wifi --distribute all
prints '^memory .* at each worker; the least memory, that of worker 0, is 2\.15 GB$'

run 0 plan "$lenet" --no-trials --profile pi5-1gbit --explain conv2 --distribute all
prints '^parts +δ +asked .* total ms '
[ "$(grep -cE '^[0-9]+x[0-9]+ +4 .* chosen$' out)" -eq 1 ] || fail "$command: not one of δ = 4 is chosen"
prints '^4x1 .* others have a larger threshold$'
run 0 plan "$lenet" --no-trials --explain pool1
prints '^pool1: .* not coded: neither'
run 0 plan "$lenet" --no-trials --explain conv2 --json
"$python" - <<'PYTHON' || fail "$command: the choices are not as they should be"
import json
found = json.load(open("out"))
choices = found["choices"]
assert found["name"] == "conv2" and sum(choice["chosen"] for choice in choices) <= 1
assert {(c["kA"], c["kB"]): c["delta"] for c in choices} == {
    (1, 1): 1, (1, 4): 2, (1, 6): 3, (1, 8): 4, (4, 1): 2, (4, 4): 4, (6, 1): 3}, choices
assert all(c["asked"] >= c["delta"] and c["total_ms"] > 0 for c in choices)
PYTHON

# What does not apply is null.
run 0 plan "$lenet" --no-trials --profile pi4-1gbit --json
"$python" - <<'PYTHON' || fail "$command: numbers for what does not apply"
import json
found = json.load(open("out"))
for layer in found["layers"]:
    of_workers = [layer[name] for name in ("kA", "kB", "delta", "asked", "up_bytes", "down_bytes", "stored_bytes", "error_bound")]
    assert all(of_workers) if layer["coded"] else of_workers == [None] * len(of_workers), layer
    assert (layer["coded_ms"] is None) == (layer["name"] in ("pool1", "pool2")), layer
assert found["memory_bytes"] == 2**31 and found["memory_worker"] == 0 and found["fed_workers"] is None, found
assert (found["code"], found["precision"], found["alternatives"]) == ("rotation", "f32", [])
PYTHON
run 0 plan "$lenet" --no-trials --json
prints '"memory_bytes": null,$'
run 0 plan "$lenet" --no-trials --explain conv1 --profile pi4-1gbit --workers 20 --json
"$python" -c 'import json; bounds = {c["weighed"]: c["error_bound"] for c in json.load(open("out"))["choices"]}; assert bounds[False] is None and bounds[True], bounds' ||
    fail "$command: bounds of ways that were not looked at"
run 0 inspect "$lenet" --no-trials --json
grep -q '"kA": 0' out && fail "$command: parts of a layer that stays here"

# Half of the workers may be gone, neighbours first: large thresholds would not decode.
run 0 plan "$lenet" --no-trials --workers 60 --stragglers 30 --placement plain --distribute all --explain conv1 --json
"$python" - <<'PYTHON' || fail "$command: a choice beyond the budget of errors, or none is"
import json
choices = json.load(open("out"))["choices"]
assert any(c["refused"] == "its answers may not decode well" for c in choices)
assert all(c["error_bound"] <= 1e-3 for c in choices if c["chosen"])
PYTHON

run 0 plan "$lenet" --no-trials --workers 2..5
prints '/lenet5\.onnx: threads of this machine, objective latency; workers get layers that pay$'
prints ' traffic +stored +code +precision$'
[ "$(grep -cE '^ +[2-5] +[0-3] ' out)" -eq 13 ] || fail "$command: not 13 sizes" # γ < n and <= 3: 2 + 3 + 4 + 4
run 0 plan "$lenet" --no-trials --workers 3..5 --stragglers 1 --json
"$python" - <<'PYTHON' || fail "$command: not the sizes that were asked for"
import json
sizes = json.load(open("out"))["sizes"]
assert [(s["workers"], s["stragglers"]) for s in sizes] == [(3, 1), (4, 1), (5, 1)]
assert all(s["code"] == "rotation" and s["precision"] == "f32" for s in sizes)
PYTHON
run 0 plan "$lenet" --no-trials --workers 3..5 --profile cloud-10gbit --distribute all --objective throughput --json
"$python" - <<'PYTHON' || fail "$command: the ratio is not that of the time in flight"
import json
for s in json.load(open("out"))["sizes"]:
    assert s["busiest_ms"] < s["planned_ms"] and abs(s["times"] - s["busiest_ms"] / s["here_ms"]) < 2e-3 * s["times"], s
PYTHON

run 0 plan "$lenet" --no-trials --spawn 4 --workers 6
prints ': 6 workers, 2 stragglers, processes of this machine '
run 0 plan "$lenet" --no-trials --spawn 4
prints ': 4 workers, 2 stragglers, processes of this machine '
run 0 plan "$lenet" --no-trials --spawn 4 --workers 3..5 --stragglers 1
[ "$(grep -cE '^ +[3-5] +1 ' out)" -eq 3 ] || fail "$command: not 3 sizes"

run 0 plan "$lenet" --no-trials --profile pi5-1gbit --distribute all --objective throughput
prints '^throughput +[0-9.e-]+ ms an inference with several in flight: '

run 0 plan "$lenet" --no-trials --parts 3,1
says '^convoy: warning: no layer admits the parts 3,1'
run 0 plan "$lenet" --no-trials --parts 8,1 --profile pi4-wifi # which pays nowhere
if grep -q 'admits' err; then fail "$command: conv1 admits these parts"; fi

# --- What it refuses ----------------------------------------------------------------------------------------

refuses 2 'plan MODEL' plan
refuses 2 'plan MODEL' plan "$lenet" "$lenet"
refuses 3 missing.onnx plan missing.onnx
for lambda in -1,1,1 nan,1,1 1,1 1,inf,1 1,1,1,-1 1,1,1,1,1 '' , 1,,1 1e13,1,1 1,1,1,nan; do
    refuses 2 '--lambda' plan "$lenet" --lambda "$lambda"
done
for command in plan inspect bench "run $digit"; do
    refuses 2 '--lambda changes nothing without --objective paper' $command "$lenet" --lambda 1,2,3
done
run 0 plan "$lenet" --no-trials --explain conv1 --lambda 1,2,3
refuses 2 'replicate, uncoded, table:FILE.npz, or auto' plan "$lenet" --code best
refuses 2 'f32,bf16,f16,auto' plan "$lenet" --precision best
refuses 2 'pi4-wifi, pi4-100mbit' plan "$lenet" --profile pi3
refuses 2 'pi5-1gbit' run "$lenet" "$digit" --profile nope
refuses 2 'no layer has that name' plan "$lenet" --explain conv9
refuses 2 '--explain' plan "$lenet" --explain conv1 --workers 2..5
refuses 2 '--out' plan "$lenet" --out plan.json --workers 2..5
for workers in 5..2 2.. ..5 2..257 0..3 2...5 a..b; do
    refuses 2 '--workers' plan "$lenet" --workers "$workers"
done
refuses 2 '--plan' plan "$lenet" --plan plan.json
refuses 2 'latency,throughput,bytes,paper' plan "$lenet" --objective speed
refuses 2 'auto,paying,all' plan "$lenet" --distribute some
refuses 2 'no room for workers that join later' plan "$lenet" --code uncoded --reserve 1
cp "$lenet" model.onnx
refuses 2 'this file is an input' plan model.onnx --out ./model.onnx
cmp -s "$lenet" model.onnx || fail "a model was overwritten"
refuses 1 'Is a directory' plan "$lenet" --out "$scratch"
for option in --out --svg '--calibrate --out'; do
    model=(); [[ $option == *calibrate* ]] || model=("$lenet")
    refuses 1 'No such file' plan "${model[@]}" $option nowhere/plan.json
done
cp "$lenet" model.onnx
refuses 2 'this file is an input' plan model.onnx --svg model.onnx
cmp -s "$lenet" model.onnx || fail "a model was overwritten"
refuses 2 '--listen is for --calibrate' plan "$lenet" --listen tcp://127.0.0.1:0
for option in '--profile pi4-wifi' --json '--explain conv1' '--svg a.svg'; do
    refuses 2 "${option%% *} is for a plan" plan --calibrate --out profile.json $option
done
refuses 2 'not 2 to 4 workers' plan --calibrate --out profile.json --workers 2..4
refuses 2 'no model' plan --calibrate --out profile.json "$lenet"
refuses 2 'no model' plan --calibrate
[ ! -e profile.json ] || fail "a calibration that was refused has written a profile"

# --- Plans as files -----------------------------------------------------------------------------------------

run 0 plan "$lenet" --no-trials --profile pi5-1gbit --distribute all --json --out plan.json
choices >planned
grep -q '^conv1 [0-9]*x[0-9]* 4$' planned || fail "$command: conv1 is not coded"
run 0 run "$lenet" "$digit" --no-trials --plan plan.json --json --no-fallback --deadline 60000
choices >followed
same planned followed "$command: not the choices of the plan"
sed -E 's/(conv1".*"parts":\[)8,1(.*"asked":)[0-9]+/\14,4\25/' plan.json >edited.json # by hand
run 0 run "$lenet" "$digit" --no-trials --plan edited.json --json --no-fallback --deadline 60000 --check
choices >followed
grep -q '^conv1 4x4 4$' followed || fail "$command: not the parts of the edited plan"
errors_within 1e-4
sed 's/"kernel":"[^"]*"/"kernel":"winograd-4x4"/' plan.json >kernels.json # where it applies: here nowhere
run 0 run "$lenet" "$digit" --no-trials --plan kernels.json --json --no-fallback --deadline 60000 --check
errors_within 1e-4

# Why no worker is used, and that this machine alone is not slower than itself.
run 0 run "$lenet" "$digit" --no-trials --profile pi4-wifi --distribute paying
says '^convoy: warning: no layer is enough faster on 6 workers \(pi4-wifi\) to pay'
run 0 plan "$lenet" --no-trials --profile pi4-wifi --out here.json
run 0 run "$lenet" "$digit" --no-trials --plan here.json --distribute paying -v
says '^convoy: warning: the plan here.json leaves every layer here: no worker is used$'
prints '^predicted '
grep -q '^slower' out && fail "$command: said to be slower than itself"
cat >small.json <<'JSON'
{"convoy_profile": 1, "name": "small memories", "link": {"up_mbit_s": null, "down_mbit_s": null},
 "master": {"convolution_gmac_s": 0.001, "pointwise_gmac_s": 0.001, "depthwise_gmac_s": 0.001, "product_gmac_s": 0.001, "memory_gb_s": 20},
 "workers": [{"count": 6, "convolution_gmac_s": 1, "pointwise_gmac_s": 1, "depthwise_gmac_s": 1, "product_gmac_s": 1, "memory_bytes": 100}]}
JSON
run 0 run "$lenet" "$digit" --no-trials --profile small.json --distribute paying
says '^convoy: warning: no layer is given to 6 workers \(small memories\), though some would be faster there'

# Devices and links are written through, never replaced.
ln -s /proc/self/fd/1 out.link
"$CONVOY" plan "$lenet" --no-trials --out out.link 2>err | cat >out
grep -q '"convoy_plan": 1' out || fail "no plan on standard output"
ln -s /dev/full full.link
run 1 plan "$lenet" --no-trials --out full.link
says 'full.link: the plan cannot be written: No space left'
[ -L out.link ] && [ -L full.link ] || fail "a link was replaced"

# damaged WORDS SED-EXPRESSION [OPTIONS...]
damaged() {
    sed -E "$2" plan.json >damaged.json
    cmp -s plan.json damaged.json && fail "$2 damages nothing"
    refuses 3 "$1" run "$lenet" "$digit" --no-trials --plan damaged.json "${@:3}"
    grep -q damaged.json err || fail "$command: does not name the file"
}
damaged '"convoy_plan" must be 1' 's/"convoy_plan": 1/"convoy_plan": 2/'
damaged 'another model: layer conv9 is not conv1' 's/"conv1"/"conv9"/'
damaged 'layers, not 7' '/"pool1"/d'
damaged 'cannot be coded in parts 3,1' 's/\[8,1\]/[3,1]/'
damaged 'a threshold of 4, not 5' 's/"threshold":4/"threshold":5/'
damaged 'workers asked: must be 4 to 6' 's/"asked":[0-9]+/"asked":7/'
damaged '"kernel" must be' 's/"direct"/"indirect"/'
damaged 'line ' '$d'
damaged 'duplicate' 's/"parts"/"kernel":"direct","parts"/'
refuses 3 'made for 6 workers, not 5' run "$lenet" "$digit" --plan plan.json --workers 5 --stragglers 1
refuses 3 'made for 2 stragglers, not 1' run "$lenet" "$digit" --plan plan.json --stragglers 1
refuses 3 'made for the code rotation, not uncoded' run "$lenet" "$digit" --plan plan.json --code uncoded
refuses 2 'the code auto beside the plan plan.json' run "$lenet" "$digit" --plan plan.json --code auto
refuses 2 'parts 4,4 beside the plan plan.json' run "$lenet" "$digit" --plan plan.json --parts 4,4
refuses 3 missing.json run "$lenet" "$digit" --plan missing.json
refuses 3 'must be a regular file' run "$lenet" "$digit" --plan .
refuses 3 'must be a regular file' run "$lenet" "$digit" --plan /dev/zero
mkfifo pipe.json # nobody writes
refuses 3 'must be a regular file' run "$lenet" "$digit" --plan pipe.json
truncate -s 17M large.json
refuses 3 'at most 16 MiB' run "$lenet" "$digit" --plan large.json

# --- What a run says of its prediction ------------------------------------------------------------------------

# A master that is faster than any: all takes longer than predicted, and workers have no part in it.
cat >fast.json <<'JSON'
{"convoy_profile": 1,
 "master": {"convolution_gmac_s": 1e8, "pointwise_gmac_s": 1e8, "depthwise_gmac_s": 1e8, "product_gmac_s": 1e8, "memory_gb_s": 1e8},
 "link": {"up_mbit_s": 1, "down_mbit_s": 1},
 "workers": [{"count": 6, "convolution_gmac_s": 1, "pointwise_gmac_s": 1, "depthwise_gmac_s": 1, "product_gmac_s": 1}]}
JSON
run 0 run "$lenet" "$digit" --no-trials --profile fast.json --distribute paying --layers
prints '^predicted .* far off: '
says 'on 6 workers \(unnamed profile\)'
if grep -q '^slower' out; then fail "$command: slower, although no worker was used"; fi
run 0 run "$lenet" "$digit" --no-trials --profile fast.json --distribute paying --json
prints '"name":"conv1".*"why_local":"faster here".*"name":"pool1".*"why_local":"neither a convolution'
run 0 run "$lenet" "$digit" --no-trials --profile fast.json --distribute all --spawn 6
prints '^slower +than this machine alone'

# Layers that --adapt computes here: all workers take a hundred times as long, which eight runs tell.
slow=()
for worker in 0 1 2 3 4 5; do slow+=(--fault $worker:slow=100x); done
run 0 run "$lenet" "$digit" "${slow[@]}" --adapt --repeat 20 --no-fallback --layers
"$python" - <<'PYTHON' || fail "$command: does not tell of layers that were computed here"
lines = open("out", encoding="utf-8").read().split("\n")
head = next(line for line in lines if line.startswith("layer "))
end = head.index(" here ") + len(" here")
here = {line.split()[0]: line[end - 6:end].strip() for line in lines if line[:4] in ("conv", "pool")}
assert here["pool1"] == here["pool2"] == "", here
assert 0 < int(here["conv1"]) <= 12 and 0 < int(here["conv2"]) <= 12, here
PYTHON
run 0 run "$lenet" "$digit" --layers
prints '^layer '
if grep -q '^layer .* here ' out; then fail "$command: a column for --adapt"; fi

# --- What is left to the plan -------------------------------------------------------------------------------

# With no worker missing, plain parts in float16 are best behind this link.
left=(--no-trials --code auto --precision auto --profile pi4-wifi --distribute all --objective throughput)
run 0 plan "$lenet" "${left[@]}" --workers 4 --stragglers 0
prints ': 4 workers, 0 stragglers, pi4-wifi \(systematic, f16\), '
prints '^systematic +f16 .* chosen$'
[ "$(grep -cE '^(rotation|systematic|vandermonde|chebyshev|khatri-rao|replicate|uncoded) +(f32|f16|bf16) ' out)" -eq 8 ] ||
    fail "$command: not all codes and float16"
run 0 plan "$lenet" "${left[@]}"
prints ' \(systematic, f16\), '
prints '^uncoded +f32 +it needs all answers$'
run 0 plan "$lenet" "${left[@]}" --workers 4..6 --stragglers 0
prints ' systematic +f16$'
run 0 plan "$lenet" "${left[@]}" --json
"$python" - <<'PYTHON' || fail "$command: not the alternatives, or not the best of them"
import json
found = json.load(open("out"))
codes = {a["code"]: a for a in found["alternatives"] if a["precision"] == "f32"}
assert {"rotation", "systematic", "replicate", "uncoded"} < set(codes)
assert codes["uncoded"]["planned_ms"] is None and codes["uncoded"]["refused"] == "it needs all answers"
assert codes["rotation"]["busiest_ms"] < codes["replicate"]["busiest_ms"]
chosen = [a for a in found["alternatives"] if a["chosen"]]
assert [(a["code"], a["precision"]) for a in chosen] == [("systematic", "f16")] == [(found["code"], found["precision"])]
assert chosen[0]["busiest_ms"] == found["busiest_ms"] < 0.8 * codes["systematic"]["busiest_ms"]
assert all(a["noise_gain"] >= 1 for a in found["alternatives"] if a["planned_ms"])
assert all(layer["error_bound"] <= 1e-2 for layer in found["layers"] if layer["coded"])
PYTHON
run 0 plan "$lenet" --no-trials --precision auto --profile cloud-10gbit --distribute all
prints '^rotation +f16 .* not a fifth faster than f32$'
prints '^rotation +bf16 .* a layer may err by more than 0\.01$'
run 0 run "$lenet" "$digit" "${left[@]}" --workers 4 --stragglers 0
prints '; code systematic, precision f16, seed 1$'
says '^convoy: the plan chose the code systematic and frames of float16$'
run 0 run "$lenet" "$digit" "${left[@]}" --local
if grep -q 'the plan chose' err; then fail "$command: a choice for no workers"; fi
printf 'no picture\n' >bad.png # is told before the plan is made
run 3 run "$lenet" bad.png "$digit" "${left[@]}" --workers 4 --stragglers 0 --json
prints '^\], "code": "systematic", "precision": "f16", '
run 0 bench "$lenet" --layers --runs 1 "${left[@]}" --workers 4 --stragglers 0
prints ': systematic code, precision f16, n = 4'

# --- Progress -----------------------------------------------------------------------------------------------

# On a terminal, plans show how far they are; nowhere else, and not with --quiet.
for words in plan inspect "bench --layers --runs 1" "bench --duration 10ms" "run $digit"; do
    for quiet in "" --quiet; do
        "$python" - "$CONVOY" $words "$lenet" $quiet <<'PYTHON' || fail "convoy $words $quiet: the bar while planning"
import os, subprocess, sys, threading
master, terminal = os.openpty()
seen = []
def read():
    try:
        while text := os.read(master, 65536):
            seen.append(text)
    except OSError:  # the other end is closed
        pass
reader = threading.Thread(target=read)
reader.start()
arguments = [word for word in sys.argv[1:] if not word.endswith(".onnx")]
models = [word for word in sys.argv[1:] if word.endswith(".onnx")]
status = subprocess.run(arguments[:2] + models + arguments[2:] + ["--no-trials"], stdout=subprocess.DEVNULL, stderr=terminal).returncode
os.close(terminal)
reader.join()
drawn = b"layers planned [" in b"".join(seen)
sys.exit(status != 0 or drawn == ("--quiet" in sys.argv))
PYTHON
    done
done

# --- One choice for all commands ----------------------------------------------------------------------------

some_coded=0
# alike MODEL INPUT OPTIONS...
alike() {
    local model=$1 input=$2
    shift 2
    run 0 plan "$model" --no-trials --json "$@"
    choices >planned
    if grep -vq ' here$' planned; then some_coded=$((some_coded + 1)); fi
    run 0 inspect "$model" --no-trials --json "$@"
    choices >inspected
    same planned inspected "$command: not what plan chooses"
    run 0 run "$model" "$input" --one --no-trials --json --no-fallback --deadline 60000 "$@"
    choices >ran
    same planned ran "$command: not what plan chooses"
}
for ((m = 0; m < ${#models[@]}; m += 2)); do
    for distribute in paying all; do
        for profile in pi4-1gbit cloud-10gbit; do
            alike "${models[m]}" "${models[m + 1]}" --distribute $distribute --profile $profile
        done
        alike "${models[m]}" "${models[m + 1]}" --distribute $distribute --workers 5 --stragglers 1 --objective throughput --profile pi4-1gbit
        alike "${models[m]}" "${models[m + 1]}" --distribute $distribute --workers 4 --stragglers 0 --code auto --precision auto --profile pi4-wifi
        alike "${models[m]}" "${models[m + 1]}" --distribute $distribute --objective paper --lambda 1,2,0.5 --profile pi4-1gbit
        run 0 plan "${models[m]}" --no-trials --json --distribute $distribute --profile pi4-1gbit
        choices | sed -n '/ here$/!s/ [0-9]*x[0-9]* [0-9]*$//p' | sort -u >planned
        run 0 bench "${models[m]}" --no-trials --layers --runs 1 --json --distribute $distribute --profile pi4-1gbit
        "$python" -c '
import json
names = {figure["name"] for figure in json.load(open("out"))["figures"] if figure["part"] == "share"} - {"all"}
print("\n".join(sorted(names)))' | sed '/^$/d' | LC_ALL=C sort >benched
        LC_ALL=C sort planned >sorted
        same sorted benched "$command: not the layers that plan codes"
    done
done
[ $some_coded -gt 4 ] || fail "hardly any of these plans codes a layer"

finish plan_cli_test
