from __future__ import annotations

import sys
import threading
import types

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkcall import CandidateStats, Outcome, Stats, _gate, configure, flush, launch_of, set_enabled
from darkcall.runners import InlineRunner


INLINE = InlineRunner()
SWITCHES = ("off", "paused", "unsampled", "nested", "match", "mismatch", "raises", "uncomparable")


def holds(stats):
    return stats.calls == stats.off + stats.nested + stats.unsampled + stats.shadowed and all(
        stats.shadowed == sum(one.outcomes.values()) + one.pending and one.pending >= 0
        for one in stats.candidates.values()
    )


def test_a_new_launch_has_counted_nothing(launched):
    function, _ = launched(lambda x: x, {"v2": lambda x: x, "v3": lambda x: x})
    stats = launch_of(function).stats()

    assert stats.calls == stats.pending == stats.late == 0
    assert list(stats.candidates) == ["v2", "v3"]
    assert dict(stats.outcomes) == {outcome.value: 0 for outcome in Outcome}
    assert stats.reasons == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(ways=st.lists(st.sampled_from(SWITCHES), max_size=15))
def test_every_call_is_counted_once_whichever_way_it_takes(launched, ways):
    def candidate(x):
        if x == "nested":
            function("match")
        if x == "raises":
            raise ValueError
        return "other" if x == "mismatch" else x

    def compare(control, candidate):
        if control == "uncomparable":
            raise ValueError
        return control == candidate

    function, _ = launched(
        lambda x: x,
        {"v2": candidate, "v3": lambda x: x},
        runner=INLINE,
        compare=compare,
        sample=lambda call: call.args[0] != "unsampled",
    )
    launch = launch_of(function)
    for way in ways:
        if way == "off":
            with set_enabled(False):
                function(way)
        elif way == "paused":
            launch.pause()
            function(way)
            launch.resume()
        else:
            function(way)
        assert holds(launch.stats())
    stats = launch.stats()

    assert stats.off == ways.count("off") + ways.count("paused")
    assert stats.unsampled == ways.count("unsampled")
    assert stats.nested == ways.count("nested")
    assert stats.pending == 0
    assert stats.shadowed == len(ways) - stats.off - stats.unsampled
    counts = stats.candidates["v2"].outcomes
    assert counts["mismatch"] == ways.count("mismatch")
    assert counts["candidate_error"] == ways.count("raises")
    assert counts["uncomparable"] == ways.count("uncomparable")
    assert stats.outcomes["match"] == counts["match"] + stats.candidates["v3"].outcomes["match"]


def test_a_call_under_way_is_pending(launched, threads):
    def candidate(x):
        let_go.wait(10)
        return x

    let_go = threading.Event()
    function, _ = launched(lambda x: x, candidate, runner=threads)
    for x in range(3):
        function(x)
    pending = launch_of(function).stats().pending
    let_go.set()

    assert pending == 3
    assert flush(timeout=5)
    assert launch_of(function).stats().pending == 0


def test_every_record_is_one_outcome_and_drops_make_none(launched, threads):
    function, memory = launched(lambda x: x, lambda x: x % 7, runner=threads, max_pending=20)
    for x in range(300):
        function(x)

    assert flush(timeout=10)
    counts = dict(launch_of(function).stats().outcomes)
    dropped = counts.pop("dropped")
    assert len(memory.records) == sum(counts.values()) == 300 - dropped


def test_sinks_have_counts_of_their_own(launched):
    function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
    for x in range(3):
        function(x)
    (counts,) = launch_of(function).stats().sinks.values()

    assert counts.offered == counts.written == 3


