"""What a message from worker to worker costs the nodes that pass it on, beside Redis."""
import pathlib
import re
import statistics
import subprocess
import tempfile

from .cluster import Lab
from .programs import SERVER_CORE, LOAD_CORE, Missing, Server, free_port, processor_seconds, require
from .tables import row

TALKERS, TEXT = 16, "x" * 100
SCRIPT = """wrk.method = "POST"
wrk.body = '{"topic":"news","text":"%s"}'
wrk.headers["Igropyr-Listener"] = "talker"
""" % TEXT


def measure(options):
    """Sixteen talkers say a hundred bytes again and again, each when its last message was taken; so many listen."""
    require("wrk", "curl", "redis-server", "redis-cli", "redis-benchmark", "taskset")
    rows = {}
    with Lab(hosts=2, nodes=2) as lab, redis() as server:
        for _ in range(options.rounds):
            for listeners in (1, 10):
                of = "1 listener" if listeners == 1 else f"{listeners} listeners"
                rows.setdefault(f"Igropyr, one node, {of}", []).append(talk(lab, options, 1, listeners))
                rows.setdefault(f"Igropyr, two nodes, {of} at the other", []).append(talk(lab, options, 2, listeners))
                rows.setdefault(f"Redis, {of}", []).append(publish(server, options, listeners))
    row("through", "messages/s", "µs processor time per message", "heard")
    row("---", "--:", "--:", "--:")
    for name, results in rows.items():
        rates, costs, heard = zip(*results)
        row(name, f"{statistics.median(rates):.0f}", f"{statistics.median(costs):.1f}", f"{100 * min(heard):.1f} %")


def talk(lab, options, host, listeners):
    """At host 1, heard at `host`."""
    script = lab.folder / "talk.lua"
    script.write_text(SCRIPT)
    ears = [Ear(lab_words(lab, host), ["curl", "--silent", "--no-buffer", url(lab, host)], '"text"') for _ in range(listeners)]
    for ear in ears:
        ear.await_line()
    nodes = {lab.pid(1), lab.pid(host)}
    before = sum(map(processor_seconds, nodes))
    text = subprocess.run(
        ["taskset", "--cpu-list", str(LOAD_CORE), *lab_words(lab, 1), "wrk", "--threads", "1", "--connections", str(TALKERS),
         "--duration", f"{options.seconds}s", "--script", script, url(lab, 1)], capture_output=True, text=True, check=True).stdout
    spent = sum(map(processor_seconds, nodes)) - before
    count, rate = int(re.search(r"(\d+) requests in", text)[1]), float(re.search(r"Requests/sec: *([\d.]+)", text)[1])
    if refused := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
        raise Missing(f"{refused[1]} of {count} messages were refused")
    return rate, 1e6 * spent / count, sum(ear.end() for ear in ears) / listeners / count


def publish(server, options, listeners):
    port = str(server.port)
    ears = [Ear([], ["redis-cli", "-p", port, "subscribe", "news"], "x" * 100) for _ in range(listeners)]
    for ear in ears:
        ear.await_line()
    before, count = server.processor_seconds(), 40_000 * options.seconds
    text = subprocess.run(
        ["taskset", "--cpu-list", str(LOAD_CORE), "redis-benchmark", "-p", port, "-c", str(TALKERS), "-n", str(count), "--csv",
         "publish", "news", TEXT], capture_output=True, text=True, check=True).stdout
    spent = server.processor_seconds() - before
    rate = float(text.strip().splitlines()[-1].split(",")[1].strip('"'))
    return rate, 1e6 * spent / count, sum(ear.end() for ear in ears) / listeners / count


class Ear:
    """A program that listens, and how many lines with such a text it prints."""

    def __init__(self, place, command, text):
        self.log, self.text = tempfile.NamedTemporaryFile(), text.encode()
        self.process = subprocess.Popen([*place, "taskset", "--cpu-list", str(LOAD_CORE), *command], stdout=self.log)

    def await_line(self):
        while not pathlib.Path(self.log.name).stat().st_size:
            if self.process.poll() is not None:
                raise Missing("a listener ended at once")

    def end(self):
        """When nothing has come for a while."""
        size = -1
        while size != (size := pathlib.Path(self.log.name).read_bytes().count(self.text)):
            try:
                self.process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                pass
        self.process.terminate()
        self.process.wait()
        return size


def redis():
    port = free_port()
    return Server("Redis", port, ["redis-server", "--port", port, "--save", "", "--appendonly", "no"], SERVER_CORE)


def lab_words(lab, host):
    return ["ip", "netns", "exec", f"igropyr-{lab.name}-{host}"]


def url(lab, host):
    """Where the worker there talks to others."""
    pids = subprocess.run(["ip", "netns", "pids", f"igropyr-{lab.name}-{host}"], capture_output=True, text=True).stdout
    for pid in pids.split():
        for variable in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"IGROPYR_TOPICS="):
                return variable.split(b"=", 1)[1].decode()
    raise Missing(f"host {host} has no worker")
