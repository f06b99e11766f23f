from __future__ import annotations

import contextvars
import datetime as dt
import gc
import sys
import threading
import time
import types
import weakref

import pytest

from darkcall import _course, _gate, _guard, _trial, flush, is_dark, launch_of
from darkcall.runners import InlineRunner
from looking import outcomes, stats_of, wait_until


INLINE = InlineRunner()


class Hung:
    """A candidate that hangs until the test ends; it is let go one by one, or all at once."""

    def __init__(self):
        self.let_go = threading.Semaphore(0)
        self.began = threading.Semaphore(0)

    def __call__(self, x):
        self.began.release()
        self.let_go.acquire(timeout=20)
        return x

    def free(self, times=1):
        self.let_go.release(times)


@pytest.fixture
def hung():
    hung = Hung()
    yield hung
    hung.free(100)


@pytest.fixture
def module(monkeypatch):
    """A module to import candidates from."""
    module = types.ModuleType("candidates_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def raising(error):
    def candidate(x):
        raise error

    return candidate


class TestOutcomes:
    @pytest.mark.parametrize(
        "error", [ValueError("a"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()]
    )
    def test_a_worker_outlives_whatever_a_candidate_raises(self, launched, threads, error):
        function, memory = launched(lambda x: x, raising(error), runner=threads)
        for x in range(5):
            assert function(x) == x

        assert flush(timeout=5)
        assert outcomes(function) == {"candidate_error": 5}
        assert memory.records[0].candidate_raised["type"] == type(error).__name__
        assert memory.records[0].differences[0]["kind"] == "raised"

    def test_a_candidate_that_raises_as_the_control_does_matches(self, launched, threads):
        function, memory = launched(
            raising(ValueError("a")), raising(ValueError("a")), runner=threads
        )
        with pytest.raises(ValueError, match="a"):
            function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1}
        assert memory.records[0].control_raised["message"] == "a"

    def test_a_candidate_that_does_not_raise_as_the_control_does_is_a_mismatch(
        self, launched, threads
    ):
        function, memory = launched(raising(ValueError("a")), lambda x: x, runner=threads)
        with pytest.raises(ValueError, match="a"):
            function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"mismatch": 1}
        assert memory.records[0].differences[0]["kind"] == "not_raised"

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
    @pytest.mark.parametrize("knob", ["compare", "normalize", "ignore"])
    def test_a_worker_outlives_whatever_a_comparison_raises(self, launched, threads, knob, error):
        def broken(*args):
            raise error

        function, _ = launched(lambda x: x, lambda x: x + 1, runner=threads, **{knob: broken})
        for x in range(5):
            assert function(x) == x

        assert flush(timeout=5)
        assert outcomes(function) == {"skipped": 5}
        assert stats_of(function).reasons == {"fault": 5}
        # Nobody is taken for overdue later on.
        wait_until(lambda: all(one.deadline == float("inf") for one in threads._workers))

    def test_an_uncomparable_call_is_recorded_with_its_reason(self, launched):
        function, memory = launched(
            lambda x: x, lambda x: x, runner=INLINE, compare=lambda a, b: 1 / 0
        )
        function(1)

        assert outcomes(function) == {"uncomparable": 1}
        assert memory.records[0].reason == "compare failed: ZeroDivisionError"
        assert stats_of(function).reasons == {"compare failed: ZeroDivisionError": 1}

    def test_an_ignored_call_is_recorded(self, launched):
        function, memory = launched(
            lambda x: x, lambda x: x + 1, runner=INLINE, ignore=lambda a, b: True
        )
        function(1)

        assert outcomes(function) == {"ignored": 1}
        assert memory.records[0].differences[0]["kind"] == "value"

    def test_reasons_are_counted_within_bounds(self, launched):
        def compare(control, candidate):
            raise type(f"Error{control}", (Exception,), {})

        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, compare=compare)
        for x in range(150):
            function(x)

        reasons = stats_of(function).reasons
        assert len(reasons) == 101
        assert reasons["other"] == 50
        assert sum(reasons.values()) == 150

    def test_a_candidate_and_a_comparison_are_in_the_dark(self, launched, threads):
        seen = []

        def candidate(x):
            seen.append(is_dark())
            return x

        def compare(control, candidate):
            seen.append(is_dark())
            return True

        def sink(record):
            seen.append(is_dark())

        for runner in (threads, INLINE):
            function, _ = launched(
                lambda x: x, candidate, runner=runner, compare=compare, sinks=[sink]
            )
            function(1)
            assert flush(timeout=5)

        assert seen == [True] * 6
        assert not is_dark()


