"""Throughput and processor time per request, by wrk or h2load over connections that stay open."""
import collections.abc
import dataclasses
import pathlib
import random
import re
import statistics
import subprocess
import tempfile

from . import rivals
from .programs import IGROPYR, LOAD_CORE, SERVER_CORE, Missing, Server, build, compile_c, free_port, on_load_core, require
from .tables import row

CONNECTIONS = 64
BODY = "Hello, world\\n"


@dataclasses.dataclass
class Subject:
    """What one row of a table measures; several may be of one server."""

    name: str
    server: Server
    path: str = "/"
    #: Requests go to so many paths in turn, which are `path` and a number; 0: to `path`.
    paths: int = 0
    #: Bytes that each request brings, by POST; 0: GETs, without a body.
    body: int = 0
    #: Of wrk.
    connections: int = CONNECTIONS
    #: Requests that wrk sends at a time on a connection.
    pipelined: int = 1
    #: By HTTP/2: requests that h2load has under way on each of few connections; 0: by HTTP/1.1.
    streams: int = 0
    scheme: str = "http"
    #: The server closes after each answer. By TLS, wrk then resumes the session of which it got a ticket.
    closes: bool = False
    #: Who does the work behind the server, and is shown apart.
    backend: Server | None = None
    #: Makes the load in the place of wrk() and h2load(), and is called like them.
    generator: collections.abc.Callable | None = None


def hello(options):
    """An application on the Igropyr library beside others; all answer with the same body."""
    require("nginx", "wrk", "taskset", "cc", "node")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with (
            constant() as ours,
            rivals.epoll(folder, SERVER_CORE) as epoll,
            rivals.nginx_hello(folder, free_port(), BODY, SERVER_CORE) as nginx,
            rivals.node(SERVER_CORE) as node,
            rivals.hummingbird(SERVER_CORE) as hummingbird,
        ):
            compare([Subject(server.name, server) for server in (ours, epoll, nginx, node, hummingbird)], options)


def handlers(options):
    """The same answer by a handler that is called and by one that is awaited."""
    require("wrk", "taskset")
    with constant() as ours:
        compare([Subject("sync handler", ours), Subject("async handler", ours, "/async")], options, base=1)


def pipeline(options):
    """Sixteen requests at a time on each connection."""
    require("nginx", "wrk", "taskset")
    with tempfile.TemporaryDirectory() as folder:
        nginx = rivals.nginx_hello(pathlib.Path(folder), free_port(), BODY, SERVER_CORE)
        with constant() as ours, nginx:
            compare([Subject(server.name, server, pipelined=16) for server in (ours, nginx)], options)


def http2(options):
    """A hundred streams on each of eight connections, without TLS."""
    require("nginx", "h2load", "taskset")
    with tempfile.TemporaryDirectory() as folder:
        nginx = rivals.nginx_hello_http2(pathlib.Path(folder), free_port(), BODY, SERVER_CORE)
        with constant() as ours, nginx:
            compare([Subject(server.name, server, streams=100) for server in (ours, nginx)], options)


def tls(options):
    """By TLS 1.3 with a certificate of EC P-256: connections that stay open, then one for each request, resumed or not."""
    require("nginx", "wrk", "taskset", "openssl", "cc")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        chain, key = certificate(folder)
        nginx = rivals.nginx_hello_tls(folder, free_port(), BODY, chain, key, SERVER_CORE)
        program = compile_c("handshakes", folder, "-lssl", "-lcrypto")

        def handshakes(subject, seconds):
            count, duration = on_load_core(program, subject.server.port, CONNECTIONS, seconds)
            return int(count), duration

        with constant(chain, key) as ours, nginx:
            for title, closes, generator in (
                ("connections stay open", False, wrk),
                ("a resumed handshake for each request", True, wrk),
                ("a full handshake for each request", True, handshakes),
            ):
                print(f"\n{title}\n")
                subjects = [
                    Subject(server.name, server, scheme="https", closes=closes, generator=generator) for server in (ours, nginx)
                ]
                compare(subjects, options)


