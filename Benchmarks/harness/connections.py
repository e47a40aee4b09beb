"""What many connections cost: those that come at once, and those that rest."""
import pathlib
import resource
import socket
import statistics
import subprocess
import tempfile

from . import rivals
from .http import BODY, constant
from .programs import LOAD_CORE, SERVER_CORE, Missing, compile_c, family, free_port, memory_bytes, require
from .tables import row

STORM, RESTING = 8000, 4000
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def storm(options):
    """Each round anew: all connect before the first is answered; rivals/storm.c waits for a byte on each."""
    require("nginx", "taskset", "cc")
    allow_descriptors(STORM)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program = compile_c("storm", folder)
        results = {}
        for _ in range(options.rounds):
            nginx = rivals.nginx_hello(folder, free_port(), BODY, SERVER_CORE)
            for server in (constant(), nginx):
                with server:
                    command = ["taskset", "--cpu-list", LOAD_CORE, program, server.port, STORM]
                    text = subprocess.run([*map(str, command)], capture_output=True, text=True).stdout
                answered, longest = text.split("\t")
                results.setdefault(server.name, []).append((STORM - int(answered), float(longest)))
    row("server", f"of {STORM} not answered, all rounds", "slowest first byte, ms: median", "worst")
    row("---", "--:", "--:", "--:")
    for name, rounds in results.items():
        lost, longest = zip(*rounds)
        row(name, sum(lost), f"{statistics.median(longest):.0f}", f"{max(longest):.0f}")


def idle(options):
    """Applications beside others."""
    require("nginx", "node")
    allow_descriptors(RESTING)
    with tempfile.TemporaryDirectory() as folder:
        with (
            constant() as ours,
            rivals.nginx_hello(pathlib.Path(folder), free_port(), BODY, SERVER_CORE) as nginx,
            rivals.node(SERVER_CORE) as node,
            rivals.hummingbird(SERVER_CORE) as hummingbird,
        ):
            compare_resting([ours, nginx, node, hummingbird])


def compare_resting(servers):
    """Private memory per connection that was answered once and rests; the first hundred are the server's warming up."""
    row("server", f"private bytes per connection of {RESTING}")
    row("---", "--:")
    for server in servers:
        resting = [answered(server.port) for _ in range(100)]
        before = private_bytes(server)
        resting += [answered(server.port) for _ in range(RESTING)]
        row(server.name, round((private_bytes(server) - before) / RESTING))
        for connection in resting:
            connection.close()


def answered(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(REQUEST)
    if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
        raise Missing(f"no answer on port {port}")
    return connection


def private_bytes(server):
    """Of the process and its descendants: what no other process shares."""
    return sum(memory_bytes(pid, "Private_") for pid in family(server.process.pid))


def allow_descriptors(count):
    """For this process and what it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < count + 200:
        raise Missing(f"this measurement needs {count + 200} file descriptors, the limit is {most}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, most))