class TestTimeout:
    @pytest.mark.parametrize("timeout", [0.05, dt.timedelta(milliseconds=50)])
    def test_nobody_waits_any_longer(self, launched, threads, hung, timeout):
        function, memory = launched(lambda x: x, hung, runner=threads, timeout=timeout)
        began = time.perf_counter()
        function(1)

        assert flush(timeout=5)
        assert time.perf_counter() - began < 2.0
        assert outcomes(function) == {"timeout": 1}
        assert [record.outcome for record in memory.records] == ["timeout"]
        assert memory.records[0].candidate_seconds is None
        assert stats_of(function).stuck == 1

    def test_what_comes_late_is_counted_and_frees_its_thread(self, launched, threads, hung):
        function, memory = launched(lambda x: x, hung, runner=threads, timeout=0.02)
        function(1)
        assert flush(timeout=5)
        hung.free()

        wait_until(lambda: stats_of(function).late == 1)
        assert stats_of(function).stuck == 0
        assert outcomes(function) == {"timeout": 1}
        assert len(memory.records) == 1

    def test_workers_that_took_the_place_of_others_go_on(self, launched, threads, hung):
        function, _ = launched(
            lambda x: x,
            lambda x: x if x >= 4 else hung(x),
            runner=threads,
            timeout=0.02,
        )
        for x in range(10):
            function(x)

        assert flush(timeout=5)
        assert outcomes(function) == {"timeout": 4, "match": 6}

    def test_without_one_nothing_is_overdue(self, launched, threads, hung):
        function, _ = launched(lambda x: x, hung, runner=threads, timeout=None)
        function(1)
        hung.began.acquire(timeout=5)
        is_done_early = flush(timeout=0.05)
        hung.free()

        assert not is_done_early
        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1}

    def test_inline_it_is_told_afterwards(self, launched):
        def candidate(x):
            time.sleep(0.01)
            return x

        function, _ = launched(lambda x: x, candidate, runner=INLINE, timeout=0.001)
        function(1)

        assert outcomes(function) == {"timeout": 1}
        assert stats_of(function).late == 1
        assert stats_of(function).stuck == 0

    def test_a_launch_with_too_many_stuck_candidates_stops_and_starts_again(
        self, launched, threads, hung
    ):
        function, _ = launched(lambda x: x, hung, runner=threads, timeout=0.02, max_stuck=2)
        for x in range(6):
            function(x)
        assert flush(timeout=5)
        function(6)
        stuck = stats_of(function).stuck
        hung.free(stuck)
        wait_until(lambda: stats_of(function).stuck == 0)
        hung.free(1)
        function(7)

        # The other worker may have begun another when the second got stuck.
        assert stuck in {2, 3}
        assert flush(timeout=5)
        assert outcomes(function) == {"timeout": stuck, "dropped": 7 - stuck, "match": 1}
        assert stats_of(function).reasons == {"stuck": 7 - stuck}

    def test_a_comparison_that_hangs_makes_the_call_uncomparable(
        self, launched, threads, hung, monkeypatch
    ):
        monkeypatch.setattr(_trial, "CONCLUDING_SECONDS", 0.05)
        function, _ = launched(
            lambda x: x, lambda x: x, runner=threads, compare=lambda a, b: hung(a)
        )
        function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"uncomparable": 1}
        assert stats_of(function).reasons == {"took over 0.05 s to compare": 1}
        assert stats_of(function).stuck == 0

    @pytest.fixture
    def short_import(self, monkeypatch):
        monkeypatch.setattr(_trial, "IMPORT_SECONDS", 0.02)

    @pytest.mark.parametrize("is_found", [True, False])
    @pytest.mark.usefixtures("short_import")
    def test_an_import_that_takes_too_long_is_a_timeout_and_frees_its_thread(
        self, launched, threads, hung, module, *, is_found
    ):
        def import_slowly(name):
            hung(1)
            if not is_found:
                raise AttributeError(name)
            return lambda x: x

        module.__getattr__ = import_slowly
        function, _ = launched(lambda x: x, "candidates_of_a_test:v2", runner=threads)
        function(1)
        assert flush(timeout=5)
        stuck = stats_of(function).stuck
        hung.free()

        wait_until(lambda: stats_of(function).stuck == 0)
        assert stuck == 1
        assert outcomes(function) == {"timeout": 1}

    def test_an_import_has_more_time_than_the_candidate(self, launched, threads, module):
        def import_slowly(name):
            time.sleep(0.05)
            return lambda x: x

        module.__getattr__ = import_slowly
        function, _ = launched(lambda x: x, "candidates_of_a_test:v2", runner=threads, timeout=0.02)
        function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1}

    @pytest.mark.parametrize("kind", ["sync", "async", "unopenable"])
    def test_arguments_that_take_too_long_to_open_are_a_timeout_and_free_their_thread(
        self, launched, threads, hung, kind
    ):
        async def async_candidate(x):
            return 1

        candidate = async_candidate if kind == "async" else lambda x: 1
        function, _ = launched(lambda x: 1, candidate, runner=threads, timeout=0.02)
        Slow.hung, Slow.fails = hung, kind == "unopenable"
        function(Slow())
        assert flush(timeout=5)
        stuck = stats_of(function).stuck
        hung.free()

        wait_until(lambda: stats_of(function).stuck == 0)
        assert stuck == 1
        assert outcomes(function) == {"timeout": 1}


