from __future__ import annotations

import contextlib
import pathlib
import signal
import sqlite3
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import _guard, _threads
from darkcall._dark import is_dark
from darkcall._errors import ConfigurationError
from darkcall.sinks import MemorySink, _sink_thread
from darkcall.sinks._face import cause_of, name_of
from darkcall.sinks._outlet import Outlet, SinkStats
from darkcall.sinks._together import close_all, flush_all


class Hanging:
    """A sink that hangs until it is let go."""

    def __init__(self):
        self.entered = threading.Event()
        self.go = threading.Event()
        self.taken = []
        self.closed = threading.Event()

    def __call__(self, record):
        self.entered.set()
        self.go.wait(20)
        self.taken.append(record)

    def close(self):
        self.closed.set()


@pytest.fixture
def hanging():
    sink = Hanging()
    yield sink
    sink.go.set()


@pytest.fixture
def outlet_for():
    made = []

    def make(sink, **options):
        outlet = Outlet(sink, **options)
        made.append(outlet)
        return outlet

    yield make
    close_all(made, time.monotonic())


def thread_of(outlet):
    return [t for t in threading.enumerate() if t.name == f"darkcall-sink-{outlet.name}"]


def soon():
    return time.monotonic() + 5


def test_records_reach_the_sink_in_their_order(outlet_for, make_record):
    taken = []
    outlet = outlet_for(taken.append)
    records = [make_record(number) for number in range(100)]
    for record in records:
        outlet.offer(record)
    assert outlet.flush(5)
    assert taken == records
    assert outlet.stats() == SinkStats(offered=100, written=100, failed=0, dropped=0, waiting=0)
    assert "written=100" in repr(outlet)


def test_no_thread_starts_before_the_first_record(outlet_for, make_record):
    def to_be_told_apart(record):
        pass

    outlet = outlet_for(to_be_told_apart)
    assert outlet.flush(1)
    assert thread_of(outlet) == []
    outlet.offer(make_record())
    assert outlet.flush(5)
    [thread] = thread_of(outlet)
    assert thread.daemon
    assert outlet.close(soon())
    while thread_of(outlet):
        time.sleep(0.001)


