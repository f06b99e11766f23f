"""One fault strikes one library, in this process: ``python -m beside.strike``."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from .pieces import Piece, done


FORKS = 20
CALLS_OF_A_CHILD = 3
#: A child that is alive and used no processor for so long hangs; a slow one is none.
IDLE_SECONDS = 5.0


class Host:
    """What a fault strikes: a library that is set up, and what it has done so far."""

    def __init__(self, fault, name, folder, port):
        self.fault, self.folder, self.port = fault, folder, port
        self.library = importlib.import_module(f"beside.by_{name}").Library(self)

    def hand_over(self, kind, argument=None):
        self.library.hand_over(Piece(kind, argument))

    def warm_up(self):
        """Have the first piece done, which may take longer than those that follow."""
        self.hand_over("nothing", "")
        wait_until(self.done, 5.0)

    def done(self):
        return done(self.folder)


def wait_until(holds, seconds):
    """Wait no longer than that, and tell whether it holds; a fault that strikes is no error."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def never_returns(host):
    host.hand_over("endless")
    time.sleep(0.3)


def hundred_pending(host):
    for _ in range(100):
        host.hand_over("20 ms")


def thousand_pending(host):
    for _ in range(1000):
        host.hand_over("20 ms")


def hangs(pid):
    """Wait for the end of a child, and end it if it hangs."""
    used, idle_since = 0.0, time.monotonic()
    while not os.waitpid(pid, os.WNOHANG)[0]:
        time.sleep(0.01)
        times = psutil.Process(pid).cpu_times()
        if times.user + times.system > used:
            used, idle_since = times.user + times.system, time.monotonic()
        if time.monotonic() - idle_since > IDLE_SECONDS:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return True
    return False


def forks_under_load(host):
    host.warm_up()
    stops = threading.Event()

    def load():
        while not stops.is_set():
            host.hand_over("nothing")

    threads = [threading.Thread(target=load, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    born = []
    for _ in range(FORKS):
        time.sleep(0.02)
        pid = os.fork()
        if pid == 0:
            for _ in range(CALLS_OF_A_CHILD):
                host.hand_over("nothing")
            # As a server's worker ends: by itself, with all that is to be done at exit.
            sys.exit(0)
        born.append(pid)
    stops.set()
    with ThreadPoolExecutor(FORKS) as pool:
        hung = sum(pool.map(hangs, born))
    # A server may take a moment to note what a child sent.
    time.sleep(0.2)
    pids = host.done()
    delivered = [pid for pid in born if pids.count(pid) == CALLS_OF_A_CHILD]
    return {"hung": hung, "delivered": len(delivered)}


def work_raises_system_exit(host):
    host.warm_up()
    host.hand_over("exit")
    time.sleep(0.5)
    host.hand_over("nothing")
    return {"goes_on": wait_until(lambda: len(host.done()) == 2, 3.0)}


def four_hang(host):
    for kind, count in (("endless", 4), ("nothing", 16)):
        for _ in range(count):
            host.hand_over(kind)
    wait_until(lambda: len(host.done()) >= 16, 3.0)
    return {"done": len(host.done())}


def processor_wait():
    """Give a function that tells how long this thread was ready and had no processor.

    A machine that others use, too, makes every call slow now and then.  Only Linux tells how
    much of that was the wait for a processor.
    """
    try:
        descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return lambda: 0.0
    return lambda: int(os.pread(descriptor, 100, 0).split()[1]) / 1e9


def load(host):
    host.warm_up()
    process, waited = psutil.Process(), processor_wait()
    before, slowest = process.memory_info().rss, 0.0
    for number in range(100_000):
        argument = f"{number:.>1024}"
        began = time.perf_counter() - waited()
        host.hand_over("1 s", argument)
        slowest = max(slowest, time.perf_counter() - waited() - began)
    grown = process.memory_info().rss - before
    told = host.library.lost_and_told()
    return {"megabytes": grown / 2**20, "slowest": 1000 * slowest, "told": told}


def signals(host):
    host.warm_up()
    made = [1]
    handling = []

    def handle(*_):
        # A library that takes longer than the next signal must not nest without end.
        if not handling:
            handling.append(1)
            host.hand_over("nothing")
            made.append(1)
            handling.clear()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        host.hand_over("nothing")
        made.append(1)
        # Few enough for every library to follow: a full queue is another fault.
        time.sleep(0.0005)
    signal.setitimer(signal.ITIMER_REAL, 0)
    host.library.flush(5.0)
    time.sleep(0.2)
    return {"made": len(made), "lost": len(made) - len(host.done()) - host.library.lost_and_told()}


def work_changes_its_arguments(host):
    argument = ["as the caller made it"]
    host.hand_over("change", argument)
    host.library.flush(3.0)
    return {"seen": len(argument) > 1}


def result_that_cannot_be_compared(host):
    try:
        host.hand_over("incomparable")
    except ValueError:
        seen = True
    else:
        seen = False
    host.library.flush(3.0)
    return {"seen": seen, "verdict": host.library.verdict()}


def greenlets(host):
    import gevent  # noqa: PLC0415 -- needed here alone

    host.warm_up()
    # A stall within the call itself is one, too.
    longest, last = 0.0, time.perf_counter()
    host.hand_over("compute")
    until = last + 2.5
    while last < until:
        gevent.sleep(0.005)
        now = time.perf_counter()
        longest, last = max(longest, now - last - 0.005), now
    assert len(host.done()) == 2, "the work was not done meanwhile"
    return {"stall": 1000 * longest}


AT_EXIT = {"a": never_returns, "b": hundred_pending, "c": thousand_pending}
MEANWHILE = {
    "d": forks_under_load,
    "e": work_raises_system_exit,
    "f": four_hang,
    "g": load,
    "h": signals,
    "i": work_changes_its_arguments,
    "j": result_that_cannot_be_compared,
    "k": greenlets,
}


def main():
    fault, name, folder, port = sys.argv[1:]
    if fault == "k":
        from gevent import monkey  # noqa: PLC0415 -- before all that it patches

        monkey.patch_all()
    host = Host(fault, name, Path(folder), port)
    if fault in MEANWHILE:
        print(json.dumps(MEANWHILE[fault](host)), flush=True)
        # How it ends is another fault.
        os._exit(0)
    AT_EXIT[fault](host)
    print(json.dumps({"leaves": time.monotonic()}), flush=True)
    return host


if __name__ == "__main__":
    # It lives as long as the process, as what a module decorates does.
    HOST = main()
