#!/usr/bin/env bash
# convoy bench from outside: whole inferences alone, on workers of every kind and without some of them, as a table, bars, JSON, CSV and a
# figure; what is left when it is interrupted; and with --layers the figures of single layers. No time is judged. CONVOY is the program,
# CONVOY_SOURCE_DIR the tree.
set -uo pipefail

python=/usr/bin/python3
"$python" -c 'import json' 2>/dev/null || { echo "skipped: $python is not there"; exit 77; }
. "$CONVOY_SOURCE_DIR/tests/program.bash"
export XDG_CACHE_HOME=$scratch LC_ALL=C
unset COLUMNS
model=$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx

# tells PYTHON: the JSON in out is as these assertions say; `found` is the object, rows[NAME] a row. Of every row holds what follows.
tells() {
    "$python" - "$1" <<'PYTHON' || fail "$command: the JSON is not as it should be: $1"
import json, sys
with open("out") as file:
    found = json.load(file)
rows = {row["name"]: row for row in found["rows"]}
for row in rows.values():
    percentiles, histogram = row["percentiles_ms"], row["histogram"]
    assert list(percentiles) == ["p50", "p90", "p99", "p99.9"]
    for name, value in percentiles.items():  # none where there are too few inferences for one
        share = float(name[1:]) / 100
        assert (value is None) == (share ** row["runs"] > 0.05), (name, value, row["runs"])
    told = [value for value in percentiles.values() if value is not None]
    if row["runs"]:
        between = [row["least_ms"], *told, row["most_ms"]]
        assert between == sorted(between) and row["least_ms"] > 0, between
        assert row["least_ms"] <= row["mean_ms"] <= row["most_ms"]
    assert sum(histogram["runs"]) == row["runs"] and min(histogram["runs"], default=1) > 0
    for i, (start, end) in enumerate(zip(histogram["from_ms"], histogram["to_ms"])):
        assert start < end and end - start <= max(1.001e-6, 1.001 * start / 128)
        assert i == 0 or histogram["to_ms"][i - 1] <= start * 1.000001
    if told:  # the median is where half of them are
        below = sum(n for end, n in zip(histogram["to_ms"], histogram["runs"]) if end <= told[0])
        assert below <= row["runs"] / 2
    assert row["degraded"] <= row["runs"]
if not found["interrupted"]:
    for row in rows.values():
        assert row["runs"] >= 5 and row["warm_up_runs"] >= 1 and row["per_second"] > 0 and row["seconds"] > 0
        assert row["name"] == "alone" or (row["times_alone"]["median"] > 0 and row["times_alone"]["turns"] >= 1)
exec(sys.argv[1])
PYTHON
}

# --- People ---------------------------------------------------------------------------------------------------

run 0 bench "$model" --duration 300ms --quiet
prints '^lenet5.onnx; rotation code, precision f32, n = 6 threads, γ = 2$'
prints '^1 in flight, 1 thread each; warm-up 0\.3 s, then 0\.3 s each in turns of 0\.03 s$'
prints '^ms +p50 +p90 +p99 +p99\.9 +per second +runs'
for row in alone coded 'coded, 2 missing'; do
    prints "^$row +[0-9.]+ +[0-9.-]+ +[0-9.-]+ +[0-9.-]+ +[0-9.]+ +[0-9]+"
    prints "^$row +[#.]" # its bars
done
prints '^coded takes [0-9.e+]+ times as long as alone \(in half of the turns [0-9.e+]+ to [0-9.e+]+\)$'
prints '^with 2 missing [0-9.e+]+ times \(in half of the turns [0-9.e+]+ to [0-9.e+]+\)$'
prints '^ +\+-[+-]+\+$'
prints '^ms +[0-9.]+ .* [0-9.e+]+ *$'
[ "$(wc -l <out)" -le 30 ] || fail "$command: more than 30 lines"
[ "$(sed 1d out | LC_ALL=C.UTF-8 awk '{ if (length($0) > most) most = length($0) } END { print most }')" -le 80 ] ||
    fail "$command: lines of more than 80 columns"
[ ! -s err ] || fail "$command: standard error is not empty"

