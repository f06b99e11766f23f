"""Every knob: what it does, and which values it refuses."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import datetime as dt
import functools
import math
import threading
import time

import pytest

import darkcall
from darkcall import (
    ConfigurationError,
    Difference,
    _config,
    configure,
    dark_launch,
    flush,
    launch_of,
)
from darkcall._policy import KNOBS, Knobs, Policy
from darkcall.compare import equal
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink


@pytest.fixture
def threads():
    runner = ThreadRunner(workers=1)
    yield runner
    runner.close(timeout=1.0)


def outcomes(sink):
    return [record.outcome for record in sink.records]


def identity(x):
    return x


# What each does.


def test_sample_decides_which_calls_are_shadowed(dark, sink):
    decorated = dark(candidate=identity, sample=lambda call: call.args[0] > 1)(identity)
    assert [decorated(1), decorated(2)] == [1, 2]
    assert outcomes(sink) == ["match"]


@pytest.mark.parametrize("timeout", [0.01, dt.timedelta(milliseconds=10)])
def test_timeout_ends_the_wait_for_a_candidate(sink, timeout, threads):
    release = threading.Event()
    decorated = dark_launch(
        candidate=lambda: release.wait(10),
        timeout=timeout,
        runner=threads,
        sinks=[sink],
    )(lambda: True)
    decorated()
    assert flush()
    assert outcomes(sink) == ["timeout"]
    release.set()


def test_without_a_timeout_a_candidate_takes_its_time(dark, sink, threads):
    started = threading.Event()
    decorated = dark_launch(
        candidate=lambda: started.wait(10),
        timeout=None,
        runner=threads,
        sinks=[sink],
    )(lambda: True)
    decorated()
    assert not flush(timeout=0.02)
    started.set()
    assert flush()
    assert outcomes(sink) == ["match"]


def test_isolate_copy_hands_a_copy_over(dark, sink):
    items = [1]
    dark(candidate=lambda items: items.append(2))(lambda items: None)(items)
    assert items == [1]


def test_isolate_share_hands_the_arguments_over_as_they_are(dark, sink):
    items = [1]
    dark(candidate=lambda items: items.append(2), isolate="share")(lambda items: None)(items)
    assert items == [1, 2]


def test_an_isolate_of_ones_own_makes_the_arguments(dark, sink):
    decorated = dark(
        candidate=lambda x, y: (x, y), isolate=lambda args, kwargs: ([10], {"y": kwargs["y"] + 1})
    )(lambda x, y: (10, 3))
    assert decorated(1, y=2) == (10, 3)
    assert outcomes(sink) == ["match"]


def test_share_hands_a_parameter_over_as_it_is(dark, sink):
    lock = threading.Lock()
    decorated = dark(candidate=lambda session, x: session is lock, share=("session",))(
        lambda session, x: True
    )
    decorated(lock, [1])
    assert outcomes(sink) == ["match"]


def test_normalize_is_applied_to_both_results(dark, sink):
    decorated = dark(candidate=lambda: "a ", normalize=str.strip)(lambda: " a")
    assert decorated() == " a"
    assert outcomes(sink) == ["match"]


def test_compare_decides_what_a_difference_is(dark, sink):
    decorated = dark(candidate=lambda: 1.0 + 1e-12, compare=equal.within(rel=1e-9))(lambda: 1.0)
    decorated()
    decorated = dark(candidate=lambda: 1, compare=lambda control, candidate: False)(lambda: 1)
    decorated()
    decorated = dark(candidate=lambda: 1, compare=lambda *_: [Difference("$.x", "value")])(
        lambda: 1
    )
    decorated()
    assert outcomes(sink) == ["match", "mismatch", "mismatch"]
    assert sink.records[-1].differences[0]["path"] == "$.x"


def test_compare_exceptions_decides_which_exceptions_are_the_same(dark, sink):
    def control():
        raise LookupError

    def candidate():
        raise KeyError

    for knobs in ({}, {"compare_exceptions": lambda control, candidate: True}):
        with pytest.raises(LookupError):
            dark(candidate=candidate, **knobs)(control)()
    assert outcomes(sink) == ["mismatch", "match"]


def test_ignore_sets_a_difference_aside(dark, sink):
    decorated = dark(
        candidate=lambda x: x + 1,
        ignore=lambda control, candidate: candidate.value - control.value == 1,
    )(identity)
    decorated(1)
    assert outcomes(sink) == ["ignored"]


def test_context_is_recorded_as_it_was_at_the_call(dark, sink):
    tenant = contextvars.ContextVar("tenant", default="a")
    decorated = dark(
        candidate=identity, context=lambda *args, **kwargs: {"tenant": tenant.get(), "x": args[0]}
    )(identity)
    decorated(1)
    assert sink.records[0].context == {"tenant": "a", "x": 1}


@pytest.mark.parametrize(
    ("keep", "fields"),
    [
        ("nothing", set()),
        ("differences", {"difference"}),
        ("everything", {"difference", "arguments", "control_value", "candidate_value"}),
    ],
)
def test_keep_decides_which_values_are_recorded(dark, sink, keep, fields):
    dark(candidate=lambda x: x + 1, keep=keep)(identity)(1)
    record = sink.records[0].to_dict()
    kept = {name for name in ("arguments", "control_value", "candidate_value") if name in record}
    if "control" in record["differences"][0]:
        kept.add("difference")
    assert kept == fields


def test_redact_hides_names_and_paths(dark, sink):
    decorated = dark(
        candidate=lambda card, user: {}, keep="everything", redact=("card", "$.user.email")
    )(lambda card, user: {})
    decorated("number four", {"email": "a@b.c", "age": 3})
    text = str(sink.records[0].to_dict())
    assert "number four" not in text
    assert "a@b.c" not in text
    assert "age" in text


def test_when_full_drop_counts_and_goes_on(sink, threads):
    release = threading.Event()
    decorated = dark_launch(
        candidate=lambda: release.wait(10),
        max_pending=1,
        runner=threads,
        sinks=[sink],
    )(lambda: True)
    decorated()
    decorated()
    assert launch_of(decorated).stats().reasons == {"full": 1}
    release.set()
    assert flush()
    assert outcomes(sink) == ["match"]


def test_when_full_block_has_every_call_compared(sink, threads):
    decorated = dark_launch(
        candidate=identity,
        max_pending=1,
        when_full="block",
        runner=threads,
        sinks=[sink],
    )(identity)
    for number in range(5):
        decorated(number)
    assert flush()
    assert outcomes(sink) == ["match"] * 5


def test_when_full_block_has_every_call_of_an_async_control_compared(sink, threads):
    async def control(x):
        return x

    decorated = dark_launch(
        candidate=identity,
        max_pending=1,
        when_full="block",
        runner=threads,
        sinks=[sink],
    )(control)

    async def main():
        return [await decorated(number) for number in range(5)]

    assert asyncio.run(main()) == list(range(5))
    assert flush()
    assert outcomes(sink) == ["match"] * 5


def busy():
    began = time.thread_time()
    while time.thread_time() - began < 0.02:
        pass


def test_cpu_budget_drops_what_would_use_more(dark, sink):
    decorated = dark(candidate=busy, cpu_budget=0.001)(lambda: None)
    decorated()
    decorated()
    assert launch_of(decorated).stats().reasons == {"over_budget": 1}


def test_without_a_cpu_budget_nothing_is_dropped(dark, sink):
    decorated = dark(candidate=busy, cpu_budget=None)(lambda: None)
    decorated()
    decorated()
    assert outcomes(sink) == ["match"] * 2


def test_sinks_take_the_records():
    first, second = MemorySink(), MemorySink()
    dark_launch(candidate=identity, runner=InlineRunner(), sinks=(first, second))(identity)(1)
    assert first.records == second.records
    assert len(first.records) == 1


def test_without_sinks_records_go_to_the_log(caplog):
    caplog.set_level("WARNING", "darkcall")
    decorated = dark_launch(candidate=lambda x: -x, runner=InlineRunner(), name="shop.logged")(
        identity
    )
    decorated(1)
    assert flush()
    assert any("shop.logged" in line for line in caplog.messages)


def test_runner_decides_where_candidates_run(sink, threads):
    seen = []
    for runner in (InlineRunner(), threads, None):
        dark_launch(
            candidate=lambda: seen.append(threading.current_thread()),
            runner=runner,
            isolate="share",
            sinks=[sink],
        )(lambda: None)()
        assert flush()
    here = threading.current_thread()
    assert [thread is here for thread in seen] == [True, False, False]


def test_max_copy_bytes_skips_what_is_larger(dark, sink):
    decorated = dark(candidate=len, max_copy_bytes=1000)(lambda obj, /: len(obj))
    decorated(["a" * 100])
    decorated(["a" * 2000])
    assert outcomes(sink) == ["match", "skipped"]
    assert "max_copy_bytes=1000" in sink.records[1].reason


class Slow:
    def __init__(self, seconds):
        self.seconds = seconds

    def __reduce__(self):
        ends = time.thread_time() + self.seconds
        while time.thread_time() < ends:
            pass
        return Slow, (0.0,)


@pytest.mark.parametrize("seconds", [0.01, dt.timedelta(milliseconds=10)])
def test_max_copy_seconds_skips_what_takes_longer_to_copy(dark, sink, seconds):
    decorated = dark(candidate=len, max_copy_seconds=seconds)(lambda obj, /: len(obj))
    decorated([Slow(0.0), 1])
    decorated([Slow(0.001) for _ in range(100)])
    assert outcomes(sink) == ["match", "skipped"]
    assert "max_copy_seconds=0.01, which can be raised" in sink.records[1].reason


def test_max_copy_seconds_of_none_is_no_limit(dark, sink):
    dark(candidate=len, max_copy_seconds=None)(len)([Slow(0.001) for _ in range(100)])
    assert outcomes(sink) == ["match"]


def test_max_pending_bytes_drops_what_would_wait_beyond_it(sink, threads):
    release = threading.Event()
    decorated = dark_launch(
        candidate=lambda x: release.wait(10),
        max_pending_bytes=1000,
        runner=threads,
        sinks=[sink],
    )(lambda x: True)
    decorated("a" * 2000)
    decorated("a")
    assert launch_of(decorated).stats().reasons == {"full": 1}
    release.set()
    assert flush()


def test_max_stuck_stops_a_launch_whose_candidates_hang(sink, threads):
    release = threading.Event()
    decorated = dark_launch(
        candidate=lambda: release.wait(10),
        timeout=0.005,
        max_stuck=2,
        runner=threads,
        sinks=[sink],
    )(lambda: None)
    for _ in range(3):
        decorated()
        assert flush()
    release.set()
    assert outcomes(sink) == ["timeout", "timeout"]
    assert launch_of(decorated).stats().reasons == {"stuck": 1}


# What each refuses.


async def asynchronous(*args):
    return True


BAD = {
    "sample": [asynchronous, -1, 2, "all", None, True, float("nan")],
    "timeout": [0, -1, "5", True, math.inf, math.nan, 10**400, dt.timedelta(0)],
    "isolate": [asynchronous, "deep", None, 3, ["copy"]],
    "share": ["session", None, 3, (3,), ("",), b"session", iter(("session",))],
    "normalize": [asynchronous, "strip", 3],
    "compare": [asynchronous, None, "equal", 3],
    "compare_exceptions": [asynchronous, None, "same", 3],
    "ignore": [asynchronous, True, "all"],
    "context": [asynchronous, {"tenant": "a"}, 3],
    "keep": ["all", None, 3, ["nothing"]],
    "digest_inputs": ["yes", None, 1, 0],
    "redact": ["card", None, 3, b"card", iter(("card",)), (3,), ("",)],
    "when_full": ["wait", None, True],
    "cpu_budget": [0, -0.1, "half", True, math.nan, math.inf],
    "sinks": [3, "log", ["log"], MemorySink(), iter(()), {"a": print}],
    "runner": ["thread", 3, concurrent.futures.ThreadPoolExecutor],
    "max_copy_bytes": [0, -1, 1.5, True, None, "1"],
    "max_copy_seconds": [0, -1, "1", True, math.inf, math.nan, dt.timedelta(0)],
    "max_pending": [0, -1, 1.5, True, None, "1", 10**9],
    "max_pending_bytes": [0, -1, 1.5, True, None, "1"],
    "max_stuck": [0, -1, 1.5, True, None, "1"],
}
BAD_VALUES = [
    pytest.param(name, value, id=f"{name}-{place}")
    for name, values in BAD.items()
    for place, value in enumerate(values)
]


UPDATED = dark_launch(candidate=identity, sinks=[])(identity)


def test_each_knob_is_declared_and_each_refuses_something():
    assert set(KNOBS) == set(Knobs.__annotations__) == set(BAD)


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
@pytest.mark.parametrize("taken_by", ["dark_launch", "configure", "update"])
def test_a_bad_value_is_refused_with_a_message_that_shows_it(name, value, taken_by):
    take = {
        "dark_launch": lambda **knobs: dark_launch(candidate=identity, **knobs)(identity),
        "configure": configure,
        "update": launch_of(UPDATED).update,
    }[taken_by]
    with pytest.raises(ConfigurationError) as caught:
        take(**{name: value})
    shown = value.total_seconds() if isinstance(value, dt.timedelta) else value
    items = [shown, *shown] if isinstance(shown, list | tuple) else [shown]
    assert any(repr(item) in str(caught.value) for item in items)


def test_nothing_is_left_of_what_was_refused(dark, sink):
    decorated = dark(candidate=identity, timeout=3.0)(identity)
    with pytest.raises(ConfigurationError):
        launch_of(decorated).update(sample=0.0, timeout=-1)
    with pytest.raises(ConfigurationError), configure(sample=0.0, keep="all"):
        pass
    decorated(1)
    assert outcomes(sink) == ["match"]


@pytest.mark.parametrize("sink", [asynchronous, MemorySink])
@pytest.mark.parametrize("taken_by", ["dark_launch", "configure", "update"])
def test_what_would_never_take_a_record_is_refused_as_a_sink(taken_by, sink):
    before = _config._layers
    take = {
        "dark_launch": lambda **knobs: dark_launch(candidate=identity, **knobs)(identity),
        "configure": configure,
        "update": launch_of(UPDATED).update,
    }[taken_by]
    with pytest.raises(ConfigurationError, match=sink.__name__):
        take(sinks=[sink])
    assert _config._layers == before
    launch_of(UPDATED)._refresh()


def test_an_executor_is_no_runner():
    with (
        concurrent.futures.ThreadPoolExecutor(1) as executor,
        pytest.raises(ConfigurationError, match=r"give a runner of darkcall\.runners"),
    ):
        dark_launch(candidate=identity, runner=executor)(identity)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sampel", "did you mean 'sample'"),
        ("time_out", "did you mean 'timeout'"),
        ("max_pendings", "did you mean 'max_pending'"),
        ("compare_exception", "did you mean 'compare_exceptions'"),
        ("zzz", "the knobs are sample, timeout, isolate"),
    ],
)
@pytest.mark.parametrize("taken_by", ["dark_launch", "configure", "update"])
def test_an_unknown_knob_is_refused_with_the_nearest_one(name, says, taken_by):
    launch = launch_of(dark_launch(candidate=identity, name="shop")(identity))
    take = {
        "dark_launch": functools.partial(dark_launch, candidate=identity),
        "configure": configure,
        "update": launch.update,
    }[taken_by]
    with pytest.raises(TypeError, match=rf"{taken_by}\(\) has no knob '{name}': {says}"):
        take(**{name: 1})


@pytest.mark.parametrize("taken_by", ["dark_launch", "update"])
def test_what_holds_for_the_whole_process_is_no_knob_of_a_launch(taken_by):
    launch = launch_of(dark_launch(candidate=identity, name="shop")(identity))
    take = {
        "dark_launch": functools.partial(dark_launch, candidate=identity),
        "update": launch.update,
    }[taken_by]
    says = r"no knob 'close_timeout': it holds for the whole process, give it to configure\(\)"
    with pytest.raises(TypeError, match=rf"{taken_by}\(\) has {says}"):
        take(close_timeout=1.0)


def test_a_policy_of_no_knobs_is_safe():
    policy = Policy()
    assert (policy.isolate, policy.keep, policy.when_full) == ("copy", "differences", "drop")
    assert policy.timeout == 5.0
    assert policy.cpu_budget == 0.1


def test_durations_may_be_timedeltas():
    assert Policy(timeout=dt.timedelta(milliseconds=1500)).timeout == 1.5


def test_the_knobs_of_the_public_face_are_those_of_the_policy():
    assert darkcall.Knobs is Knobs
