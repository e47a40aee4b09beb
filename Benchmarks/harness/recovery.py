"""How long workers are missing: until one that died is out of the balancers' tables and replaced, until a lost host's run elsewhere."""
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import time

from .agent import ask
from .cluster import Lab
from .programs import HELLO, IGROPYR, Missing, free_port
from .tables import row

#: Of an application whose workers take some time to start: else one that died would be back before it is missed.
TOTAL, START_SECONDS = 6, 0.5
MANIFEST = """
name: slow
command: start
workers: {{ total: {total} }}
routes: [/slow]
"""
PROGRAM = """#!/bin/sh
sleep {seconds}
exec "$(dirname "$0")/Hello"
"""


class Onlooker:
    """A balancer on this machine, which is on the lab's network; it tells which workers balancers have."""

    def __init__(self, lab):
        self.port = free_port()
        command = [
            IGROPYR, "balancer", "--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{self.port}", "--bind",
            f"{lab.subnet}.254:7950", "--name", "onlooker", "--join", f"{lab.subnet}.1", "--key-file", lab.folder / "cluster.key"]
        self.log = open(lab.folder / "onlooker.log", "wb")
        self.process = subprocess.Popen([*map(str, command)], stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def workers(self):
        """The host of each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/workers")
            applications = json.loads(connection.getresponse().read())["applications"]
        finally:
            connection.close()
        return {
            worker["id"]: worker["host"] for application in applications if application["name"] == "slow"
            for worker in application["workers"]}

    def await_workers(self, what, is_so, limit=60):
        """When it was so, on the monotonic clock."""
        deadline, workers = time.monotonic() + limit, {}
        while time.monotonic() < deadline:
            try:
                workers = self.workers()
                if is_so(workers):
                    return time.monotonic()
            except OSError:
                time.sleep(0.1)  # It is only starting.
            time.sleep(0.001)
        raise Missing(f"within {limit} s the balancer does not see that {what}, but {workers}")


def measure(options):
    """Three hosts with two workers each: one is killed, then a host falls silent and comes back for the next round."""
    print(f"Workers take {START_SECONDS * 1000:.0f} ms to start.\n")
    row("round", "what", "ms until balancers leave it out", "ms until its place is taken")
    row("--:", "---", "--:", "--:")
    results = {"a worker killed": [], "a host powered off (no packet leaves it)": []}
    with Lab(hosts=3, nodes=3) as lab, Onlooker(lab) as onlooker:
        access = ["--node", f"{lab.subnet}.1", "--key-file", lab.folder / "cluster.key"]
        ask("deploy", bundle(lab.folder / "slow"), *access, is_json=False)
        for number in range(1, options.rounds + 1):
            onlooker.await_workers("all hosts have two", is_spread)
            time.sleep(3)  # A newcomer has all its keys by then, and links count once they have stood for a second.
            for (title, times), way in zip(results.items(), (kill_worker, power_off)):
                times.append(way(lab, onlooker, access))
                row(number, title, *(f"{milliseconds:.0f}" for milliseconds in times[-1]))
            lab("loss", 3, 0)
    for title, times in results.items():
        row("all", title, *(f"median {statistics.median(column):.0f}, worst {max(column):.0f}" for column in zip(*times)))


def bundle(folder):
    folder.mkdir()
    shutil.copy(HELLO, folder / "Hello")
    (folder / "igropyr.yaml").write_text(MANIFEST.format(total=TOTAL))
    (folder / "start").write_text(PROGRAM.format(seconds=START_SECONDS))
    (folder / "start").chmod(0o755)
    return folder


def is_spread(workers):
    return sorted(workers.values()) == sorted(2 * ["host-1", "host-2", "host-3"])


def kill_worker(lab, onlooker, access):
    worker = next(each for each in ask("status", *access)["workers"] if (each["application"], each["host"]) == ("slow", "host-2"))
    name = f"slow/host-2/{worker['index']}"
    start = time.monotonic()
    os.kill(worker["pid"], signal.SIGKILL)
    gone = onlooker.await_workers("it is gone", lambda workers: name not in workers)
    back = onlooker.await_workers("it is back", lambda workers: name in workers)
    return (gone - start) * 1000, (back - start) * 1000


def power_off(lab, onlooker, _):
    start = time.monotonic()
    lab("loss", 3, 100)
    gone = onlooker.await_workers("it is gone", lambda workers: "host-3" not in workers.values())
    back = onlooker.await_workers("its workers run elsewhere", is_whole_without_host_3)
    return (gone - start) * 1000, (back - start) * 1000


def is_whole_without_host_3(workers):
    return len(workers) == TOTAL and "host-3" not in workers.values()
