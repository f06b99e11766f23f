"""An outlet, and its thread, last as long as somebody can offer the sink something."""

from __future__ import annotations

import gc
import pathlib
import threading
import time
import types

import pytest

from darkcall import _guard, close, dark_launch, flush
from darkcall.analysis import read
from darkcall.sinks import JsonlSink, SqliteSink, _sink_thread
from darkcall.sinks._outlet import Outlet
from looking import wait_until


class HoldingBack:
    """A sink of the user's own, which writes when it is flushed or closed."""

    def __init__(self):
        self.held, self.written, self.closed = [], [], 0

    def __call__(self, record):
        self.held.append(record)

    def flush(self, timeout_seconds):
        self.written += self.held
        self.held = []

    def close(self):
        self.flush(0)
        self.closed += 1


class CountsItsCloses(JsonlSink):
    """Is not one of those that open again, as far as anybody knows."""

    closed = 0

    def close(self):
        super().close()
        self.closed += 1


def used(outlet, record):
    """Offer a record, and give the sink's thread."""
    before = set(threading.enumerate())
    outlet.offer(record)
    assert outlet.flush(5)
    [thread] = set(threading.enumerate()) - before
    return thread


def wait_for_the_end_of(thread):
    wait_until(lambda: thread not in threading.enumerate())


def descriptors():
    return {path.name for path in pathlib.Path("/proc/self/fd").iterdir()}


def sink_threads():
    # Of workers, a second one is started where the first is still busy.
    return [thread for thread in threading.enumerate() if thread.name.startswith("darkcall-sink")]


def test_its_thread_ends_with_the_last_who_holds_it(make_record):
    outlet = Outlet([].append)
    thread = used(outlet, make_record())
    del outlet
    wait_for_the_end_of(thread)


def test_what_it_was_offered_before_is_written(make_record):
    written, may_write = [], threading.Event()

    def sink(record):
        may_write.wait(5)
        written.append(record)

    outlet = Outlet(sink)
    for number in range(3):
        outlet.offer(make_record(number))
    del outlet
    gc.collect()
    may_write.set()
    wait_until(lambda: len(written) == 3)
    assert [record.call_id for record in written] == ["call-0", "call-1", "call-2"]


def test_what_comes_while_the_thread_ends_its_work_is_written(make_record, monkeypatch):
    written = []
    late = [make_record(1)]

    class Meeting(set):
        def discard(self, outlet):
            while outlet in self and late:
                outlet._queue.put(late.pop())
            super().discard(outlet)

    monkeypatch.setattr(_sink_thread, "lasting", Meeting())
    outlet = Outlet(written.append)
    outlet.offer(make_record(0))
    wait_until(lambda: len(written) == 2)
    assert outlet.close(time.monotonic() + 5)


@pytest.mark.parametrize("kind", [JsonlSink, SqliteSink])
def test_a_sink_that_opens_again_is_closed_and_opens_again(tmp_path, make_record, kind):
    sink = kind(tmp_path / "records")
    for _ in range(2):
        before = descriptors()
        outlet = Outlet(sink)
        thread = used(outlet, make_record())
        assert descriptors() > before
        del outlet
        wait_for_the_end_of(thread)
        assert descriptors() == before


def decorated(sink):
    @dark_launch(candidate=lambda x: x, sinks=[sink])
    def same(x):
        return x

    return same


@pytest.mark.parametrize("kind", [HoldingBack, CountsItsCloses])
def test_a_sink_of_the_users_own_that_closes_is_closed_with_darkcall_alone(tmp_path, kind):
    sink = HoldingBack() if kind is HoldingBack else kind(tmp_path)
    for _ in range(3):
        decorated(sink)(1)
        assert flush(5)
        gc.collect()
    assert not sink.closed
    decorated(sink)(1)
    gc.collect()
    assert flush(5)
    if kind is HoldingBack:
        assert len(sink.written) == 4
    assert close(5)
    assert sink.closed == 1


def test_a_sink_that_compresses_is_waited_for(tmp_path):
    decorated(JsonlSink(tmp_path, compress=True))(1)
    assert flush(5)
    gc.collect()
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    assert close(5)
    assert [path.suffix for path in tmp_path.iterdir()] == [".gz"]


def test_a_sink_without_a_close_is_let_go(make_record):
    outlet = Outlet(lambda record: None)
    thread = used(outlet, make_record())
    del outlet
    wait_for_the_end_of(thread)


class Striking:
    """A bell at which an exception strikes whoever waits, once."""

    def __init__(self, bell):
        self.locked, self.release = bell.locked, bell.release
        self._bell = bell
        self._strikes = [KeyError]

    def acquire(self):
        self._bell.acquire()
        if self._strikes:
            raise self._strikes.pop()


def test_the_thread_outlives_what_strikes_while_it_waits(make_record):
    written = []
    outlet = Outlet(written.append)
    outlet.bell = Striking(outlet.bell)
    for _ in range(3):
        outlet.offer(make_record())
        assert outlet.flush(5)
    assert len(written) == 3
    assert outlet.close(time.monotonic() + 5)


def test_a_close_that_fails_is_logged(tmp_path, make_record, monkeypatch, caplog):
    sink = JsonlSink(tmp_path)
    monkeypatch.setattr(sink, "close", lambda: 1 / 0)
    outlet = Outlet(sink)
    thread = used(outlet, make_record())
    del outlet
    wait_for_the_end_of(thread)
    _guard.tell_all(5)
    assert "closing JsonlSink failed with ZeroDivisionError" in caplog.text
    sink._let_go()


def test_a_cell_that_is_run_again_and_again_collects_no_threads(tmp_path):
    def run_cell():
        assert decorated(JsonlSink(tmp_path))(1) == 1
        assert flush(5)

    run_cell()
    gc.collect()
    threads, files = len(sink_threads()), len(descriptors())
    for _ in range(20):
        run_cell()
    gc.collect()
    wait_until(lambda: len(sink_threads()) <= threads)
    wait_until(lambda: len(descriptors()) <= files)
    assert len(list(read(tmp_path))) == 21


def test_a_bell_rings_though_the_exit_took_the_names_of_its_module(make_record):
    bell = threading.Lock()
    ring = types.FunctionType(_sink_thread.ring.__code__, {}, argdefs=(None,))
    for _ in range(2):
        bell.acquire()
        ring(bell)
        ring(bell)
        assert not bell.locked()


class RungMeanwhile:
    """A bell that another thread rings in between."""

    def locked(self):
        return True

    def release(self):
        raise RuntimeError("release unlocked lock")


def test_a_bell_that_another_rang_in_between_is_rung():
    assert _sink_thread.ring(RungMeanwhile()) is None
