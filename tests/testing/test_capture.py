"""``capture``: each call of a block has its records, whatever its launch was given."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import threading

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import darkcall
from darkcall import (
    ConfigurationError,
    SignatureMismatchError,
    _config,
    dark_launch,
    launch_of,
    set_enabled,
)
from darkcall.compare import equal
from darkcall.runners import ExecutorRunner, InlineRunner, ProcessRunner, ThreadRunner
from darkcall.sampling import per_second
from darkcall.sinks import MemorySink
from darkcall.testing import MismatchError, capture


def double(x):
    return 2 * x


def double_v2(x):
    return x + x


def triple(x):
    return 3 * x


def fail(x):
    raise ValueError("no")


def never(_record):
    raise AssertionError("a sink of the launch's own got a record")


def a_launch(control=double, candidate=double_v2, **knobs):
    # With a runner of its own: other tests configure one that could not run these candidates.
    own = {"name": "shop.double", "sinks": [never], "runner": InlineRunner()}
    return dark_launch(candidate=candidate, **{**own, **knobs})(control)


def outcomes(records):
    return [record.outcome for record in records]


def answers(records):
    """What the records tell, but for times and places."""
    return [
        (record.launch, record.candidate, record.outcome, record.arguments, record.candidate_value)
        for record in records
    ]


def test_each_call_of_the_block_has_its_record_when_it_returns():
    function = a_launch()

    with capture() as records:
        assert function(4) == 8
        assert outcomes(records) == ["match"]
        assert function("a") == "aa"
    assert function.__name__ == "double"
    assert [(record.launch, record.outcome) for record in records] == [
        ("shop.double", "match"),
        ("shop.double", "match"),
    ]


@pytest.mark.parametrize(
    "knobs",
    [
        {"sample": 0.0},
        {"sample": lambda call: False},
        {"sample": per_second(0.001)},
        {"sample": fail},
        {"runner": ProcessRunner()},
        {"runner": ExecutorRunner(concurrent.futures.ThreadPoolExecutor(1))},
        {"runner": ThreadRunner(workers=1)},
        {"cpu_budget": 1e-9},
        {"noise": 1.0},
        {"confirm": True},
        {"timeout": 1e-9},
        {"when_full": "block"},
        {"max_pending": 1},
        {"max_pending_bytes": 1},
        {"max_stuck": 1},
        {"max_copy_seconds": 1e-9},
    ],
)
def test_calls_are_recorded_alike_whatever_the_launch_was_given(knobs):
    function = a_launch(candidate=triple, **knobs)

    with capture(keep="everything") as records:
        for number in (1, 2, 3):
            assert function([number]) == [number, number]
    assert answers(records) == [
        ("shop.double", "candidate", "mismatch", {"x": [number]}, [number] * 3)
        for number in (1, 2, 3)
    ]
    assert [record.confirmation for record in records] == [None] * 3
    stats = launch_of(function).stats()
    assert stats.shadowed == stats.outcomes["mismatch"] == 3


def test_a_breaker_that_is_open_is_so_again_after_the_block():
    function = a_launch(candidate=fail, runner=InlineRunner(), sinks=[])
    for _ in range(21):
        function(1)
    assert launch_of(function).stats().reasons == {"breaker": 1}

    with capture() as records:
        function(1)
    function(1)

    assert outcomes(records) == ["candidate_error"]
    assert launch_of(function).stats().reasons == {"breaker": 2}


def test_a_candidate_that_fails_on_each_call_of_the_block_runs_on_each():
    function = a_launch(candidate=fail, runner=InlineRunner(), sinks=[])

    with capture() as records:
        for _ in range(50):
            function(1)
    function(1)

    assert outcomes(records) == ["candidate_error"] * 50
    assert launch_of(function).stats().outcomes["candidate_error"] == 51


@pytest.mark.parametrize("when_full", ["drop", "block"])
def test_calls_that_wait_from_before_leave_no_call_of_the_block_out(threads, when_full):
    go_on = threading.Event()
    function = a_launch(
        candidate=lambda x: go_on.wait(10) and double(x),
        runner=threads,
        sinks=[],
        max_pending=1,
        timeout=None,
        when_full=when_full,
    )
    function(1)

    with capture() as records:
        threading.Timer(0, go_on.set).start()
        function(2)
        function(3)
    assert outcomes(records) == ["match", "match"]
    assert darkcall.flush()
    stats = launch_of(function).stats()
    assert (stats.shadowed, stats.outcomes["match"], stats.pending) == (3, 3, 0)
    assert not launch_of(function).candidates[0].gate.room.is_full


def test_an_async_call_waits_for_no_room_in_a_block():
    async def control(x):
        return x

    function = a_launch(control, double, when_full="block", max_pending=1)
    launch_of(function).candidates[0].gate.room.places.pop()

    with capture() as records:
        assert asyncio.run(function(0)) == 0
    assert outcomes(records) == ["match"]


def test_a_launch_that_is_made_inside_is_seen_inside_and_has_its_own_knobs_after():
    memory = MemorySink()

    with capture() as records:
        function = a_launch(sinks=[memory], runner=InlineRunner(), sample=0.0)
        function(1)
    function(2)
    launch_of(function).update(sample=1.0)
    function(3)

    assert outcomes(records) == outcomes(memory.records) == ["match"]
    assert launch_of(function).stats().unsampled == 1


def test_what_is_updated_or_configured_inside_holds_after_the_block_alone():
    memory = MemorySink()
    function = dark_launch(candidate=triple, runner=InlineRunner(), sample=0.0)(double)

    with capture() as records:
        launch_of(function).update(sample=1.0, keep="nothing", max_pending=7)
        darkcall.configure(sinks=[memory], sample=0.0)
        function(1)
    function(2)

    assert len(records) == len(memory.records) == 1
    assert "control" not in memory.records[0].differences[0]
    assert len(launch_of(function).candidates[0].gate.room.places) == 7


def test_what_is_configured_outside_gives_way_and_comes_back():
    memory = MemorySink()
    function = dark_launch(candidate=triple)(double)

    with darkcall.configure(sample=0.0, sinks=[memory], runner=InlineRunner()):
        with capture() as records:
            function(1)
        function(2)
        launch_of(function).update(sample=1.0)
        function(3)
    assert (len(records), len(memory.records)) == (1, 1)


def test_launches_that_are_off_are_on_in_a_block():
    function = a_launch()

    with set_enabled(False), capture() as records:
        function(1)
    assert outcomes(records) == ["match"]


def test_launches_that_are_switched_off_inside_are_off():
    function = a_launch()

    with capture() as records:
        with set_enabled(False):
            function(1)
        function(2)
        launch_of(function).pause()
        function(3)
        launch_of(function).resume()
        function(4)
    assert outcomes(records) == ["match", "match"]
    assert launch_of(function).stats().off == 2


def test_a_paused_launch_stays_so():
    function = a_launch()
    launch_of(function).pause()

    with capture() as records:
        function(1)
    assert records == []
    launch_of(function).resume()
    assert launch_of(function).candidates[0].gate.enter() is None
    assert len(launch_of(function).candidates[0].gate.room.places) == 999


def test_darkcall_that_is_off_by_the_environment_is_refused(monkeypatch):
    monkeypatch.setattr(_config, "IS_OFF_BY_ENVIRONMENT", True)

    with pytest.raises(ConfigurationError, match=r"capture\(\) would see no call; unset it"):
        capture().__enter__()


class Unkeepable:
    def __reduce_ex__(self, protocol):
        raise TypeError("no copy")


REFUSED = {
    "a value": lambda _: a_launch(sample=7),
    "a sink": lambda _: a_launch(sinks=[3]),
    "a parameter": lambda _: a_launch(share=("nobody",)),
    "a signature": lambda _: a_launch(candidate=lambda: 3),
    "a runner": lambda _: a_launch(candidate=lambda x: x, runner=ProcessRunner()),
    "an updated value": lambda function: launch_of(function).update(sample=7),
    "an updated sink": lambda function: launch_of(function).update(sinks=[print, 3]),
    "an updated parameter": lambda function: launch_of(function).update(share=("nobody",)),
    "an updated runner": lambda function: launch_of(function).update(runner=ProcessRunner()),
    "a configured value": lambda _: darkcall.configure(sample=7),
    "a configured runner": lambda _: darkcall.configure(runner=ProcessRunner()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_elsewhere_is_refused_in_a_block(what):
    function = a_launch(candidate=lambda x: x + x, runner=None)

    with capture() as records:
        with pytest.raises((ConfigurationError, SignatureMismatchError)):
            REFUSED[what](function)
        function(1)
    assert outcomes(records) == ["match"]


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"sample": 0.0}, []),
        ({"sample": lambda call: call.args[0] == [2]}, [("candidate", "mismatch")]),
        ({"isolate": lambda args, kwargs: (((),), {})}, [("candidate", "mismatch")] * 2),
        ({"normalize": bool}, [("candidate", "match")] * 2),
        ({"compare": lambda one, other: True}, [("candidate", "match")] * 2),
        ({"compare": equal.ignoring("$")}, [("candidate", "match")] * 2),
        ({"ignore": lambda one, other: True}, [("candidate", "ignored")] * 2),
        ({"max_copy_bytes": 1}, [("candidate", "skipped")] * 2),
        ({"noise": 1.0}, [("candidate", "mismatch"), ("control", "match")] * 2),
    ],
)
def test_a_knob_of_the_block_decides_what_becomes_of_a_call(knobs, expected):
    function = a_launch(candidate=triple)

    with capture(**knobs) as records:
        function([1])
        function([2])
    assert [(record.candidate, record.outcome) for record in records] == expected


@pytest.mark.parametrize(
    ("knobs", "field", "expected"),
    [
        ({"keep": "everything"}, "arguments", {"x": [1]}),
        ({"keep": "nothing"}, "arguments", None),
        (
            {"keep": "everything", "redact": ("x",)},
            "arguments",
            {"x": {"$": "list", "redacted": True}},
        ),
        ({"confirm": True}, "confirmation", "deterministic"),
        ({"digest_inputs": True, "compare": lambda one, other: True}, "signature", None),
        ({"context": lambda x: {"tenant": 3}}, "context", {"tenant": 3}),
    ],
)
def test_a_knob_of_the_block_decides_what_a_record_holds(knobs, field, expected):
    function = a_launch(candidate=triple, keep="differences", redact=())

    with capture(**knobs) as records:
        function([1])
    assert getattr(records[0], field) == expected
    assert (records[0].input_digest is not None) == ("digest_inputs" in knobs)


def test_exceptions_are_compared_as_the_block_says():
    function = a_launch(fail, lambda x: 1 / 0)

    with (
        capture(compare_exceptions=lambda one, other: True) as records,
        contextlib.suppress(ValueError),
    ):
        function(1)
    assert outcomes(records) == ["match"]


def test_what_cannot_be_copied_is_handed_over_if_the_block_says_so():
    function = a_launch(lambda thing: 1, lambda thing: 1, share=())
    other = a_launch()

    with capture() as without:
        function(Unkeepable())
    with capture(share=("thing",)) as records:
        function(Unkeepable())
        other(1)
    assert outcomes(without) == ["skipped"]
    assert outcomes(records) == ["match", "match"]


def test_a_copy_may_take_as_long_as_the_block_says():
    function = a_launch(lambda thing: 1, lambda thing: 1)

    with capture(max_copy_seconds=1e-9) as records:
        function([[object()] for _ in range(1000)])
    assert outcomes(records) == ["skipped"]


def test_a_timeout_is_told_if_the_block_has_one():
    async def control(x):
        return x

    async def for_ever(x):
        await asyncio.sleep(60)

    function = a_launch(control, for_ever)

    with capture(timeout=0.01) as records:
        asyncio.run(function(1))
    assert outcomes(records) == ["timeout"]


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("sinks", []),
        ("runner", InlineRunner()),
        ("when_full", "drop"),
        ("cpu_budget", None),
        ("max_pending", 5),
        ("max_pending_bytes", 5),
        ("max_stuck", 5),
    ],
)
def test_a_knob_that_has_no_meaning_in_a_block_is_refused(knob, value):
    with pytest.raises(ConfigurationError, match=rf"capture\(\) takes no {knob}: "):
        capture(**{knob: value})


def test_a_knob_that_does_not_exist_or_will_not_do_is_refused_at_once():
    with pytest.raises(TypeError, match=r"capture\(\) has no knob 'sampel': did you mean 's"):
        capture(sampel=1)
    with pytest.raises(ConfigurationError, match="sample=7 will not do"):
        capture(sample=7)


def test_a_block_is_entered_once():
    block = capture()

    with block:
        pass
    with pytest.raises(ConfigurationError, match=r"capture\(\) is for one block"):
        block.__enter__()


def test_everything_is_as_before_though_the_block_raises(dark, sink):
    function = dark(candidate=triple, keep="nothing")(double)
    function(1)
    before, sinks = launch_of(function)._policy, launch_of(function).stats().sinks

    with contextlib.suppress(KeyError), capture(keep="everything"):
        function(2)
        raise KeyError
    after = launch_of(function)._policy
    function(3)

    assert attrs.asdict(after, filter=attrs.filters.exclude("redactor")) == attrs.asdict(
        before, filter=attrs.filters.exclude("redactor")
    )
    assert launch_of(function).stats().sinks["MemorySink"].written == 2
    assert sinks["MemorySink"].written == 1
    assert [record.arguments for record in sink.records] == [None, None]


def test_blocks_inside_of_each_other_both_get_each_record():
    function = a_launch()

    with capture() as outer:
        function(1)
        with capture() as inner:
            function(2)
        function(3)
    assert len(outer) == 3
    assert len(inner) == 1
    assert inner[0] is outer[1]


def test_the_knobs_of_an_outer_block_hold_in_an_inner_one_that_has_none():
    function = a_launch(candidate=triple)

    with capture(keep="everything", noise=1.0) as outer:
        with capture(keep="nothing"):
            function(1)
        with capture():
            function(2)
    assert [record.arguments for record in outer] == [None, None, {"x": 2}, {"x": 2}]


@settings(max_examples=30)
@given(st.permutations(range(3)), st.lists(st.sampled_from(["everything", "nothing"]), min_size=3))
def test_blocks_end_in_any_order_and_nothing_stays(order, keep):
    function = a_launch()
    layers = list(_config._layers)
    blocks = [capture(keep=keep[number]) for number in order]
    records = [block.__enter__() for block in blocks]

    for step, number in enumerate(order):
        function(1)
        newest = max(order[step:])
        assert (records[newest][-1].arguments is None) is (keep[order[newest]] == "nothing")
        blocks[number].__exit__(None, None, None)
        assert len(records[number]) == step + 1
    assert _config._layers == layers
    assert _config.onlooker() is None


def test_each_of_several_threads_gets_its_calls_and_those_of_the_others():
    function = a_launch(keep="everything")
    begin, end = threading.Barrier(4), threading.Barrier(4)

    def work(number):
        with capture(keep="everything") as records:
            begin.wait(10)
            for step in range(25):
                function((number, step))
            end.wait(10)
        return records

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(work, range(4)))
    for records in lists:
        seen = {tuple(record.arguments["x"]["items"]) for record in records}
        assert len(records) == 100
        assert seen == {(number, step) for number in range(4) for step in range(25)}
    stats = launch_of(function).stats()
    assert stats.shadowed == stats.outcomes["match"] == 100


async def async_double(x):
    await asyncio.sleep(0)
    return 2 * x


async def slow_double(x):
    for _ in range(x):
        await asyncio.sleep(0)
    return 2 * x


@pytest.mark.parametrize("candidate", [async_double, double, slow_double])
def test_many_calls_on_one_loop_are_recorded_in_the_same_order_each_time(candidate):
    function = a_launch(async_double, {"first": candidate, "second": candidate})

    async def twice(number):
        seen.append(await function(number))
        seen.append(await function(number + 10))

    async def main():
        await asyncio.gather(*map(twice, range(5)))

    runs = []
    for _ in range(3):
        seen = []
        with capture(keep="everything") as records:
            asyncio.run(main())
        runs.append((answers(records), seen))
    assert len(runs[0][0]) == 20
    assert runs[0] == runs[1] == runs[2]


def test_a_call_waits_for_its_own_candidates_alone():
    async def main():
        gone = asyncio.Event()

        async def patient(x):
            # What another call brings about when it is over.
            await gone.wait()
            return x

        waits = a_launch(async_double, patient)
        other = a_launch(async_double, async_double)
        waiting = asyncio.create_task(waits(1))
        await asyncio.sleep(0.001)
        await other(1)
        gone.set()
        await waiting

    with capture() as records:
        asyncio.run(asyncio.wait_for(main(), 10))
    assert outcomes(records) == ["match", "mismatch"]


def test_an_async_control_runs_again_for_noise_before_its_call_returns():
    function = a_launch(async_double, async_double)

    async def main():
        await function(1)
        return [record.candidate for record in records]

    with capture(noise=1.0) as records:
        assert asyncio.run(main()) == ["candidate", "control"]


def test_an_async_candidate_of_a_sync_control_has_ended_when_the_call_returns():
    function = a_launch(double, async_double)

    with capture() as records:
        function(1)
        assert outcomes(records) == ["match"]


@contextlib.contextmanager
def a_fixture():
    with capture() as records:
        yield records


def test_a_block_may_be_a_fixture():
    function = a_launch()

    with a_fixture() as records:
        function(1)
    assert outcomes(records) == ["match"]
    assert _config.onlooker() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_and_its_parent_both_go_on_with_what_they_have():
    function = a_launch(candidate={"v2": double_v2, "v3": fail})

    with capture() as records:
        function(1)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            for _ in range(25):
                function(2)
            stats = launch_of(function).stats().candidates["v3"]
            told = f"{len(records)} {stats.outcomes['candidate_error']}"
            os.write(write, told.encode())
            os._exit(0)
        os.waitpid(child, 0)
        function(3)
    told = os.read(read, 100).decode()
    os.close(read)
    os.close(write)
    assert told == "52 25"
    assert len(records) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_control_that_forks_is_recorded_in_the_parent_alone():
    def forking(x):
        read, write = os.pipe()
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            told = os.read(read, 100).decode()
            os.close(read)
            os.close(write)
            return told
        return write

    function = a_launch(forking, lambda x: "0")

    with capture() as records:
        result = function(1)
        if isinstance(result, int):
            os.write(result, str(len(records)).encode())
            os._exit(0)
    assert result == "0"
    assert outcomes(records) == ["match"]


def test_what_is_closed_inside_goes_on():
    function = a_launch()

    with capture() as records:
        function(1)
        assert darkcall.close()
        function(2)
        assert darkcall.flush()
    assert len(records) == 2


@pytest.mark.parametrize("where", ["candidate", "sink", "compare", "normalize", "ignore"])
@pytest.mark.parametrize("in_block", [False, True])
def test_nothing_but_strict_makes_a_call_raise(where, in_block):
    def raising(x, *_more):
        raise MismatchError("raised by hand")

    knobs = {where: raising} if where in {"compare", "normalize", "ignore"} else {}
    function = a_launch(
        candidate=raising if where == "candidate" else triple,
        sinks=[raising] if where == "sink" else [],
        runner=InlineRunner(),
        **knobs,
    )

    with capture() if in_block else contextlib.nullcontext():
        assert function(1) == 2
    stats = launch_of(function).stats()
    assert stats.shadowed == sum(stats.outcomes.values()) == 1


def test_a_runner_of_the_users_own_is_not_asked_to_look_back():
    class Runner(InlineRunner):
        def look_back(self, *_args):
            raise AssertionError

        gate = None

    function = a_launch(runner=Runner(), sinks=[])

    assert function(1) == 2
    assert launch_of(function).stats().outcomes["match"] == 1


def test_shapes_that_a_plain_function_cannot_stand_for_are_seen():
    class Shop:
        @dark_launch(candidate=lambda cls, x: x, runner=InlineRunner())
        @classmethod
        def of_class(cls, x):
            return x

        @dark_launch(candidate=lambda self, x: x, share=("self",), runner=InlineRunner())
        def method(self, x):
            return x

    part = a_launch(functools.partial(pow, 2), functools.partial(pow, 2))
    builtin = a_launch(len, len)

    with capture() as records:
        Shop.of_class(1)
        Shop().method(1)
        part(3)
        builtin([1])
    assert outcomes(records) == ["match"] * 4


def test_what_a_control_calls_is_seen_and_what_a_candidate_calls_is_not():
    inner = a_launch(name="inner")
    outer = a_launch(lambda x: inner(x) + 1, lambda x: inner(x) + 1, name="outer")

    with capture() as records:
        outer(1)
    assert [record.launch for record in records] == ["inner", "outer"]
    assert launch_of(inner).stats().nested == 1


def test_a_call_that_ends_after_the_block_is_accounted_for():
    go_on, began = threading.Event(), threading.Event()

    def control(x):
        began.set()
        go_on.wait(10)
        return x

    function = a_launch(control, lambda x: x)
    thread = threading.Thread(target=function, args=(1,))
    with capture() as records:
        thread.start()
        began.wait(10)
    go_on.set()
    thread.join()

    assert records == []
    assert launch_of(function).stats().outcomes["match"] == 1


def test_an_interrupt_passes_and_its_call_is_accounted_for():
    def exits(x):
        raise SystemExit

    function = a_launch(candidate=exits)

    with capture() as records, pytest.raises(SystemExit):
        function(1)
    assert records == []
    assert launch_of(function).stats().reasons == {"interrupted": 1}
