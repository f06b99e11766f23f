from __future__ import annotations

import _thread
import sys
import threading
import types

import pytest

from darkcall import _threads
from looking import wait_until


def seen_in_a_thread(look):
    seen = []
    _threads.start(lambda: seen.append(look()), "darkcall-test")
    wait_until(lambda: seen)
    return seen[0]


def test_a_thread_has_its_name_and_does_not_keep_the_process_alive():
    thread = seen_in_a_thread(threading.current_thread)

    assert (thread.name, thread.daemon) == ("darkcall-test", True)


def test_threading_forgets_a_thread_that_ended():
    ident = seen_in_a_thread(_threads.get_ident)

    wait_until(lambda: ident not in threading._active)


@pytest.mark.parametrize("kind", ["trace", "profile"])
def test_a_thread_is_traced_and_profiled_as_others_are(kind):
    before = getattr(threading, f"get{kind}")()
    events = []
    getattr(threading, f"set{kind}")(lambda *event: events.append(event))
    try:
        seen_in_a_thread(lambda: None)
    finally:
        getattr(threading, f"set{kind}")(before)

    assert events


def test_the_exit_waits_a_moment_for_threads_that_are_ending(monkeypatch):
    monkeypatch.setattr(_threads, "_is_exiting", False)
    monkeypatch.setattr(_threads, "_ending", {1})
    naps = []

    def nap(seconds):
        naps.append(seconds)
        _threads._ending.discard(1)

    monkeypatch.setattr("time.sleep", nap)
    _threads._begin_exit()

    assert len(naps) == 1


def test_the_exit_does_not_wait_long_for_a_thread_that_does_not_end(monkeypatch):
    monkeypatch.setattr(_threads, "_is_exiting", False)
    monkeypatch.setattr(_threads, "_ending", {1})
    monkeypatch.setattr(_threads, "ENDING_SECONDS", 0.01)
    _threads._begin_exit()

    assert _threads._is_exiting


def test_a_thread_that_is_done_while_the_process_exits_halts(monkeypatch):
    halted = threading.Event()
    monkeypatch.setattr(_threads, "_is_exiting", True)
    monkeypatch.setattr(_threads, "_halt", halted.set)
    seen_in_a_thread(lambda: None)

    assert halted.wait(5.0)


def test_a_thread_is_native_after_gevent_has_patched(monkeypatch):
    class Monkey:
        def get_original(self, module, name):
            return f"{module}.{name}"

    monkeypatch.setitem(sys.modules, "gevent.monkey", Monkey())

    assert _threads.native(threading, "Lock") == "threading.Lock"


def test_what_gevent_loads_late_is_loaded_once_before_the_first_thread(monkeypatch):
    loaded = []
    monkey = types.SimpleNamespace(is_module_patched=lambda name: name == "_thread")
    gevent = types.SimpleNamespace(get_hub=lambda: loaded.append("hub"))
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    monkeypatch.setitem(sys.modules, "gevent", gevent)
    monkeypatch.setattr(_threads, "_is_gevent_loaded", False)

    assert seen_in_a_thread(lambda: list(loaded)) == ["hub"]
    assert seen_in_a_thread(lambda: list(loaded)) == ["hub"]


def test_the_loop_that_gevent_gave_a_thread_ends_with_it(monkeypatch):
    class Hub:
        def destroy(self, *, destroy_loop):
            ended.append(destroy_loop)

    def hub_of_this_thread():
        # Threads of other tests may end meanwhile.
        return Hub() if threading.current_thread().name == "darkcall-test" else None

    ended = []
    local = types.SimpleNamespace(get_hub_if_exists=hub_of_this_thread)
    monkeypatch.setitem(sys.modules, "gevent._hub_local", local)
    seen_in_a_thread(lambda: None)

    wait_until(lambda: ended == [True])


def test_a_thread_that_an_audit_hook_refuses_counts_as_one_that_the_system_has_not(monkeypatch):
    def refuse(*_args):
        raise PermissionError

    monkeypatch.setattr(_threads, "_start_new_thread", refuse)

    with pytest.raises(RuntimeError, match="no thread for darkcall-test"):
        _threads.start(print, "darkcall-test")


def test_a_child_forked_while_its_parent_exits_lets_its_threads_end(monkeypatch):
    monkeypatch.setattr(_threads, "_is_exiting", True)
    monkeypatch.setattr(_threads, "_ending", {1})
    _threads.after_fork()

    assert not _threads._is_exiting
    assert not _threads._ending


def test_whatever_forbids_a_thread_is_one_kind_of_error(monkeypatch):
    def forbidden(function, args):
        raise PermissionError

    monkeypatch.setattr(_threads, "_start_new_thread", forbidden)

    with pytest.raises(RuntimeError, match="no thread for darkcall-test"):
        _threads.start(lambda: None, "darkcall-test")


@pytest.mark.parametrize(
    ("current", "may"), [("main", True), ("another", False), (None, True)], ids=str
)
def test_only_the_main_interpreter_has_threads(monkeypatch, current, may):
    # As CPython 3.11 tells which it is, or does not.
    known = types.SimpleNamespace(get_current=lambda: current, get_main=lambda: "main")
    monkeypatch.delattr(_thread, "_is_main_interpreter", raising=False)
    monkeypatch.setitem(sys.modules, "_xxsubinterpreters", known if current else None)

    assert _threads._is_main_interpreter() is may


def test_from_cpython_3_12_on_an_interpreter_knows_whether_it_is_the_main_one(monkeypatch):
    monkeypatch.setattr(_thread, "_is_main_interpreter", lambda: False, raising=False)

    assert not _threads._is_main_interpreter()


def test_a_sub_interpreter_has_no_thread_to_give(monkeypatch):
    monkeypatch.setattr(_threads, "_may_have_threads", False)

    with pytest.raises(RuntimeError, match="this is a sub-interpreter"):
        _threads.start(print, "darkcall-test")


def test_a_lock_is_known_to_be_held_by_a_thread_that_was_started_here():
    lock, taken, let_go = _threads.RLock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            let_go.wait(10)

    _threads.start(hold, "darkcall-test")
    taken.wait(10)
    held = _threads.is_held_by_ours(lock)
    let_go.set()
    lock.acquire()

    assert held
    assert not _threads.is_held_by_ours(lock)
    assert not _threads.is_held_by_ours(None)


def test_in_a_forked_child_the_thread_that_forked_is_the_main_thread(monkeypatch):
    def fork():
        # Here as threading leaves it, up to CPython 3.12.
        monkeypatch.setattr(threading, "_main_thread", threading._DummyThread())
        monkeypatch.setattr(threading, "_MainThread", lambda: "a main thread")
        monkeypatch.setattr(_threads, "_ours", {_threads.get_ident()})
        _threads.after_fork()
        return threading._main_thread, threading.get_ident() in threading._active, _threads._ours

    assert seen_in_a_thread(fork) == ("a main thread", False, set())


def test_a_forked_child_of_a_thread_that_was_not_started_here_is_left_as_it_is():
    main = threading.main_thread()
    ours = set(_threads._ours)
    _threads.after_fork()
    _threads._ours.update(ours)

    assert threading.main_thread() is main


def test_a_main_thread_that_threading_made_one_itself_stays_it(monkeypatch):
    main = threading.main_thread()
    monkeypatch.setattr(_threads, "_ours", {_threads.get_ident()})
    _threads.after_fork()

    assert threading.main_thread() is main
