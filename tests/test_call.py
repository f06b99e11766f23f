from __future__ import annotations

import contextlib
import contextvars
import random
import signal
import sys
import threading
import time

import pytest

from darkcall import _call, _guard, flush, launch_of, set_enabled
from darkcall.runners import InlineRunner


INLINE = InlineRunner()


@pytest.fixture
def no_faults():
    before = _guard.faults.value
    yield
    assert _guard.faults.value == before


def outcomes(function):
    return {name: n for name, n in launch_of(function).stats().outcomes.items() if n}


def reasons(function):
    return launch_of(function).stats().reasons


class Held:
    """A candidate that waits until it is let go."""

    def __init__(self):
        self.began = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self, x):
        self.began.release()
        assert self.let_go.wait(10)
        return x


@pytest.fixture
def held():
    held = Held()
    yield held
    held.let_go.set()


def test_the_caller_gets_the_controls_own_object(launched, no_faults):
    result = [1, 2]
    function, memory = launched(lambda x: result, lambda x: [1, 3], runner=INLINE)

    assert function(1) is result
    assert [record.outcome for record in memory.records] == ["mismatch"]


def test_the_caller_gets_the_very_exception(launched, no_faults):
    error = ValueError("no such cart")

    def control(x):
        raise error

    function, memory = launched(control, control, runner=INLINE)

    with pytest.raises(ValueError, match="no such cart") as caught:
        function(1)
    assert caught.value is error
    assert [record.outcome for record in memory.records] == ["match"]


class Unhashable(type):
    """A class of classes of which none can be looked up in a set."""

    def __hash__(cls):
        raise ValueError


class Odd(metaclass=Unhashable):
    pass


@pytest.mark.parametrize(("given", "answered"), [(Odd(), 1), (1, Odd())])
def test_a_class_that_cannot_be_hashed_hurts_nobody(launched, given, answered):
    function, _ = launched(lambda x: answered, lambda x: 1, runner=INLINE)

    assert function(given) is answered
    assert "fault" not in reasons(function)
    assert launch_of(function).stats().pending == 0


def test_the_candidate_sees_the_arguments_as_they_were(launched, no_faults):
    def control(x):
        x.append("control")
        return len(x)

    seen = []

    def candidate(x):
        seen.append(list(x))
        x.append("candidate")
        return len(x)

    argument = ["caller"]
    function, memory = launched(control, candidate, runner=INLINE)
    function(argument)

    assert seen == [["caller"]]
    assert argument == ["caller", "control"]
    assert [record.outcome for record in memory.records] == ["match"]


def test_while_it_is_off_a_call_counts_as_off(launched):
    function, memory = launched(lambda x: x, lambda x: x, runner=INLINE)
    with set_enabled(False):
        function(1)
    launch_of(function).pause()
    function(2)

    assert launch_of(function).stats().off == 2
    assert memory.records == []


def test_a_call_of_a_candidate_counts_as_nested(launched):
    def candidate(x):
        return x if x == 0 else function(x - 1)

    function, _ = launched(lambda x: 0, candidate, runner=INLINE)
    function(3)

    stats = launch_of(function).stats()
    assert (stats.shadowed, stats.nested) == (1, 1)


def test_a_share_of_calls_is_sampled(launched, monkeypatch):
    monkeypatch.setattr(random, "random", random.Random(7).random)
    function, memory = launched(lambda x: x, lambda x: x, runner=INLINE, sample=0.25)
    for x in range(1_000):
        function(x)

    stats = launch_of(function).stats()
    assert 200 < stats.shadowed < 300
    assert stats.unsampled == 1_000 - stats.shadowed
    assert {record.sample_rate for record in memory.records} == {0.25}


def test_a_sampler_sees_the_call_in_the_dark(launched):
    seen = []

    def sampler(call):
        seen.append((call.launch, call.args, dict(call.kwargs)))
        return function is not None and function(99) == 99

    function, memory = launched(lambda x: x, lambda x: x, runner=INLINE, sample=sampler, name="s")
    function(x=1)

    assert seen == [("s", (), {"x": 1})]
    assert launch_of(function).stats().nested == 1
    assert [record.outcome for record in memory.records] == ["match"]


def test_a_sampler_that_fails_leaves_the_call_unsampled(launched):
    def sampler(call):
        raise ValueError

    before = _guard.faults.value
    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, sample=sampler)

    assert function(1) == 1
    assert launch_of(function).stats().unsampled == 1
    assert _guard.faults.value == before + 1


def test_a_sampler_whose_answer_has_no_truth_leaves_the_call_unsampled(launched):
    class Neither:
        def __bool__(self):
            raise ValueError

    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, sample=lambda call: Neither())

    assert function(1) == 1
    assert launch_of(function).stats().unsampled == 1


