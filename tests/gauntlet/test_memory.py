"""Nothing of a call is kept alive once it is recorded."""

from __future__ import annotations

import pytest


SCRIPT = """
    import asyncio
    import contextvars
    import gc
    import json
    import pathlib
    import sys
    import threading
    import time
    import weakref

    from darkcall import dark_launch, launch_of
    from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink

    # A cycle of darkcall's own would be seen to stay.
    gc.disable()

    place, control_is, candidate_is = sys.argv[1:]
    database = SqliteSink(pathlib.Path(place, "records.db"))
    sinks = [MemorySink(), LogSink(), JsonlSink(place), database]
    whose = contextvars.ContextVar("whose")
    go_on = threading.Event()
    seen = []


    class Thing:
        def __new__(cls, name=None):
            self = super().__new__(cls)
            seen.append(weakref.ref(self))
            return self

        def __init__(self, name):
            self.name = name


    class Trouble(Exception):
        def __init__(self, thing):
            super().__init__("trouble")
            seen.append(weakref.ref(self))
            self.thing = thing


    def returns(argument):
        in_its_frame = Thing("local")
        return Thing("answer")


    def returns_another(argument):
        return Thing("another answer")


    def returns_an_iterator(argument):
        return iter([argument])


    def raises(argument):
        in_its_frame = Thing("local")
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise Trouble(argument) from cause


    def is_late(argument):
        if candidate_is == "sync":
            time.sleep(0.1)
        return Thing("answer")


    def goes_on(argument):
        return Thing("answer")


    def cannot_tell(control, candidate):
        raises(candidate)


    def sync(function):
        def runs(argument):
            if argument is None:
                go_on.wait(10)
            return function(argument)

        return runs


    def asynchronous(function):
        async def runs(argument):
            while argument is None and not go_on.is_set():
                await asyncio.sleep(0.001)
            try:
                await asyncio.sleep(10 if function in (is_late, goes_on) else 0)
            except asyncio.CancelledError:
                if function is is_late:
                    raise
            return function(argument)

        return runs


    def with_a_lock():
        argument = Thing("argument")
        argument.lock = threading.Lock()
        return argument


    def an_argument():
        return Thing("argument")


    CASES = {
        "match": (returns, returns, {}, an_argument),
        "match, both raised": (raises, raises, {}, an_argument),
        "mismatch": (returns, returns_another, {}, an_argument),
        "mismatch, the control raised": (raises, returns, {}, an_argument),
        "candidate_error": (returns, raises, {}, an_argument),
        "ignored": (returns, raises, {"ignore": lambda *sides: True}, an_argument),
        "uncomparable": (returns, returns, {"compare": cannot_tell}, an_argument),
        "timeout": (returns, is_late, {"timeout": 0.02}, an_argument),
        "timeout, the control raised": (raises, is_late, {"timeout": 0.02}, an_argument),
        "skipped, for an iterator": (returns_an_iterator, returns, {}, an_argument),
        "dropped, the queue is full": (returns, returns, {"max_pending": 1}, an_argument),
        "dropped, over the budget": (raises, returns, {"cpu_budget": 1e-12}, an_argument),
    }
    CASES = {
        f"{name}, {isolate}": (control, candidate, {"isolate": isolate, **knobs}, make)
        for name, (control, candidate, knobs, make) in CASES.items()
        for isolate in ("copy", "share")
    }
    CASES["skipped, for a lock"] = (raises, returns, {}, with_a_lock)
    if candidate_is == "async":
        CASES["timeout, it goes on"] = (returns, goes_on, {"timeout": 0.02}, an_argument)


    def launch(control, candidate, knobs):
        async def asynchronous_control(argument):
            return control(argument)

        as_it_is = {"sync": sync, "async": asynchronous}
        decorate = dark_launch(
            candidate=as_it_is[candidate_is](candidate),
            sinks=sinks,
            keep="everything",
            context=lambda argument: {"whose": whose.get()},
            **{"cpu_budget": None, **knobs},
        )
        return decorate(asynchronous_control if control_is == "async" else control)


    async def call(control, make):
        whose.set(Thing("context"))
        try:
            answer = control(make())
            if control_is == "async":
                await answer
        except Trouble:
            pass


    async def called(control, make):
        await asyncio.create_task(call(control, make))


    async def until(holds, seconds=10):
        give_up_at = time.perf_counter() + seconds
        while not (held := holds()) and time.perf_counter() < give_up_at:
            await asyncio.sleep(0.001)
        return held


    async def seconds_of_life(name, control, candidate, knobs, make):
        control = launch(control, candidate, knobs)
        stats = launch_of(control).stats
        outcome = name.split(",")[0]
        is_late_then = outcome == "timeout" and (candidate_is == "sync" or candidate is goes_on)
        go_on.clear()
        if outcome == "dropped":
            await called(control, lambda: None)
            if "cpu_budget" in knobs:
                go_on.set()
                await until(lambda: stats().pending == 0)
        seen.clear()
        await called(control, make)
        is_pending = 1 if "max_pending" in knobs else 0
        assert await until(lambda: stats().pending == is_pending), stats()
        if is_late_then:
            assert await until(lambda: stats().late == 1), stats()
        ended = time.perf_counter()
        assert stats().outcomes[outcome] == 1, (name, stats())
        assert len(seen) >= 2, seen
        await until(lambda: not any(one() for one in seen), 2)
        seconds = time.perf_counter() - ended
        alive = [str(vars(thing)) for one in seen if (thing := one()) is not None]
        go_on.set()
        assert await until(lambda: stats().pending == 0), stats()
        return seconds, alive


    async def main():
        return {name: await seconds_of_life(name, *case) for name, case in CASES.items()}


    answers = asyncio.run(main())
    print(json.dumps(answers))
"""


