"""What befalls hosts. Each is a generator: it does harm, says what, and mends it when it is resumed."""
#: Each with its weight and what it needs: so many hosts that nothing else befalls meanwhile.
FAULTS = []


def fault(weight, hosts=1):
    def note(function):
        FAULTS.append((weight, hosts, function))
        return function
    return note


@fault(3)
def worker_killed(lab, random, host):
    workers = lab.workers(host)
    if not workers:
        return (yield f"host {host}: no worker to kill")
    pid = random.choice(workers)
    lab.kill(pid)
    yield f"host {host}: worker {pid} killed"


@fault(3)
def node_killed(lab, random, host):
    lab.kill(lab.pids.pop(host))
    yield f"host {host}: node killed, its workers not"
    lab.start(host)


@fault(3)
def plug_pulled(lab, random, host):
    lab.pids.pop(host)
    lab("kill", host)
    yield f"host {host}: plug pulled"
    lab.start(host)


@fault(2)
def restarted(lab, random, host):
    lab.pids.pop(host)
    lab("stop", host)
    yield f"host {host}: stopped in peace"
    lab.start(host)


@fault(3)
def paused(lab, random, host):
    lab("pause", host)
    yield f"host {host}: frozen"
    lab("resume", host)


@fault(2, hosts=2)
def cut(lab, random, one, other):
    lab("cut", one, other)
    yield f"hosts {one} and {other}: cut from each other"
    lab("heal", one, other)


@fault(2)
def isolated(lab, random, host):
    others = [other for other in [*lab.nodes, "balancer"] if other != host]
    for other in others:
        lab("cut", host, other)
    yield f"host {host}: cut from all others"
    for other in others:
        lab("heal", host, other)


@fault(2)
def lossy(lab, random, host):
    percent = random.randrange(5, 41)
    lab("loss", host, percent)
    yield f"host {host}: loses {percent} % of its packets"
    lab("loss", host, 0)


@fault(1)
def late(lab, random, host):
    milliseconds = random.randrange(20, 300)
    lab("delay", host, milliseconds)
    yield f"host {host}: sends {milliseconds} ms late"
    lab("delay", host, 0)


@fault(2)
def disk_full(lab, random, host):
    lab("fill", host)
    yield f"host {host}: no byte left on its disk"
    lab("free", host)


@fault(2)
def clock_off(lab, random, host):
    seconds = random.choice([-86_400, -3600, -60, 60, 3600])
    lab("clock", host, seconds)
    yield f"host {host}: its clock leaps by {seconds} s"
    lab("clock", host, 0)
