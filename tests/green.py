"""Processes that gevent patches, as scripts of the gauntlet."""

from __future__ import annotations

import textwrap

from stalls import STALLS


#: Patched first of all, or after darkcall, or after darkcall has started its threads.
PATCHED = ["first", "after the import", "after calls"]

PRELUDE = """
    import sys, time
    patched = sys.argv[1]
    if patched == "first":
        from gevent import monkey
        monkey.patch_all()
    import darkcall
    from darkcall import dark_launch, flush, launch_of
    from darkcall.sinks import MemorySink

    memory = MemorySink()
    darkcall.configure(sinks=[memory], cpu_budget=None)

    def launched(candidate, control=lambda x: x, **knobs):
        return dark_launch(candidate=candidate, **knobs)(control)

    if patched != "first":
        if patched == "after calls":
            launched(lambda x: x)(1)
            assert flush()
            memory.clear()
        from gevent import monkey
        monkey.patch_all()
        # gevent loads a part of itself now: two threads must not come to it at once, and
        # darkcall's own are here already.
        __import__("gevent").sleep(0)
    import collections, json, os, threading
    import gevent

    class Ticker:
        '''A greenlet that wants to run every five milliseconds.'''

        def __enter__(self):
            self.stalls, self.ends = Stalls(), False
            self.greenlet = gevent.spawn(self.tick)
            gevent.sleep(0.02)
            return self.stalls

        def tick(self):
            while not self.ends:
                self.stalls.begin(0.005)
                gevent.sleep(0.005)
                self.stalls.end()

        def __exit__(self, *_):
            self.ends = True
            self.greenlet.join()

    def outcomes():
        return dict(collections.Counter(record.outcome for record in memory.records))

    def answer(**facts):
        print(json.dumps(facts))
"""


def run_green(run_script, source, patched="first", *arguments):
    """Run a script in a process that gevent patches, at that time; nothing is to be raised."""
    parts = (PRELUDE, STALLS, source)
    ran = run_script("".join(map(textwrap.dedent, parts)), patched, *arguments)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran
