"""Gates that are shut at a fork open again, whatever a signal handler raises meanwhile."""

from __future__ import annotations

import signal

import pytest

from darkcall import _forks
from darkcall._forks import ForkGate


class AlarmError(Exception):
    pass


def ring(*_args):
    raise AlarmError


@pytest.fixture(autouse=True)
def only_gates_of_the_test(monkeypatch):
    monkeypatch.setattr(_forks, "_gates", [])


class Database:
    def __init__(self, error=None):
        self.error = error
        self.is_closed = False
        self.gate = ForkGate(self.close)

    def close(self):
        self.is_closed = True
        if self.error is not None:
            raise self.error


def test_a_signal_handler_that_raises_while_a_fork_waits_leaves_no_gate_shut():
    first, second, third = Database(), Database(), Database()
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with second.gate.inside:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(AlarmError):
                _forks._before()
            _forks._after_in_parent()
            assert second.gate.inside.locked()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert [one.is_closed for one in (first, second, third)] == [True, False, False]
    assert not any(one.gate.inside.locked() for one in (first, second, third))
    assert _forks._stack() == []


def test_a_child_of_a_fork_that_was_interrupted_uses_only_what_was_closed():
    first, second, third = Database(), Database(KeyboardInterrupt()), Database()
    with pytest.raises(KeyboardInterrupt):
        _forks._before()
    _forks._after_in_child()

    assert [one.gate.broken for one in (first, second, third)] == [False, True, True]
    assert not any(one.gate.inside.locked() for one in (first, second, third))


def test_closing_that_fails_before_a_fork_leaves_the_gate_open():
    database = Database(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        _forks._before()
    _forks._after_in_parent()

    assert not database.gate.inside.locked()
    assert not database.gate.broken


def test_a_fork_before_which_a_signal_handler_let_nothing_begin_has_nothing_to_undo():
    gate = ForkGate()
    _forks._after_in_parent()
    _forks._after_in_child()

    assert not gate.broken
    assert not gate.inside.locked()


def test_parent_and_child_of_an_interrupted_fork_write_on(run_script, tmp_path):
    told = run_script(INTERRUPTED, tmp_path)

    assert told == ["child", "True", "parent", "True", "[False,", "False]"]


INTERRUPTED = """
import signal
from darkcall import dark_launch, flush

first, second = SqliteSink(sys.argv[1] + "/first.db"), SqliteSink(sys.argv[1] + "/second.db")

@dark_launch(candidate=lambda x: x, sinks=[first, second], cpu_budget=None)
def control(x):
    return x

def ring(*args):
    raise TimeoutError

control(1)
assert flush(20)
signal.signal(signal.SIGALRM, ring)
# As a write that takes long.
second._gate.inside.acquire()
signal.setitimer(signal.ITIMER_REAL, 0.1)
child = os.fork()
if not child:
    control(2)
    print("child", flush(20), flush=True)
    os._exit(0)
os.waitpid(child, 0)
second._gate.inside.release()
control(3)
print("parent", flush(20), [sink._gate.inside.locked() for sink in (first, second)])
"""
