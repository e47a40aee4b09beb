"""What a node costs its host while nothing happens in a large cluster: one real node, the other hosts simulated."""
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

from .programs import IGROPYR, LOAD_CORE, SERVER_CORE, Missing, build, compile_c, memory_bytes, processor_seconds, require
from .tables import row

HOSTS, APPLICATIONS, SPAN, SPANS = 100, 20, 30, 6
NETWORK = "127.90.0"


def measure(options):
    """The node runs a worker of each application, which does nothing; the others say that they do. Then all of it rests."""
    require("cc", "taskset", IGROPYR)
    hosts = build("SimulatedHosts")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        key = folder / "cluster.key"
        key.write_bytes(subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout)
        key.chmod(0o600)
        worker = compile_c("resting_worker", folder)
        access = ["--node", f"{NETWORK}.1", "--key-file", key]
        node = start(SERVER_CORE, folder / "node.log", IGROPYR, "node", "--bind", f"{NETWORK}.1", "--name", "host-1",
                     "--data", folder / "data", "--key-file", key)
        others = start(LOAD_CORE, folder / "hosts.log", hosts, key, f"{NETWORK}.1", NETWORK, 2, HOSTS, APPLICATIONS)
        try:
            await_true("all hosts know each other", lambda: alive(access) == HOSTS)
            for number in range(1, APPLICATIONS + 1):
                await_true(f"application {number} is deployed", lambda: deploy(worker, number, access))
            await_true("all workers are ready", lambda: ready(access) == HOSTS * APPLICATIONS)
            time.sleep(SPAN)  # What is still to be told is told.
            shares = [share(node, SPAN) for _ in range(SPANS)]
            memory = [memory_bytes(node.pid, kind) / (1 << 20) for kind in ("Rss:", "Private_")]
            peak = peak_bytes(node.pid) / (1 << 20)
        finally:
            for process in (others, node):
                process.terminate()
                process.wait()
    row(f"a node of {HOSTS} with {APPLICATIONS} workers each", "", "bar")
    row("---", "--:", "--:")
    row("processor time at rest, % of a core, median", f"{statistics.median(shares):.2f}", "2")
    row(f"the same in the worst of {SPANS} spans of {SPAN} s", f"{max(shares):.2f}", "2")
    row("memory, MB", f"{memory[0]:.1f}", "64")
    row("of it private, MB", f"{memory[1]:.1f}", "")
    row("most that it ever was, MB", f"{peak:.1f}", "")


def share(process, seconds):
    """Of a core that the process takes, in percent."""
    before = processor_seconds(process.pid)
    time.sleep(seconds)
    return (processor_seconds(process.pid) - before) / seconds * 100


def peak_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise Missing(f"process {pid} has ended")


def start(core, log, *command):
    with open(log, "wb") as file:
        return subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *map(str, command)], stdin=subprocess.DEVNULL, stdout=file, stderr=file)


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
