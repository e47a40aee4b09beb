"""What a cluster of several hosts takes to change, in the network namespaces of cluster/lab."""
import os
import pathlib
import re
import statistics
import subprocess
import time
import urllib.request

from .programs import HELLO, IGROPYR, REPOSITORY, Missing, require, started_at
from .tables import row

RATE, CONNECTIONS = 500, 20


class Lab:
    """Hosts 1 to `hosts` with a balancer, Hello deployed on the first `nodes` of them; removed in the end."""

    def __init__(self, hosts, nodes):
        require("ip", "h2load", IGROPYR, HELLO)
        self.name, self.hosts, self.nodes = f"b{os.getpid()}", hosts, nodes
        self.subnet = f"10.125.{os.getpid() % 250}"
        self.folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"igropyr-lab-{self.name}"
        self.entrance = f"http://{self.subnet}.253:8080"

    def __enter__(self):
        try:
            self("--subnet", self.subnet, "network", self.hosts, "--balancer")
            key = subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout
            (self.folder / "cluster.key").write_bytes(key)
            (self.folder / "cluster.key").chmod(0o600)
            for host in [*range(1, self.nodes + 1), "balancer"]:
                self("start", host)
            self("exec", 1, IGROPYR, "deploy", HELLO, "--name", "hello", "--node", f"{self.subnet}.1", "--key-file",
                 self.folder / "cluster.key")
            for host in range(1, self.nodes + 1):
                self.await_answer(host)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self("down")

    def __call__(self, *command):
        words = [str(REPOSITORY / "cluster/lab"), "--name", self.name, *map(str, command)]
        result = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "IGROPYR_BIN": IGROPYR})
        if result.returncode != 0:
            raise Missing(f"{' '.join(words)}: {result.stderr.strip()}")
        return result.stdout

    def await_answer(self, host, limit=60):
        """Asks for one path after another until the host's worker answers; when that was, on CLOCK_BOOTTIME."""
        deadline, number = time.monotonic() + limit, 0
        while time.monotonic() < deadline:
            number += 1
            try:
                with urllib.request.urlopen(f"{self.entrance}/probe/{number}", timeout=5) as response:
                    if re.search(rb"\bhost-%d\b" % host, response.read()):
                        return time.clock_gettime(time.CLOCK_BOOTTIME)
            except OSError:
                time.sleep(0.005)
        raise Missing(f"host {host} answers nothing within {limit} s, see {self.folder}/{host}/log")

    def pid(self, host):
        return int((self.folder / str(host) / "pid").read_text())


def join(options):
    """Each round a host more, from two on: all have different names and empty data folders."""
    times = []
    row("round", "hosts before", "seconds from process start to first response")
    row("--:", "--:", "--:")
    with Lab(hosts=2 + options.rounds, nodes=2) as lab:
        for number in range(1, options.rounds + 1):
            host = number + 2
            with subprocess.Popen(
                [str(REPOSITORY / "cluster/lab"), "--name", lab.name, "start", str(host)],
                env={**os.environ, "IGROPYR_BIN": IGROPYR}) as start:
                answered = lab.await_answer(host)
                if start.wait() != 0:
                    raise Missing(f"cluster/lab start {host} failed")
            times.append(answered - started_at(lab.pid(host)))
            row(number, host - 1, f"{times[-1]:.2f}")
    row("median", "", f"{statistics.median(times):.2f}")
    row("worst", "", f"{max(times):.2f}")


def failover(options):
    """Three hosts; the third is lost two seconds into ten seconds of load, and comes back for the next round."""
    ways = {"killed (`kill -9` of all its processes)": (["kill"], "start"), "cut off (no packet leaves it)": (["loss", "100"], "0")}
    row("round", "host 3", "requests", "lost", "longest wait, ms", "99.9 %, ms")
    row("--:", "---", "--:", "--:", "--:", "--:")
    with Lab(hosts=3, nodes=3) as lab:
        summaries = {way: [] for way in ways}
        for number in range(1, options.rounds + 1):
            for way, (fault, cure) in ways.items():
                summary = lose_host(lab, fault)
                summaries[way].append(summary)
                row(number, way, *summary)
                lab(*(["start", 3] if cure == "start" else ["loss", 3, cure]))
                lab.await_answer(3, limit=120)
        for way, results in summaries.items():
            requests, lost, longest, most = zip(*results)
            row("all", way, sum(requests), sum(lost), f"median {statistics.median(longest)}, worst {max(longest)}",
                f"median {statistics.median(most)}")


def lose_host(lab, fault, seconds=10):
    total, uris, log = RATE * seconds, lab.folder / "uris", lab.folder / "load.tsv"
    uris.write_text("".join(f"{lab.entrance}/path/{number}\n" for number in range(400)))
    log.unlink(missing_ok=True)
    with subprocess.Popen(
        ["h2load", "--h1", "-i", uris, "-c", str(CONNECTIONS), "-n", str(total), "--rps", str(RATE // CONNECTIONS),
         f"--log-file={log}"], stdout=subprocess.PIPE, text=True) as load:
        while not log.exists() or log.stat().st_size < 2 * RATE * 20:
            if load.poll() is not None:
                raise Missing("h2load ended at once")
            time.sleep(0.01)
        lab(fault[0], 3, *fault[1:])
        text = load.communicate(timeout=120)[0]
    counts = re.search(r"requests: (\d+) total, .* (\d+) succeeded", text)
    if counts is None:
        raise Missing(f"h2load said nothing: {text}")
    waits = sorted(int(line.split("\t")[2]) / 1000 for line in log.read_text().splitlines())
    return int(counts[1]), int(counts[1]) - int(counts[2]), round(waits[-1]), round(waits[int(len(waits) * 0.999)])
