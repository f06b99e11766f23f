"""What strikes between two lines of darkcall's own, on the caller's thread."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from darkcall import _call, _guard, dark_launch, flush, launch_of
from darkcall._gate import Gate
from darkcall._tally import Tally
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink


class Interrupt(BaseException):
    """Addressed to the thread, as a Ctrl-C is."""


def raising(error):
    def strike(*_args, **_kwargs):
        raise error

    return strike


def late(function, error):
    def strike(*args, **kwargs):
        function(*args, **kwargs)
        raise error

    return strike


def launched(control=lambda x: x, candidate=lambda x: x, **knobs):
    sink = MemorySink()
    knobs = {"runner": InlineRunner(), "sinks": [sink], **knobs}
    return dark_launch(candidate=candidate, **knobs)(control), sink


def launched_async(**knobs):
    async def control(x):
        return x

    return launched(control, control, **knobs)


def adds_up(function):
    stats = launch_of(function).stats()
    assert stats.pending == 0
    assert stats.shadowed == sum(stats.outcomes.values())
    return stats


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_call_whose_sampling_finds_no_room_is_a_plain_call(error):
    echo, sink = launched(sample=raising(error()))
    echo_async, _ = launched_async(sample=raising(error()))

    assert echo(3) == 3
    assert asyncio.run(echo_async(3)) == 3
    assert adds_up(echo).unsampled == adds_up(echo_async).unsampled == 1
    assert sink.records == []


@pytest.mark.parametrize("step", ["admit", "hand_over"])
@pytest.mark.parametrize("when", [raising, None])
def test_a_fault_of_darkcalls_own_leaves_the_result_as_it_is(monkeypatch, step, when):
    strike = raising(ValueError()) if when else late(getattr(_call, step), ValueError())
    monkeypatch.setattr(_call, step, strike)
    echo, _ = launched()
    echo_async, _ = launched_async()
    value = object()

    assert echo(value) is value
    assert asyncio.run(echo_async(value)) is value
    for function in (echo, echo_async):
        assert adds_up(function).calls == 1


@pytest.mark.parametrize("step", ["admit", "hand_over"])
@pytest.mark.parametrize("when", [raising, None])
def test_an_interrupt_passes_and_the_call_is_accounted_for(monkeypatch, step, when):
    strike = raising(Interrupt()) if when else late(getattr(_call, step), Interrupt())
    monkeypatch.setattr(_call, step, strike)
    echo, _ = launched()
    echo_async, _ = launched_async()

    with pytest.raises(Interrupt):
        echo(3)
    with pytest.raises(Interrupt):
        asyncio.run(echo_async(3))
    for function in (echo, echo_async):
        assert adds_up(function).calls == 1


@pytest.mark.parametrize("error", [ValueError, Interrupt])
def test_a_fault_after_the_control_raised_leaves_its_exception_or_passes(monkeypatch, error):
    raised = KeyError("the control's own")
    monkeypatch.setattr(_call, "hand_over", raising(error()))
    fails, _ = launched(raising(raised), lambda *_args, **_kwargs: None)

    with pytest.raises((KeyError, Interrupt)) as caught:
        fails()
    assert (caught.value is raised) is (error is ValueError)
    assert adds_up(fails).outcomes["skipped"] == 1


@pytest.mark.parametrize("error", [ValueError, Interrupt])
def test_a_fault_after_an_async_control_raised_leaves_its_exception_or_passes(monkeypatch, error):
    raised = KeyError("the control's own")
    monkeypatch.setattr(_call, "hand_over", raising(error()))

    async def control():
        raise raised

    fails, _ = launched(control, control)

    with pytest.raises((KeyError, Interrupt)) as caught:
        asyncio.run(fails())
    assert (caught.value is raised) is (error is ValueError)
    assert adds_up(fails).outcomes["skipped"] == 1


def test_a_call_that_was_accounted_for_meanwhile_is_not_recorded_as_well(monkeypatch, threads):
    go_on = threading.Event()
    monkeypatch.setattr(_call, "hand_over", late(_call.hand_over, Interrupt()))
    echo, sink = launched(candidate=lambda x: go_on.wait(10), runner=threads)

    with pytest.raises(Interrupt):
        echo(3)
    assert adds_up(echo).reasons == {"interrupted": 1}
    go_on.set()
    assert flush()
    assert adds_up(echo).reasons == {"interrupted": 1}
    assert sink.records == []


def test_a_call_whose_counting_is_interrupted_again_and_again_is_counted_once(monkeypatch):
    def count(*args):
        if strikes:
            raise strikes.pop()
        settle(*args)

    strikes = [Interrupt(), Interrupt()]
    # What a single candidate's gate refuses is counted in one step.
    echo, _ = launched(candidate={"v2": lambda x: x, "v3": lambda x: x}, max_pending=1)
    for candidate in launch_of(echo).candidates:
        candidate.gate.room.places.pop()
    settle = candidate.settle
    monkeypatch.setattr(candidate, "settle", count)

    with pytest.raises(Interrupt):
        echo(3)
    with pytest.raises(Interrupt):
        launch_of(echo).stats()
    stats = launch_of(echo).stats()
    assert stats.shadowed == 1
    assert stats.candidates["v2"].reasons == {"full": 1}
    assert stats.candidates["v3"].reasons == {"interrupted": 1}
    assert stats.candidates["v3"].pending == 0


def test_a_call_that_is_refused_and_interrupted_is_counted_once():
    echo, sink = launched(raising(Interrupt()), lambda *_args, **_kwargs: None, max_pending=1)
    launch_of(echo).candidates[0].gate.room.places.pop()

    with pytest.raises(Interrupt):
        echo(3)
    stats = adds_up(echo)
    assert stats.calls == stats.shadowed == stats.outcomes["dropped"] == 1
    assert stats.reasons == {"full": 1}
    assert sink.records == []


def test_a_call_at_whose_gate_the_stack_ends_is_answered_and_accounted_for(monkeypatch):
    function = dark_launch(candidate=lambda x: x, sinks=[])(lambda x: x)
    (candidate,) = launch_of(function).candidates
    candidate.gate.shut_until = float("inf")

    def refuses(_gate, _now):
        raise RecursionError

    monkeypatch.setattr(Gate, "refuses", refuses)

    assert function(4) == 4
    stats = launch_of(function).stats()
    assert (stats.calls, stats.shadowed) == (1, 1)
    assert stats.outcomes["skipped"] == 1


def test_a_lost_call_gives_its_place_back_though_each_call_after_it_finds_none():
    echo, _ = launched(raising(Interrupt()), lambda *_args, **_kwargs: None, max_pending=1)

    for _ in range(3):
        with pytest.raises(Interrupt):
            echo(3)
    assert adds_up(echo).reasons == {"interrupted": 3}


class Striking(Tally):
    """A tally at which an interrupt strikes before it counts."""

    def __iter__(self):
        raise Interrupt


def test_a_call_that_is_interrupted_before_it_is_counted_counts_as_unsampled():
    echo, _ = launched()
    launch_of(echo)._counts.shadowed = Striking()

    with pytest.raises(Interrupt):
        echo(3)
    assert adds_up(echo).calls == adds_up(echo).unsampled == 1


def test_an_interrupted_control_is_skipped():
    interrupted, sink = launched(raising(Interrupt()), lambda *_args, **_kwargs: None)

    with pytest.raises(Interrupt):
        interrupted()
    assert adds_up(interrupted).reasons == {"interrupted": 1}
    assert sink.records == []


def test_a_place_that_an_interrupt_left_taken_is_given_back_at_the_next_call(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_call, "hand_over", raising(Interrupt()))
        echo, _ = launched(max_pending=1)
        with pytest.raises(Interrupt):
            echo([1])
    monkeypatch.setattr(_call, "hand_over", _call.hand_over)
    admit = launch_of(echo)
    assert admit.candidates[0].gate.room.is_full

    with pytest.raises(Interrupt):
        echo([2])
    assert adds_up(echo).outcomes == {**adds_up(echo).outcomes, "skipped": 2, "dropped": 0}
    assert flush()


def test_a_call_weighs_nothing_for_a_candidate_that_will_not_see_it():
    candidates = {"open": lambda x: x, "full": lambda x: x}
    control, sink = launched(candidate=candidates, max_pending=1)

    full = launch_of(control).candidates[1].gate.room
    full.places.pop()
    control([1] * 100)
    assert [record.candidate for record in sink.records] == ["open"]
    assert full.nbytes == 0
    assert launch_of(control).stats().candidates["full"].reasons == {"full": 1}


def test_what_can_change_is_kept_for_the_candidate_behind_one_that_is_full():
    candidates = {"full": lambda x: x, "open": lambda x: x}
    control, sink = launched(candidate=candidates, max_pending=1)

    launch_of(control).candidates[0].gate.room.places.pop()
    assert control([1]) == [1]
    assert [(record.candidate, record.outcome) for record in sink.records] == [("open", "match")]


class NoQuestions(type):
    """Has no patience with whoever asks it for an attribute."""

    def __getattr__(cls, name):
        raise ValueError(name)


class Unasked(metaclass=NoQuestions):
    """Cannot be looked at."""


def test_a_result_that_cannot_be_looked_at_is_skipped_and_recorded():
    value = Unasked()
    give, sink = launched(lambda: value, lambda: 3)

    assert give() is value
    [record] = sink.records
    assert record.outcome == "skipped"
    assert "what the control returned (Unasked) cannot be kept: ValueError" in record.reason
    assert adds_up(give).outcomes["skipped"] == 1


class NoAnswers(type):
    """Fails at whatever it is asked."""

    def __getattribute__(cls, name):
        raise ValueError(name)


class Unanswering(metaclass=NoAnswers):
    """Cannot even be asked for its module."""


def test_what_cannot_be_asked_anything_is_skipped():
    value = object.__new__(Unanswering)
    give, given_back = launched(lambda: value, lambda: 3)
    take, taken = launched(lambda value: 3, lambda value: 3)

    assert give() is value
    assert take(value) == 3
    assert [record.outcome for record in given_back.records + taken.records] == ["skipped"] * 2


WITHOUT_DECIMAL = """
import sys
from darkcall import dark_launch, launch_of
from darkcall.runners import InlineRunner