def test_many_threads_may_offer_at_once(outlet_for, make_record):
    taken = []

    def shared(record):
        taken.append(record)

    outlet = outlet_for(shared)
    threads = [
        threading.Thread(target=lambda: [outlet.offer(make_record(n)) for n in range(200)])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outlet.flush(5)
    assert outlet.stats().written == len(taken) == 1000
    assert len(thread_of(outlet)) == 1


BEHAVIOURS = {
    "takes it": None,
    "raises": ValueError("no"),
    "exits": SystemExit(1),
    "is interrupted": KeyboardInterrupt(),
    "ends": GeneratorExit(),
}


@settings(max_examples=25)
@given(
    behaviours=st.lists(st.sampled_from(sorted(BEHAVIOURS)), max_size=30),
    max_waiting=st.integers(1, 40),
    batches=st.booleans(),
)
def test_every_record_is_counted_once(behaviours, max_waiting, batches, make_record):
    taken, errors = [], []

    class Sink:
        def __call__(self, record):
            error = BEHAVIOURS[record.reason]
            if error is not None:
                errors.append(record)
                raise error
            taken.append(record)

    if batches:
        Sink.write_batch = lambda self, records: [self(record) for record in records[:1]]
    outlet = Outlet(Sink(), max_waiting=max_waiting)
    for behaviour in behaviours:
        outlet.offer(make_record(reason=behaviour))
        stats = outlet.stats()
        assert stats.waiting >= 0
        assert stats.offered == stats.written + stats.failed + stats.dropped + stats.waiting
    assert outlet.flush(5)
    stats = outlet.stats()
    assert stats.offered == len(behaviours)
    assert stats.waiting == 0
    assert stats.offered == stats.written + stats.failed + stats.dropped
    if not batches:
        assert (stats.written, stats.failed) == (len(taken), len(errors))
    assert outlet.close(soon())


def test_a_sink_that_raises_is_told_about_once(outlet_for, make_record, lines):
    def full(record):
        raise OSError(28, "whatever")

    outlet = outlet_for(full)
    for number in range(3):
        outlet.offer(make_record(number))
        assert outlet.flush(5)
    assert outlet.stats().failed == 3
    assert lines("writing to full (No space left on device) failed with OSError")
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert len(lines("writing to full")) == 1


def test_a_batch_is_written_or_fails_as_a_whole(outlet_for, make_record):
    batches = []

    class Sink:
        fails = False

        def __call__(self, record):
            pytest.fail("it takes batches")

        def write_batch(self, records):
            batches.append(len(records))
            hold.wait(5)
            if self.fails:
                raise ValueError

    hold = threading.Event()
    outlet = outlet_for(sink := Sink())
    outlet.offer(make_record())
    while not batches:
        time.sleep(0.001)
    for number in range(600):
        outlet.offer(make_record(number))
    hold.set()
    assert outlet.flush(5)
    assert batches == [1, 500, 100]
    sink.fails = True
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert outlet.stats() == SinkStats(offered=602, written=601, failed=1, dropped=0, waiting=0)


@pytest.mark.parametrize(
    ("told", "written"), [(None, 2), (2, 2), (1, 1), (0, 0), (-1, 2), (3, 2), (True, 2), ("1", 2)]
)
def test_a_sink_may_tell_how_many_of_a_batch_it_wrote(outlet_for, make_record, told, written):
    class Sink:
        def __call__(self, record):
            pytest.fail("it takes batches")

        def write_batch(self, records):
            taken.extend(records)
            hold.wait(5)
            return told if len(records) == 2 else None

    taken, hold = [], threading.Event()
    outlet = outlet_for(Sink())
    outlet.offer(make_record())
    while not taken:
        time.sleep(0.001)
    outlet.offer(make_record())
    outlet.offer(make_record())
    hold.set()
    assert outlet.flush(5)
    assert outlet.stats() == SinkStats(3, 1 + written, 2 - written, 0, 0)


def test_a_sink_that_hangs_stops_no_other_sink(outlet_for, hanging, make_record):
    taken = []
    stuck, well = outlet_for(hanging), outlet_for(taken.append)
    for number in range(10):
        stuck.offer(make_record(number))
        well.offer(make_record(number))
    began = time.monotonic()
    assert not flush_all([stuck, well], 0.1)
    assert time.monotonic() - began < 0.5
    assert len(taken) == 10
    began = time.monotonic()
    assert not close_all([stuck, well], time.monotonic() + 0.1)
    assert time.monotonic() - began < 0.5
    assert well.stats().written == 10


def test_a_queue_that_is_full_drops_and_says_so(outlet_for, hanging, make_record):
    outlet = outlet_for(hanging, max_waiting=3)
    outlet.offer(make_record())
    assert hanging.entered.wait(5)
    for number in range(5):
        outlet.offer(make_record(number))
    assert outlet.stats() == SinkStats(offered=6, written=0, failed=0, dropped=2, waiting=4)
    assert any("Hanging is too slow" in line for _, line in _guard._waiting)
    hanging.go.set()
    assert outlet.flush(5)
    assert outlet.stats().written == 4


def test_a_flush_that_came_to_nothing_leaves_nothing_behind(outlet_for, hanging, make_record):
    outlet = outlet_for(hanging)
    outlet.offer(make_record())
    assert hanging.entered.wait(5)
    for _ in range(3):
        assert not outlet.flush(-0.2)
    assert len(outlet._queue) == 0


def test_a_sink_is_flushed_with_the_time_that_is_left(outlet_for, make_record):
    class Sink(Hanging):
        answer = None

        def flush(self, timeout_seconds):
            self.left = timeout_seconds
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

    outlet = outlet_for(sink := Sink())
    sink.go.set()
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert 4 < sink.left <= 5
    assert len(sink.taken) == 1
    sink.answer = False
    assert not outlet.flush(5)
    sink.answer = SystemExit(3)
    assert not outlet.flush(5)
    sink.answer = True
    assert outlet.flush(1e12)


def test_a_flush_inside_the_sink_fails_at_once(outlet_for, make_record):
    answers = []
    outlet = outlet_for(lambda record: answers.append(outlet.flush(10)))
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert answers == [False]


def test_closing_writes_what_waits_first(outlet_for, make_record):
    sink = Hanging()
    outlet = outlet_for(sink)
    for number in range(5):
        outlet.offer(make_record(number))
    sink.go.set()
    assert outlet.close(soon())
    assert len(sink.taken) == 5
    assert sink.closed.is_set()
    assert outlet.close(soon())
    assert outlet.flush(1)
    outlet.offer(make_record())
    assert outlet.stats() == SinkStats(offered=6, written=5, failed=0, dropped=1, waiting=0)


def test_a_sink_that_was_never_used_is_closed_too(outlet_for):
    outlet = outlet_for(sink := Hanging())
    assert outlet.close(soon())
    assert sink.closed.is_set()


def test_a_sink_that_cannot_close_is_told_about(outlet_for, make_record):
    class Sink(Hanging):
        def close(self):
            raise ValueError

    outlet = outlet_for(Sink())
    assert not outlet.close(soon())
    assert _guard._last_said


def test_what_a_slow_sink_does_not_take_until_the_deadline_is_dropped(outlet_for, make_record):
    closed = threading.Event()

    class Slow:
        def __call__(self, record):
            time.sleep(0.05)

        def close(self):
            closed.set()

    outlet = outlet_for(Slow())
    for number in range(100):
        outlet.offer(make_record(number))
    assert not outlet.close(time.monotonic() + 0.1)
    assert closed.is_set()
    stats = outlet.stats()
    assert stats.written < 10
    assert stats.written + stats.dropped == stats.offered == 100


def test_a_hung_sink_is_left_behind_and_closes_if_it_comes_back(outlet_for, hanging, make_record):
    outlet = outlet_for(hanging)
    for number in range(5):
        outlet.offer(make_record(number))
    assert hanging.entered.wait(5)
    assert not outlet.close(time.monotonic())
    assert outlet.stats() == SinkStats(offered=5, written=0, failed=0, dropped=4, waiting=1)
    assert not outlet.close(time.monotonic())
    assert not outlet.flush(0.1)
    [said] = [line for _, line in _guard._waiting]
    assert said == "Hanging did not end in time: it is left behind, 4 records are dropped"
    hanging.go.set()
    assert hanging.closed.wait(5)
    [thread.join(5) for thread in thread_of(outlet)]
    assert outlet.stats() == SinkStats(offered=5, written=1, failed=0, dropped=4, waiting=0)
    assert outlet.flush(0.1)


def test_a_flush_behind_a_close_is_answered(outlet_for, hanging, make_record):
    outlet = outlet_for(hanging)
    outlet.offer(make_record())
    closing = outlet.ask("close", soon())
    flushing = outlet.ask("flush", soon())
    hanging.go.set()
    assert outlet.settle(closing)
    assert outlet.settle(flushing)


def test_a_record_that_slips_in_while_closing_is_dropped(outlet_for, make_record, monkeypatch):
    outlet = outlet_for([].append)
    monkeypatch.setattr(outlet, "_wake", lambda: setattr(outlet, "_closed", True))
    outlet.offer(make_record())
    assert outlet.stats().dropped == 1


def test_a_sink_runs_in_the_dark(outlet_for, make_record):
    seen = []

    class Here(MemorySink):
        def __call__(self, record):
            seen.append((is_dark(), threading.current_thread() is threading.main_thread()))

    outlet = outlet_for(lambda record: seen.append((is_dark(), False)))
    outlet.offer(make_record())
    assert outlet.flush(5)
    outlet_for(Here()).offer(make_record())
    assert seen == [(True, False), (True, True)]
    assert not is_dark()


def test_a_sink_that_never_blocks_needs_no_thread(outlet_for, make_record):
    outlet = outlet_for(sink := MemorySink())
    outlet.offer(make_record())
    assert len(sink.records) == 1
    assert outlet.flush(0)
    assert outlet.close(time.monotonic())
    assert thread_of(outlet) == []
    outlet.offer(make_record())
    assert outlet.stats() == SinkStats(offered=2, written=1, failed=0, dropped=1, waiting=0)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_a_sink_raises_does_not_leave_a_worker(outlet_for, make_record, error):
    def sink(record):
        raise error

    sink.never_blocks = True
    outlet = outlet_for(sink)
    escaped = []

    def work():
        try:
            outlet.offer(make_record())
        except BaseException as raised:  # noqa: BLE001, whatever comes
            escaped.append(raised)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert escaped == []
    assert outlet.stats() == SinkStats(offered=1, written=0, failed=1, dropped=0, waiting=0)
    if error is ValueError:
        outlet.offer(make_record())
    else:
        # It may be a Ctrl-C or a handler's exit, and is the program's.
        with pytest.raises(error):
            outlet.offer(make_record())
    assert outlet.stats().failed == 2


def test_a_ctrl_c_in_a_flush_is_the_programs(outlet_for):
    class Sink(MemorySink):
        def flush(self, timeout_seconds):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outlet_for(Sink()).flush(1)


def test_a_signal_handler_may_offer_in_the_middle_of_an_offer(outlet_for, make_record):
    taken = []
    outlet = outlet_for(taken.append, max_waiting=1_000_000)
    record = make_record()
    handled = []

    def handler(*_):
        handled.append(1)
        outlet.offer(record)

    before = signal.signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
    try:
        offered = 0
        give_up = time.monotonic() + 5
        while len(handled) < 50 and time.monotonic() < give_up:
            outlet.offer(record)
            offered += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert outlet.flush(20)
    assert len(taken) == outlet.stats().offered == offered + len(handled)
    assert handled


def test_an_idle_thread_is_not_woken(outlet_for, make_record):
    def idle(record):
        pass

    outlet = outlet_for(idle)
    outlet.offer(make_record())
    assert outlet.flush(5)
    [thread] = thread_of(outlet)
    status = pathlib.Path(f"/proc/self/task/{thread.native_id}/status")
    if not status.exists():
        pytest.skip("the system does not tell how often a thread ran")
    time.sleep(0.05)

    def switches():
        return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]

    before = switches()
    time.sleep(0.3)
    assert switches() == before


