from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import types

import pytest

from darkcall import _guard, _threads


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    _guard.reset()
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(_guard, "time", types.SimpleNamespace(monotonic=lambda: clock.now))
    yield clock
    _guard.reset()


@pytest.fixture
def handler():
    """A filter of darkcall's logger that does what a test wants, and hides the lines."""
    state = types.SimpleNamespace(seen=[], do=lambda line: None)

    def look(record):
        state.seen.append(record.getMessage())
        state.do(record.getMessage())
        return False

    logger = logging.getLogger("darkcall")
    logger.addFilter(look)
    yield state
    logger.removeFilter(look)


def test_what_is_said_waits_until_it_is_drained(caplog):
    _guard.say(_guard.WARNING, "the breaker opens")

    assert caplog.messages == []
    assert _guard.has_lines()

    _guard.drain()

    assert caplog.record_tuples == [("darkcall", logging.WARNING, "the breaker opens")]
    assert not _guard.has_lines()


def test_percent_signs_are_logged_as_they_are(caplog):
    _guard.say(_guard.WARNING, "100 %s")
    _guard.drain()

    assert caplog.messages == ["100 %s"]


def test_the_same_is_said_once_a_minute(caplog, clock):
    for now in (0.0, 30.0, 59.9, 60.0, 61.0):
        clock.now = now
        _guard.say(_guard.WARNING, "too slow")
    _guard.drain()

    assert caplog.messages == ["too slow", "too slow"]


def test_lines_of_one_key_are_the_same(caplog):
    _guard.say(_guard.WARNING, "3 were dropped", key="dropped")
    _guard.say(_guard.WARNING, "4 were dropped", key="dropped")
    _guard.drain()

    assert caplog.messages == ["3 were dropped"]


def test_a_fault_is_counted_and_names_the_type_but_not_the_message(caplog):
    before = _guard.faults.value

    _guard.fault("sampling shop.price", ValueError("a secret"))
    _guard.drain()

    assert _guard.faults.value == before + 1
    assert caplog.record_tuples == [
        ("darkcall", logging.ERROR, "sampling shop.price failed with ValueError")
    ]


def test_every_fault_is_counted_though_it_is_logged_once(caplog):
    before = _guard.faults.value

    for _ in range(5):
        _guard.fault("sampling shop.price", ValueError())
    _guard.drain()

    assert _guard.faults.value == before + 5
    assert len(caplog.messages) == 1


def test_lines_that_wait_are_bounded():
    for number in range(1_000):
        _guard.say(_guard.WARNING, f"line {number}")

    assert len(_guard._waiting) == 100


def test_what_was_said_is_remembered_within_bounds():
    for number in range(5_000):
        _guard.say(_guard.WARNING, f"line {number}")

    assert len(_guard._last_said) <= 1_000


def test_a_handler_that_raises_does_not_keep_other_lines_from_being_logged(handler):
    def fail_at_the_first(line):
        if line == "first":
            raise ValueError

    handler.do = fail_at_the_first
    _guard.say(_guard.WARNING, "first")
    _guard.say(_guard.WARNING, "second")

    _guard.drain()

    assert handler.seen == ["first", "second"]


def test_a_handler_that_ends_the_thread_leaves_the_rest_to_another(handler):
    def exit_at_the_first(line):
        if line == "first":
            raise SystemExit

    handler.do = exit_at_the_first
    _guard.say(_guard.WARNING, "first")
    _guard.say(_guard.WARNING, "second")

    with pytest.raises(SystemExit):
        _guard.drain()
    _guard.drain()

    assert handler.seen == ["first", "second"]


def test_a_handler_that_hangs_holds_one_thread_alone(handler):
    reached, released = threading.Event(), threading.Event()

    def hang(line):
        reached.set()
        released.wait(10)

    handler.do = hang
    _guard.say(_guard.WARNING, "first")
    draining = threading.Thread(target=_guard.drain)
    draining.start()
    reached.wait(10)
    _guard.say(_guard.WARNING, "second")

    _guard.drain()
    seen_meanwhile = list(handler.seen)
    nobody_else_is_asked = not _guard.has_lines()
    released.set()
    draining.join()

    assert seen_meanwhile == ["first"]
    assert nobody_else_is_asked
    assert handler.seen == ["first", "second"]


def test_who_logs_while_all_is_reset_ends_quietly(handler):
    handler.do = lambda line: _guard.reset()
    _guard.say(_guard.WARNING, "first")

    _guard.drain()

    assert handler.seen == ["first"]


def test_a_reset_forgets_what_was_said_and_who_logs(caplog):
    _guard.say(_guard.WARNING, "before")
    _guard._draining.acquire()

    _guard.reset()
    _guard.say(_guard.WARNING, "before")
    _guard.drain()

    assert caplog.messages == ["before"]