@dark_launch(candidate=lambda x: x, runner=InlineRunner(), sinks=[])
def control(x):
    return x

# Whoever measures coverage may have imported it.
sys.modules.pop("decimal", None)
control(3)
print("decimal" in sys.modules, launch_of(control).stats().outcomes["match"])
"""

WITH_DECIMAL = """
import decimal
from darkcall import dark_launch, flush, launch_of

def candidate(x):
    decimal.getcontext().prec = 2
    return decimal.Decimal(1) / x

@dark_launch(candidate=candidate, sinks=[])
def control(x):
    return decimal.Decimal(1) / x

before = control(3)
flush()
print(control(3) == before, decimal.getcontext().prec)
"""


@pytest.mark.parametrize(
    ("source", "printed"), [(WITHOUT_DECIMAL, "False 1"), (WITH_DECIMAL, "True 28")]
)
def test_a_candidate_has_a_decimal_context_of_its_own_where_decimal_is_in_use(source, printed):
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == printed


def test_a_call_is_counted_once_though_telling_of_it_was_interrupted(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_call, "admit", raising(ValueError()))
        echo, _ = launched()
        echo(3)
    with monkeypatch.context() as patch:
        patch.setattr(_guard, "say", raising(Interrupt()))
        with pytest.raises(Interrupt):
            launch_of(echo).stats()

    assert launch_of(echo).stats().reasons == {"fault": 1}
