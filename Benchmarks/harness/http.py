"""Throughput and processor time per request, by wrk over connections that stay open."""
import pathlib
import re
import statistics
import subprocess
import tempfile
import urllib.request

from . import rivals
from .programs import IGROPYR, LOAD_CORE, SERVER_CORE, Missing, Server, build, free_port, require
from .tables import row

CONNECTIONS = 64


def hello(options):
    """An application on the Igropyr library beside nginx; both answer with the same body."""
    require("nginx", "wrk", "taskset")
    program = build("Constant")
    with tempfile.TemporaryDirectory() as folder:
        folder, ports = pathlib.Path(folder), [free_port(), free_port()]
        ours = Server("Igropyr", ports[0], [program], environment={"PORT": str(ports[0])})
        with ours:
            body = get(ports[0]).decode().strip()
            with rivals.nginx_hello(folder, ports[1], body + "\\n", SERVER_CORE) as nginx:
                compare([ours, nginx], options)


def proxy(options):
    """The balancer beside nginx and HAProxy, before one nginx that has nothing to do."""
    require("nginx", "haproxy", "wrk", "taskset", IGROPYR)
    with tempfile.TemporaryDirectory() as folder:
        folder, upstream = pathlib.Path(folder), free_port()
        with rivals.nginx_hello(folder, upstream, "Hello, world\\n", LOAD_CORE, name="upstream"):
            ports = [free_port() for _ in range(3)]
            command = [IGROPYR, "balancer", "--loops", 1, "--listen", f"127.0.0.1:{ports[0]}", "--upstream", f"127.0.0.1:{upstream}"]
            with (
                Server("Igropyr", ports[0], command) as ours,
                rivals.nginx_proxy(folder, ports[1], upstream, SERVER_CORE) as nginx,
                rivals.haproxy(folder, ports[2], upstream, SERVER_CORE) as haproxy,
            ):
                compare([ours, nginx, haproxy], options)


def compare(servers, options):
    """Interleaved rounds, so that what else happens on this machine meets all alike; ratios are of the same round."""
    row("round", "server", "requests/s", "µs processor time per request")
    row("--:", "---", "--:", "--:")
    rounds = []
    for number in range(1, options.rounds + 1):
        results = {server.name: load(server, options.seconds) for server in servers}
        for name, (rate, cost) in results.items():
            row(number, name, f"{rate:.0f}", f"{cost:.2f}")
        rounds.append(results)
    print()
    row("server", "requests/s", "µs processor time per request", "Igropyr's processor time to its")
    row("---", "--:", "--:", "--:")
    for name in (server.name for server in servers):
        rate = statistics.median(results[name][0] for results in rounds)
        cost = statistics.median(results[name][1] for results in rounds)
        ratio = statistics.median(results["Igropyr"][1] / results[name][1] for results in rounds)
        row(name, f"{rate:.0f}", f"{cost:.2f}", f"{ratio:.2f}")


def load(server, seconds):
    wrk(server.port, 1)
    before = server.processor_seconds()
    requests, duration = wrk(server.port, seconds)
    return requests / duration, (server.processor_seconds() - before) / requests * 1e6


def wrk(port, seconds):
    """Requests answered, and in how many seconds. One that fails makes the measurement worthless."""
    command = ["taskset", "--cpu-list", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    text = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        raise Missing(f"wrk met failures on port {port}:\n{text}")
    return int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1)


def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
        return response.read()
