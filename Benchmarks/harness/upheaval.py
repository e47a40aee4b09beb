"""A cluster that changes all the time under load: every request is idempotent, so none may fail."""
import itertools
import re
import shutil
import subprocess

from .cluster import Lab
from .programs import HELLO, IGROPYR, Missing, require
from .tables import row

HOSTS, CONNECTIONS, SECONDS = 4, 32, 20
PATHS = """
local number = 0
request = function()
  number = (number + 1) % 400
  return wrk.format("GET", "/path/" .. number)
end
"""


def measure(options):
    """Rounds of load until there were enough requests; one change in each."""
    require("wrk")
    total = failed = 0
    row("round", "change", "requests", "failed", "longest wait, ms")
    row("--:", "---", "--:", "--:", "--:")
    with Lab(hosts=HOSTS, nodes=3) as lab:
        changes = itertools.cycle(CHANGES)
        for number in itertools.count(1):
            change = next(changes)
            requests, lost, longest = under_load(lab, change, number)
            total, failed = total + requests, failed + lost
            row(number, change.__doc__, requests, lost, longest)
            if total >= options.requests and number >= len(CHANGES):
                break
    row("all", "", total, failed, "")


def under_load(lab, change, number):
    """wrk opens a connection again that is closed, which a drained one is, and counts what is no answer."""
    script = lab.folder / "paths.lua"
    script.write_text(PATHS)
    load = subprocess.Popen(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20", "-s", script, lab.entrance],
        stdout=subprocess.PIPE, text=True)
    with load:
        change(lab, number)
        text = load.communicate(timeout=SECONDS + 60)[0]
    requests = re.search(r"(\d+) requests in", text)
    longest = re.search(r"Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", text)
    if requests is None or longest is None:
        raise Missing(f"wrk said nothing: {text}")
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    statuses = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    lost = sum(map(int, sockets.groups())) if sockets else 0
    lost += int(statuses[1]) if statuses else 0
    return int(requests[1]), lost, round(float(longest[1]) * {"us": 0.001, "ms": 1, "s": 1000}[longest[2]])


def worker_killed(lab, _):
    """a worker killed"""
    lab("kill-worker", 2)


def deploy(lab, number):
    """a new revision"""
    revision = lab.folder / f"hello-{number}"  # Bytes after a program's end change what it is called, only.
    shutil.copy(HELLO, revision)
    with revision.open("ab") as file:
        file.write(b"\n# %d\n" % number)
    lab("exec", 1, IGROPYR, "deploy", revision, "--name", "hello", "--node", f"{lab.subnet}.1", "--key-file",
        lab.folder / "cluster.key")


def join_and_leave(lab, _):
    """a host joins, and leaves"""
    lab("start", 4)
    lab.await_answer(4)
    lab("stop", 4)


def host_killed(lab, _):
    """a host killed, and back"""
    lab("kill", 3)
    lab("start", 3)
    lab.await_answer(3)


def balancer_upgraded(lab, _):
    """the balancer upgraded"""
    pids = lab("exec", "balancer", "pgrep", "-f", "igropyr balancer").split()
    lab("exec", "balancer", "kill", "-USR2", pids[0])


CHANGES = [worker_killed, deploy, join_and_leave, host_killed, balancer_upgraded]