@pytest.mark.parametrize("candidate_is", ["sync", "async"])
@pytest.mark.parametrize("control_is", ["sync", "async"])
def test_nothing_of_a_call_is_alive_half_a_second_after_its_record(
    run_script, measured, tmp_path, control_is, candidate_is
):
    answers = run_script(SCRIPT, tmp_path / "records", control_is, candidate_is).answer
    assert {name: alive for name, (_, alive) in answers.items() if alive} == {}
    measured(
        f"{control_is} control, {candidate_is} candidate: "
        "longest that anything of a call lives after its record, seconds",
        max(seconds for seconds, _ in answers.values()),
        at_most=0.5,
    )


WITH_ANOTHER_TIMER = """
    import asyncio
    import contextvars
    import gc
    import json
    import time
    import weakref

    from darkcall import dark_launch
    from darkcall.runners import InlineRunner
    from darkcall.sinks import MemorySink

    gc.disable()
    whose = contextvars.ContextVar("whose")


    class Thing:
        pass


    async def sleeps(seconds):
        await asyncio.sleep(seconds)


    @dark_launch(candidate=sleeps, runner=InlineRunner(), sinks=[MemorySink()], timeout=60)
    async def control(seconds):
        await asyncio.sleep(seconds)


    async def call():
        thing = Thing()
        whose.set(thing)
        await control(0)
        return weakref.ref(thing)


    async def main():
        # While this one is due first, the loop does not come across those after it.
        asyncio.get_running_loop().call_later(30, int)
        thing = await asyncio.create_task(call())
        began = time.perf_counter()
        while thing() is not None and time.perf_counter() - began < 2:
            await asyncio.sleep(0.001)
        return time.perf_counter() - began


    print(json.dumps(asyncio.run(main())))
"""


def test_a_deadline_that_was_kept_does_not_hold_the_context_of_its_call(run_script, measured):
    seconds = run_script(WITH_ANOTHER_TIMER).answer
    measured(
        "longest that the context of a call lives after a candidate on its loop, seconds",
        seconds,
        at_most=0.5,
    )
