"""The balancer beside nginx and HAProxy: each has a core and one thread, and sends by consistent hash to the same workers."""
import contextlib
import pathlib
import random
import re
import statistics
import tempfile
import urllib.request

from . import rivals
from .connections import RESTING, allow_descriptors, compare_resting
from .http import BODY, CONNECTIONS, Subject, certificate, compare, wrk
from .programs import IGROPYR, LOAD_CORE, SERVER_CORE, Missing, Server, compile_c, free_port, on_load_core, require
from .tables import row

WORKERS, PATHS = 3, 1000
CONFIGURATION = """
listen: {{address: "127.0.0.1:{port}"{tls}}}
loops: 1
applications: {{work: {{upstreams: [{workers}], hash: path}}}}
default: work
limits: {{connections: 8192, idle-timeout: 75s, requests-per-connection: 100000000}}
"""
TLS = ', tls: {{certificate: "{}", key: "{}"}}'

#: Of hot(): workers that take 10 ms for a request and up to 32 at a time, under the half of what they can do.
SLOW_WORKERS, MICROSECONDS, SLOTS, BOUND = 4, 10_000, 32, 1.25
SLOW_RATE = SLOW_WORKERS * SLOTS * 1_000_000 // MICROSECONDS // 2


def get(options):
    """A short answer, of many paths."""
    with workers() as (folder, ports, _), balancers(folder, ports) as servers:
        compare([Subject(server.name, server, paths=PATHS) for server in servers], options)


def bodies(options):
    """Requests of 1 KB, then large responses; the largest over few connections, so that those cut off at the end weigh little."""
    with workers() as (folder, ports, _), balancers(folder, ports) as servers:
        for title, path, body, connections in (
            ("POST of 1 KB", "/", 1024, CONNECTIONS),
            ("100 KB", "/100KB/", 0, CONNECTIONS),
            ("10 MB", "/10MB/", 0, 8),
        ):
            print(f"\n#### {title}\n", flush=True)
            compare([Subject(server.name, server, path, PATHS, body, connections) for server in servers], options)


def tls(options):
    """By TLS 1.3 to the balancer, which goes on without: HTTP/1.1, then eight streams on each of eight connections of HTTP/2."""
    require("openssl", "h2load")
    with workers() as (folder, ports, _), balancers(folder, ports, certificate(folder)) as servers:
        for title, streams in (("HTTP/1.1", 0), ("HTTP/2", 8)):
            print(f"\n#### {title}\n", flush=True)
            compare([Subject(server.name, server, paths=PATHS, streams=streams, scheme="https") for server in servers], options)


def websocket(options):
    """64 connections, on each of which a message of 64 bytes goes to and fro; a request is such a message."""
    require("cc")
    with tempfile.TemporaryDirectory() as folder:
        folder, port = pathlib.Path(folder), free_port()
        program = compile_c("websocket", folder)

        def echo(subject, seconds):
            count, duration = on_load_core(program, "load", subject.server.port, CONNECTIONS, seconds)
            return int(count), duration

        with (
            Server("echo", port, [program, "serve", port], LOAD_CORE),
            balancers(folder, [port], upgrades=True) as servers,
        ):
            compare([Subject(server.name, server, generator=echo) for server in servers], options)


def latency(options):
    """GETs at moments that no answer decides on, half as many as Igropyr can take; what is more than without a balancer."""
    with workers() as (folder, ports, _), balancers(folder, ports) as servers:
        program = compile_c("paced", folder, "-lm")
        wrk(Subject("", servers[0], paths=PATHS), 1)
        requests, duration = wrk(Subject("", servers[0], paths=PATHS), options.seconds)
        rate = int(requests / duration / 2)
        print(f"{rate} requests a second\n")
        waits = {"none": [], **{server.name: [] for server in servers}}
        for _ in range(options.rounds):
            for name, port in (("none", ports[0]), *((server.name, server.port) for server in servers)):
                on_load_core(program, port, CONNECTIONS, rate, 1, 0)
                waits[name].append(on_load_core(program, port, CONNECTIONS, rate, options.seconds, 0))
    row("balancer", "p50, µs", "p99", "p50 added", "p99 added")
    row("---", "--:", "--:", "--:", "--:")
    for name, rounds in waits.items():
        added = [[wait - least for wait, least in zip(*pair)] for pair in zip(rounds, waits["none"])]
        row(name, *(f"{statistics.median(column):.0f}" for column in (*zip(*rounds), *zip(*added))))


