"""What the scripts of the gauntlet count, and how their counts are looked at."""

from __future__ import annotations

import textwrap


#: A process that hangs tells where each thread stands, and ends.
HANG_SECONDS = 40

PRELUDE = textwrap.dedent(
    f"""
    import collections, faulthandler, gc, itertools, json, logging, signal, sys, threading, time
    import weakref
    import darkcall
    from darkcall import configure, dark_launch, flush, launch_of, launches, set_enabled
    from darkcall.compare import equal
    from darkcall.runners import InlineRunner, ThreadRunner
    from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink

    faulthandler.dump_traceback_later({HANG_SECONDS}, exit=True)
    logging.basicConfig(stream=open(sys.argv[1] + "/log", "w"))
    made = collections.defaultdict(itertools.count)

    def launched(name, candidate=None, **knobs):
        runs = made[name].__next__

        def control(x=(), *rest):
            runs()
            return x

        knobs = {{"sinks": [MemorySink()], "cpu_budget": None, **knobs}}
        candidate = candidate or (lambda x=(), *rest: x)
        return dark_launch(candidate=candidate, name=name, **knobs)(control)

    def every_sink():
        folder = sys.argv[1]
        return [MemorySink(), JsonlSink(folder), SqliteSink(folder + "/db"), LogSink()]

    def counted(launch):
        stats = launch.stats()
        return {{
            "made": next(made[launch.name]),
            "calls": stats.calls,
            "ways": [stats.off, stats.nested, stats.unsampled, stats.shadowed],
            "candidates": [
                [sum(one.outcomes.values()), one.pending] for one in stats.candidates.values()
            ],
            "outcomes": stats.outcomes,
            "reasons": stats.reasons,
            "sinks": [
                [one.offered, one.written + one.failed + one.dropped, one.waiting]
                for one in stats.sinks.values()
            ],
        }}

    def tell(**more):
        flushed = flush(20)
        told = {{launch.name: counted(launch) for launch in launches() if launch.name in made}}
        print(json.dumps({{"flushed": flushed, "launches": told, **more}}))
    """
)


def run_and_count(run_script, source, folder):
    """Run a script; each call is accounted for in the end, whatever made it.

    Every call that a script makes is counted by the script itself, by what it calls, so
    that what darkcall counted can be compared with it.
    """
    ran = run_script(PRELUDE + textwrap.dedent(source), folder)
    assert ran.stderr == ""
    answer = ran.answer
    assert answer["flushed"] is True
    assert answer["launches"]
    for counted in answer["launches"].values():
        assert counted["calls"] == counted["made"] == sum(counted["ways"])
        shadowed = counted["ways"][-1]
        assert all(one == [shadowed, 0] for one in counted["candidates"])
        assert all(offered == ended for offered, ended, _ in counted["sinks"])
    return answer
