"""Totals: when a sink that takes them is told what a launch counted, and how."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkcall import (
    Record,
    Totals,
    _guard,
    _report,
    _telling,
    _trial,
    close,
    configure,
    dark_launch,
    flush,
    launch_of,
    set_enabled,
)
from darkcall.runners import InlineRunner, ThreadRunner
from darkcall.sinks import MemorySink
from darkcall.sinks._outlet import Outlet
from looking import stats_of


INLINE = InlineRunner()


class Taker:
    """A sink that takes both, in the order in which they come."""

    takes_totals = True

    def __init__(self):
        self.items = []

    def __call__(self, item):
        self.items.append(item)

    @property
    def totals(self):
        return [item for item in self.items if type(item) is Totals]

    @property
    def records(self):
        return [item for item in self.items if type(item) is Record]


class BatchTaker(Taker):
    def write_batch(self, items):
        self.items += items


class DirectTaker(Taker):
    never_blocks = True


def identity(x):
    return x


def launched(*sinks, control=identity, candidate=identity, **knobs):
    knobs = {"runner": INLINE, "cpu_budget": None, "max_copy_seconds": None, **knobs}
    return dark_launch(candidate=candidate, sinks=sinks, **knobs)(control)


@pytest.fixture
def taker():
    return Taker()


@pytest.fixture
def passed(monkeypatch):
    """Let time pass: give the seconds."""
    later = [0.0]
    for module in (_telling, _trial):
        monkeypatch.setattr(module, "_clock", lambda: time.perf_counter() + later[0])

    def wait(seconds):
        later[0] += seconds

    return wait


def holds(totals):
    return all(
        one["shadowed"] == sum(one["outcomes"].values()) + one["pending"] == totals.shadowed
        and one["pending"] >= 0
        and all(one["outcomes"].values())
        for one in totals.candidates.values()
    )


# What they say.


def test_totals_say_what_the_launch_counted(taker):
    function = launched(
        taker,
        control=lambda x: x,
        candidate={"v2": lambda x: x, "v3": lambda x: x + (x == 2)},
        name="shop.price",
        sample=lambda call: call.args[0] != 3,
    )
    before = time.time()
    for x in (1, 2, 3):
        function(x)
    launch_of(function).pause()
    function(4)
    flush()

    totals = taker.totals[-1]
    assert totals.launch == "shop.price"
    assert (totals.off, totals.nested, totals.unsampled, totals.shadowed) == (1, 0, 1, 2)
    v2, v3 = totals.candidates["v2"], totals.candidates["v3"]
    assert v2["outcomes"] == {"match": 2}
    assert v3["outcomes"] == {"match": 1, "mismatch": 1}
    assert (v2["shadowed"], v2["pending"], v2["late"], v2["cpu_bound"]) == (2, 0, 0, 0)
    assert v2["reasons"] == {}
    assert v2["code"] == totals.control_code != v3["code"]
    assert totals.sample_rate is None
    assert totals.since <= before <= totals.at <= time.time()
    assert (totals.host, totals.pid) == (taker.records[0].host, os.getpid())
    assert not totals.is_final


def test_the_source_of_totals_is_what_the_call_ids_begin_with(taker):
    function = launched(taker)
    function(1)
    flush()
    assert {totals.source for totals in taker.totals} == {
        record.call_id.rpartition("-")[0] for record in taker.records
    }


def test_reasons_are_told(taker):
    function = launched(taker, control=iter, candidate=iter)
    function([1])
    flush()
    (candidate,) = taker.totals[-1].candidates.values()
    assert candidate["outcomes"] == {"skipped": 1}
    assert sum(candidate["reasons"].values()) == 1


def test_the_share_that_is_sampled_is_told(taker):
    function = launched(taker, sample=0.0)
    function(1)
    flush()
    assert taker.totals[-1].sample_rate == 0.0
    assert taker.totals[-1].unsampled == 1


def test_a_candidate_that_is_not_imported_yet_has_no_code(taker):
    function = launched(taker, candidate="textwrap:dedent", control=lambda text: text, sample=0.0)
    function("a")
    flush()
    assert "code" not in taker.totals[-1].candidates["candidate"]

    launch_of(function).update(sample=1.0)
    function("a")
    flush()
    assert len(taker.totals[-1].candidates["candidate"]["code"]) == 12


def test_a_builtin_has_no_code(taker):
    function = launched(taker, control=len, candidate=len)
    function("a")
    flush()
    assert taker.totals[-1].control_code is None
    assert "code" not in taker.totals[-1].candidates["candidate"]


def test_totals_can_be_written_as_json_without_empty_fields(taker):
    function = launched(taker, control=len, candidate=len)
    function("a")
    flush()
    data = json.loads(json.dumps(taker.totals[-1].to_dict(), allow_nan=False))
    assert (data["kind"], data["schema"]) == ("totals", 1)
    assert "control_code" not in data


# When they are told.


def test_the_first_record_of_a_launch_is_followed_by_totals(taker):
    function = launched(taker)
    outlet = launch_of(function)._outlets[0]
    function(1)
    function(1)
    outlet.flush(1.0)
    assert [type(item) for item in taker.items] == [Record, Totals, Record]
    assert taker.totals[0].shadowed == 1


def test_they_are_told_again_with_the_first_record_after_a_minute(taker, passed):
    function = launched(taker)
    outlet = launch_of(function)._outlets[0]
    for seconds in (10_000, 59, 2, 1):
        passed(seconds)
        function(1)
    outlet.flush(1.0)
    assert [totals.shadowed for totals in taker.totals] == [1, 3]


def test_a_young_process_tells_them_sooner(taker, passed):
    function = launched(taker)
    outlet = launch_of(function)._outlets[0]
    for seconds in (0, 0.5, 1, 100, 3, 2):
        passed(seconds)
        function(1)
    outlet.flush(1.0)
    assert [totals.shadowed for totals in taker.totals] == [1, 3, 4, 6]


def test_a_record_with_a_difference_has_them_told_too(taker):
    function = launched(taker, candidate=lambda x: x + 1)
    function(1)
    launch_of(function)._outlets[0].flush(1.0)
    assert taker.totals[0].candidates["candidate"]["outcomes"] == {"mismatch": 1}


def test_they_are_told_on_a_worker_not_by_the_caller(monkeypatch):
    threads = []

    class Here(DirectTaker):
        def __call__(self, item):
            threads.append((type(item), threading.get_ident()))

    runner = ThreadRunner(workers=1)
    function = launched(Here(), runner=runner)
    function(1)
    runner.flush(5.0)
    runner.close(1.0)
    assert [kind for kind, _ in threads] == [Record, Totals]
    assert threading.get_ident() not in {ident for _, ident in threads}


def test_flush_tells_what_changed_since(taker):
    function = launched(taker)
    function(1)
    function(1)
    flush()
    flush()
    assert [totals.shadowed for totals in taker.totals] == [1, 2]


def test_a_launch_that_nobody_called_tells_nothing(taker):
    function = launched(taker)
    flush()
    close()
    assert taker.totals == []
    assert stats_of(function).pending == 0


def test_calls_without_any_record_are_told_by_flush(taker):
    function = launched(taker, sample=0.0)
    function(1)
    flush()
    assert [(totals.unsampled, totals.shadowed) for totals in taker.totals] == [(1, 0)]


def test_a_launch_that_was_off_all_the_time_tells_nothing(taker):
    function = launched(taker)
    with set_enabled(False):
        function(1)
        close()
    assert taker.items == []
    function(1)
    flush()
    assert taker.totals[-1].off == 1


def test_close_tells_the_last_before_it_closes_the_sink():
    events = []

    class Closing(Taker):
        def __call__(self, item):
            events.append(item.is_final if type(item) is Totals else "record")

        def close(self):
            events.append("closed")

    function = launched(Closing())
    function(1)
    flush()
    assert close()
    assert events == ["record", False, True, "closed"]


def test_close_tells_the_last_once(taker):
    function = launched(taker)
    function(1)
    close()
    close()
    assert [totals.is_final for totals in taker.totals] == [False, True]
    function(1)
    flush()
    assert [totals.shadowed for totals in taker.totals] == [1, 1, 2]


def test_what_the_close_dropped_is_told_as_well(taker):
    going, release = threading.Event(), threading.Event()

    def slow(x):
        going.set()
        release.wait(10)

    runner = ThreadRunner(workers=1)
    function = launched(taker, candidate=slow, runner=runner, timeout=None)
    function(1)
    assert going.wait(5)
    function(1)
    assert not close(timeout=0.05)
    release.set()
    (candidate,) = taker.totals[-1].candidates.values()
    assert taker.totals[-1].is_final
    assert candidate["outcomes"] == {"dropped": 2}
    assert candidate["reasons"] == {"exit": 2}


def test_a_sink_that_comes_later_is_told_with_the_next_record(taker):
    function = launched(MemorySink())
    function(1)
    launch_of(function).update(sinks=[taker])
    function(1)
    launch_of(function)._outlets[0].flush(1.0)
    assert [totals.shadowed for totals in taker.totals] == [2]


def test_a_switch_alone_tells_nothing_anew(taker):
    function = launched(taker)
    function(1)
    with set_enabled(False), configure(sample=0.5):
        pass
    function(1)
    launch_of(function)._outlets[0].flush(1.0)
    assert [totals.shadowed for totals in taker.totals] == [1]


def test_of_several_workers_one_tells(taker):
    barrier = threading.Barrier(4)

    def together(x):
        barrier.wait(10)
        return x

    runner = ThreadRunner(workers=4)
    function = launched(taker, candidate=together, runner=runner)
    for _ in range(4):
        function(1)
    assert runner.flush(10.0)
    launch_of(function)._outlets[0].flush(1.0)
    runner.close(1.0)
    assert len(taker.totals) == 1


def test_a_worker_that_comes_while_another_one_tells_goes_on(taker, monkeypatch):
    function = launched(taker)
    teller = launch_of(function)._teller
    telling = threading.Thread(target=teller.tell_in_passing, args=(1.0,))
    with teller._telling:
        telling.start()
        telling.join()
        assert teller.due == float("-inf")
        telling = threading.Thread(target=teller.tell, args=(launch_of(function), 0.0))
        telling.start()
        telling.join()
    assert taker.totals == []


def test_a_worker_that_heard_of_it_before_another_one_told_does_not_tell_again(taker):
    function = launched(taker)
    now = time.perf_counter()
    function(1)
    launch_of(function)._teller.tell_in_passing(now)
    launch_of(function)._outlets[0].flush(1.0)
    assert len(taker.totals) == 1


def test_a_launch_that_went_with_its_function_tells_its_last_totals(taker):
    function = launched(taker)
    function(1)
    function(2)
    gone = weakref.ref(launch_of(function))
    del function
    assert gone() is None
    flush()
    flush()
    assert [(one.shadowed, one.is_final) for one in taker.totals] == [(1, False), (2, True)]


def test_what_such_a_function_held_is_not_kept_until_then(taker):
    class Held:
        def __call__(self, x):
            return x

    held = Held()
    reference = weakref.ref(held)
    function = launched(taker, control=held)
    function(1)
    del function, held
    gc.collect()
    assert reference() is None
    flush()
    assert taker.totals[-1].is_final


def test_the_next_launch_that_records_has_them_told():
    taker = DirectTaker()
    launched(taker, name="first")(1)
    launched(taker, name="second")(1)
    assert [(one.launch, one.is_final) for one in taker.totals] == [
        ("first", False),
        ("second", False),
        ("first", True),
    ]


def test_they_wait_for_the_calls_that_are_pending(taker):
    go_on, is_there = threading.Event(), threading.Event()
    runner = ThreadRunner(workers=1)

    def waits(x):
        is_there.set()
        return go_on.wait(10) and x

    function = launched(taker, candidate=waits, runner=runner)
    for x in range(3):
        function(x)
    del function
    assert is_there.wait(10)
    _telling.tell_of_the_gone()
    assert taker.totals == []
    go_on.set()
    assert flush(10)
    runner.close(10)
    last = taker.totals[-1]
    assert (last.is_final, last.candidates["candidate"]["outcomes"]) == (True, {"match": 3})
    assert [one.is_final for one in taker.totals].count(True) == 1


def test_the_last_of_these_calls_has_them_told():
    go_on = threading.Event()
    taker, runner = DirectTaker(), ThreadRunner(workers=1)
    function = launched(taker, candidate=lambda x: go_on.wait(10) and x, runner=runner)
    function(1)
    function(2)
    del function
    go_on.set()
    assert runner.close(10)
    assert [(one.shadowed, one.is_final) for one in taker.totals] == [(2, True)]
    flush()
    assert len(taker.totals) == 1


def test_a_close_does_not_wait_for_them(taker):
    go_on = threading.Event()
    runner = ThreadRunner(workers=1)
    function = launched(taker, candidate=lambda x: go_on.wait(10) and x, runner=runner)
    function(1)
    del function
    close(0.01)
    go_on.set()
    (last,) = taker.totals
    assert (last.shadowed, last.is_final) == (1, True)


def test_calls_of_which_none_was_sampled_are_told_when_the_launch_is_gone(taker):
    launched(taker, sample=0.0)(1)
    flush()
    assert [(one.unsampled, one.is_final) for one in taker.totals] == [(1, True)]


@pytest.mark.parametrize("calls", [0, 1])
def test_a_launch_that_is_gone_and_was_off_all_the_time_tells_nothing(taker, calls):
    function = launched(taker)
    launch_of(function).pause()
    for _ in range(calls):
        function(1)
    del function
    flush()
    assert taker.totals == []


def test_so_many_launches_may_go_before_their_last_totals_are_told(taker, monkeypatch):
    monkeypatch.setattr(_telling, "_left", collections.deque(maxlen=10))
    for _ in range(20):
        launched(taker, sample=0.0)(1)
    flush()
    assert len(taker.totals) == 10


def test_what_another_worker_tells_is_left_to_it():
    taker = DirectTaker()
    function = launched(taker)
    function(1)
    teller = launch_of(function)._teller
    del function
    with teller._telling:
        other = threading.Thread(target=_telling.tell_of_the_gone)
        other.start()
        other.join()
        assert len(taker.totals) == 1
    _telling.tell_of_the_gone()
    assert [one.is_final for one in taker.totals] == [False, True]


def test_a_launch_that_goes_while_the_interpreter_is_taken_apart_is_passed_over(taker, monkeypatch):
    function = launched(taker)
    function(1)
    monkeypatch.setattr(_telling, "_left", None)
    del function
    monkeypatch.undo()
    flush()
    assert not any(one.is_final for one in taker.totals)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_does_not_tell_of_a_launch_that_its_parent_lost(taker):
    launched(taker)(1)
    child = os.fork()
    if child == 0:  # pragma: no cover -- the child is not traced
        try:
            taker.items.clear()
            flush()
        finally:
            os._exit(len(taker.items))
    assert os.waitpid(child, 0)[1] == 0
    flush()
    assert taker.totals[-1].is_final


def test_what_fails_meanwhile_is_a_fault_and_records_go_on(taker, monkeypatch):
    function = launched(taker)
    before = _guard.faults.value
    monkeypatch.setattr(type(launch_of(function)), "stats", lambda self: 1 / 0)
    function(1)
    assert flush()
    assert len(taker.records) == 1
    assert taker.totals == []
    assert _guard.faults.value > before
    _guard.reset()


# Which sinks are told.


def test_sinks_that_do_not_ask_are_given_records_alone():
    plain, memory = [], MemorySink()
    function = launched(plain.append, memory)
    function(1)
    flush()
    assert [type(item) for item in (*plain, *memory.records)] == [Record, Record]


@pytest.mark.parametrize("kind", [Taker, BatchTaker, DirectTaker])
def test_totals_do_not_count_in_the_counts_of_a_sink(kind):
    sink = kind()
    function = launched(sink)
    function(1)
    flush()
    (counts,) = launch_of(function).stats().sinks.values()
    assert (counts.offered, counts.written, counts.failed, counts.waiting) == (1, 1, 0, 0)
    assert len(sink.totals) == len(sink.records) == 1


@pytest.mark.parametrize("is_direct", [False, True])
def test_a_sink_that_fails_at_totals_has_failed_at_no_record(is_direct):
    class Failing(Taker):
        never_blocks = is_direct

        def __call__(self, item):
            if type(item) is Totals:
                raise ValueError

    function = launched(Failing())
    function(1)
    flush()
    (counts,) = launch_of(function).stats().sinks.values()
    assert (counts.offered, counts.written, counts.failed, counts.waiting) == (1, 1, 0, 0)
    _guard.reset()


def test_a_record_at_which_a_direct_sink_fails_counts():
    class Failing(DirectTaker):
        def __call__(self, item):
            raise ValueError

    function = launched(Failing())
    function(1)
    (counts,) = launch_of(function).stats().sinks.values()
    assert (counts.offered, counts.failed) == (1, 1)
    _guard.reset()


def some_totals(**fields):
    return Totals("a-0", "shop.price", 1.5, 1.0, "h", 7, 0, 0, 0, 1, {}, **fields)


class Held(Taker):
    """A sink that holds its thread until it is let go."""

    def __init__(self):
        super().__init__()
        self.is_held, self.go_on = threading.Event(), threading.Event()

    def __call__(self, item):
        self.is_held.set()
        assert self.go_on.wait(10)
        super().__call__(item)


def test_totals_find_no_place_in_a_full_queue_unless_they_are_the_last(make_record):
    held = Held()
    outlet = Outlet(held, max_waiting=1)
    outlet.offer(make_record(0))
    assert held.is_held.wait(10)
    outlet.offer(make_record(1))
    outlet.offer_totals(some_totals())
    outlet.offer_totals(some_totals(is_final=True))
    held.go_on.set()
    assert outlet.close(time.monotonic() + 5)
    assert [type(item) for item in held.items] == [Record, Record, Totals]
    assert held.totals[0].is_final
    outlet.offer_totals(some_totals())
    assert outlet.stats().dropped == 0


@pytest.mark.parametrize("ask", ["flush", "close"])
def test_totals_that_wait_alone_are_waited_for(ask):
    held = Held()
    outlet = Outlet(held)
    outlet.offer_totals(some_totals())
    assert held.is_held.wait(10)
    deadline = time.monotonic() + 5
    threading.Timer(0.02, held.go_on.set).start()
    assert outlet.flush(5.0) if ask == "flush" else outlet.close(deadline)
    assert len(held.totals) == 1
    outlet.close(deadline)


def test_totals_that_wait_when_a_sink_is_left_behind_are_no_dropped_records(make_record):
    held = Held()
    outlet = Outlet(held)
    outlet.offer(make_record(0))
    assert held.is_held.wait(10)
    outlet.offer(make_record(1))
    outlet.offer_totals(some_totals())
    assert not outlet.close(time.monotonic())
    assert outlet.stats().dropped == 1
    held.go_on.set()
    _guard.reset()


# Several launches, processes and ways.


def test_two_launches_that_share_a_sink_each_tell_theirs(taker):
    first, second = launched(taker, name="first"), launched(taker, name="second")
    first(1)
    second(1)
    second(1)
    close()
    last = {totals.launch: totals for totals in taker.totals}
    assert {name: totals.shadowed for name, totals in last.items()} == {"first": 1, "second": 2}
    assert len({totals.source for totals in last.values()}) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_a_source_and_counts_of_its_own(taker):
    function = launched(taker)
    function(1)
    flush()
    (parents,) = taker.totals
    source, target = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover -- the child is not traced
        try:
            taker.items.clear()
            function(1)
            function(1)
            flush()
            told = [one.to_dict() for one in taker.totals]
            os.write(target, json.dumps([told, taker.records[0].call_id]).encode())
        finally:
            os._exit(0)
    os.close(target)
    with os.fdopen(source) as pipe:
        told, call_id = json.load(pipe)
    os.waitpid(child, 0)
    assert [one["shadowed"] for one in told] == [1, 2]
    assert {one["source"] for one in told} == {call_id.rpartition("-")[0]} != {parents.source}
    assert {one["pid"] for one in told} == {child}
    assert all(one["since"] >= parents.at for one in told)


SCRIPT = """
import sys
from darkcall import Totals, dark_launch

