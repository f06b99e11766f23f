"""A replay says which recorded differences are fixed, which remain and which are new."""

from __future__ import annotations

import json
import math
import queue
import sys
import threading
import unittest

import pytest

from darkcall import ConfigurationError, dark_launch, flush, is_dark, launch_of
from darkcall.compare import Uncomparable
from darkcall.runners import InlineRunner
from darkcall.sinks import JsonlSink, RollupSink
from darkcall.testing._replay import replay
from darkcall.testing._replayed import Answer
from darkcall.testing._timed import Timed, TookTooLongError, is_anything_left


class Bench:
    """A launch whose sides can be changed between recording and replaying."""

    def __init__(self, folder):
        self.folder = folder
        self.sink = JsonlSink(folder)
        self.control = self.v2 = lambda x: x

    def run_v2(self, x):
        return self.v2(x)

    def launch(self, **knobs):
        def price(x):
            return self.control(x)

        knobs = {
            "candidate": {"v2": self.run_v2},
            "keep": "everything",
            "name": "shop.price",
            **knobs,
        }
        knobs = {"runner": InlineRunner(), "sinks": [self.sink], "cpu_budget": None, **knobs}
        self.price = dark_launch(**knobs)(price)
        return self.price

    def record(self, *inputs):
        for one in inputs:
            self.price(one)
        flush()

    def replay(self, **options):
        return replay([self.folder], launch_of(self.price), **options)

    def only(self, **options):
        (one,) = self.replay(**options).candidates
        return one


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "records")
    made.launch()
    yield made
    made.sink.close()


def test_what_does_not_differ_any_more_is_fixed(bench):
    bench.v2 = str
    bench.record(1, 2, 2)
    bench.v2 = int
    found = bench.replay()
    (one,) = found.candidates

    assert (one.name, one.inputs, one.calls, one.fixed) == ("v2", 2, 3, 2)
    assert (one.remains, one.new, one.agrees, one.signatures) == (0, 0, 0, [])
    assert found.answer is Answer.FIXED


def test_what_differs_as_it_was_recorded_remains(bench):
    bench.v2 = str
    bench.record(1, 1, 2)
    found = bench.replay()
    (one,) = found.candidates
    (way,) = one.signatures

    assert (one.fixed, one.remains, one.new) == (0, 2, 0)
    assert (way.is_new, way.outcome, way.signature) == (False, "mismatch", "$ type int/str")
    assert (way.inputs, way.calls, way.recorded) == (2, 3, ["$ type int/str"])
    assert way.arguments == {"x": 1}
    assert way.differences == [
        {
            "path": "$",
            "kind": "type",
            "control_type": "int",
            "candidate_type": "str",
            "control": 1,
            "candidate": "1",
        }
    ]
    assert found.answer is Answer.NOT_FIXED


def test_what_differs_with_another_signature_is_new(bench):
    bench.v2 = str
    bench.record(1, 2, 3)
    bench.v2 = {1: 5, 2: "2", 3: 3}.__getitem__
    one = bench.only()

    assert (one.fixed, one.remains, one.new) == (1, 1, 1)
    assert [(way.is_new, way.signature, way.recorded) for way in one.signatures] == [
        (False, "$ type int/str", ["$ type int/str"]),
        (True, "$ value int", ["$ type int/str"]),
    ]


def test_an_error_of_a_candidate_is_told_with_what_it_raised(bench):
    bench.v2 = {}.__getitem__
    bench.record(1)
    (way,) = bench.only().signatures

    assert (way.is_new, way.outcome) == (False, "candidate_error")
    assert way.candidate_raised == {"type": "KeyError", "message": "1"}
    assert way.control_raised is None


def test_an_input_that_was_recorded_in_two_ways_remains_in_either(bench):
    bench.v2 = str
    bench.record(1)
    bench.v2 = float
    bench.record(1)
    one = bench.only()

    assert (one.inputs, one.calls, one.remains, one.new) == (1, 2, 1, 0)


def test_recorded_matches_can_be_replayed_too(bench):
    bench.record(1, 2)
    assert bench.replay().answer is Answer.UNKNOWN
    bench.v2 = {1: 1, 2: 3}.__getitem__
    one = bench.only(outcomes=["match"])

    assert (one.inputs, one.fixed, one.agrees, one.new) == (2, 0, 1, 1)
    assert one.signatures[0].recorded == ["(match)"]