class TestPreparing:
    def test_a_candidate_given_by_name_is_imported_at_its_first_use(
        self, launched, threads, module
    ):
        function, _ = launched(lambda x: x, "candidates_of_a_test:v2", runner=threads)
        module.v2 = lambda x: x
        function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"match": 1}

    def test_a_candidate_that_cannot_be_imported_makes_the_call_skipped(
        self, launched, threads, module
    ):
        function, memory = launched(lambda x: x, "candidates_of_a_test:v2", runner=threads)
        function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"skipped": 1}
        assert memory.records[0].reason.startswith("importing the candidate failed: Attribute")

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_an_import_that_ends_the_thread_is_a_fault_and_nothing_is_overdue_later(
        self, launched, threads, module, error
    ):
        def leave(name):
            raise error

        module.__getattr__ = leave
        function, _ = launched(lambda x: x, "candidates_of_a_test:v2", runner=threads, timeout=0.05)
        function(1)
        assert flush(timeout=5)

        assert outcomes(function) == {"skipped": 1}
        wait_until(lambda: all(one.deadline == float("inf") for one in threads._workers))

    def test_arguments_that_cannot_be_opened_make_the_call_skipped(self, launched, threads):
        function, memory = launched(lambda x: 1, lambda x: 1, runner=threads)
        function(Unopenable(ValueError))

        assert flush(timeout=5)
        assert outcomes(function) == {"skipped": 1}
        assert memory.records[0].reason == "preparing the call failed: ValueError"

    @pytest.mark.parametrize("error", [ValueError, SystemExit])
    def test_a_result_that_cannot_be_opened_makes_the_call_uncomparable(
        self, launched, threads, error
    ):
        function, memory = launched(lambda x: Unopenable(error), lambda x: 1, runner=threads)
        function(1)

        assert flush(timeout=5)
        assert outcomes(function) == {"uncomparable": 1}
        reason = f"preparing what the control did failed: {error.__name__}"
        assert memory.records[0].reason == reason


