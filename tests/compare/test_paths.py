from __future__ import annotations

import datetime as dt
import decimal
import enum
import gc
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall._errors import ConfigurationError
from darkcall._paths import OtherKey, PatternSet, parse, render, step_of, steps_of


class Colour(enum.Enum):
    RED = 1


class Text(str):
    __slots__ = ()


class Number(int):
    pass


@pytest.mark.parametrize(
    ("pattern", "place", "matches"),
    [
        ("$", (), True),
        ("$", ("a",), False),
        ("$.a", ("a",), True),
        ("$.a", ("a", "b"), False),
        ("$.a", ("b", "a"), False),
        ("$.set-cookie", ("set-cookie",), True),
        ('$["a b"][0]', ("a b", 0), True),
        ("$['a\"b']", ('a"b',), True),
        ('$["\\x41\\u0042\\U00000043\\n\\t\\r\\q"]', ("ABC\n\t\rq",), True),
        ("$[-1]", (-1,), True),
        ("$[0]", ("0",), False),
        ("$[*].x", (3, "x"), True),
        ("$[*].x", ("key", "x"), True),
        ("$.*", ("key",), True),
        ("$.*", ("key", "x"), False),
        ("$..id", ("id",), True),
        ("$..id", ("a", 0, "id"), True),
        ("$..id", ("id", "a"), False),
        ("$..[0]", ("a", 0), True),
        ("$..*", ("a", 0), True),
        ("$..*", (), False),
        ("$..a..b[*].c", ("x", "a", "y", "b", 2, "c"), True),
        ("$..a..b[*].c", ("x", "a", "y", "b", "c"), False),
        ("$..a.a", ("a", "a", "a"), True),
        ("card", ("user", "card"), True),
        ("card", ("user", "cards"), False),
        ("$[<None>]", (OtherKey("None"),), True),
    ],
)
def test_a_pattern_means_these_places(pattern, place, matches):
    assert parse(pattern).matches(place) is matches


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0), (".a", 0), ("a.b", 0), ("$a", 1), ("$.", 1), ("$..", 1), ("$.0", 1), ("$.[0]", 1),
        ("$[", 1), ("$[x]", 1), ("$[]", 1), ("$.a b", 3), ("$.a[0", 3), ('$["a]', 1), ("* ", 0),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_with_its_position_and_what_is_allowed(text, position):
    with pytest.raises(ConfigurationError, match=r"any of \.name \[") as refusal:
        parse(text)
    assert f"at position {position}," in str(refusal.value)
    assert repr(text) in str(refusal.value)


def test_a_path_must_be_text():
    with pytest.raises(ConfigurationError, match="a path is text, not int"):
        parse(3)


def test_a_pattern_covers_what_lies_below_its_places():
    assert parse("card").covers(("user", "card", "number"))
    assert parse("card").covers(("user", "card"))
    assert not parse("card").covers(("user", "name"))


def test_many_patterns_are_matched_at_once():
    patterns = PatternSet([parse("$.a"), parse("id"), parse("$.a.id")])
    assert patterns.match(("a",)) == (0,)
    assert patterns.match(("a", "id")) == (1, 2)
    assert patterns.match(("b",)) == ()
    assert patterns.covers(("a", "b", "c"))
    assert not patterns.covers(("b", "c"))


def test_a_walk_knows_when_no_pattern_can_mean_a_place_further_down():
    start = PatternSet([parse("$.a.b")]).start
    assert start.live
    assert start.step("a").live
    assert not start.step("a").step("b").live
    assert not start.step("x").live
    assert start.step("x").step("b").matched == ()


def test_patterns_that_ask_for_exponentially_many_states_stay_small():
    patterns = PatternSet([parse("$..a" + "[*]" * 30)])
    state = patterns.start
    choices = random.Random(1).choices("ab", k=5000)
    for step in choices:
        state = state.step(step)
    assert 1 in {len(patterns.match(choices[:end])) for end in range(5000, 4900, -1)}
    assert len(patterns._states) <= 1000


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("lines", 0, "price"), "$.lines[0].price"),
        (("unit price",), '$["unit price"]'),
        (('quo"te', "back\\slash"), '$["quo\\"te"]["back\\\\slash"]'),
        (
            ("line\nbreak", "bidi\u202e", "\ud800"),
            '$["line\\u000abreak"]["bidi\\u202e"]["\\ud800"]',
        ),
        (("\U000e0001",), '$["\\U000e0001"]'),
        (("caf\u00e9",), "$.caf\u00e9"),
        ((OtherKey("None"), OtherKey("a>b")), "$[<None>][<a\\u003eb>]"),
        ((-1,), "$[-1]"),
        ((1 << 70,), "$[<an int of 71 bits>]"),
    ],
)
def test_a_place_is_shown_on_one_line(steps, path):
    assert render(steps) == path


def test_a_path_is_bounded():
    assert len(render(("x" * 10_000,))) < 120
    long = render(["step"] * 100_000)
    assert len(long) < 1010
    assert long.startswith("$.step.step")
    assert long.endswith(".step.step")


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.integers(min_value=-(2**64), max_value=2**64),
            st.builds(OtherKey, st.text(max_size=30)),
        ),
        max_size=6,
    )
)
def test_a_shown_path_can_be_read_again(steps):
    path = render(steps)
    assert path.isprintable()
    known = tuple(step_of(step) if isinstance(step, int) else step for step in steps)
    assert steps_of(path) == known
    assert parse(path).matches(known)


def test_a_path_that_was_cut_says_that_it_does_not_know_its_place():
    assert steps_of(render(("x" * 10_000,))) is None
    assert steps_of(render(["step"] * 1000)) is None
    assert steps_of("no path") is None
    assert steps_of("$..id") is None
    assert steps_of("$[*]") is None


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("a", "a"),
        (Text("subclass"), "subclass"),
        (1, 1),
        (Number(2), 2),
        (True, OtherKey("True")),
        (None, OtherKey("None")),
        (1.5, OtherKey("1.5")),
        (1 << 70, OtherKey("an int of 71 bits")),
        (b"a", OtherKey("b'a'")),
        ((1, ("b", (2,))), OtherKey("(1, ('b', tuple))")),
        (Colour.RED, OtherKey("Colour.RED")),
        (frozenset(), OtherKey("frozenset")),
        (decimal.Decimal("1.0"), OtherKey("Decimal('1.0')")),
        (uuid.UUID(int=1), OtherKey("UUID('00000000-0000-0000-0000-000000000001')")),
        (dt.date(2024, 1, 2), OtherKey("datetime.date(2024, 1, 2)")),
    ],
)
def test_a_key_becomes_a_step(key, step):
    assert step_of(key) == step
    assert type(step_of(key)) is type(step)


def test_a_key_becomes_a_step_without_running_code_of_its_own():
    class Meta(type):
        def __getattribute__(cls, name):
            raise AssertionError

    class Hostile(metaclass=Meta):
        def __repr__(self):
            raise AssertionError

        __str__ = __eq__ = __hash__ = __repr__

        def __getattribute__(self, name):
            raise AssertionError

    assert step_of(Hostile()).text.endswith("Hostile")


def test_a_pattern_shows_what_it_was_made_from():
    assert repr(parse("$.a[*]")) == "Pattern(text='$.a[*]')"
    assert parse("$.a[0]").steps == ("a", 0)
    assert parse("card").steps is None


def test_reading_a_path_leaves_nothing_to_the_garbage_collector():
    gc.disable()
    try:
        gc.collect()
        assert steps_of('$.lines[0]["unit price"]') == ("lines", 0, "unit price")
        assert gc.collect() == 0
    finally:
        gc.enable()