def test_what_could_not_be_compared_can_be_replayed_too(bench):
    def compare(*_):
        raise ValueError

    bench.launch(compare=compare)
    bench.record(1)
    bench.launch()
    assert bench.only(outcomes=["uncomparable"]).fixed == 1

    bench.v2 = str
    bench.record(2)
    bench.launch(compare=compare)
    found = bench.replay()
    assert found.left_out == {"v2: cannot be compared: compare failed: ValueError": 1}
    assert found.answer is Answer.UNKNOWN


def test_the_rules_of_the_launch_hold(bench):
    bench.launch(compare=lambda one, other: math.isclose(one, other, rel_tol=0.1))
    bench.v2 = lambda x: x + 1.0
    bench.record(1, 100)
    one = bench.only()
    assert (one.inputs, one.remains) == (1, 1)

    bench.launch(ignore=lambda control, candidate: True)
    assert bench.only().fixed == 1

    bench.launch(normalize=lambda value: 0)
    assert bench.only().fixed == 1


def test_each_side_has_arguments_of_its_own_and_the_candidate_is_in_the_dark(bench):
    seen = []

    def appends(x):
        seen.append(is_dark())
        x.append(1)
        return x

    bench.v2 = str
    bench.record([])
    bench.control = bench.v2 = appends
    seen.clear()

    assert bench.only().fixed == 1
    assert seen == [False, True]


def test_a_candidate_cannot_make_what_the_control_returned_its_own(bench):
    known = []

    def keeps(x):
        known[:] = [x]
        return known

    bench.control, bench.v2 = keeps, lambda x: [*keeps(x), known.append(1)][:1]
    bench.record(1)

    assert bench.only(outcomes=["match"]).agrees == 1


def test_each_candidate_is_replayed_on_what_was_recorded_of_it(bench):
    bench.launch(candidate={"v2": bench.run_v2, "v3": lambda x: -x})
    bench.record(1, 2)
    bench.v2 = str
    bench.record(2)
    one, other = bench.replay().candidates

    assert (one.name, one.inputs, one.remains) == ("v3", 2, 2)
    assert (other.name, other.inputs, other.remains) == ("v2", 1, 1)
    assert bench.only(candidate="v2") == other
    with pytest.raises(ConfigurationError, match="has no candidate 'v4'; it has v2, v3"):
        bench.replay(candidate="v4")


def test_a_candidate_that_is_no_more_cannot_be_judged(bench):
    bench.v2 = str
    bench.record(1)
    bench.launch(candidate={"v3": int})
    found = bench.replay()
    assert found.left_out == {"v2: the launch has no such candidate today": 1}

    bench.launch(candidate={"v2": "nowhere_to_be_found:price"})
    (reason,) = bench.replay().left_out
    assert reason.startswith("v2: ModuleNotFoundError")


def test_what_could_not_be_made_again_is_counted_and_nothing_is_fixed_for_sure(bench):
    bench.v2 = str
    bench.record({"password": 1}, {"password": 2}, 3)
    bench.launch(keep="differences")
    bench.record(4, 5)
    bench.v2 = int
    found = bench.replay()

    assert found.candidates[0].fixed == 1
    assert found.left_out == {
        'the record has no arguments: keep="everything" records them': 2,
        "x.password: hidden": 1,
    }
    assert found.answer is Answer.UNKNOWN


def test_reasons_are_bounded(bench):
    bench.v2 = str
    bench.record(*({f"name{number}": print} for number in range(120)))
    left_out = bench.replay().left_out

    assert len(left_out) == 101
    assert left_out["(others)"] == 20


def test_arguments_that_cannot_be_copied_are_told(bench):
    class Fragile:
        def __init__(self):
            self.x = 1

        def __reduce_ex__(self, protocol):
            raise TypeError

    def hinted(x: Fragile):
        return bench.control(x)

    bench.v2 = lambda x: 2
    hinted.__annotations__["x"] = Fragile
    bench.control = lambda x: 1
    launched = dark_launch(
        candidate={"v2": bench.run_v2}, name="shop.price", keep="everything",
        runner=InlineRunner(), sinks=[bench.sink], isolate="share",
    )(hinted)  # fmt: skip
    launched(Fragile())
    bench.price = launched
    flush()
    launch_of(launched).update(isolate="copy")

    (reason,) = bench.replay().left_out
    assert reason.startswith("shop.price: parameter 'x' (")
    assert "cannot be copied: TypeError; pass share=('x',)" in reason


