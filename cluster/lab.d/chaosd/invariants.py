"""What was promised, and must hold once everything is mended."""
import pathlib
import re
import time

PATIENCE = 60
MEGABYTES, DESCRIPTORS = 256, 400
CRASH = re.compile(r"Fatal error|\bcrashed\b|\*\*\* Signal|Segmentation|AddressSanitizer")


def check(lab, load):
    """The promises that were broken, each in a sentence."""
    broken = []
    lab.say("everything is mended: waiting for the cluster to come to rest")
    unsettled = await_rest(lab)
    if unsettled:
        broken.append(f"after {PATIENCE} s {unsettled}")
    else:
        lab.say("it has come to rest: all hosts say the same")
    load.stop()
    if load.failures:
        broken.append(f"{len(load.failures)} of {sum(load.counts)} GETs failed, the first: {load.failures[0]}")
    broken += [text for host in [*lab.nodes, "balancer"] for text in ill(lab, host)]
    return broken


def await_rest(lab):
    """What is still wrong when patience ends; nothing if it came to rest."""
    deadline = time.monotonic() + PATIENCE
    while True:
        wrong = unsettled(lab)
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.5)


def unsettled(lab):
    views = {host: lab.status(host) for host in lab.nodes}
    for host, view in views.items():
        wrong = "it says nothing" if view is None else wrong_in(lab, view)
        if wrong:
            return f"host {host}: {wrong}"
    if len({essence(view) for view in views.values()}) > 1:
        return "hosts do not agree: " + "; ".join(f"{host} has {essence(view)}" for host, view in views.items())
    return strays(lab, views[lab.nodes[0]])


def wrong_in(lab, view):
    alive = {host["name"] for host in view["hosts"] if host["status"] == "alive"}
    missing = {f"host-{host}" for host in lab.nodes} - alive
    if missing:
        return f"it misses {', '.join(sorted(missing))}"
    application = next((one for one in view["applications"] if one["name"] == "hello"), None)
    if application is None:
        return "the deployment is lost"
    if not application["rollout"]["isComplete"]:
        return f"the rollout is not over: {application['rollout']}"
    workers = view["workers"]
    odd = [worker for worker in workers if worker["state"] != "ready" or worker["revision"] != application["revision"]]
    if odd:
        return f"a worker is not as it should be: {odd[0]}"
    slots = {(worker["host"], worker["index"]) for worker in workers}
    if len(slots) != len(workers) or len(workers) != application["wanted"]:
        return f"{len(workers)} workers in {len(slots)} slots, where {application['wanted']} are wanted"
    return None


def essence(view):
    """What hosts must agree on, as one value."""
    applications = sorted((one["name"], one["revision"], one["scale"]) for one in view["applications"])
    workers = sorted((worker["host"], worker["index"], worker["address"]) for worker in view["workers"])
    return repr((applications, workers))


def strays(lab, view):
    """Workers that run and that nobody knows, or the other way round."""
    known = {worker["pid"] for worker in view["workers"]}
    running = {pid for host in lab.nodes for pid in lab.workers(host)}
    if known == running:
        return None
    return f"workers that run unknown: {sorted(running - known)}, known and not running: {sorted(known - running)}"


def ill(lab, host):
    log = (lab.folder / str(host) / "log").read_text(errors="replace")
    crash = CRASH.search(log)
    if crash:
        yield f"host {host}: its log says {log[crash.start():].splitlines()[0]!r}"
    processes = [pid for pid, name in lab.processes(host).items() if name.startswith("igropyr")]
    if host != "balancer" and lab.pids[host] not in processes:  # A balancer's number changes by an upgrade.
        yield f"host {host}: process {lab.pids[host]} has ended, and nobody ended it"
    for pid in processes:
        try:
            resident = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) // 1024
            descriptors = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue  # An old balancer that has ended now.
        if resident > MEGABYTES or descriptors > DESCRIPTORS:
            yield f"host {host}: process {pid} has {resident} MB and {descriptors} descriptors"
