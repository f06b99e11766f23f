"""Pairs that nobody made for a test: libraries that are said to do the same."""

from __future__ import annotations

import html
import math
import statistics
import textwrap
from datetime import datetime, timedelta

import cytoolz
import hypothesis
import markupsafe
import numpy as np
import pytest
import toolz
from dateutil.parser import isoparse
from hypothesis import Phase
from hypothesis import strategies as st

from darkcall._demo._rewrites import dedent_naive, dedent_rewrite
from darkcall.compare import equal, same_exception_type
from darkcall.testing import MismatchError, assert_equivalent


#: To explain a failure takes ten times as long as to find it.
THOUSAND = hypothesis.settings(
    max_examples=1000,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
LISTS = st.lists(st.integers(), max_size=8)


def agree(*pair, **rules):
    assert_equivalent(*pair, **rules, settings=THOUSAND)


def smallest(*pair, **rules):
    """The smallest input on which the two differ, by parameter name, and what is said of it."""
    with pytest.raises(MismatchError) as caught:
        agree(*pair, **rules)
    _, call, *lines = str(caught.value).splitlines()
    function = call.strip().partition("(")[0]
    names = {function: dict, "nan": math.nan, "inf": math.inf}
    return eval(call, names), [line.strip() for line in lines[:2]]


# --- toolz, and cytoolz: the same in Cython


@pytest.mark.parametrize(
    ("name", "strategies"),
    [
        ("frequencies", {"seq": LISTS}),
        ("groupby", {"key": st.sampled_from([abs, str, bool]), "seq": LISTS}),
        ("unique", {"seq": LISTS, "key": st.none()}),
    ],
)
def test_toolz_and_cytoolz_do_the_same(name, strategies):
    rules = {"normalize": list} if name == "unique" else {}
    agree(getattr(toolz, name), getattr(cytoolz, name), given=strategies, **rules)


def test_a_window_of_no_width_is_empty_in_toolz_and_an_error_in_cytoolz():
    pair = toolz.sliding_window, cytoolz.sliding_window
    call, (control, candidate) = smallest(*pair, st.integers(0, 4), LISTS, normalize=list)
    assert call == {"n": 0, "seq": []}
    assert control == "control returned []"
    assert candidate.startswith("sliding_window raised ValueError: Stop argument for islice()")
    agree(*pair, st.integers(1, 4), LISTS, normalize=list)


def test_only_the_words_differ_in_which_what_cannot_be_dropped_is_refused():
    pair = toolz.drop, cytoolz.drop
    call, (_, candidate) = smallest(*pair, st.integers(-2, 4), LISTS, normalize=list)
    assert call == {"n": -1, "seq": []}
    assert "n argument for drop() must be non-negative" in candidate
    rules = {"normalize": list, "compare_exceptions": same_exception_type}
    agree(*pair, st.integers(-2, 4), LISTS, **rules)


# --- dateutil's parser of ISO 8601, and Python's


def parse(text: str) -> datetime:
    return isoparse(text)


def parse_v2(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_two_parsers_of_dates_refuse_the_empty_text_in_words_of_their_own():
    assert smallest(parse, parse_v2)[0] == {"text": ""}


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (st.integers(1, 9999).map("{:04}".format), "0001"),
        (st.builds("{}-{:03}".format, st.just(2024), st.integers(1, 366)), "2024-001"),
        (
            st.builds("{}-W{:02}-1".format, st.integers(2000, 2030), st.integers(1, 53)),
            "2000-W53-1",
        ),
        (st.sampled_from(range(25)).map("2024-01-15T{:02}:00".format), "2024-01-15T24:00"),
        (
            st.integers(0, 59).map("2024-01-15T10:30:45+02:00:{:02}".format),
            "2024-01-15T10:30:45+02:00:00",
        ),
        (
            st.characters().map("2024-01-15{}10:30:45".format),
            "2024-01-15\x8010:30:45",
        ),
    ],
    ids=["year", "day of the year", "week", "midnight", "seconds of the offset", "separator"],
)
def test_a_parser_of_dates_reads_what_the_other_one_refuses(texts, first):
    assert smallest(parse, parse_v2, texts)[0] == {"text": first}


def has_seconds(offset):
    return offset is not None and offset % timedelta(minutes=1) != timedelta()