@pytest.mark.parametrize("knob", ["sample", "context", "isolate"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_addressed_to_the_callers_thread_passes_and_is_accounted_for(launched, knob, error):
    def interrupted(*args, **kwargs):
        raise error

    function, _ = launched(
        lambda x: x,
        {"v2": lambda x: x, "v3": lambda x: x},
        runner=INLINE,
        **{knob: interrupted},
    )

    with pytest.raises(error):
        function(1)
    stats = launch_of(function).stats()
    assert stats.pending == 0
    if knob != "sample":
        assert stats.reasons == {"interrupted": 2}


def test_an_interrupted_control_is_accounted_for(launched, no_faults):
    def control(x):
        raise KeyboardInterrupt

    function, _ = launched(control, lambda x: x, runner=INLINE)

    with pytest.raises(KeyboardInterrupt):
        function(1)
    stats = launch_of(function).stats()
    assert stats.outcomes["skipped"] == 1
    assert stats.reasons == {"interrupted": 1}


def test_an_inline_candidate_that_is_interrupted_interrupts_the_caller(launched):
    def candidate(x):
        raise KeyboardInterrupt

    function, _ = launched(lambda x: x, {"v2": candidate, "v3": lambda x: x}, runner=INLINE)

    with pytest.raises(KeyboardInterrupt):
        function(1)
    stats = launch_of(function).stats()
    assert stats.pending == 0
    assert stats.outcomes["skipped"] == 2
    assert stats.reasons == {"interrupted": 2}


def test_a_runner_that_fails_does_not_reach_the_caller(launched):
    class Broken(InlineRunner):
        def submit(self, work):
            raise RuntimeError

    function, _ = launched(lambda x: x, {"v2": lambda x: x, "v3": lambda x: x}, runner=Broken())

    assert function(1) == 1
    stats = launch_of(function).stats()
    assert stats.pending == 0
    assert stats.reasons == {"fault": 2}
    assert all(len(one.gate.room.places) == 1_000 for one in launch_of(function).candidates)


class TestIsolation:
    def test_shared_arguments_are_the_callers_own(self, launched):
        seen = []
        argument = [1]
        function, _ = launched(
            lambda x: 1, lambda x: seen.append(x) or 1, runner=INLINE, isolate="share"
        )
        function(argument)

        assert seen[0] is argument

    def test_shared_results_are_the_controls_own(self, launched):
        result = object.__new__(type("Result", (), {}))
        seen = []

        def compare(control, candidate):
            seen.append(control)
            return True

        function, _ = launched(
            lambda x: result, lambda x: 1, runner=INLINE, isolate="share", compare=compare
        )
        function(1)

        assert seen[0] is result

    def test_an_isolate_of_ones_own_is_asked_once_for_each_candidate(self, launched):
        asked = []

        def isolate(args, kwargs):
            asked.append(args)
            return [args[0] + 100], {}

        function, _ = launched(
            lambda x: x + 100,
            {"v2": lambda x: x, "v3": lambda x: x},
            runner=INLINE,
            isolate=isolate,
        )
        function(1)

        assert asked == [(1,), (1,)]
        assert outcomes(function) == {"match": 2}

    @pytest.mark.parametrize("answer", [None, 1, ((), {}, 3), ((), 4)])
    def test_an_isolate_that_gives_no_arguments_makes_the_call_skipped(self, launched, answer):
        function, memory = launched(
            lambda x: x, lambda x: x, runner=INLINE, isolate=lambda args, kwargs: answer
        )

        assert function(1) == 1
        assert outcomes(function) == {"skipped": 1}
        assert "isolating the arguments failed" in memory.records[0].reason

    def test_what_cannot_be_copied_makes_the_call_skipped_and_names_the_way_out(
        self, launched, caplog
    ):
        function, memory = launched(
            lambda lock: 1, lambda lock: 1, runner=INLINE, name="shop.locked"
        )
        for _ in range(3):
            function(threading.Lock())

        assert outcomes(function) == {"skipped": 3}
        assert "'lock'" in memory.records[0].reason
        assert "share=('lock',)" in memory.records[0].reason
        assert [line for line in caplog.messages if "shop.locked" in line] == [
            f"shop.locked: a call was skipped, {memory.records[0].reason}"
        ]

    def test_a_result_that_can_be_read_once_makes_the_call_skipped(self, launched):
        function, memory = launched(lambda x: iter([x]), lambda x: iter([x]), runner=INLINE)

        assert list(function(1)) == [1]
        assert outcomes(function) == {"skipped": 1}
        assert "can be read only once" in memory.records[0].reason

    def test_a_result_that_can_be_awaited_once_makes_the_call_skipped(self, launched):
        class Awaitable:
            def __await__(self):
                yield

        function, memory = launched(lambda x: Awaitable(), lambda x: x, runner=INLINE)
        function(1)

        assert outcomes(function) == {"skipped": 1}
        assert "can be awaited only once" in memory.records[0].reason

    def test_a_result_that_cannot_be_copied_makes_the_call_skipped(self, launched):
        function, memory = launched(lambda x: threading.Lock(), lambda x: x, runner=INLINE)
        function(1)

        assert "what the control returned (lock) cannot be kept" in memory.records[0].reason

    def test_an_exception_that_cannot_be_copied_makes_the_call_skipped(self, launched):
        def control(x):
            raise ValueError(threading.Lock())

        function, memory = launched(control, lambda x: x, runner=INLINE)

        with pytest.raises(ValueError, match="lock"):
            function(1)
        assert "what the control raised (ValueError) cannot be kept" in memory.records[0].reason

    def test_a_result_whose_attributes_fail_is_a_fault_and_the_caller_does_not_notice(
        self, launched
    ):
        class Hostile:
            def __getattribute__(self, name):
                raise ValueError(name)

        result = Hostile()
        function, _ = launched(lambda x: result, lambda x: x, runner=INLINE)

        assert function(1) is result
        assert launch_of(function).stats().pending == 0
        assert outcomes(function) == {"skipped": 1}


class TestContext:
    def test_the_record_has_what_the_users_context_returned(self, launched):
        function, memory = launched(
            lambda x: x, lambda x: x, runner=INLINE, context=lambda x: {"tenant": [x]}
        )
        function(7)

        assert memory.records[0].context == {"tenant": [7]}

    @pytest.mark.parametrize("answer", [None, 1, {"lock": threading.Lock()}])
    def test_a_context_that_cannot_be_kept_is_left_out(self, launched, answer):
        function, memory = launched(
            lambda x: x, lambda x: x, runner=INLINE, context=lambda x: answer
        )
        before = _guard.faults.value

        assert function(7) == 7
        assert memory.records[0].context is None
        assert memory.records[0].outcome == "match"
        assert _guard.faults.value == before + 1

    def test_the_candidate_sees_the_callers_variables_and_cannot_change_them(
        self, launched, threads
    ):
        tenant = contextvars.ContextVar("tenant")
        tenant.set("acme")
        seen = []

        def candidate(x):
            seen.append(tenant.get())
            tenant.set("changed")
            return x

        function, _ = launched(lambda x: x, {"v2": candidate, "v3": candidate}, runner=threads)
        function(1)
        tenant.set("the next")

        assert flush(timeout=5)
        assert seen == ["acme", "acme"]
        assert tenant.get() == "the next"


class TestRoom:
    def test_a_full_launch_drops_and_counts(self, launched, threads, held):
        function, _ = launched(lambda x: x, held, runner=threads, max_pending=2)
        for x in range(5):
            assert function(x) == x
        held.let_go.set()

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 2, "dropped": 3}
        assert reasons(function) == {"full": 3}

    def test_a_launch_whose_calls_weigh_too_much_drops_and_counts(self, launched, threads, held):
        function, _ = launched(
            lambda x: None,
            held,
            runner=threads,
            max_pending_bytes=10_000,
            compare=lambda a, b: True,
        )
        for _ in range(5):
            function("x" * 6_000)
        held.let_go.set()

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 2, "dropped": 3}
        assert launch_of(function).candidates[0].gate.room.nbytes == 0

    def test_who_asked_to_wait_waits_for_room(self, launched, threads, held):
        function, _ = launched(lambda x: x, held, runner=threads, max_pending=1, when_full="block")
        function(1)
        waiting = threading.Thread(target=function, args=(2,))
        waiting.start()
        waiting.join(0.05)
        still_waits = waiting.is_alive()
        held.let_go.set()
        waiting.join(10)

        assert still_waits
        assert flush(timeout=5)
        assert outcomes(function) == {"match": 2}

    def test_who_waits_for_room_can_be_interrupted(self, launched, threads, held, monkeypatch):
        function, _ = launched(lambda x: x, held, runner=threads, max_pending=1, when_full="block")
        function(1)

        class Interrupting:
            def __getattr__(self, name):
                return getattr(time, name)

            def sleep(self, seconds):
                raise KeyboardInterrupt

        monkeypatch.setattr(_call, "time", Interrupting())
        with pytest.raises(KeyboardInterrupt):
            function(2)
        held.let_go.set()

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1, "skipped": 1}

    @pytest.mark.parametrize("switch", ["pause", "update"])
    def test_who_waits_for_room_is_let_go_when_the_launch_is_switched_off_or_updated(
        self, launched, threads, held, switch
    ):
        function, _ = launched(lambda x: x, held, runner=threads, max_pending=1, when_full="block")
        function(1)
        waiting = threading.Thread(target=function, args=(2,))
        waiting.start()
        waiting.join(0.02)
        still_waits = waiting.is_alive()
        if switch == "pause":
            launch_of(function).pause()
        else:
            launch_of(function).update(timeout=1.0)
        waiting.join(10)
        held.let_go.set()

        assert still_waits
        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1, "dropped": 1}

    def test_candidates_of_one_call_are_refused_one_by_one(self, launched, threads, held):
        function, _ = launched(
            lambda x: x, {"slow": held, "fast": lambda x: x}, runner=threads, max_pending=1
        )
        function(1)
        while launch_of(function).stats().candidates["fast"].pending:
            time.sleep(0.001)
        function(2)
        held.let_go.set()

        assert flush(timeout=5)
        stats = launch_of(function).stats()
        assert stats.candidates["slow"].outcomes["dropped"] == 1
        assert stats.candidates["fast"].outcomes["match"] == 2


