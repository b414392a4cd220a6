#!/usr/bin/env bash
# Eight workers in eight network namespaces, joined to the master's by veth pairs, with keys: one link limited to 10 Mbit/s (tc tbf),
# one link taken down and up again, one worker's processor held to 10 % (cgroup v1 or v2). γ = 3: right answers, none degraded. Prints
# the ratio of the median latencies with and without the three. Needs root, iproute2 and the right to make namespaces; says what is missing and
# is skipped otherwise. NETWORK_ROUNDS: runs of each kind, in turns (3).
set -euo pipefail

. "$CONVOY_SOURCE_DIR/tests/patience.bash"
rounds=${NETWORK_ROUNDS:-3}
skip() {
    echo "skipped: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
[ -z "${CONVOY_SANITIZE:-}" ] || skip "a matter of the network; the release build runs it"
command -v ip >/dev/null && command -v tc >/dev/null || skip "iproute2 is not installed"
id=cvy$$
ip netns add "$id-m" 2>/dev/null || skip "this machine makes no network namespaces"

nodes=8
folder=$(mktemp -d)
cgroup=
declare -a worker
cleanup() {
    for pid in "${worker[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    for ((w = 0; w < nodes; w++)); do ip netns del "$id-$w" 2>/dev/null || true; done
    ip netns del "$id-m" 2>/dev/null || true
    if [ -n "$cgroup" ]; then rmdir "$cgroup" 2>/dev/null || true; fi
    if [ -n "${NETWORK_KEEP:-}" ]; then echo "kept: $folder"; else rm -rf "$folder"; fi
}
trap cleanup EXIT
fail() {
    echo "network: $*" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}

# Keys, and a namespace with a link for each worker: the master is 10.77.W.1, the worker 10.77.W.2.
mkdir "$folder/allowed"
"$CONVOY" keygen master --out "$folder" >/dev/null
ip -n "$id-m" link set lo up
for ((w = 0; w < nodes; w++)); do
    "$CONVOY" keygen "w$w" --out "$folder" >/dev/null
    cp "$folder/w$w.pub" "$folder/allowed/"
    ip netns add "$id-$w"
    ip link add "m$w" netns "$id-m" type veth peer name "w$w" netns "$id-$w"
    ip -n "$id-m" addr add "10.77.$w.1/24" dev "m$w"
    ip -n "$id-$w" addr add "10.77.$w.2/24" dev "w$w"
    ip -n "$id-m" link set "m$w" up
    ip -n "$id-$w" link set "w$w" up
    ip netns exec "$id-$w" "$CONVOY" worker --connect "tcp://10.77.$w.1:7711" --key "$folder/w$w.key" \
        --server-key "$folder/master.pub" >>"$folder/worker$w" 2>&1 &
    worker[w]=$!
done

# A cgroup that worker 2 may be put into.
if [ -d /sys/fs/cgroup/cpu ] && mkdir "/sys/fs/cgroup/cpu/$id" 2>/dev/null; then
    cgroup=/sys/fs/cgroup/cpu/$id
    echo 100000 >"$cgroup/cpu.cfs_period_us"
    quota() { if [ "$1" = on ]; then echo 10000; else echo -1; fi >"$cgroup/cpu.cfs_quota_us"; }
elif [ -f /sys/fs/cgroup/cgroup.controllers ] && mkdir "/sys/fs/cgroup/$id" 2>/dev/null && [ -f "/sys/fs/cgroup/$id/cpu.max" ]; then
    cgroup=/sys/fs/cgroup/$id
    quota() { if [ "$1" = on ]; then echo 10000 100000; else echo max 100000; fi >"$cgroup/cpu.max"; }
else
    echo "this machine has no cgroup that limits a processor: worker 2 stays fast"
    quota() { :; }
fi
if [ -n "$cgroup" ]; then echo "${worker[2]}" >"$cgroup/cgroup.procs"; fi

slow() {
    if [ "$1" = on ]; then
        ip netns exec "$id-m" tc qdisc add dev m0 root tbf rate 10mbit burst 16kbit latency 400ms
        ip netns exec "$id-0" tc qdisc add dev w0 root tbf rate 10mbit burst 16kbit latency 400ms
    else
        ip netns exec "$id-m" tc qdisc del dev m0 root
        ip netns exec "$id-0" tc qdisc del dev w0 root
    fi
    quota "$1"
}

# One run; appends the median latency to a file.
run() {
    local into=$1 status=0
    ip netns exec "$id-m" "$CONVOY" run "$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx" "$CONVOY_SOURCE_DIR"/models/lenet5/digits/*.png \
        "$CONVOY_SOURCE_DIR"/models/lenet5/digits/*.png --distribute all --listen "tcp://*:7711" --key "$folder/master.key" --allow "$folder/allowed" \
        --workers $nodes --stragglers 3 --check --json >"$folder/json" 2>>"$folder/log" || status=$?
    [ $status -eq 0 ] || fail "exit status $status"
    judge_degraded "$folder/json" "$folder/log" 600
    if grep -q '"top1_agrees": *false' "$folder/json"; then fail "an answer is not that of the uncoded model"; fi
    [ "$(grep -o '"top1_agrees": *true' "$folder/json" | wc -l)" -eq 600 ] || fail "not 600 answers"
    sed -n 's/^{"input":.*"ms": *\([0-9.]*\),"top".*/\1/p' "$folder/json" | sort -g |
        awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }' >>"$into"
}

for ((r = 0; r < rounds; r++)); do
    run "$folder/without"
    slow on
    # The link of worker 1 goes down when the run is under way, and comes up after it.
    (sleep 1.5 && ip -n "$id-m" link set m1 down) &
    cutter=$!
    run "$folder/with"
    wait "$cutter"
    ip -n "$id-m" link set m1 up
    slow off
done
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
echo "$((rounds * 2)) runs of 600 inferences: all answers right"
awk -v a="$(median "$folder/with")" -v b="$(median "$folder/without")" \
    'BEGIN { printf "median latency %.2f ms with three slow workers, %.2f ms without: ratio %.2f (wanted: at most 1.3)\n", a, b, a / b }'
