"""How soon a cluster knows that a member is gone, and whether it thinks so of one that is not; in cluster/lab's hosts."""
import json
import os
import queue
import signal
import statistics
import subprocess
import threading
import time

from .cluster import Lab
from .programs import IGROPYR, REPOSITORY, Missing, require
from .tables import row


class Watcher:
    """`igropyr members --watch` on a host: the changes, each with the time at which its line came."""

    def __init__(self, lab, host):
        self.changes = queue.Queue()
        self.process = subprocess.Popen(
            command(lab, "exec", host, IGROPYR, "members", "--watch", "--json"), stdout=subprocess.PIPE, text=True,
            env={**os.environ, "IGROPYR_BIN": IGROPYR})
        self.process.stdout.readline()  # Who is there.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            change = json.loads(line)["member"]
            self.changes.put((time.monotonic(), change["change"], change["member"]["name"]))

    def await_change(self, kind, name, limit=120):
        deadline = time.monotonic() + limit
        while True:
            try:
                at, change, member = self.changes.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise Missing(f"nobody told of {name}: {kind} within {limit} s") from None
            if (change, member) == (kind, name):
                return at

    def close(self):
        self.process.terminate()
        self.process.wait()


def command(lab, *words):
    return [str(REPOSITORY / "cluster/lab"), "--name", lab.name, *map(str, words)]


def detection(options):
    """Five hosts; the third loses its node, or its plug, and comes back for the next round."""
    ways = {
        "process killed (`kill -9` of the node)": lambda lab: os.kill(lab.pid(3), signal.SIGKILL),
        "powered off (no packet leaves the host)": lambda lab: lab("loss", 3, 100),
    }
    times = {way: [] for way in ways}
    row("round", "host 3", "ms until each of the four others has it failed", "last, ms")
    row("--:", "---", "---", "--:")
    with Lab(hosts=5, nodes=5) as lab:
        watchers = [Watcher(lab, host) for host in (1, 2, 4, 5)]
        try:
            time.sleep(3)  # Links count once they have stood for a second.
            for number in range(1, options.rounds + 1):
                for way, fault in ways.items():
                    start = time.monotonic()
                    fault(lab)
                    waits = [round((each.await_change("failed", "host-3") - start) * 1000) for each in watchers]
                    times[way].append(max(waits))
                    row(number, way, ", ".join(map(str, waits)), max(waits))
                    lab(*(["loss", 3, 0] if "powered" in way else ["start", 3]))
                    for each in watchers:
                        each.await_change("joined", "host-3")
                    time.sleep(3)
        finally:
            for each in watchers:
                each.close()
    for way, worst in times.items():
        row("all", way, f"median {statistics.median(worst)}", f"worst {max(worst)}")


def soak(options):
    """Ten nodes and ten agents of Serf in one cluster, left to themselves: whoever is declared failed is so falsely."""
    require("serf")
    minutes = options.minutes
    row("minute", "members alive, by a node", "members alive, by an agent", "declared failed so far")
    row("--:", "--:", "--:", "--:")
    with Lab(hosts=20, nodes=10) as lab:
        key = (lab.folder / "cluster.key").read_text().strip()
        agents, watchers = [], []
        try:
            for host in range(11, 21):
                agents.append(subprocess.Popen(
                    command(lab, "exec", host, "serf", "agent", f"-node=agent-{host}", f"-bind={lab.subnet}.{host}",
                            "-rpc-addr=127.0.0.1:7373", f"-encrypt={key}", f"-join={lab.subnet}.{1 + host % 10}"),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            await_all(lab, 21)
            watchers = [Watcher(lab, host) for host in range(1, 11)]
            failed = 0
            for minute in range(1, minutes + 1):
                time.sleep(60)
                for each in watchers:
                    while not each.changes.empty():
                        _, change, name = each.changes.get()
                        failed += change == "failed"
                        if change == "failed":
                            row(minute, "", "", f"{name} failed")
                row(minute, alive_by_node(lab), alive_by_agent(lab), failed)
        finally:
            for each in watchers:
                each.close()
            for each in agents:
                each.terminate()
            for each in agents:
                each.wait()


def await_all(lab, count, limit=120):
    deadline = time.monotonic() + limit
    while (alive_by_node(lab), alive_by_agent(lab)) != (count, count):
        if time.monotonic() > deadline:
            raise Missing(f"not all {count} members see each other: {alive_by_node(lab)}, {alive_by_agent(lab)}")
        time.sleep(0.5)


def alive_by_node(lab):
    return sum(member["status"] == "alive" for member in json.loads(lab("exec", 1, IGROPYR, "members", "--json")))


def alive_by_agent(lab):
    try:
        members = json.loads(lab("exec", 11, "serf", "members", "-format=json"))["members"]
    except Missing:
        return 0  # It has only just been started.
    return sum(member["status"] == "alive" for member in members)
