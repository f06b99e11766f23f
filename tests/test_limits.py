"""Copying gives up before it grows too large, or holds its caller for too long."""

from __future__ import annotations

import math

import pytest

from darkcall import dark_launch
from darkcall._snapshot import (
    Limits,
    TookTooLongError,
    UnkeepableError,
    Writer,
    _limits,
    copied,
)
from darkcall.runners import InlineRunner
from darkcall.sinks import MemorySink


MILLISECOND = 0.001


class Box:
    def __init__(self, value=None):
        self.value = value


class NoPickle:
    def __reduce_ex__(self, protocol):
        raise TypeError

    def __deepcopy__(self, memo):
        return NoPickle()


class Clocks:
    """Both clocks: each reading of the wall clock finds that time has passed."""

    def __init__(self, wall, cpu):
        self.per_reading = (wall, cpu)
        self.wall = self.cpu = 0.0
        self.readings = 0

    def read_wall(self):
        self.readings += 1
        wall, cpu = self.per_reading
        self.wall += wall
        self.cpu += cpu
        return self.wall

    def read_cpu(self):
        return self.cpu


@pytest.fixture
def pace(monkeypatch):
    """Set how much time passes between two looks at the clock, in seconds."""

    def set_to(wall, cpu):
        clocks = Clocks(wall, cpu)
        monkeypatch.setattr(_limits, "clock", clocks.read_wall)
        monkeypatch.setattr(_limits, "cpu_clock", clocks.read_cpu)
        return clocks

    return set_to


@pytest.fixture
def sink():
    return MemorySink()


@pytest.fixture
def dark(sink):
    def dark(**knobs):
        return dark_launch(runner=InlineRunner(), sinks=[sink], **knobs)

    return dark


def copy_of(value, *, nbytes=1 << 20, seconds=0.02, shared=()):
    return copied(value, Writer(Limits(nbytes, seconds)), shared)


MANY = {
    "objects": lambda: [Box() for _ in range(1000)],
    "values that are handed over": lambda: [object() for _ in range(1000)],
    "exceptions": lambda: [ValueError() for _ in range(1000)],
    "builtin values": lambda: list(range(1_000_000)),
    "texts": lambda: [f"{number:70000}" for number in range(1000)],
    "what cannot be pickled": lambda: [NoPickle(), *([] for _ in range(1000))],
    "numbers after what cannot be pickled": lambda: [NoPickle(), *range(1000)],
}


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_copying_gives_up_when_its_time_is_over(pace, make):
    clocks = pace(MILLISECOND, MILLISECOND)
    with pytest.raises(
        TookTooLongError,
        match=r"copying would hold the caller for over max_copy_seconds=0\.02, which can be raised",
    ):
        copy_of(make(), nbytes=math.inf)

    assert 0.02 < clocks.cpu < 0.025


def test_a_caller_that_merely_waits_for_its_turn_keeps_its_call(pace):
    clocks = pace(5 * MILLISECOND, 0.4 * MILLISECOND)
    opened = copy_of([Box(number) for number in range(15)]).open()

    assert [box.value for box in opened] == list(range(15))
    assert clocks.wall > 0.1


def test_a_copy_that_waits_for_other_things_is_given_up_at_ten_times_its_time(pace):
    clocks = pace(MILLISECOND, 0.0)
    with pytest.raises(TookTooLongError):
        copy_of([Box() for _ in range(1000)])

    assert 0.2 < clocks.wall < 0.205


def test_what_is_pickled_in_vain_and_then_deep_copied_has_no_more_time(pace):
    clocks = pace(MILLISECOND, MILLISECOND)
    with pytest.raises(TookTooLongError):
        copy_of([*(Box() for _ in range(12)), NoPickle()])

    assert clocks.cpu < 0.025


def test_a_small_copy_of_plain_values_looks_at_the_clock_once(pace):
    clocks = pace(1.0, 1.0)
    copy_of({"rows": [1, 2.5, "a"]})

    assert clocks.readings == 1


def test_without_a_limit_the_time_is_never_over(pace):
    pace(1000.0, 1000.0)

    assert len(copy_of([NoPickle(), *(Box() for _ in range(100))], seconds=math.inf).open()) == 101


def test_opening_a_copy_has_no_limit_of_time(pace):
    kept = copy_of([NoPickle(), [1]], seconds=10.0)
    pace(1000.0, 1000.0)

    assert kept.open()[1] == [1]


def test_a_writer_that_begins_again_has_its_bytes_again_but_not_its_time(pace):
    pace(0.0, 0.0)
    writer = Writer(Limits(nbytes=10, seconds=0.02))
    writer.write(b"12345678")
    with pytest.raises(UnkeepableError, match="max_copy_bytes=10"):
        writer.write(b"12345678")
    writer.empty()
    writer.write(b"12345678")

    assert writer.nbytes == 8
    pace(1.0, 1.0)
    with pytest.raises(TookTooLongError):
        writer.empty()


# What a skip says.


def test_who_took_too_long_is_not_looked_for_because_that_would_take_as_long(dark, sink, pace):
    clocks = pace(MILLISECOND, MILLISECOND)
    decorated = dark(candidate=lambda a, b: None)(lambda a, b: None)
    decorated([Box() for _ in range(100)], [Box()])

    assert clocks.cpu < 0.025
    assert sink.records[0].outcome == "skipped"
    assert sink.records[0].reason == (
        "the arguments cannot be copied: copying would hold the caller for over "
        "max_copy_seconds=0.02, which can be raised; pass share=(...) with the names of those "
        "that the candidate may have as they are, or an isolate of your own"
    )


def test_who_cannot_be_copied_is_looked_for_no_longer_than_a_copy_may_take(dark, sink, pace):
    copies = []

    class Counted:
        def __reduce__(self):
            copies.append(self)
            return object, ()

    pace(MILLISECOND, MILLISECOND)
    decorated = dark(candidate=lambda **_: None, max_copy_bytes=1000)(lambda **_: None)
    decorated(**{f"a{number}": [f"{number:200}", Counted()] for number in range(10)})

    assert 10 < len(copies) < 20
    assert sink.records[0].reason.startswith(
        "the arguments cannot be copied: a copy would exceed max_copy_bytes=1000"
    )


def test_a_result_that_takes_too_long_to_copy_is_skipped_with_a_reason(dark, sink, pace):
    pace(MILLISECOND, MILLISECOND)
    dark(candidate=lambda: None)(lambda: [Box() for _ in range(100)])()

    assert sink.records[0].outcome == "skipped"
    assert sink.records[0].reason.startswith(
        "what the control returned (list) cannot be kept: copying would hold the caller for over "
    )
