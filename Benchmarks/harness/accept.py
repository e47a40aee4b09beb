"""Connections that wait in a backlog, taken in four ways: Benchmarks/Sources/AcceptStorm."""
import statistics
import subprocess

from .programs import SERVER_CORE, build, require
from .tables import row

COUNT = 4000
WAYS = {
    "listen": "`uv_listen` of the libuv that is here",
    "one": "one `accept4` per event: `uv_listen` from libuv 1.45 on",
    "poll": "`accept4` until the backlog is empty",
    "igropyr": "`TCPListener`: the same, and a `TCPStream` made",
}


def measure(options):
    require("taskset")
    program = build("AcceptStorm")
    results = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            command = ["taskset", "--cpu-list", str(SERVER_CORE), str(program), way, str(COUNT)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[way].append([float(field) for field in text.split("\t")[2:]])
    row("way", "µs per connection", "µs processor time", f"turns of the loop for {COUNT}")
    row("---", "--:", "--:", "--:")
    for way, title in WAYS.items():
        wall, processor, turns = (statistics.median(column) for column in zip(*results[way]))
        row(title, f"{wall:.2f}", f"{processor:.2f}", f"{turns:.0f}" if turns else "–")
