"""Tables that give keys to members: what they cost and how even they are. Benchmarks/Sources/KeyTables."""
import statistics
import subprocess

from .programs import SERVER_CORE, build, require
from .tables import row

KINDS = ("rendezvous", "maglev", "ketama")
COUNTS = (10, 100, 1000)


def measure(options):
    require("taskset")
    program = build("KeyTables")
    row("table", "members", "ms from nothing", "one leaves", "one joins", "a weight changes", "ns per lookup",
        "busiest / mean", "keys of the leaver, of 1000", "moved between others")
    row("---", *["--:"] * 9)
    for kind in KINDS:
        for count in COUNTS:
            row(kind, count, *cells(program, kind, count, options.rounds))


def cells(program, kind, count, rounds):
    command = ["taskset", "--cpu-list", str(SERVER_CORE), str(program), kind, str(count)]
    texts = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(rounds)]
    columns = zip(*([float(field) for field in text.split("\t")[2:]] for text in texts))
    *milliseconds, lookup, busiest, left, moved = map(statistics.median, columns)
    return (*(f"{value:.1f}" for value in milliseconds), f"{lookup:.1f}", f"{busiest:.3f}",
            f"{left / 1000:.1f}", f"{moved / 1000:.2f}" if moved else "0")