class Printing:
    takes_totals = True
    def __call__(self, item):
        if type(item) is Totals:
            print(item.shadowed, item.off, item.is_final, flush=True)
        else:
            print("record", flush=True)
    def close(self):
        print("closed", flush=True)

@dark_launch(candidate=lambda x: x, sinks=[Printing()])
def function(x):
    return x

for _ in range(3):
    function(1)
"""


def test_the_exit_of_the_process_tells_the_last():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert lines[-2:] == ["3 0 True", "closed"]
    assert lines.count("record") == 3
    assert done.stderr == ""


def check(taker, calls):
    """Hold what was told to both identities, to the records, and to what was told before."""
    told = taker.totals
    assert all(map(holds, told))
    for before, after in itertools.pairwise(told):
        assert before.shadowed <= after.shadowed
        assert before.at <= after.at
    for last in told[-1:]:
        assert last.off + last.nested + last.unsampled + last.shadowed == calls
        for name, counted in last.candidates.items():
            made = [record.outcome for record in taker.records if record.candidate == name]
            assert counted["outcomes"] == {outcome: made.count(outcome) for outcome in set(made)}


WAYS = ("off", "unsampled", "nested", "match", "mismatch", "raises", "uncomparable")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(ways=st.lists(st.sampled_from((*WAYS, "flush", "late")), max_size=15))
def test_totals_always_add_up_to_all_calls(passed, ways):
    taker = DirectTaker()

    def candidate(x):
        if x == "nested":
            function("match")
        if x == "raises":
            raise ValueError
        return "other" if x == "mismatch" else x

    def compare(control, candidate):
        if control == "uncomparable":
            raise ValueError
        return control == candidate

    function = launched(
        taker,
        control=lambda x: x,
        candidate={"v2": candidate, "v3": lambda x: x},
        compare=compare,
        sample=lambda call: call.args[0] != "unsampled",
    )
    launch, calls = launch_of(function), 0
    was_on = False
    for way in ways:
        if way == "flush":
            flush()
        elif way == "late":
            passed(61)
        else:
            launch.pause() if way == "off" else launch.resume()
            function(way)
            calls += 1 + (way == "nested")
            was_on = was_on or way != "off"
    launch._teller.tell(launch, 1.0, is_final=True)
    _guard.reset()

    assert bool(taker.totals) == was_on
    check(taker, calls)


def test_the_source_changes_with_the_process(monkeypatch):
    monkeypatch.setattr(_report, "_process", "abc")
    assert _report.source_of(3) == "abc-3"


def test_a_control_that_ran_again_is_told_beside_the_candidates(taker):
    function = launched(taker, noise=1.0)
    function(1)
    function(2)
    flush()

    told = taker.totals[-1].candidates["control"]
    assert (told["shadowed"], told["outcomes"], told["pending"]) == (2, {"match": 2}, 0)
    assert taker.totals[-1].shadowed == 2
