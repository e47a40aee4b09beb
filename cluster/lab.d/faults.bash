# Faults of a lab's network and hosts: a part of cluster/lab, which sets the lab's name, subnet and state folder.
# shellcheck shell=bash disable=SC2154

# Packets go to a hardware address that nobody has: silence, as on a broken cable, whereas a blackhole route would
# answer the sender with an error.
set_cut() {
    local action=$1 from=$2 to=$3
    if [[ $action == cut ]]; then
        ip -n "$(namespace "$from")" neighbour replace "$(address "$to")" lladdr 02:00:00:00:00:00 dev eth0 nud permanent
    else
        ip -n "$(namespace "$from")" neighbour delete "$(address "$to")" dev eth0 2>/dev/null || true
    fi
}

set_loss() {
    local host=$1 percent=$2 limit
    tc -n "$(namespace "$host")" qdisc delete dev eth0 clsact 2>/dev/null || true
    echo "$percent" >"$(folder "$host")/loss"
    ((percent > 0)) || return 0
    # Classic BPF: a random 32-bit number below the limit drops the packet (2 is TC_ACT_SHOT).
    limit=$((4294967295 * percent / 100))
    tc -n "$(namespace "$host")" qdisc add dev eth0 clsact
    tc -n "$(namespace "$host")" filter add dev eth0 egress bpf direct-action \
        bytecode "4,32 0 0 4294963256,53 0 1 $limit,6 0 0 4294967295,6 0 0 2"
}

# What the host sends takes a detour over a delay line: routed to it, it comes back as if from outside and is forwarded
# by a table of its own. The more specific routes vanish with the delay line's interface.
set_delay() {
    local host=$1 milliseconds=$2 name
    name=$(namespace "$host")
    end_delay "$host"
    ((milliseconds > 0)) || return 0
    setsid ip netns exec "$name" "$parts/delay-line" "$milliseconds" \
        </dev/null >"$(folder "$host")/delay-line.log" 2>&1 &
    echo $! >"$(folder "$host")/delay-line.pid"
    await_interface "$name" late yes || fail "no delay line here: $(tail -1 "$(folder "$host")/delay-line.log")" 77
    # shellcheck disable=SC2016 # The inner shell expands it.
    ip netns exec "$name" sh -c 'cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 1 >conf/late/accept_local &&
        for name in all eth0 late; do echo 0 >"conf/$name/rp_filter"; done'
    ip -n "$name" link set late up
    ip -n "$name" rule add iif late lookup 77
    ip -n "$name" route replace "$subnet.0/24" dev eth0 table 77
    ip -n "$name" route add "$subnet.0/25" dev late src "$(address "$host")"
    ip -n "$name" route add "$subnet.128/25" dev late src "$(address "$host")"
    echo "$milliseconds" >"$(folder "$host")/delay"
}

end_delay() {
    local pid
    pid=$(delay_pid "$1")
    if [[ -n $pid ]]; then kill "$pid"; fi
    ip -n "$(namespace "$1")" rule delete iif late 2>/dev/null || true
    await_interface "$(namespace "$1")" late no || fail "host $1's delay line does not end"
    echo 0 >"$(folder "$1")/delay"
}

delay_pid() { recorded_pid "$1" delay-line.pid; }

# Waits until the interface is there (yes) or gone (no).
await_interface() {
    local there attempt
    for ((attempt = 0; attempt < 100; attempt++)); do
        there=no
        if ip -n "$1" link show "$2" >/dev/null 2>&1; then there=yes; fi
        [[ $there != "$3" ]] || return 0
        sleep 0.02
    done
    return 1
}

signal_all_in() {
    local pids
    pids=$(ip netns pids "$(namespace "$1")" | sed "/^$(delay_pid "$1")\$/d")
    # shellcheck disable=SC2086 # One word a process.
    [[ -z $pids ]] || kill -"$2" $pids
}

make_disk() {
    [[ -z $(main_pid "$1") ]] || fail "host $1 runs: give it a disk before it is started"
    mount -t tmpfs -o "size=$2m,mode=755" "igropyr-$lab-$1" "$(folder "$1")/data"
}

remove_disk() {
    if mountpoint --quiet "$(folder "$1")/data" 2>/dev/null; then umount "$(folder "$1")/data"; fi
}

ballast() { echo "$(folder "$1")/data/ballast"; }

fill_disk() {
    mountpoint --quiet "$(folder "$1")/data" || fail "host $1 has no disk of its own: 'cluster/lab disk $1 64' gives it one"
    head --bytes=100G /dev/zero >"$(ballast "$1")" 2>/dev/null || true
}

# A program that is started while there is such a file takes its time of day from it, looking once a second.
clock_file() { echo "$(folder "$1")/clock"; }

set_clock() {
    [[ -f $(clock_file "$1") || -z $(main_pid "$1") ]] ||
        fail "host $1 runs by this machine's clock: set its own before it is started"
    [[ -f $state/clock.so ]] || cc -shared -fPIC -O2 -o "$state/clock.so" "$parts/clock.c" || fail "no C compiler here" 77
    echo "$2" >"$(clock_file "$1").new"
    mv "$(clock_file "$1").new" "$(clock_file "$1")"
}

# The words before a command that has it run by the host's own clock, one a line; none if it has no clock of its own.
clock_words() {
    [[ -f $(clock_file "$1") ]] || return 0
    printf '%s\n' env "LD_PRELOAD=$state/clock.so" "LAB_CLOCK=$(clock_file "$1")"
}