def test_whoever_offers_writes_while_no_thread_can_start(outlet_for, make_record, monkeypatch):
    written_by = []
    outlet = outlet_for(lambda record: written_by.append(threading.current_thread()))
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", raising(RuntimeError))
        outlet.offer(make_record())
        assert outlet.flush(0)
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert outlet.stats().written == 2
    assert written_by[0] is threading.current_thread()
    assert written_by[1] is not threading.current_thread()


def test_one_thread_at_a_time_writes_while_none_can_start(outlet_for, make_record, monkeypatch):
    begun, goes_on = threading.Event(), threading.Event()
    written_by = []

    def slow(record):
        written_by.append(threading.current_thread())
        begun.set()
        goes_on.wait(10)

    outlet = outlet_for(slow)
    other = threading.Thread(target=outlet.offer, args=(make_record(),))
    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", raising(RuntimeError))
        other.start()
        assert begun.wait(10)
        outlet.offer(make_record())
        goes_on.set()
        other.join()
        assert written_by == [other, other]
    assert outlet.flush(5)
    assert outlet.stats().written == 2


def raising(error):
    def fail(target, name):
        raise error

    return fail


def test_a_start_that_is_interrupted_is_made_good(outlet_for, make_record, monkeypatch):
    def restarted(record):
        pass

    outlet = outlet_for(restarted)
    start = _threads.start

    def interrupted(target, name):
        start(target, name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            outlet.offer(make_record())
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert outlet.stats().written == 2
    # Whoever comes second, thread or start, goes away again.
    _sink_thread._work(weakref.ref(outlet), outlet.bell, outlet.sink)
    outlet._start()
    assert len(thread_of(outlet)) == 1


def test_a_handler_that_interrupts_a_start_waits_for_nobody(outlet_for, make_record, monkeypatch):
    first, second = outlet_for([].append), outlet_for([].append)
    start, started = _threads.start, []

    def interrupted(target, name):
        started.append(name)
        if len(started) == 1:
            second.offer(make_record())
        start(target, name)

    with monkeypatch.context() as patch:
        patch.setattr(_threads, "start", interrupted)
        first.offer(make_record())
    for outlet in (first, second):
        assert outlet.flush(5)
        assert outlet.stats().written == 1


def test_the_thread_outlives_a_fault_of_its_own(outlet_for, make_record, monkeypatch):
    outlet = outlet_for([].append)
    with monkeypatch.context() as patch:
        patch.setattr(outlet, "_take_turn", lambda: outlet._queue.drop_records(outlet._dropped) / 0)
        outlet.offer(make_record())
        while outlet._queue:
            time.sleep(0.001)
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert outlet.stats().written == 1


def test_a_line_that_cannot_be_logged_now_waits(monkeypatch):
    def fail(target, name):
        raise RuntimeError

    monkeypatch.setattr(_threads, "start", fail)
    _guard.say(_guard.WARNING, "a line")
    _guard.tell()
    assert _guard.has_lines()


def test_a_logging_handler_that_hangs_stops_no_sink(outlet_for, make_record, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(_guard, "drain", lambda: go.wait(10))

    def fails_once(record):
        if not taken:
            taken.append(None)
            raise ValueError
        taken.append(record)

    taken = []
    outlet = outlet_for(fails_once)
    for number in range(3):
        outlet.offer(make_record(number))
        assert outlet.flush(5)
    assert len(taken) == 3
    go.set()


async def a_coroutine_function(record):
    pass


class WithACoroutine:
    async def __call__(self, record):
        pass


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        (MemorySink, "MemorySink is a class: make a sink of it first"),
        ("records.jsonl", "a str is no sink"),
        (a_coroutine_function, "a_coroutine_function is a coroutine function"),
        (WithACoroutine(), "WithACoroutine is a coroutine function"),
    ],
)
def test_what_would_lose_every_record_is_refused(sink, said):
    with pytest.raises(ConfigurationError, match=said):
        Outlet(sink)