def certificate(folder):
    """Files in PEM: a certificate of EC P-256 for localhost, and its key."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(["openssl", *command.split(), "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def constant(*arguments, environment=None):
    """The application of Sources/Constant."""
    port = free_port()
    return Server("Igropyr", port, [build("Constant"), *arguments], environment={"PORT": str(port), **(environment or {})})


SIZES = {"1 KB": 1 << 10, "100 KB": 100 << 10, "10 MB": 10 << 20}


def files(options):
    """A folder by `igropyr serve` beside nginx; neither compresses, since wrk does not ask for it."""
    require("nginx", "wrk", "taskset", IGROPYR)
    with tempfile.TemporaryDirectory() as folder:
        folder, ports = pathlib.Path(folder), [free_port(), free_port()]
        folder.chmod(0o755)  # nginx's worker is another user.
        site = folder / "site"
        site.mkdir()
        for number, size in enumerate(SIZES.values()):
            (site / f"{number}.bin").write_bytes(random.Random(number).randbytes(size))
        command = [IGROPYR, "serve", site, "--listen", f"127.0.0.1:{ports[0]}"]
        with (
            Server("Igropyr", ports[0], command) as ours,
            rivals.nginx_files(folder, ports[1], site, SERVER_CORE) as nginx,
        ):
            for number, title in enumerate(SIZES):
                print(f"\n#### {title}\n", flush=True)
                compare([Subject(server.name, server, f"/{number}.bin") for server in (ours, nginx)], options)


def compare(subjects, options, base=0):
    """Interleaved rounds, so that what else happens on this machine meets all alike; ratios are of the same round.

    The last column is the processor time of the subject numbered `base` as a multiple of each one's; where there are
    backends, one more has that of both together.
    """
    backends = sorted({subject.backend.name for subject in subjects if subject.backend})
    row("round", "server", "requests/s", "µs processor time per request", *(f"µs of {name}" for name in backends))
    row("--:", "---", "--:", "--:", *("--:" for _ in backends))
    rounds = []
    for number in range(1, options.rounds + 1):
        results = {subject.name: load(subject, options.seconds) for subject in subjects}
        for name, (rate, *costs) in results.items():
            row(number, name, f"{rate:.0f}", *(f"{cost:.2f}" for cost in costs))
        rounds.append(results)
    print()
    ours = subjects[base].name
    totals = [f"{ours}'s with {name}'s to its" for name in backends]
    row("server", "requests/s", "µs processor time per request", f"{ours}'s processor time to its", *totals)
    row("---", "--:", "--:", "--:", *("--:" for _ in totals))
    for name in (subject.name for subject in subjects):
        rate = statistics.median(results[name][0] for results in rounds)
        cost = statistics.median(results[name][1] for results in rounds)
        ratio = statistics.median(results[ours][1] / results[name][1] for results in rounds)
        total = statistics.median(sum(results[ours][1:]) / sum(results[name][1:]) for results in rounds)
        row(name, f"{rate:.0f}", f"{cost:.2f}", f"{ratio:.2f}", *(f"{total:.2f}" for _ in totals))


def load(subject, seconds):
    generator = subject.generator or (h2load if subject.streams else wrk)
    generator(subject, 1)
    servers = [subject.server] + ([subject.backend] if subject.backend else [])
    before = [server.processor_seconds() for server in servers]
    requests, duration = generator(subject, seconds)
    costs = [(server.processor_seconds() - start) / requests * 1e6 for server, start in zip(servers, before)]
    return requests / duration, *costs


def h2load(subject, seconds):
    """As wrk(): requests answered, and in how many seconds."""
    url = f"{subject.scheme}://127.0.0.1:{subject.server.port}{subject.path}"
    command = ["taskset", "--cpu-list", LOAD_CORE, "h2load", "-t1", "-c8", f"-m{subject.streams}", f"-D{seconds}"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as targets:
        targets.write("".join(f"{url}{number}\n" for number in range(1, subject.paths + 1)) or f"{url}\n")
        targets.flush()
        text = subprocess.run([*map(str, command), "-i", targets.name], check=True, capture_output=True, text=True).stdout
    found = re.search(r"requests: .* (\d+) succeeded, (\d+) failed", text)
    if found is None or found[1] == "0" or found[2] != "0":
        raise Missing(f"h2load met failures at {url}:\n{text}")
    return int(found[1]), seconds


REQUESTS = """
local batches, number = {}, 0
init = function()
    for index = 1, math.max(1, PATHS) do
        local path = PATHS > 0 and wrk.path .. index or wrk.path
        local body = BODY > 0 and string.rep("x", BODY) or nil
        batches[index] = string.rep(wrk.format(body and "POST" or "GET", path, nil, body), PIPELINED)
    end
end
request = function()
    number = number % #batches + 1
    return batches[number]
end
"""


def wrk(subject, seconds):
    """Requests answered, and in how many seconds. One that fails makes the measurement worthless."""
    url = f"{subject.scheme}://127.0.0.1:{subject.server.port}{subject.path}"
    command = ["taskset", "--cpu-list", LOAD_CORE, "wrk", "-t1", f"-c{subject.connections}", f"-d{seconds}s", "--timeout", "30s"]
    if subject.closes:
        command += ["-H", "Connection: close"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if subject.pipelined > 1 or subject.paths or subject.body:
            numbers = f"local PATHS, BODY, PIPELINED = {subject.paths}, {subject.body}, {subject.pipelined}"
            script.write(numbers + REQUESTS)
            script.flush()
            command += ["-s", script.name]
        text = subprocess.run([*map(str, command), url], check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if found is None or "Non-2xx" in text or "Socket errors" in text:
        raise Missing(f"wrk met failures at {url}:\n{text}")
    return int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1)