def test_two_parsers_of_dates_agree_once_the_known_differences_are_left_out():
    texts = st.builds(
        "{}{}".format,
        st.builds(
            datetime.isoformat,
            st.datetimes(),
            sep=st.sampled_from("T x"),
            timespec=st.sampled_from(["hours", "minutes", "seconds", "milliseconds", "auto"]),
        ),
        st.sampled_from(["", "Z", "+02:00", "-0530", "+02", "+02:00:30", "+2", "?"]),
    )
    agree(
        parse,
        parse_v2,
        texts,
        compare_exceptions=same_exception_type,
        ignore=lambda _, candidate: (
            candidate.exception is None and has_seconds(candidate.value.utcoffset())
        ),
    )


# --- html.escape, and markupsafe.escape


def escape(s: str) -> str:
    return html.escape(s)


def escape_v2(s: str) -> str:
    return markupsafe.escape(s)


def test_a_safe_text_is_of_another_type_and_has_quotes_of_its_own():
    call, said = smallest(escape, escape_v2)
    assert call == {"s": ""}
    assert said == ["control returned ''", "escape_v2 returned Markup('')"]

    call, said = smallest(escape, escape_v2, normalize=str)
    assert call in ({"s": '"'}, {"s": "'"})
    assert said[1].startswith("escape_v2 returned '&#3")


def test_escaped_texts_are_the_same_to_whoever_reads_them():
    agree(escape, escape_v2, normalize=lambda text: html.unescape(str(text)))


# --- textwrap.dedent, and the demo's rewrites

INDENTED = st.lists(
    st.builds(str.__add__, st.text(" \t", max_size=3), st.sampled_from(["", "a", "b\tc", "\r"])),
    max_size=6,
).map("\n".join)


def test_a_naive_rewrite_of_dedent_is_found_on_a_few_characters():
    call, _ = smallest(textwrap.dedent, dedent_naive, INDENTED)
    # A line end that is lost, a blank that is left, or a tab that is replaced.
    assert len(call["text"]) <= 3


def test_a_right_rewrite_of_dedent_passes():
    agree(textwrap.dedent, dedent_rewrite, INDENTED)


# --- statistics, and NumPy


def on_data(function):
    """Have the one parameter that both know be called the same; NumPy's numbers are floats, too."""

    def statistic(data):
        return float(function(data))

    return statistic


PAIRS = {
    "mean": (on_data(statistics.mean), on_data(np.mean)),
    "fmean": (on_data(statistics.fmean), on_data(np.mean)),
    "median": (on_data(statistics.median), on_data(np.median)),
    "pstdev": (on_data(statistics.pstdev), on_data(np.std)),
}
#: Magnitudes of which squares are not lost, and none that is not a number.
SANE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["mean", "fmean", "pstdev"])
def test_the_last_digit_differs_for_a_few_numbers(name):
    few = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3)
    # Which ones is of no interest, and floats take long to shrink.
    found = hypothesis.settings(THOUSAND, phases=[Phase.generate])
    with pytest.raises(MismatchError):
        assert_equivalent(*PAIRS[name], few, settings=found)


@pytest.mark.parametrize("name", ["mean", "pstdev"])
def test_statistics_and_numpy_agree_within_a_tolerance(name):
    agree(*PAIRS[name], SANE, compare=equal.within(rel=1e-9, abs=1e-6))


def test_medians_agree_to_the_last_digit():
    agree(*PAIRS["median"], SANE)


def test_a_median_beside_a_nan_is_no_number_in_numpy_alone():
    # No tolerance helps: statistics sorts, and to sort a nan leaves it anywhere.
    rules = {"compare": equal.within(rel=1e-9, abs=1e-6)}
    numbers = st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=1)
    call, said = smallest(*PAIRS["median"], numbers, **rules)
    assert sorted(map(str, call["data"])) in (["0.0", "nan"], ["0.0", "0.0", "nan"])
    assert said[1] == "on_data.<locals>.statistic returned nan" or said[1].endswith(" nan")


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered")
def test_the_mean_of_nothing_is_an_error_in_statistics_and_a_nan_in_numpy():
    call, said = smallest(*PAIRS["mean"], st.lists(st.floats(-1e6, 1e6)))
    assert call == {"data": []}
    assert said[0].startswith("control raised StatisticsError: mean requires at least one data")
    assert said[1].endswith(" returned nan")
