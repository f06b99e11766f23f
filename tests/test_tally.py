from __future__ import annotations

import signal

from darkcall._tally import Tally
from looking import in_threads


def test_a_new_tally_is_at_nothing():
    assert Tally().value == 0


def test_add_returns_how_many_there_were_before():
    tally = Tally()

    assert [tally.add() for _ in range(3)] == [0, 1, 2]
    assert tally.value == 3


def test_reading_does_not_count():
    tally = Tally()
    tally.add()

    assert [tally.value, tally.value] == [1, 1]


def test_a_tally_shows_its_count():
    tally = Tally()
    tally.add()

    assert repr(tally) == "Tally(1)"


def test_many_threads_count_exactly():
    tally = Tally()

    def count():
        for _ in range(5_000):
            tally.add()

    in_threads(count, 8)

    assert tally.value == 40_000


def test_a_signal_handler_counts_exactly_in_the_middle_of_counting():
    tally = Tally()
    handled = 0

    def handler(signum, frame):
        nonlocal handled
        handled += 1
        tally.add()

    before = signal.signal(signal.SIGALRM, handler)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    counted = 0
    try:
        while handled < 20:
            tally.add()
            counted += 1
    finally:
        # Not one alarm more: the next would be taken for the end of the test's time.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)

    assert tally.value == counted + handled
