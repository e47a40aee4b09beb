# A lab's bridge and hosts: a part of cluster/lab, which sets the lab's name, subnet and state folder.
# shellcheck shell=bash disable=SC2154

# The bridge has a namespace of its own, out of the reach of this machine's firewall (Docker's drops bridged packets).
make_switch() {
    local outside
    outside=$(address outside)
    [[ -z $(ip -brief address show to "$subnet.0/24") ]] ||
        fail "subnet $subnet.0/24 is in use on this machine: choose another, as in --subnet 10.78.0"
    ip netns add "$(namespace switch)" 2>"$state/error" ||
        fail "no network namespaces here: $(tail -1 "$state/error")" 77
    ip -n "$(namespace switch)" link set lo up 2>"$state/error" ||
        fail "cannot enter network namespaces: $(tail -1 "$state/error")
(in a chroot: its folder must be a mount point, as by 'mount --bind DIR DIR')" 77
    ip -n "$(namespace switch)" link add name switch type bridge
    ip -n "$(namespace switch)" link set switch up
    ip link add "igr-$lab" type veth peer name outside netns "$(namespace switch)"
    plug_in outside
    ip address add "$outside/24" dev "igr-$lab"
    ip link set "igr-$lab" up
}

plug_in() {
    ip -n "$(namespace switch)" link set "$1" master switch
    ip -n "$(namespace switch)" link set "$1" up
}

make_host() {
    local host=$1 port=port-$1
    mkdir -p "$(folder "$host")/data"
    ip netns add "$(namespace "$host")"
    ip -n "$(namespace switch)" link add "$port" type veth peer name eth0 netns "$(namespace "$host")"
    plug_in "$port"
    ip -n "$(namespace "$host")" address add "$(address "$host")/24" dev eth0
    ip -n "$(namespace "$host")" link set lo up
    ip -n "$(namespace "$host")" link set eth0 up
    ip -n "$(namespace "$host")" route add default via "$(address outside)"
}

# The state folder is predictable and we are root: never use one that somebody else laid there.
make_state() {
    mkdir -m 755 "$state" 2>/dev/null || fail "lab $lab exists ($state): 'cluster/lab down' removes it"
}

make_network() {
    local count=$1 with_balancer=$2 host
    make_state
    trap 'remove_all' EXIT
    echo "$subnet" >"$state/subnet"
    make_switch
    for ((host = 1; host <= count; host++)); do
        make_host "$host"
    done
    if [[ $with_balancer == yes ]]; then make_host balancer; fi
    trap - EXIT
}

remove_all() {
    local name
    for name in $(ip netns list | sed -n "s/^\(igropyr-$lab-[a-z0-9]\+\)\( .*\)\?\$/\1/p"); do
        kill_all_in "$name"
        remove_disk "${name##*-}"
        ip netns delete "$name"
    done
    # The kernel may be about to remove it itself, since its other end's namespace is gone.
    ip link delete "igr-$lab" 2>/dev/null || true
    if [[ -O $state && ! -L $state ]]; then rm -rf "$state"; fi
}