def test_a_call_of_which_a_part_cannot_be_shadowed_goes_on(launched, monkeypatch):
    def broken():
        raise MemoryError

    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
    monkeypatch.setattr(_call, "copy_context", broken)

    assert function(1) == 1
    assert outcomes(function) == {"skipped": 1}
    assert reasons(function) == {"fault": 1}


def test_a_call_that_cannot_be_handed_over_goes_on(launched, monkeypatch):
    def broken(*args):
        raise MemoryError

    function, _ = launched(lambda x: x, {"v2": lambda x: x, "v3": lambda x: x}, runner=INLINE)
    monkeypatch.setattr(_call, "Job", broken)

    assert function(1) == 1
    assert outcomes(function) == {"skipped": 2}
    assert reasons(function) == {"fault": 2}


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_in_the_child_of_a_control_that_forks_the_call_is_the_parents(launched, error):
    def control(x):
        # What the hook does in the child.
        launch_of(function)._after_fork()
        if error:
            raise error
        return x

    function, memory = launched(control, lambda x: x, runner=INLINE)
    with contextlib.suppress(ValueError, KeyboardInterrupt):
        function(1)

    assert launch_of(function).stats().calls == 0
    assert launch_of(function).stats().pending == 0
    assert memory.records == []


def test_an_argument_named_in_share_is_handed_over_as_it_is(launched):
    lock = threading.Lock()
    seen = []

    def candidate(lock, cart):
        seen.append(lock)
        return lock

    function, _ = launched(lambda lock, cart: lock, candidate, runner=INLINE, share=("lock",))
    function(lock, [1])

    assert seen[0] is lock
    assert outcomes(function) == {"match": 1}