class TestLaunch:
    def test_it_shows_its_state(self, launched):
        function, _ = launched(
            lambda x: x, {"v2": lambda x: x, "v3": lambda x: x}, name="shop.price"
        )
        launch = launch_of(function)
        shown = [repr(launch)]
        launch.pause()
        shown.append(repr(launch))
        launch.resume()
        with set_enabled(False):
            shown.append(repr(launch))

        assert shown == [
            "<Launch shop.price (on): v2, v3>",
            "<Launch shop.price (paused): v2, v3>",
            "<Launch shop.price (off): v2, v3>",
        ]
        assert repr(launch.candidates[0]) == "<Candidate shop.price [v2]>"

    def test_a_paused_one_stays_paused_whatever_is_configured(self, launched):
        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
        launch = launch_of(function)
        launch.pause()
        with configure(timeout=1.0), set_enabled(True):
            function(1)

        assert launch.is_paused
        assert launch.stats().off == 1
        launch.resume()
        function(2)
        assert not launch.is_paused
        assert launch.stats().shadowed == 1

    def test_knobs_that_are_changed_hold_for_the_next_call(self, launched):
        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
        function(1)
        launch_of(function).update(sample=0.0)
        function(2)

        stats = launch_of(function).stats()
        assert (stats.shadowed, stats.unsampled) == (1, 1)

    def test_what_was_counted_against_a_bound_stays_when_the_bound_is_changed(self, launched):
        def failing(x):
            raise ValueError

        function, _ = launched(lambda x: x, failing, runner=INLINE)
        for x in range(_gate.BREAKER_FAILURES):
            function(x)
        launch_of(function).update(max_pending=7)
        function(0)

        assert launch_of(function).stats().reasons == {"breaker": 1}

    def test_a_call_under_way_keeps_its_place_when_there_are_fewer(self, launched, threads):
        def candidate(x):
            let_go.wait(10)
            return x

        let_go = threading.Event()
        function, _ = launched(lambda x: x, candidate, runner=threads, max_pending=3)
        (one,) = launch_of(function).candidates
        for _ in range(3):
            function("x" * 100)
        launch_of(function).update(max_pending=1)
        let_go.set()

        assert flush(timeout=5)
        assert launch_of(function).stats().outcomes["match"] == 3
        assert len(one.gate.room.places) == 1
        assert one.gate.room.nbytes == 0

    @pytest.mark.parametrize(
        "knobs", [{"timeout": -1.0}, {"sample": 2.0}, {"no_such_knob": 1}, {"share": ("nobody",)}]
    )
    def test_knobs_that_will_not_do_change_nothing(self, launched, knobs):
        function, _ = launched(lambda x: x, lambda x: x, runner=INLINE)
        with pytest.raises((TypeError, ValueError)):
            launch_of(function).update(**knobs)
        function(1)

        assert launch_of(function).stats().outcomes["match"] == 1

    def test_in_a_forked_child_it_counts_from_nothing(self, launched):
        def failing(x):
            raise ValueError

        function, _ = launched(lambda x: x, failing, runner=INLINE)
        for x in range(_gate.BREAKER_FAILURES):
            function(x)
        launch_of(function)._after_fork()
        empty = launch_of(function).stats()
        function(1)

        assert empty.calls == 0
        assert empty.pending == 0
        assert launch_of(function).stats().outcomes["candidate_error"] == 1


class TestCandidate:
    def test_a_classmethod_or_staticmethod_object_is_its_function(self, launched):
        function, _ = launched(
            lambda x: x,
            {"static": staticmethod(lambda x: x), "class": classmethod(lambda x: x)},
            runner=INLINE,
        )
        function(1)

        assert launch_of(function).stats().outcomes["match"] == 2

    def test_whether_one_is_async_is_known_when_it_is_imported(self, launched):
        function, _ = launched(lambda path: path, "os:fspath", runner=INLINE)
        (candidate,) = launch_of(function).candidates
        before = candidate.is_async
        function("a")

        assert before is None
        assert candidate.is_async is False
        assert launch_of(function).stats().outcomes["match"] == 1

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (ValueError("a secret"), "ValueError"),
            (ImportError("no module 'price'"), "ImportError: no module 'price'"),
        ],
    )
    def test_one_that_cannot_be_imported_is_tried_again_after_a_while(
        self, launched, monkeypatch, error, said
    ):
        def import_it(name):
            tried.append(name)
            if error is not None:
                raise error
            return lambda x: x

        tried = []
        module = types.ModuleType("candidates_of_a_test")
        module.__getattr__ = import_it
        monkeypatch.setitem(sys.modules, module.__name__, module)
        function, memory = launched(lambda x: x, "candidates_of_a_test:v2", runner=INLINE)
        for x in range(3):
            function(x)
        tried_at_first = list(tried)
        monkeypatch.setattr(launch_of(function).candidates[0], "_try_again_at", 0.0)
        error = None
        function(3)

        assert tried_at_first == ["v2"]
        assert [one.outcome for one in memory.records] == ["skipped"] * 3 + ["match"]
        assert memory.records[0].reason == f"importing the candidate failed: {said}"

    def test_one_within_a_class_can_be_named(self, launched):
        function, _ = launched(
            lambda data: data.decode(), "json.decoder:JSONDecoder.decode", runner=INLINE
        )

        assert function(b"1") == "1"
        assert launch_of(function).stats().outcomes["match"] == 0

    @pytest.mark.parametrize("reference", ["", "os", "os.path", "os:", ":fspath", "os:1", "o s:x"])
    def test_a_name_that_is_none_is_refused(self, launched, reference):
        with pytest.raises(ValueError, match="will not do"):
            launched(lambda x: x, reference)


def test_stuck_candidates_are_added_up():
    one = {"outcomes": {}, "reasons": {}, "pending": 0, "late": 0}
    candidates = {"a": CandidateStats(**one, stuck=1), "b": CandidateStats(**one, stuck=2)}
    assert Stats(0, 0, 0, 0, candidates, {}).stuck == 3