# As wide as the terminal, in blocks where the locale has them.
COLUMNS=50 LC_ALL=C.UTF-8 run 0 bench "$model" --duration 20ms --local
prints '^alone .*[▁▂▃▄▅▆▇█]'
[ "$(grep -E '^ +\+-' out | LC_ALL=C awk '{ print length($0) }')" = 50 ] || fail "$command: the axis is not as wide as the terminal"
if grep -qE '^(coded|ms .* degraded)' out; then fail "$command: rows of workers"; fi

# --- Programs -------------------------------------------------------------------------------------------------

run 0 bench "$model" --duration 300ms --json --in-flight 3 --workers 5 --stragglers 1 --seed 7
tells 'assert list(rows) == ["alone", "coded", "missing"] and found["left_out"] == [0]
assert found["engine"] == "threads" and found["code"] == "rotation" and found["precision"] == "f32"
assert (found["workers"], found["stragglers"], found["threads"], found["in_flight"], found["seed"]) == (5, 1, 1, 3, 7)
assert (found["warm_up_s"], found["duration_s"], found["turn_s"]) == (0.3, 0.3, 0.03)
assert found["model"].endswith("lenet5.onnx") and "processors" in found["machine"]'
run 0 bench "$model" --duration 20ms --json --stragglers 0 --code auto --precision auto --no-trials
tells 'assert list(rows) == ["alone", "coded"] and found["left_out"] == [] and "auto" not in (found["code"], found["precision"])'
run 0 bench "$model" --duration 20ms --json --local
tells 'assert list(rows) == ["alone"] and found["engine"] == "local" and found["code"] is None and found["workers"] == 0'
run 0 bench "$model" --duration 20ms --csv
prints '^row,warm_up_runs,runs,degraded,seconds,per_second,least_ms,mean_ms,p50_ms,p90_ms,p99_ms,p99\.9_ms,most_ms$'
for row in alone coded missing; do
    prints "^$row,[1-9][0-9]*,[1-9][0-9]*,[0-9]+(,[0-9.e+-]+){5}(,[0-9.e+-]*){3},[0-9.e+-]+$"
done

# --- Workers that are processes -------------------------------------------------------------------------------

run 0 bench "$model" --duration 100ms --json --spawn 3 --stragglers 1
tells 'assert list(rows) == ["alone", "coded", "missing"] and found["engine"] == "spawn" and found["workers"] == 3'
[ -z "$(ls -A tmp)" ] || fail "$command: left something in \$TMPDIR"

for worker in 1 2; do
    "$CONVOY" worker --connect "ipc://$scratch/door" --give-up 60 --quiet 2>worker$worker.err &
    background+=($!)
done
run 0 bench "$model" --duration 100ms --json --listen "ipc://$scratch/door" --workers 2 --stragglers 1
tells 'assert list(rows) == ["alone", "coded", "missing"] and found["engine"] == "zmq" and found["left_out"] in ([0], [])' # the second may come late
says 'a worker is started with: convoy worker --connect ipc://'
for pid in "${background[@]}"; do
    wait "$pid" || fail "$command: a worker ended with status $?"
done
background=()
[ ! -e door ] || fail "$command: left its socket"

# Too few workers: every inference is degraded, and that is told.
run 0 bench "$model" --duration 20ms --spawn 1 --workers 3 --stragglers 1 --join 500ms
prints '^ms +p50 .* degraded$'
prints '^alone .* 0$'
prints '^degraded: a layer was computed here'
awk '/^coded .*[0-9]$/ && $NF != $(NF - 1) { bad = 1 } END { exit bad }' out || fail "$command: inferences that were not degraded"

# --- Interrupted ----------------------------------------------------------------------------------------------

# On a terminal the bar tells what is left; then Ctrl-C: what was measured is printed, and the signal is the status.
command='an interrupted bench'
for kind in --local "--spawn 2 --stragglers 1"; do
    "$python" - "$CONVOY" bench "$model" --duration 600 --json $kind <<'PYTHON' || fail "$command, $kind"
import os, re, signal, subprocess, sys
master, terminal = os.openpty()
with open("out", "w") as out:
    bench = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=out, stderr=terminal,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