class Slow:
    """Can be copied, but takes its time to be opened."""

    def __reduce__(self):
        return _opened_slowly, ()


def _opened_slowly():
    Slow.hung(1)
    if Slow.fails:
        raise ValueError


class Unopenable:
    """Can be copied, but not opened again."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        return _raise, (self.error,)


def _raise(error):
    raise error


class TestStuckCounts:
    def test_a_context_that_cannot_be_opened_does_not_count_a_stuck_candidate_twice(
        self, launched, threads, hung
    ):
        function, _ = launched(
            lambda x: x,
            hung,
            runner=threads,
            timeout=0.02,
            context=lambda x: {"tenant": Unopenable(SystemExit)},
        )
        function(1)
        assert flush(timeout=5)
        stuck = stats_of(function).stuck
        hung.free()

        wait_until(lambda: stats_of(function).late == 1)
        assert stuck == 1
        assert stats_of(function).stuck == 0
        assert stats_of(function).pending == 0


class TestBudget:
    def test_a_candidate_that_uses_up_its_share_of_the_cpu_is_refused(self, launched, threads):
        def candidate(x):
            ends = time.thread_time() + 0.02
            while time.thread_time() < ends:
                pass
            return x

        function, _ = launched(lambda x: x, candidate, runner=threads, cpu_budget=0.005)
        for x in range(20):
            function(x)
        assert flush(timeout=10)
        function(20)

        counts = outcomes(function)
        assert 3 <= counts["match"] <= 5
        assert counts["dropped"] == 21 - counts["match"]
        assert stats_of(function).reasons == {"over_budget": counts["dropped"]}

    def test_a_candidate_that_waits_uses_nothing(self, launched):
        def candidate(x):
            time.sleep(0.01)
            return x

        function, _ = launched(lambda x: x, candidate, runner=INLINE, cpu_budget=0.01)
        for x in range(10):
            function(x)

        assert outcomes(function) == {"match": 10}

    def test_what_comes_late_is_charged_as_well(self, launched):
        def candidate(x):
            ends = time.thread_time() + 0.02
            while time.thread_time() < ends:
                pass
            return x

        function, _ = launched(
            lambda x: x, candidate, runner=INLINE, timeout=0.001, cpu_budget=0.001
        )
        function(1)
        function(2)

        assert outcomes(function) == {"timeout": 1, "dropped": 1}


class TestBreaker:
    def test_a_launch_whose_candidate_always_fails_is_stopped(self, launched):
        function, _ = launched(lambda x: x, raising(ValueError()), runner=INLINE)
        for x in range(_gate.BREAKER_FAILURES + 10):
            function(x)

        assert outcomes(function) == {
            "candidate_error": _gate.BREAKER_FAILURES,
            "dropped": 10,
        }
        assert stats_of(function).reasons == {"breaker": 10}

    def test_mismatches_do_not_stop_it(self, launched):
        function, _ = launched(lambda x: x, lambda x: x + 1, runner=INLINE)
        for x in range(_gate.BREAKER_FAILURES + 10):
            function(x)

        assert outcomes(function) == {"mismatch": _gate.BREAKER_FAILURES + 10}


def test_what_a_call_held_is_freed_when_it_is_over(launched, threads):
    class Cart:
        pass

    function, _ = launched(lambda cart: cart, lambda cart: cart, runner=threads, isolate="share")
    cart = Cart()
    reference = weakref.ref(cart)
    function(cart)
    assert flush(timeout=5)
    del cart
    gc.collect()

    assert outcomes(function) == {"match": 1}
    assert reference() is None


def test_the_traceback_of_a_candidates_exception_is_not_kept(launched, threads):
    class Cart:
        pass

    references = []

    def candidate(x):
        cart = Cart()
        references.append(weakref.ref(cart))
        raise ValueError

    seen = []

    def ignore(control, candidate):
        seen.append(candidate.exception)
        return False

    function, _ = launched(lambda x: x, candidate, runner=threads, ignore=ignore)
    function(1)
    assert flush(timeout=5)
    gc.collect()

    assert seen[0].__traceback__ is None
    assert references[0]() is None


def test_a_coroutine_that_a_plain_candidate_returns_is_closed_quietly(launched, recwarn):
    async def later():
        return 1

    function, _ = launched(lambda x: 1, lambda x: later(), runner=INLINE)
    function(1)
    gc.collect()

    assert outcomes(function) == {"uncomparable": 1}
    assert recwarn.list == []


def test_a_sink_that_fails_harms_no_other(launched):
    seen = []

    def broken(record):
        raise SystemExit

    broken.never_blocks = False
    before = _guard.faults.value
    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, sinks=[broken, seen.append])
    function(1)

    assert flush(timeout=5)
    assert outcomes(function) == {"match": 1}
    assert len(seen) == 1
    assert _guard.faults.value == before + 1


def test_an_interrupted_comparison_inline_is_the_callers_and_is_accounted_for(launched):
    def compare(control, candidate):
        raise KeyboardInterrupt

    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE, compare=compare)

    with pytest.raises(KeyboardInterrupt):
        function(1)
    assert outcomes(function) == {"skipped": 1}
    assert stats_of(function).reasons == {"interrupted": 1}


def test_a_conclusion_that_no_worker_takes_is_dropped(threads, launched):
    async def candidate(x):
        return x

    function, sink = launched(lambda x: x, candidate, runner=threads)
    dropped = []

    class Closed:
        is_inline = False

        def submit(self, work):
            # As a runner does that is closed: what comes back from a loop comes too late.
            if isinstance(work, _course.Conclusion):
                work.drop("exit")
                dropped.append(work)
            else:
                threads.submit(work)

        flush, close, after_fork = threads.flush, threads.close, threads.after_fork

    launch_of(function).update(runner=Closed())
    function(3)
    assert flush()
    assert len(dropped) == 1
    assert launch_of(function).stats().reasons == {"exit": 1}
    assert sink.records == []


def test_what_comes_back_from_a_loop_to_a_runner_that_raises_is_counted(launched, threads):
    async def candidate(x):
        return x

    class Broken:
        is_inline = False

        def submit(self, work):
            if isinstance(work, _course.Conclusion):
                raise OSError
            threads.submit(work)

        flush, close, after_fork = threads.flush, threads.close, threads.after_fork

    function, _ = launched(lambda x: x, candidate, runner=Broken())
    function(3)

    assert flush(timeout=5)
    assert outcomes(function) == {"skipped": 1}
    assert stats_of(function).reasons == {"fault": 1}


def test_a_match_that_was_settled_before_makes_no_record(launched):
    class Hasty(InlineRunner):
        """It loses patience, and does the work all the same."""

        def submit(self, work):
            work.drop("impatient")
            super().submit(work)

    function, memory = launched(lambda x: x, lambda x: x, runner=Hasty())
    function(1)

    assert memory.records == []
    assert stats_of(function).reasons == {"impatient": 1}
    assert outcomes(function) == {"dropped": 1}


def test_a_candidate_sees_its_callers_variables_where_nobody_imported_decimal(
    launched, monkeypatch
):
    variable = contextvars.ContextVar("variable")
    monkeypatch.delitem(sys.modules, "decimal", raising=False)
    function, memory = launched(lambda x: x, lambda x: variable.get(), runner=INLINE)
    context = contextvars.copy_context()
    context.run(variable.set, 1)
    context.run(function, 1)

    assert [record.outcome for record in memory.records] == ["match"]
