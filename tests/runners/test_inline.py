from __future__ import annotations

import time

import pytest

from darkcall import _guard, is_dark
from darkcall.runners import InlineRunner


class Errand:
    """A piece of work that does what a test wants."""

    def __init__(self, do):
        self.do = do

    def run(self, watch):
        self.do(watch)


def test_work_is_done_before_submit_returns():
    done = []
    InlineRunner().submit(Errand(lambda watch: done.append(watch.is_callers_thread)))

    assert done == [True]


def test_work_is_done_in_the_dark_and_the_caller_is_not():
    seen = []
    InlineRunner().submit(Errand(lambda watch: seen.append(is_dark())))

    assert seen == [True]
    assert not is_dark()


def test_what_the_work_raises_passes_and_the_caller_is_out_of_the_dark():
    def interrupt(watch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InlineRunner().submit(Errand(interrupt))
    assert not is_dark()


def test_what_was_said_is_logged_afterwards(caplog):
    InlineRunner().submit(Errand(lambda watch: _guard.say(_guard.WARNING, "a line")))

    assert caplog.messages == ["a line"]


def test_a_phase_that_ends_in_time_is_its_own():
    ended, abandoned = [], []

    def work(watch):
        watch.start(10.0, abandoned.append)
        ended.append(watch.end())
        watch.start(None, abandoned.append)
        ended.append(watch.end())

    InlineRunner().submit(Errand(work))

    assert ended == [True, True]
    assert abandoned == []


def test_a_phase_that_takes_too_long_is_told_afterwards():
    ended, abandoned = [], []

    def work(watch):
        watch.start(0.001, abandoned.append)
        time.sleep(0.002)
        ended.append(watch.end())

    InlineRunner().submit(Errand(work))

    assert ended == [False]
    assert abandoned == ["timeout"]


def test_a_phase_that_was_not_begun_ends_well():
    ended = []
    InlineRunner().submit(Errand(lambda watch: ended.append(watch.end())))

    assert ended == [True]


def test_nothing_is_ever_left():
    runner = InlineRunner()
    runner.after_fork()

    assert runner.is_inline
    assert runner.flush(timeout=0.0)
    assert runner.close(timeout=0.0)
    assert repr(runner) == "InlineRunner()"