def test_a_control_that_answers_otherwise_than_recorded_is_counted(bench):
    def fails(x):
        raise ValueError(x)

    bench.v2 = lambda x: "another"
    bench.record(1, 2, 3)
    bench.control = fails
    for x in (4, 5):
        with pytest.raises(ValueError, match=str(x)):
            bench.record(x)
    flush()
    bench.control = lambda x: fails(x) if x in {2, 4} else 1 if x == 1 else 33
    found = bench.replay()

    # 2 raises and returned; 3 and 5 return something else; 1 and 4 do what they did.
    assert found.changed_controls == 3


def test_what_the_control_did_is_no_reason_if_it_is_not_known(bench):
    bench.launch(redact=["$"])
    bench.control = lambda x: {"token": x}
    bench.v2 = str
    bench.record(1)
    (path,) = bench.folder.glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["arguments"] = {"x": 1}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if "kind" not in line))
    bench.control = lambda x: 7

    assert bench.replay().changed_controls == 0


def test_a_candidate_that_does_not_end_is_left_behind(bench):
    release = threading.Event()
    bench.v2 = str
    bench.record(1, 2, 3)
    bench.launch(timeout=0.01, max_stuck=2)
    bench.v2 = lambda x: release.wait(timeout=30)
    try:
        found = bench.replay()
    finally:
        release.set()
    (one,) = found.candidates
    (way,) = one.signatures

    assert (one.inputs, one.fixed, one.new) == (2, 0, 2)
    assert (way.outcome, way.signature, way.arguments) == ("timeout", "(timeout)", {"x": 1})
    assert found.left_out == {"v2: not run after too many runs did not end": 1}


def test_a_recorded_timeout_remains_if_it_times_out_again(bench):
    bench.v2 = str
    bench.record(1)
    (path,) = bench.folder.glob("*.jsonl")
    path.write_text(path.read_text().replace('"mismatch"', '"timeout"'))
    bench.launch(timeout=0.01)
    release = threading.Event()
    bench.v2 = lambda x: release.wait(timeout=30)
    one = bench.only(outcomes=["timeout"])
    release.set()

    assert (one.remains, one.new) == (1, 0)


def test_a_side_that_ends_the_process_does_not(bench):
    bench.v2 = str
    bench.record(1)
    bench.v2 = lambda x: sys.exit("done")
    (way,) = bench.only().signatures
    assert way.candidate_raised == {"type": "SystemExit", "message": "done"}

    bench.launch(timeout=None)
    bench.control = bench.v2
    assert bench.only().fixed == 1


def test_both_sides_may_be_async(bench):
    async def price(x):
        return x

    async def v2(x):
        return -x

    launched = dark_launch(
        candidate={"v2": v2}, name="shop.price", keep="everything", sinks=[bench.sink]
    )(price)
    bench.v2 = str
    bench.record(1, 2, 0)
    bench.price = launched
    one = bench.only()

    assert (one.fixed, one.new) == (1, 2)


def test_a_method_is_replayed_with_its_instance(bench):
    Shop.price = dark_launch(
        candidate={"v2": lambda shop, x: shop.rate * x + 1}, name="shop.price", keep="everything",
        runner=InlineRunner(), sinks=[bench.sink], cpu_budget=None,
    )(Shop.price)  # fmt: skip
    Shop(3).price(2)
    bench.price = Shop.price
    flush()
    (way,) = bench.only().signatures

    assert (way.differences[0]["control"], way.differences[0]["candidate"]) == (6, 7)


class Shop:
    def __init__(self, rate):
        self.rate = rate

    def price(self, x):
        return self.rate * x


def test_records_of_others_and_what_is_no_record_are_counted(bench):
    bench.v2 = str
    bench.record(1)
    bench.launch(name="shop.tax")
    bench.record(1, 2)
    (path,) = bench.folder.glob("*.jsonl")
    path.write_text(path.read_text() + "nonsense\n")
    bench.launch()
    found = bench.replay()

    assert (found.passed_over, found.unread) == (2, {"not_json": 1})


def test_what_was_not_read_may_have_been_an_input(bench):
    bench.v2 = str
    bench.record(1)
    (path,) = bench.folder.glob("*.jsonl")
    path.write_text(path.read_text() + '{"schema": 0}\n')
    bench.v2 = int
    found = bench.replay()

    assert (found.candidates[0].fixed, found.answer) == (1, Answer.UNKNOWN)


