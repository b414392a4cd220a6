# Six workers and a master in network namespaces on one bridge, each in a control group that limits its processor (root, iproute2, cgroup
# v1). Read by scripts that measure plans; everything is taken away when the script ends. The master's address is 10.78.0.100.
nodes=6
folder=$(mktemp -d)
id=cvp$$
groups=/sys/fs/cgroup/cpu/$id
declare -a worker=()

cleanup() {
    for pid in "${worker[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    for ((w = 0; w < nodes; w++)); do ip netns del "$id-$w" 2>/dev/null || true; done
    ip netns del "$id-m" 2>/dev/null || true
    ip netns del "$id-b" 2>/dev/null || true
    rmdir "$groups"/* "$groups" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

# ---- the network: everybody on one bridge, the master is 10.78.0.100, worker W is 10.78.0.(1+W) ----

join_bridge() { # NAME ADDRESS
    ip netns add "$id-$1"
    ip link add "v$1" netns "$id-$1" type veth peer name "b$1" netns "$id-b"
    ip -n "$id-$1" addr add "10.78.0.$2/24" dev "v$1"
    ip -n "$id-$1" link set "v$1" up
    ip -n "$id-$1" link set lo up
    ip -n "$id-b" link set "b$1" master br0 up
}
ip netns add "$id-b"
ip -n "$id-b" link add br0 type bridge
ip -n "$id-b" link set br0 up
join_bridge m 100
for ((w = 0; w < nodes; w++)); do join_bridge "$w" $((1 + w)); done

link_rate() { # RATE, or none: each way at the master
    ip netns exec "$id-m" tc qdisc del dev vm root 2>/dev/null || true
    ip netns exec "$id-b" tc qdisc del dev bm root 2>/dev/null || true
    [ "$1" = none ] && return
    ip netns exec "$id-m" tc qdisc add dev vm root tbf rate "$1" burst 64kb latency 50ms
    ip netns exec "$id-b" tc qdisc add dev bm root tbf rate "$1" burst 64kb latency 50ms
}

# ---- processors: hundredths of one, for the master and each worker; at most 180 in all ----

mkdir "$groups"
quota() { # NAME HUNDREDTHS
    mkdir -p "$groups/$1"
    echo 10000 >"$groups/$1/cpu.cfs_period_us"
    echo $(($2 * 100)) >"$groups/$1/cpu.cfs_quota_us"
}
set_loads() {
    local loads
    case $1 in
    fast) loads=(12 28 28 28 28 28 28) ;;
    alike) loads=(25 25 25 25 25 25 25) ;;
    slow) loads=(30 30 30 30 30 12 12) ;;
    esac
    quota m "${loads[0]}"
    for ((w = 0; w < nodes; w++)); do quota "$w" "${loads[1 + w]}"; done
}

start_workers() {
    for ((w = 0; w < nodes; w++)); do
        (
            echo $BASHPID >"$groups/$w/cgroup.procs"
            exec ip netns exec "$id-$w" "$convoy" worker --connect tcp://10.78.0.100:7712 --insecure --quiet
        ) >>"$folder/workers" 2>&1 &
        worker+=($!)
    done
}
end_workers() {
    for pid in "${worker[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    worker=()
}

# The numbers of a file, one a line.
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
cluster=(--listen 'tcp://*:7712' --insecure --workers $nodes --stragglers 2 --join 120)

# The master's command, in its namespace and control group.
master() {
    (
        echo $BASHPID >"$groups/m/cgroup.procs"
        exec ip netns exec "$id-m" "$convoy" "$@"
    )
}
