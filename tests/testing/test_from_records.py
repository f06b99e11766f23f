"""Recorded inputs become the examples of a property test."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from darkcall import ConfigurationError, dark_launch, flush
from darkcall.runners import InlineRunner
from darkcall.sinks import JsonlSink
from darkcall.testing import RecordedInputs, from_records


EXAMPLES_ALONE = settings(phases=[Phase.explicit])


@dataclasses.dataclass
class Line:
    price: float


class Shop:
    def __init__(self, rate: int) -> None:
        self.rate = rate

    def __eq__(self, other):
        return self.rate == other.rate

    __hash__ = None


def candidate(*_, **__):
    return "another"


@pytest.fixture
def launched(tmp_path):
    """Launch a control; gives it, and what waits for its records and says where they are."""
    sink = JsonlSink(tmp_path / "records")

    def launch(control, its_candidate=candidate, **knobs):
        knobs = {"keep": "everything", "name": "shop.price", **knobs}
        return dark_launch(
            candidate=its_candidate, runner=InlineRunner(), sinks=[sink], cpu_budget=None, **knobs
        )(control)

    def records():
        flush()
        return tmp_path / "records"

    yield launch, records
    sink.close()


def test_each_different_input_on_which_a_candidate_differed_is_there_once(launched):
    launch, records = launched

    def price(lines: list[Line], tax=0):
        return tax

    price = launch(price, lambda lines, tax=0: tax if tax < 2 else -1)
    for tax in (0, 1, 2, 3, 2, 3):
        price([Line(1.5)], tax)
    found = from_records(records(), price)

    assert found == [
        {"lines": [Line(1.5)], "tax": 2},
        {"lines": [Line(1.5)], "tax": 3},
    ]
    assert isinstance(found, RecordedInputs)
    assert found.left_out == {}


def test_other_outcomes_can_be_asked_for(launched):
    launch, records = launched
    price = launch(lambda x: x, lambda x: x)
    price(1)

    assert from_records([records()], price) == []
    assert from_records([records()], price, outcomes=["match"]) == [{"x": 1}]
    with pytest.raises(ConfigurationError, match="'dropped' is none of match, mismatch"):
        from_records(records(), price, outcomes=["dropped"])


def test_what_cannot_be_made_again_is_counted_by_reason(launched):
    launch, records = launched
    price = launch(lambda x: None)
    for x in ({"password": "x"}, {"password": "x"}, [{"token": 1}], {1: print}, 2):
        price(x)
    launch(lambda x: None, keep="differences")(3)
    launch(lambda x: None, keep="differences")(4)
    found = from_records(records(), price)

    assert found == [{"x": 2}]
    assert found.left_out == {
        "x.password: hidden": 1,
        "x[*].token: hidden": 1,
        "x[*]: it cannot be seen into": 1,
        'the record has no arguments: keep="everything" records them': 2,
    }


def test_the_instance_of_a_method_is_called_instance(launched):
    launch, records = launched

    def price(self: Shop, x):
        return x

    price = launch(price)
    price(Shop(3), 1)

    assert from_records(records(), price) == [{"instance": Shop(3), "x": 1}]

    def other(self: Shop, instance=1):
        return instance

    other = launch(other, name="shop.other")
    other(Shop(4), 1)

    assert from_records(records(), other) == [{"instance_": Shop(4), "instance": 1}]


@pytest.mark.parametrize("above", [True, False])
def test_as_a_decorator_it_gives_each_input_to_the_test_as_an_example(launched, above):
    launch, records = launched

    def price(x, y=7, *rest, **more):
        return x

    price = launch(price)
    price(1)
    price(2, 3, 4, z=5)
    price(6, 7)
    seen = []

    def check(x, y, rest, more):
        seen.append((x, y, rest, more))

    draw = given(x=st.none(), y=st.none(), rest=st.none(), more=st.none())
    examples = from_records(records(), price)
    test = examples(draw(check)) if above else draw(examples(check))
    EXAMPLES_ALONE(test)()

    assert seen == [(1, 7, (), {}), (2, 3, (4,), {"z": 5}), (6, 7, (), {})]


def test_a_test_need_not_take_what_calls_may_leave_out(launched):
    launch, records = launched

    def price(x, y=7):
        return x

    price = launch(price)
    price(1)
    seen = []

    def check(x):
        seen.append(x)

    EXAMPLES_ALONE(from_records(records(), price)(given(x=st.none())(check)))()

    assert seen == [1]


def test_arguments_without_names_are_named_by_their_place(launched):
    launch, records = launched
    least = launch(min)
    least(2, 1)

    assert from_records(records(), least) == [{"0": 2, "1": 1}]


def test_records_of_other_launches_are_passed_over_but_some_must_be_of_this_one(launched):
    launch, records = launched
    others = [launch(lambda x: x, name=f"shop.{name}") for name in "abcdefg"]
    price = launch(lambda x: x, name="shop.price")
    for other in others:
        other(1)

    with pytest.raises(ConfigurationError) as caught:
        from_records(records(), price)
    assert str(caught.value).endswith(
        "no record is of the launch shop.price; there are 1 of shop.a, 1 of shop.b, 1 of shop.c, "
        "1 of shop.d, 1 of shop.e, 2 of (others)"
    )
    price(1)
    assert from_records(records(), price) == [{"x": 1}]


def test_where_there_is_nothing_it_says_so(launched, tmp_path):
    launch, _ = launched
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ConfigurationError, match=r"empty.jsonl: no record is of the launch [^;]+$"):
        from_records(tmp_path / "empty.jsonl", launch(lambda x: x))
    with pytest.raises(ConfigurationError, match="missing"):
        from_records(str(tmp_path / "missing"), launch(lambda x: x))


def test_a_function_that_is_not_launched_is_refused(tmp_path):
    with pytest.raises(TypeError, match="not decorated with dark_launch"):
        from_records(tmp_path, candidate)


def test_what_the_control_differs_from_itself_is_no_input(launched):
    launch, records = launched
    price = launch(lambda x: x, lambda x: x)
    price(1)
    (path,) = records().glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    noisy = [
        {**line, "outcome": "mismatch", "candidate": name, "arguments": {"x": name}}
        for line in lines
        if "kind" not in line
        for name in ("control", "candidate")
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in noisy))

    assert from_records(path, price) == [{"x": "candidate"}]
