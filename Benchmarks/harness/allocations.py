"""How often a request asks for memory: counted by rivals/allocations.c, not guessed."""
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from .http import constant
from .programs import LOAD_CORE, Missing, compile_c, require
from .tables import row

REQUESTS = 100_000


def measure(_):
    """Of an application that has served some already, over eight connections that stay open."""
    require("h2load", "taskset", "cc")
    row("handler", f"allocations in {REQUESTS} requests", "per request")
    row("---", "--:", "--:")
    with tempfile.TemporaryDirectory() as folder:
        library = compile_c("allocations", pathlib.Path(folder), "-shared", "-fPIC")
        with constant(environment={"LD_PRELOAD": str(library)}) as ours:
            for name, path in (("sync", "/"), ("async", "/async")):
                load(ours, path, 10_000)
                before = counted(ours)
                load(ours, path, REQUESTS)
                count = counted(ours) - before
                row(name, count, f"{count / REQUESTS:.3f}")


def load(server, path, requests):
    command = ["taskset", "--cpu-list", LOAD_CORE, "h2load", "--h1", "-t1", "-c8", f"-n{requests}"]
    command.append(f"http://127.0.0.1:{server.port}{path}")
    text = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout
    if f" {requests} succeeded" not in text:
        raise Missing(f"h2load met failures:\n{text}")


def counted(server):
    """What the process says when it is asked."""
    start = server.log.seek(0, 2)
    server.process.send_signal(signal.SIGRTMIN)
    for _ in range(100):
        server.log.seek(start)
        found = re.search(rb"allocations (\d+)\n", server.log.read())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise Missing("the server does not say how much it has allocated")
