"""A lab of nodes and a balancer, each node with a disk and a clock of its own, that serves the example `Hello`."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
IGROPYR = os.environ.get("IGROPYR_BIN", str(REPOSITORY / ".build/release/igropyr"))
HELLO = os.environ.get("HELLO_BIN", str(REPOSITORY / ".build/release/Hello"))
DISK_MEGABYTES = 1024


class Unusable(Exception):
    """This machine or this build cannot do it; the message says what to do."""


class Lab:
    def __init__(self, hosts, keep=False):
        for program in (IGROPYR, HELLO):
            if not os.access(program, os.X_OK):
                raise Unusable(f"no program {program}: build it by cluster/build")
        self.nodes = list(range(1, hosts + 1))
        self.name, self.subnet = f"chaos{os.getpid()}"[:11], f"10.126.{os.getpid() % 250}"
        self.folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"igropyr-lab-{self.name}"
        self.entrance = f"{self.subnet}.253"
        self.began, self.keep = time.monotonic(), keep
        self.kept_logs = None
        #: The process that runs on each node, as far as nobody ended it.
        self.pids = {}
        #: The hosts that something is wrong with.
        self.troubled = set()
        self.trouble = threading.Condition()
        self.printing = threading.Lock()

    def __enter__(self):
        self.say(f"making {len(self.nodes)} nodes, each with a disk and a clock of its own, and a balancer")
        try:
            self("--subnet", self.subnet, "network", len(self.nodes), "--balancer")
            for host in self.nodes:
                self("disk", host, DISK_MEGABYTES)
                self("clock", host, 0)
            self.key_file.touch(mode=0o600)
            self.key_file.write_bytes(subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout)
            for host in [*self.nodes, "balancer"]:
                self.start(host)
            outcome = self.igropyr(1, "deploy", HELLO, "--name", "hello")
            if outcome.returncode != 0:
                raise Unusable(f"igropyr deploy: {outcome.stderr.strip()}")
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.keep:
            self.kept_logs = self.folder
            return
        self.kept_logs = self.folder.with_name(f"{self.folder.name}-logs")
        for host in [*map(str, self.nodes), "balancer"]:
            if (self.folder / host / "log").exists():
                self.kept_logs.mkdir(exist_ok=True)
                shutil.copy(self.folder / host / "log", self.kept_logs / f"{host}.log")
        self("down")

    @property
    def key_file(self):
        return self.folder / "cluster.key"

    def __call__(self, *command):
        """A command of cluster/lab; what it prints."""
        words = [str(REPOSITORY / "cluster/lab"), "--name", self.name, *map(str, command)]
        outcome = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "IGROPYR_BIN": IGROPYR})
        if outcome.returncode != 0:
            raise Unusable(f"{' '.join(words)}: {outcome.stderr.strip()}")
        return outcome.stdout

    def start(self, host):
        self("start", host)
        self.pids[host] = self.pid(host)

    def pid(self, host):
        return int((self.folder / str(host) / "pid").read_text())

    def address(self, host):
        return f"{self.subnet}.{host}"

    @staticmethod
    def kill(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It has just ended.

    def processes(self, host):
        """Numbers of all that runs on the host, each with its program's name."""
        pids = subprocess.run(["ip", "netns", "pids", f"igropyr-{self.name}-{host}"], capture_output=True, text=True)
        names = {}
        for pid in map(int, pids.stdout.split()):
            try:
                program = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
                names[pid] = os.path.basename(program.decode(errors="replace"))
            except OSError:
                pass  # It has just ended.
        return names

    def workers(self, host):
        """A revision of Hello is called hello-NUMBER."""
        return sorted(pid for pid, name in self.processes(host).items() if name.lower().startswith("hello"))

    def igropyr(self, host, *words, seconds=120):
        """A command to the host's node, on that host."""
        access = ["--node", self.address(host), "--key-file", str(self.key_file)]
        command = [str(REPOSITORY / "cluster/lab"), "--name", self.name, "exec", str(host), IGROPYR, *words, *access]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no end after {seconds} s")

    def status(self, host):
        """What the host's node thinks of the cluster; nil if it says nothing."""
        outcome = self.igropyr(host, "status", "--json", seconds=10)
        return json.loads(outcome.stdout) if outcome.returncode in (0, 2) and outcome.stdout else None

    # What is in trouble: a host has one at a time, so that each is mended by who made it.

    def take(self, hosts):
        with self.trouble:
            self.trouble.wait_for(lambda: not self.troubled & set(hosts))
            self.troubled |= set(hosts)

    def give_back(self, hosts):
        with self.trouble:
            self.troubled -= set(hosts)
            self.trouble.notify_all()

    def sound_host(self):
        with self.trouble:
            return next(host for host in self.nodes if host not in self.troubled)

    def say(self, text):
        with self.printing:
            print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)