def test_a_bound_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigurationError, match="max_waiting=0 must be a whole number"):
        Outlet(print, max_waiting=0)


class HostileError(OSError):
    __slots__ = ()

    def __call__(self, record):
        raise self

    def __getattribute__(self, name):
        if name == "__class__":
            return HostileError
        raise SystemExit


def test_a_sink_may_be_hostile(outlet_for, make_record):
    outlet = outlet_for(HostileError())
    outlet.offer(make_record())
    assert outlet.flush(5)
    assert outlet.stats().failed == 1
    assert outlet.close(soon())


def test_a_name_fits_a_log_line():
    def sink(record):
        pass

    sink.__name__ = "a\n" + "b" * 100
    assert name_of(sink) == "a?" + "b" * 58
    assert name_of(MemorySink()) == "MemorySink"


def test_the_cause_of_an_error_says_nothing_about_records(tmp_path):
    assert cause_of(ValueError("secret")) == ""
    assert cause_of(OSError("secret")) == ""
    assert cause_of(FileNotFoundError(2, "secret")) == " (No such file or directory)"
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as database,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        database.execute("SELECT secret")
    assert cause_of(caught.value) == " (SQLITE_ERROR)"


def test_a_forked_child_starts_anew(run_script):
    printed = run_script(
        """
class Sink:
    taken = []
    resets = 0
    go = threading.Event()
    def __call__(self, record):
        self.go.wait(20)
        self.taken.append(record)
    def after_fork(self):
        self.resets += 1
        self.go = threading.Event()
        self.go.set()

outlet = Outlet(sink := Sink())
other = Outlet(lambda record: 1 / 0)
for number in range(10):
    outlet.offer(a_record(number))
    other.offer(a_record(number))
child = os.fork()
if not child:
    outlet.after_fork()
    other.after_fork()
    outlet.offer(a_record(10))
    ok = outlet.flush(5) and other.stats().offered == 0
    stats = outlet.stats()
    os._exit(0 if ok and sink.resets == 1 and stats.written == len(sink.taken) == 1 else 1)
print(os.waitpid(child, 0)[1])
sink.go.set()
print(outlet.flush(5), outlet.stats().written)
"""
    )
    assert printed == ["0", "True", "10"]