os.close(terminal)
seen, sent = b"", False
total = {1: 601, 3: 1803}[3 if "--spawn" in sys.argv else 1]
try:
    while text := os.read(master, 65536):
        seen += text
        done = re.findall(rb"seconds measured \[[#.]+\] (\d+)/%d" % total, seen)
        if not sent and done and int(done[-1]) > total // 600:  # beyond the warm-up
            bench.send_signal(signal.SIGINT)
            sent = True
except OSError:  # the other end is closed
    pass
status = bench.wait()
with open("err", "wb") as err:
    err.write(seen.replace(b"\r\n", b"\n"))
assert status == -signal.SIGINT, status
PYTHON
    tells 'assert found["interrupted"] and rows["alone"]["runs"] > 0'
    says 'convoy: interrupted by SIGINT: [1-9][0-9]* inferences were measured$'
    [ -z "$(ls -A tmp)" ] || fail "$command: left something in \$TMPDIR"
done

# --- The figure -----------------------------------------------------------------------------------------------

if command -v gnuplot >/dev/null; then
    run 0 bench "$model" --duration 50ms --svg latency.svg --quiet
    [[ $(head -c 5 latency.svg) == '<?xml' || $(head -c 4 latency.svg) == '<svg' ]] || fail "$command: no picture"
    for word in lenet5.onnx alone coded '2 missing' p50; do
        grep -q "$word" latency.svg || fail "$command: no '$word' in the picture"
    done
    grep -q '</svg>' latency.svg || fail "$command: half a picture"
else
    echo "no figure: gnuplot is not installed (scripts/setup)"
fi
cp "$model" model.onnx
refuses 2 'this file is an input' bench model.onnx --svg ./model.onnx
cmp -s "$model" model.onnx || fail "a model was overwritten"
refuses 1 'No such file' bench "$model" --svg nowhere/latency.svg

# --- What is refused ------------------------------------------------------------------------------------------

refuses 2 'bench MODEL' bench
refuses 2 'bench MODEL' bench "$model" "$model"
refuses 2 '--runs goes with --layers' bench "$model" --runs 3
refuses 2 '--duration 0' bench "$model" --duration 0
refuses 2 'number of seconds' bench "$model" --duration long
refuses 2 'must be fewer than the workers' bench "$model" --stragglers 6
# The name of a figure is a name, whatever gnuplot would make of it; and a disk that is full is told of.
if command -v gnuplot >/dev/null; then
    mkdir -p figures && cd figures
    run 0 bench "$model" --duration 0.1 --local --quiet --svg '|touch pwned; cat'
    if [ -e pwned ] || ! grep -q '<svg' '|touch pwned; cat'; then fail "$command: gnuplot took the name apart"; fi
    cd ..
    if [ -e /dev/full ]; then
        run 1 bench "$model" --duration 0.1 --local --quiet --svg /dev/full
        says '/dev/full: the figure cannot be written: No space left on device$'
    fi
fi
refuses 2 'a local session has no workers' bench "$model" --local --spawn 3
refuses 2 'one or the other' bench "$model" --listen "ipc://$scratch/door" --spawn 3
for option in '--duration 1' '--in-flight 2' '--svg a.svg' --local "--listen ipc://$scratch/door" '--spawn 2'; do
    refuses 2 "${option%% *} changes nothing with --layers" bench "$model" --layers $option
done

# --- Single layers --------------------------------------------------------------------------------------------

# The CSV that other programs read is well-formed, whatever the layers are called.
sed 's/conv1/c"n,1/g' "$model" >model.onnx
run 0 bench model.onnx --layers --runs 2 --csv
prints '^part,name,unit,value,floor$'
prints '^kernel,"c""n,1",ms,'
bad=$(grep -vcE '^part,|^[a-z]+,"([^"]|"")*",[^,"]+,[0-9.e+-]+,[0-9.e+-]*$' out)
[ "$bad" -eq 0 ] || fail "$command: $bad lines that are no CSV of five fields"

# The inference by this process alone has no answers that could be checked, and is measured all the same.
run 0 bench "$model" --layers --runs 1 --csv --verify all
prints '^network,"alone, wall",'
run 0 bench "$model" --duration 20ms --json --verify all
tells 'assert rows["alone"]["runs"] and rows["coded"]["runs"]'

finish bench
