"""What a node costs its host while nothing happens, in a large cluster: real nodes, all on this machine."""
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

from .programs import IGROPYR, Missing, compile_c, memory_bytes, processor_seconds, require
from .tables import row

HOSTS, APPLICATIONS, REST = 100, 20, 60


def measure(options):
    """Each host runs a worker of each application, which does nothing; then all of it rests."""
    require("cc", IGROPYR)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        key = folder / "cluster.key"
        key.write_bytes(subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout)
        key.chmod(0o600)
        worker = compile_c("resting_worker", folder)
        nodes = []
        try:
            for host in range(1, HOSTS + 1):
                nodes.append(start(folder, host, key))
            access = ["--node", address(1), "--key-file", key]
            await_true("all nodes know each other", lambda: alive(access) == HOSTS)
            for number in range(1, APPLICATIONS + 1):
                await_true(f"application {number} is deployed", lambda: deploy(worker, number, access))
                await_true("all its workers are ready", lambda: ready(access) == HOSTS * number)
            time.sleep(20)  # What is still to be told is told.
            before = [processor_seconds(node.pid) for node in nodes]
            time.sleep(REST)
            shares = [(processor_seconds(node.pid) - start) / REST * 100 for node, start in zip(nodes, before)]
            memory = [memory_bytes(node.pid, "Rss:") / (1 << 20) for node in nodes]
            own = [memory_bytes(node.pid, "Private_") / (1 << 20) for node in nodes]
        finally:
            for node in nodes:
                node.terminate()
            for node in nodes:
                node.wait()
    row(f"of {HOSTS} nodes with {APPLICATIONS} workers each", "median", "worst")
    row("---", "--:", "--:")
    for title, values in (
        ("processor time at rest, % of a core", shares), ("memory, MB", memory), ("of it private, MB", own),
    ):
        row(title, f"{statistics.median(values):.2f}", f"{max(values):.2f}")


def address(host):
    return f"127.90.0.{host}"


def start(folder, host, key):
    command = [IGROPYR, "node", "--bind", address(host), "--name", f"host-{host}", "--data", folder / f"data-{host}", "--key-file", key]
    if host > 1:
        command += ["--join", address(1)]
    with open(folder / f"log-{host}", "wb") as log:
        return subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def ask(command, *words, is_json=True):
    result = subprocess.run(
        [IGROPYR, command, *map(str, words), *(["--json"] if is_json else [])], capture_output=True, text=True)
    if result.returncode not in (0, 2):
        raise Missing(f"igropyr {command}: {result.stderr.strip()}")
    return json.loads(result.stdout) if is_json else None


def deploy(worker, number, access):
    ask("deploy", worker, "--name", f"app-{number}", "--path", f"/{number}", "--wait", 0, *access, is_json=False)
    return True


def alive(access):
    return len(ask("members", "--status", "alive", *access))


def ready(access):
    return sum(worker["state"] == "ready" for worker in ask("status", *access)["workers"])


def await_true(what, is_so, limit=600):
    """A command that fails, since a node is only starting, is tried again."""
    deadline, reason = time.monotonic() + limit, ""
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except Missing as missing:
            reason = f": {missing}"
        time.sleep(1)
    raise Missing(f"within {limit} s it has not come so far that {what}{reason}")
