"""Which fault and which operation, and when: settled before anything happens, by the seed alone."""
import threading
import time
from random import Random

from .faults import FAULTS
from .operations import OPERATIONS

LANES = 2


def carry_out(lab, seconds, random):
    """Faults in lanes side by side, operations beside them; returns once all are mended."""
    lanes = [list(faults(lab, seconds, random)) for _ in range(LANES)]
    operations = list(commands(seconds, random))
    clock = Clock()
    failures = []
    threads = [threading.Thread(target=guarded, args=(failures, clock, run_faults, lab, lane)) for lane in lanes]
    threads.append(threading.Thread(target=guarded, args=(failures, clock, run_operations, lab, operations)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Clock:
    """Tells when it is time; nothing more is begun once it has stopped."""

    def __init__(self):
        self.begin, self.stopped = time.monotonic(), threading.Event()

    def is_time(self, at):
        """Waits for it; false if the clock was stopped before."""
        return not self.stopped.wait(max(0, self.begin + at - time.monotonic()))


def guarded(failures, clock, function, lab, *arguments):
    try:
        function(clock, lab, *arguments)
    except Exception as error:  # The main thread raises it again.
        failures.append(error)
        clock.stopped.set()


def faults(lab, seconds, random):
    at = random.uniform(2, 6)
    while at < seconds:
        _, count, kind = random.choices(FAULTS, [weight for weight, _, _ in FAULTS])[0]
        lasts = random.uniform(0.5, 8)
        yield at, lasts, kind, random.sample(lab.nodes, count), Random(random.random())
        at += lasts + random.uniform(2, 6)


def commands(seconds, random):
    at = random.uniform(3, 8)
    while at < seconds:
        _, kind = random.choices(OPERATIONS, [weight for weight, _ in OPERATIONS])[0]
        yield at, kind, Random(random.random())
        at += random.uniform(5, 15)


def run_faults(clock, lab, lane):
    for at, lasts, kind, hosts, random in lane:
        if not clock.is_time(at):
            return
        lab.take(hosts)
        try:
            harm = kind(lab, random, *hosts)
            text = next(harm)
            lab.say(text)
            time.sleep(lasts)
            next(harm, None)
            lab.say(f"{text}: mended")
        finally:
            lab.give_back(hosts)


def run_operations(clock, lab, operations):
    for number, (at, kind, random) in enumerate(operations):
        if not clock.is_time(at):
            return
        lab.say(kind(lab, random, number))