def reuse(options):
    """Connections that balancers opened to workers: for clients that stay, and for those that come for a request each."""
    row("balancer", "clients' connections", "requests", "connections to workers", "requests by one that was there")
    row("---", "---", "--:", "--:", "--:")
    with workers() as (folder, ports, status):
        for title, closes in (("stay", False), ("one for each request", True)):
            with balancers(folder, ports) as servers:
                for server in servers:
                    subject = Subject(server.name, server, paths=PATHS, closes=closes)
                    wrk(subject, 1)
                    opened, answered = counted(status)
                    wrk(subject, options.seconds)
                    opened, answered = (now - before for now, before in zip(counted(status), (opened, answered)))
                    opened, answered = opened - 1, answered - 1  # This question's own.
                    row(server.name, title, answered, opened, f"{1 - opened / answered:.4%}")


def hot(options):
    """Half of all requests for one key: what the busiest worker gets of it, and what the requests for other keys notice."""
    require("nginx", "haproxy", "cc", "taskset", IGROPYR)
    shares, waits = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        folder, ports = pathlib.Path(folder), [free_port() for _ in range(SLOW_WORKERS)]
        paced = compile_c("paced", folder, "-lm")
        command = [compile_c("workers", folder), MICROSECONDS, SLOTS, *ports]
        with Server("workers", ports[0], command, LOAD_CORE), balancers(folder, ports, bound=BOUND) as servers:
            for server in servers * options.rounds:
                for percent in (0, 50):
                    on_load_core(paced, server.port, 1024, SLOW_RATE, 1, percent)
                    before = answered_by_each(ports[0])
                    wait = on_load_core(paced, server.port, 1024, SLOW_RATE, options.seconds, percent)
                    counts = [now - then for now, then in zip(answered_by_each(ports[0]), before)]
                    waits.setdefault((server.name, percent), []).append(wait[1])
                    shares.setdefault((server.name, percent), []).append(max(counts) / statistics.mean(counts))
    row("balancer", "busiest / mean", "with the hot key", "others' p99, ms", "with the hot key", "ratio")
    row("---", "--:", "--:", "--:", "--:", "--:")
    for name in (server.name for server in servers):
        busiest = (statistics.median(shares[name, percent]) for percent in (0, 50))
        slowest = (statistics.median(waits[name, percent]) / 1000 for percent in (0, 50))
        ratio = statistics.median(hot / even for even, hot in zip(waits[name, 0], waits[name, 50]))
        row(name, *(f"{share:.2f}" for share in busiest), *(f"{wait:.1f}" for wait in slowest), f"{ratio:.2f}")


def idle(options):
    """A client's connection that rests."""
    allow_descriptors(RESTING)
    with workers() as (folder, ports, _), balancers(folder, ports) as servers:
        compare_resting(servers)


@contextlib.contextmanager
def workers():
    """A folder, the ports of the workers, which one nginx is, and the port at which it says what it has counted."""
    require("nginx", "haproxy", "wrk", "taskset", IGROPYR)
    with tempfile.TemporaryDirectory() as folder:
        folder, ports, status = pathlib.Path(folder), [free_port() for _ in range(WORKERS)], free_port()
        folder.chmod(0o755)  # nginx's worker is another user.
        site = folder / "site"
        site.mkdir()
        for name, size in (("100KB", 100 << 10), ("10MB", 10 << 20)):
            (site / name).write_bytes(random.Random(size).randbytes(size))
        with rivals.nginx_workers(folder, ports, status, BODY, site, LOAD_CORE):
            yield folder, ports, status


@contextlib.contextmanager
def balancers(folder, ports, tls=None, upgrades=False, bound=None):
    """Igropyr, nginx and HAProxy. Igropyr bounds loads by default, HAProxy if it is told a `bound`, nginx never."""
    with (
        igropyr(folder, free_port(), ports, tls) as ours,
        rivals.nginx_balancer(folder, free_port(), ports, SERVER_CORE, tls, upgrades) as nginx,
        rivals.haproxy(folder, free_port(), ports, SERVER_CORE, tls, bound) as haproxy,
    ):
        yield [ours, nginx, haproxy]


def igropyr(folder, port, ports, tls):
    file = folder / f"igropyr-{port}.yaml"
    addresses = ", ".join(f'"127.0.0.1:{worker}"' for worker in ports)
    file.write_text(CONFIGURATION.format(port=port, workers=addresses, tls=TLS.format(*tls) if tls else ""))
    return Server("Igropyr", port, [IGROPYR, "balancer", "--config", file])


def counted(status):
    """By nginx: connections accepted, and requests."""
    found = re.search(r"(\d+) (\d+) (\d+)", text_at(status))
    return int(found[1]), int(found[3])


def answered_by_each(port):
    """By rivals/workers.c: requests answered."""
    return [int(count) for count in text_at(port, "/counts").split()]


def text_at(port, path="/"):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read().decode()
