# What runs on a lab's hosts: a part of cluster/lab, which sets the lab's name, subnet and state folder.
# shellcheck shell=bash disable=SC2154

gossip_port=7946

# All at once, then whatever was being forked meanwhile; not the process given second, a part of the network.
kill_all_in() {
    local pids attempt
    for ((attempt = 0; attempt < 100; attempt++)); do
        pids=$(ip netns pids "$1" | sed "/^${2:-none}\$/d")
        [[ -n $pids ]] || return 0
        # shellcheck disable=SC2086 # One word a process.
        kill -KILL $pids 2>/dev/null || true
        sleep 0.02
    done
    fail "processes in $1 do not end: ${pids//$'\n'/ }"
}

# The process that `start` started; nothing once it has ended.
main_pid() { recorded_pid "$1" pid; }

# The process whose number lies in that file. The namespace is checked, since numbers are used again.
recorded_pid() {
    local pid file
    file=$(folder "$1")/$2
    [[ -f $file ]] || return 0
    pid=$(<"$file")
    if ip netns pids "$(namespace "$1")" | grep -x "$pid" >/dev/null; then echo "$pid"; fi
}

# A running host to join, none for the first.
seed_for() {
    local host
    for host in $(hosts); do
        if [[ $host != "$1" && $host != balancer && -n $(main_pid "$host") ]]; then
            address "$host"
            return
        fi
    done
}

start_host() {
    local host=$1 seed arguments clock
    [[ -x $igropyr ]] || fail "no program $igropyr: build it by cluster/build, or name one in IGROPYR_BIN"
    [[ -z $(main_pid "$host") ]] || fail "host $host runs already"
    if [[ $host == balancer ]]; then
        arguments=(balancer --listen "$(address balancer):8080" --bind "$(address balancer):$gossip_port" --name balancer)
    else
        arguments=(node --bind "$(address "$host")" --name "host-$host" --data "$(folder "$host")/data")
    fi
    seed=$(seed_for "$host")
    arguments+=(--key-file "$state/cluster.key" ${seed:+--join "$seed"})
    readarray -t clock < <(clock_words "$host")
    setsid ip netns exec "$(namespace "$host")" "${clock[@]}" "$igropyr" "${arguments[@]}" \
        </dev/null >>"$(folder "$host")/log" 2>&1 &
    echo $! >"$(folder "$host")/pid"
    await_start "$host"
}

await_start() {
    local host=$1 port=$gossip_port attempt
    if [[ $host == balancer ]]; then port=8080; fi
    for ((attempt = 0; attempt < 1200; attempt++)); do
        if (exec 3<>"/dev/tcp/$(address "$host")/$port") 2>/dev/null; then
            return
        fi
        [[ -e /proc/$(<"$(folder "$host")/pid") ]] ||
            fail "host $host ended at once: $(tail -1 "$(folder "$host")/log"), see $(folder "$host")/log"
        sleep 0.05
    done
    fail "host $host does not listen on port $port after 60 s, see $(folder "$host")/log"
}

stop_host() {
    local pid attempt
    pid=$(main_pid "$1")
    [[ -n $pid ]] || fail "nothing runs on host $1"
    kill -TERM "$pid"
    for ((attempt = 0; attempt < 1200; attempt++)); do
        [[ -n $(main_pid "$1") ]] || return 0
        sleep 0.05
    done
    fail "host $1 did not end within 60 s of SIGTERM, see $(folder "$1")/log"
}

kill_worker() {
    local node pid
    node=$(main_pid "$1")
    [[ -n $node ]] || fail "no node runs on host $1"
    for pid in $(ip netns pids "$(namespace "$1")"); do
        # The node's keeper is no worker.
        if grep -qs "^PPid:[[:space:]]$node\$" "/proc/$pid/status" && ! grep -qsz '^keep$' "/proc/$pid/cmdline"; then
            kill -KILL "$pid"
            echo "$pid"
            return
        fi
    done
    fail "the node on host $1 has no worker"
}