def test_what_waits_is_logged_right_here_when_no_thread_is_to_be_had(caplog, monkeypatch):
    def fail(target, name):
        raise RuntimeError

    monkeypatch.setattr(_threads, "start", fail)
    _guard.say(_guard.WARNING, "the last word")
    assert not _guard.tell()
    _guard.tell_all(0)
    assert caplog.messages == ["the last word"]


def test_what_is_said_is_one_line_whatever_it_is_made_of(caplog):
    _guard.say(_guard.WARNING, "shop.price\x1b[31m\u202e\n\r\u2028\x00\udc80 failed")
    _guard.drain()

    assert caplog.messages == [r"shop.price\x1b[31m\u202e\n\r\u2028\x00\udc80 failed"]


def test_what_is_said_is_of_bounded_length(caplog):
    _guard.say(_guard.WARNING, "x" * 100_000)
    _guard.drain()

    assert len(caplog.messages[0]) < 5000
    assert caplog.messages[0].endswith("x...")


def test_a_fault_whose_class_cannot_be_asked_for_anything_is_told(caplog):
    class Meta(type):
        def fail(cls, *_args):
            raise ValueError

        __hash__ = __eq__ = __getattribute__ = fail

    fault = Meta("MuteError", (Exception,), {"__qualname__": "Mute\nError"})
    _guard.fault("sampling shop.price", Exception.__new__(fault))
    _guard.drain()

    assert caplog.messages == [r"sampling shop.price failed with Mute\nError"]


def test_an_audit_hook_that_calls_what_is_launched_does_not_come_back_to_the_log():
    # A hook cannot be removed, and it must not outlive the test.
    source = """
        import sys
        from darkcall import dark_launch, flush

        @dark_launch(candidate=lambda x: x, sample=lambda call: 1 / 0, sinks=[])
        def same(x):
            return x

        depths = [0]

        def hook(*_):
            depths.append(depths[-1] + 1)
            if depths[-1] < 50:
                same(3)
            depths.append(depths[-1] - 1)

        sys.addaudithook(hook)
        same(3)
        flush()
        print(max(depths))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= 2


@pytest.fixture
def hung_handler(monkeypatch):
    """A logging handler that a thread of darkcall's hangs in until the test ends."""

    class Hung(logging.Handler):
        def emit(self, record):
            reached.set()
            let_go.wait(10)

    reached, let_go, handler = threading.Event(), threading.Event(), Hung()
    monkeypatch.setattr(_guard, "time", types.SimpleNamespace(monotonic=lambda: 0, sleep=naps))
    naps.seen.clear()
    record = logging.makeLogRecord({})
    _threads.start(lambda: handler.handle(record), "darkcall-test")
    reached.wait(10)
    yield handler
    let_go.set()
    with handler.lock:
        handler.close()


def naps(seconds):
    naps.seen.append(seconds)


naps.seen = []


def is_shut_down_at_the_exit(handler):
    return any(reference() is handler for reference in logging._handlerList)


def test_the_exit_leaves_a_handler_behind_that_a_thread_of_ours_hangs_in(hung_handler):
    other = logging.NullHandler()
    before = (is_shut_down_at_the_exit(hung_handler), is_shut_down_at_the_exit(other))
    _guard.leave_handlers_behind()

    assert before == (True, True)
    assert naps.seen == [_guard.HANDLER_SECONDS]
    assert not is_shut_down_at_the_exit(hung_handler)
    assert is_shut_down_at_the_exit(other)


def test_the_exit_leaves_no_handler_behind_that_somebody_else_holds():
    handler = logging.StreamHandler()
    # At once: this clock cannot sleep.
    with handler.lock:
        _guard.leave_handlers_behind()

        assert is_shut_down_at_the_exit(handler)


def test_the_exit_has_patience_with_a_handler_for_a_moment(hung_handler, monkeypatch):
    answers = [True, False]
    held = _threads.is_held_by_ours
    monkeypatch.setattr(
        _threads, "is_held_by_ours", lambda lock: held(lock) and (not answers or answers.pop(0))
    )
    _guard.leave_handlers_behind()

    assert is_shut_down_at_the_exit(hung_handler)


@pytest.mark.usefixtures("hung_handler")
def test_nobody_goes_into_a_handler_that_hangs_when_no_thread_is_to_be_had(caplog, monkeypatch):
    def fail(target, name):
        raise RuntimeError

    monkeypatch.setattr(_threads, "start", fail)
    _guard.say(_guard.WARNING, "the last word")
    _guard.tell_all(0)

    assert caplog.messages == []


def test_while_logging_itself_hangs_one_thread_waits_for_it(monkeypatch):
    reached, let_go = threading.Event(), threading.Event()

    def hang(name=None):
        if name == "darkcall":
            reached.set()
            let_go.wait(10)
        return get_logger(name)

    get_logger = logging.getLogger
    monkeypatch.setattr(logging, "getLogger", hang)
    _guard.say(_guard.WARNING, "first")
    assert _guard.tell()
    reached.wait(10)
    nobody_else_is_asked = not _guard.has_lines()
    let_go.set()
    with _guard._draining:
        pass

    assert nobody_else_is_asked
