# Machines of network namespaces: a folder with Debian in it, whose systemd is booted as process 1 of namespaces of its
# own, on a host of `cluster/lab`. Sourced by cluster/package-test.
#
# The kernel is this machine's; of control groups a machine has its own part of the unified hierarchy.

# machine_start NAME FOLDER NAMESPACE: boots the folder, which becomes the machine's disk, and waits until systemd is up.
machine_start() {
    local name=$1 folder=$2 namespace=$3 outer
    ip netns exec "$namespace" unshare --fork --pid --mount --uts --ipc \
        bash "$parts/machine-init" "$name" "$folder" </dev/null >>"$work/$name.console" 2>&1 &
    outer=$!
    disown # Its end, by `machine_kill`, is no news.
    machine_pid[$name]=
    until [[ -n ${machine_pid[$name]} ]]; do
        kill -0 "$outer" 2>/dev/null || fail "machine $name does not start: $(tail -3 "$work/$name.console")"
        machine_pid[$name]=$(ps -o pid= --ppid "$outer" | tr -d ' ' || true)
    done
    until_true 60 "machine $name is up" on "$name" systemctl is-system-running --quiet
}

# on NAME COMMAND…: runs a command on the machine.
on() {
    local name=$1
    shift
    nsenter --target "${machine_pid[$name]}" --mount --uts --ipc --net --pid --cgroup --root -- env -i --chdir=/ \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# The power goes: all that runs on the machine ends at once.
machine_kill() {
    [[ -n ${machine_pid[$1]-} ]] || return 0
    kill -KILL "${machine_pid[$1]}" 2>/dev/null || true
    unset "machine_pid[$1]"
}

# until_true SECONDS WHAT COMMAND…: waits until the command succeeds.
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "not in time: $what"
        sleep 0.1
    done
}
