"""What operators do meanwhile. Each says how it went: a command may give up while hosts are in trouble, but never harm."""
import os
import shutil
import signal
import subprocess

from .lab import HELLO, IGROPYR

OPERATIONS = []


def operation(weight):
    def note(function):
        OPERATIONS.append((weight, function))
        return function
    return note


def outcome(lab, host, *words):
    result = lab.igropyr(host, *words)
    last = (result.stdout + result.stderr).strip().splitlines()
    return f"{' '.join(words)} at host {host}: exit code {result.returncode}, {last[-1] if last else 'no word'}"


@operation(4)
def deploy(lab, random, number):
    revision = lab.folder / f"hello-{number}"  # Bytes after a program's end change what it is called, only.
    shutil.copy(HELLO, revision)
    with revision.open("ab") as file:
        file.write(b"\n# %d\n" % number)
    text = outcome(lab, lab.sound_host(), "deploy", str(revision), "--name", "hello")
    revision.unlink()
    return text


@operation(2)
def restart(lab, random, number):
    return outcome(lab, lab.sound_host(), "restart", "hello")


@operation(2)
def scale(lab, random, number):
    return outcome(lab, lab.sound_host(), "scale", "hello", "--per-host", str(random.randrange(1, 4)))


@operation(2)
def roll_back(lab, random, number):
    return outcome(lab, lab.sound_host(), "rollback", "hello")


@operation(2)
def drain(lab, random, number):
    host = lab.sound_host()
    text = outcome(lab, host, "drain", f"host-{host}")
    return f"{text}; {outcome(lab, host, 'uncordon', f'host-{host}')}"


@operation(1)
def upgrade_balancer(lab, random, number):
    pids = [pid for pid, name in lab.processes("balancer").items() if name == "igropyr"]
    os.kill(max(pids), signal.SIGUSR2)  # The youngest: others may still finish what they have.
    return "balancer: upgraded"


@operation(1)
def upgrade_node(lab, random, number):
    host = lab.sound_host()
    os.kill(lab.pids[host], signal.SIGUSR2)  # It stays the same process.
    return f"host {host}: node upgraded"


@operation(1)
def change_key(lab, random, number):
    lab.take(lab.nodes)  # Who is away meanwhile is left with the old key, as the manual says.
    try:
        new = lab.folder / "new.key"
        new.touch(mode=0o600)
        new.write_bytes(subprocess.run([IGROPYR, "keygen"], check=True, capture_output=True).stdout)
        result = lab.igropyr(1, "keys", "rotate", str(new))
        if result.returncode == 0:
            new.replace(lab.key_file)
        return f"the cluster's key changed: exit code {result.returncode} {result.stderr.strip()}"
    finally:
        lab.give_back(lab.nodes)
