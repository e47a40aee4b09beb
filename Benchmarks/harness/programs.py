"""Processes under measurement: where they are found, how they are started, bound to a processor and ended."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "Benchmarks"
IGROPYR = os.environ.get("IGROPYR_BIN", str(REPOSITORY / ".build/release/igropyr"))
HELLO = os.environ.get("HELLO_BIN", str(REPOSITORY / ".build/release/Hello"))

#: What is measured has a processor to itself; load generator and upstream share the other.
SERVER_CORE, LOAD_CORE = 0, 1
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """Something that a measurement needs is not here."""


def build(product, package=FOLDER):
    """The path of a program of this folder's own package, or of a rival's."""
    require("swift")
    command = ["swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", package, "--product", product]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        raise Missing(f"{product} cannot be built: {(result.stdout + result.stderr).strip()[-1000:]}")
    return package / ".build/release" / product


def compile_c(name, folder, *flags):
    """The path of a program of rivals/, compiled into that folder."""
    program = folder / name
    result = subprocess.run(["cc", "-O2", "-o", program, FOLDER / f"rivals/{name}.c", *flags], capture_output=True, text=True)
    if result.returncode != 0:
        raise Missing(f"{name}.c cannot be compiled: {result.stderr.strip()[-1000:]}")
    return program


def on_load_core(program, *arguments):
    """What a program of rivals/ prints: numbers."""
    command = ["taskset", "--cpu-list", LOAD_CORE, program, *arguments]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if result.returncode != 0:
        raise Missing(f"{program.name} met failures: {result.stderr.strip()}")
    return [float(field) for field in result.stdout.split("\t")]


def require(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"no {program} here: cluster/setup --bench --test installs the tools, cluster/build makes the rest")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens on a loopback port or a Unix socket, and its children; lives as long as the `with` statement."""

    def __init__(self, name, port, command, core=SERVER_CORE, environment=None):
        self.name, self.port = name, port
        self.command = ["taskset", "--cpu-list", str(core), *map(str, command)]
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                connect(self.port).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.__exit__()
        self.log.seek(0)
        raise Missing(f"{self.name} does not listen: {self.log.read().decode(errors='replace')[-500:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processor_seconds(self):
        """User and system time of the process and its descendants, all threads."""
        return sum(processor_seconds(pid) for pid in family(self.process.pid))


def connect(port):
    if not isinstance(port, pathlib.Path):
        return socket.create_connection(("127.0.0.1", port), timeout=1)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(1)
    connection.connect(str(port))
    return connection


def family(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in family(int(child)))]


def stat_fields(pid):
    """From the third field of proc_pid_stat(5) on: the second is a name, which may hold anything."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def processor_seconds(pid):
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def started_at(pid):
    """Seconds on CLOCK_BOOTTIME, in steps of a clock tick."""
    return int(stat_fields(pid)[19]) / CLOCK_TICKS


def memory_bytes(pid, kind):
    """What proc_pid_smaps_rollup(5) has under names that begin so: Rss, Private_."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))
