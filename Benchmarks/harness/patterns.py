"""The first edition's `par`, beside regular expressions for the same. Benchmarks/Sources/PathPatterns."""
import statistics
import subprocess

from .programs import SERVER_CORE, build, require
from .tables import row


def measure(options):
    require("taskset")
    command = ["taskset", "--cpu-list", str(SERVER_CORE), str(build("PathPatterns"))]
    row("pattern", "path", "ns by PathPattern", "by Swift's Regex", "by Pattern")
    row("---", "---", "--:", "--:", "--:")
    rounds = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
              for _ in range(options.rounds)]
    for lines in zip(*rounds):
        pattern, path = lines[0].split("\t")[:2]
        times = zip(*(map(float, line.split("\t")[2:]) for line in lines))
        row(f"`{pattern}`", f"`{path}`", *(f"{statistics.median(values):.0f}" for values in times))