def test_rollups_are_counted_for_the_inputs_that_they_do_not_have(bench):
    sink = RollupSink(bench.sink)
    bench.launch(sinks=[sink])
    bench.v2 = str
    bench.record(*range(10))
    sink.close()
    bench.v2 = int
    found = bench.replay()

    assert found.candidates[0].inputs < 10
    assert found.rollups == 1


class Aborted(BaseException):
    pass


@pytest.mark.parametrize("kind", [Aborted, unittest.SkipTest, GeneratorExit])
def test_whatever_is_raised_is_what_a_side_did(bench, kind):
    def raises(x):
        raise kind(x)

    bench.v2 = str
    bench.record(1)
    bench.v2 = raises
    (way,) = bench.only().signatures
    assert way.candidate_raised["type"].endswith(kind.__name__)

    bench.control = raises
    assert bench.only().fixed == 1


def test_a_candidate_does_not_get_at_what_the_control_returned(bench):
    state = []
    bench.control = lambda x: state

    def v2(x):
        state.append(x)
        return state

    bench.v2 = v2
    bench.record(1)

    assert bench.only().remains == 1
    launch_of(bench.price).update(isolate="share")
    assert bench.only().fixed == 1


def test_an_input_whose_result_cannot_be_copied_is_left_out(bench):
    class Stubborn:
        def __setstate__(self, state):
            raise KeyError(state)

    stubborn = Stubborn()
    stubborn.x = 1
    bench.v2 = str
    bench.record(1)
    told = []
    for result in (threading.Lock(), stubborn):
        bench.control = lambda x, result=result: result
        told += bench.replay().left_out

    cannot = "shop.price: what the control returned cannot be copied: "
    assert told == [f"{cannot}TypeError: cannot pickle '_thread.lock' object", f"{cannot}KeyError"]


def test_an_input_of_which_no_copy_can_be_made_is_left_out(bench):
    class Stubborn:
        def __init__(self):
            self.x = 1

        def __setstate__(self, state):
            raise KeyError(state)

    def hinted(x: Stubborn):
        return 1

    def isolate(args, kwargs):
        raise ValueError(args)

    hinted.__annotations__["x"] = Stubborn
    bench.price = dark_launch(
        candidate={"v2": lambda x: 2}, name="shop.price", keep="everything",
        runner=InlineRunner(), sinks=[bench.sink], isolate="share",
    )(hinted)  # fmt: skip
    bench.record(Stubborn())
    told = []
    for way in ("copy", isolate):
        launch_of(bench.price).update(isolate=way)
        told += bench.replay().left_out

    assert told == [
        "shop.price: the arguments: a copy of them cannot be made: KeyError",
        "shop.price: the arguments: isolate fails: ValueError",
    ]


def test_a_replay_can_be_written_as_json(bench):
    bench.v2 = {}.__getitem__
    bench.record(1, "a")
    bench.v2 = {"a": 1}.__getitem__
    data = json.loads(json.dumps(bench.replay().to_dict(limit=1)))
    (one,) = data["candidates"]

    assert data["answer"] == "NOT_FIXED"
    assert (one["name"], one["remains"], one["new"]) == ("v2", 1, 1)
    assert [way["signature"] for way in one["signatures"]] == ["$ raised KeyError"]
    assert "control_raised" not in one["signatures"][0]
    assert set(data) == {
        *("answer", "launch", "candidates", "left_out"),
        *("changed_controls", "passed_over", "unread", "rollups"),
    }


def test_what_work_raises_comes_through():
    def fails():
        raise KeyError(1)

    for timeout in (None, 5.0):
        with pytest.raises(KeyError):
            Timed(timeout, 1).run(fails)


def test_work_that_was_left_behind_is_not_taken_for_what_comes_next():
    release, ended = threading.Event(), queue.SimpleQueue()
    timed = Timed(0.01, 2)

    def hangs():
        release.wait(timeout=30)
        ended.put(1)
        return "late"

    with pytest.raises(TookTooLongError):
        timed.run(hangs)
    assert is_anything_left()
    release.set()
    ended.get(timeout=30)
    timed._timeout = 30
    assert timed.run(lambda: "next") == "next"


def test_why_sides_cannot_be_compared_is_told_without_secrets(bench):
    def compare(control, candidate):
        raise Uncomparable("password=hunter2")

    bench.v2 = str
    bench.record(1)
    launch_of(bench.price).update(compare=compare)

    assert list(bench.replay().left_out) == ["v2: cannot be compared: password=[redacted]"]