def test_a_process_ends_though_a_sink_hangs(run_script):
    began = time.monotonic()
    printed = run_script(
        """
import atexit
outlet = Outlet(lambda record: time.sleep(100))
outlet.offer(a_record())
outlet.offer(a_record())
atexit.register(lambda: print(close_all([outlet], time.monotonic() + 0.2)))
"""
    )
    assert printed == ["False"]
    assert time.monotonic() - began < 10


def test_a_patient_offer_waits_until_the_sink_has_room(make_record):
    goes_on = threading.Event()
    outlet = Outlet(lambda record: goes_on.wait(10), max_waiting=2)
    for _ in range(3):
        outlet.offer_patiently(make_record())
    waiter = threading.Thread(target=outlet.offer_patiently, args=(make_record(),))
    waiter.start()
    assert outlet.stats().dropped == 0
    goes_on.set()
    waiter.join(10)
    assert outlet.flush(5)
    assert outlet.stats() == SinkStats(offered=4, written=4, failed=0, dropped=0, waiting=0)
    assert outlet.close(time.monotonic() + 5)


def test_a_patient_offer_gives_a_hung_sink_up_in_the_end(make_record, monkeypatch):
    monkeypatch.setattr("darkcall.sinks._outlet.PATIENCE_SECONDS", 0.05)
    goes_on = threading.Event()
    outlet = Outlet(lambda record: goes_on.wait(10), max_waiting=1)
    for _ in range(4):
        outlet.offer_patiently(make_record())
    assert outlet.stats().dropped >= 1
    goes_on.set()
    assert outlet.flush(5)
    assert outlet.close(time.monotonic() + 5)


def test_patient_offers_that_see_the_same_room_lose_nothing(make_record):
    goes_on = threading.Event()
    outlet = Outlet(lambda record: goes_on.wait(10), max_waiting=1)
    both_saw_room = threading.Barrier(2, timeout=10)
    take = outlet._take

    def take_together(record, *, may_drop):
        both_saw_room.wait()
        take(record, may_drop=may_drop)

    outlet._take = take_together
    others = [
        threading.Thread(target=outlet.offer_patiently, args=(make_record(),)) for _ in range(2)
    ]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(10)
    goes_on.set()
    assert outlet.flush(5)
    assert outlet.stats() == SinkStats(offered=2, written=2, failed=0, dropped=0, waiting=0)
    assert outlet.close(time.monotonic() + 5)
