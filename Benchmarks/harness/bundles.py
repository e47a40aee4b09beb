"""What bundles cost: bytes for a change, seconds for a fresh host, and ten hosts beside one on a slow uplink."""
import json
import os
import random
import statistics
import subprocess
import time

from .cluster import Lab
from .programs import HELLO, IGROPYR, REPOSITORY, Missing, require, started_at
from .tables import row

RATE, BUNDLE_BYTES = "12mbit", 50_000_000


class BundleLab(Lab):
    """Nodes 1 to `nodes` of `hosts`, and a balancer; nothing deployed yet."""

    def __enter__(self):
        try:
            require("ip", "tc", "strip")
            self("--subnet", self.subnet, "network", self.hosts, "--balancer")
            key = subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout
            (self.folder / "cluster.key").write_bytes(key)
            (self.folder / "cluster.key").chmod(0o600)
            for host in [*range(1, self.nodes + 1), "balancer"]:
                self("start", host)
            return self
        except BaseException:
            self.__exit__()
            raise

    def program(self, size, change=0):
        """Hello with so many bytes behind it, which it does not mind; `change` bytes in the middle are others."""
        path, noise = self.folder / "hello", random.Random(1)
        subprocess.run(["strip", "-o", path, HELLO], check=True)  # With symbols it is larger than the whole is to be.
        padding = bytearray(noise.randbytes(size - path.stat().st_size))
        middle = len(padding) // 2
        padding[middle:middle + change] = random.Random(2).randbytes(change)
        with open(path, "ab") as program:
            program.write(padding)
        path.chmod(0o755)
        return path

    def deploy(self, program, wait=300):
        """Returns the seconds that it took."""
        start = time.monotonic()
        self("exec", 1, IGROPYR, "deploy", program, "--name", "hello", "--node", f"{self.subnet}.1", "--key-file",
             self.folder / "cluster.key", "--wait", wait)
        return time.monotonic() - start

    def received(self, host):
        return int(self("exec", host, "cat", "/sys/class/net/eth0/statistics/rx_bytes"))

    def holders(self):
        report = json.loads(self("exec", 1, IGROPYR, "status", "--json", "--node", f"{self.subnet}.1", "--key-file",
                                 self.folder / "cluster.key"))
        return sum(1 for host in report["hosts"] if host.get("bundles"))

    def limit_uplinks(self, rate):
        for host in range(1, self.nodes + 1):
            subprocess.run(["tc", "-n", f"igropyr-{self.name}-{host}", "qdisc", "replace", "dev", "eth0", "root", "tbf",
                            "rate", rate, "burst", "64kb", "latency", "400ms"], check=True)


def measure(options):
    change(options)
    fresh(options)
    swarm(options)


def change(_):
    """Ten hosts with a bundle of 100 MB, of which 1 MB changes."""
    row("100 MB on ten hosts, then 1 MB of it changed: MB received", "most of a host", "mean", "seconds")
    row("---", "--:", "--:", "--:")
    with BundleLab(hosts=10, nodes=10) as lab:
        for name, changed in [("the first time", 0), ("the change", 1_000_000)]:
            before = [lab.received(host) for host in range(1, 11)]
            seconds = lab.deploy(lab.program(100_000_000, changed))
            # The first host has the deployer on itself: what it is sent goes over loopback.
            received = [lab.received(host) - before[host - 1] for host in range(2, 11)]
            row(name, f"{max(received) / 1e6:.2f}", f"{statistics.mean(received) / 1e6:.2f}", f"{seconds:.1f}")


def fresh(options):
    """A host with an empty folder, then the same host again with all that it has."""
    times = {"empty folder": [], "bundle cached": []}
    row("round", "50 MB bundle", "seconds from process start to first response")
    row("--:", "---", "--:")
    with BundleLab(hosts=2 + options.rounds, nodes=2) as lab:
        lab.deploy(lab.program(50_000_000))
        for number in range(1, options.rounds + 1):
            for name, results in times.items():
                host = number + 2
                with subprocess.Popen(
                    [str(REPOSITORY / "cluster/lab"), "--name", lab.name, "start", str(host)],
                    env={**os.environ, "IGROPYR_BIN": IGROPYR}) as start:
                    answered = lab.await_answer(host)
                    if start.wait() != 0:
                        raise Missing(f"cluster/lab start {host} failed")
                results.append(answered - started_at(lab.pid(host)))
                row(number, name, f"{results[-1]:.2f}")
                lab("stop", host)
        for name, results in times.items():
            row("all", name, f"median {statistics.median(results):.2f}, worst {max(results):.2f}")


def swarm(_):
    """One holder; one host, then ten, fetch from it and from each other, each with the same uplink."""
    row(f"{BUNDLE_BYTES // 1_000_000} MB, uplinks of {RATE}", "seconds until all have it", "times one host")
    row("---", "--:", "--:")
    alone = None
    for hosts in (1, 10):
        with BundleLab(hosts=1 + hosts, nodes=1 + hosts) as lab:
            program = lab.program(BUNDLE_BYTES)
            lab.limit_uplinks(RATE)
            lab.deploy(program, wait=0)
            start = time.monotonic()
            while lab.holders() < 1 + hosts:
                if time.monotonic() - start > 300:
                    raise Missing(f"only {lab.holders()} hosts have the bundle, see {lab.folder}")
                time.sleep(0.1)
            seconds = time.monotonic() - start
            alone = alone or seconds
            row(f"{hosts} hosts", f"{seconds:.1f}", f"{seconds / alone:.2f}")