class Alarms:
    """Calls a function again and again in a signal handler, in the main thread."""

    def __init__(self, function):
        self.function = function
        self.handled = 0

    def __call__(self, signum, frame):
        self.handled += 1
        self.function([self.handled])

    def __enter__(self):
        # Whoever measures coverage holds a lock now and then, and no signal is to come then.
        self.trace = sys.gettrace()
        sys.settrace(None)
        self.before = signal.signal(signal.SIGALRM, self)
        self.left, _ = signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        return self

    def __exit__(self, *_exc):
        # Not one alarm more: the next would be taken for the end of the test's time.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)
        signal.setitimer(signal.ITIMER_REAL, self.left)
        sys.settrace(self.trace)


def holds(stats):
    return all(
        one.pending >= 0 and stats.shadowed == sum(one.outcomes.values()) + one.pending
        for one in stats.candidates.values()
    )


@pytest.mark.parametrize("runs_inline", [True, False])
def test_calls_from_many_threads_and_a_signal_handler_are_counted_exactly(
    launched, threads, runs_inline
):
    function, memory = launched(
        lambda x: x, lambda x: x, runner=INLINE if runs_inline else threads, max_pending=50
    )
    launch = launch_of(function)
    start, finished = threading.Barrier(4), threading.Event()
    seen = []

    def call():
        start.wait()
        for x in range(500):
            function([x])

    def look():
        while not finished.wait(0.001):
            seen.append(holds(launch.stats()))

    looking = threading.Thread(target=look)
    calling = [threading.Thread(target=call) for _ in range(3)]
    for thread in (looking, *calling):
        thread.start()
    called = 0
    with Alarms(function) as alarms:
        start.wait()
        while alarms.handled < 30:
            function([called])
            called += 1
        for thread in calling:
            thread.join()
    finished.set()
    looking.join()

    assert flush(timeout=20)
    stats = launch.stats()
    assert all(seen)
    assert stats.calls == called + alarms.handled + 1_500
    # A handler that interrupts a copy, or an inline candidate, is in the dark as well.
    assert stats.calls == stats.shadowed + stats.nested
    assert stats.pending == 0
    assert stats.outcomes["match"] + stats.outcomes["dropped"] == stats.shadowed
    assert len(memory.records) == stats.outcomes["match"]
    assert len(launch.candidates[0].gate.room.places) == 50
    assert launch.candidates[0].gate.room.nbytes == 0
