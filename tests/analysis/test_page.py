from __future__ import annotations

import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import pages
from darkcall import ConfigurationError
from darkcall._sketch import index_of
from darkcall.analysis._described import shown, side_by_side
from darkcall.analysis._page import page_of
from darkcall.analysis._page._charts import bins_of, distribution_chart, rate_chart, thinned
from darkcall.analysis._page._examples import Bounds, shown_groups
from darkcall.analysis._verdict import Verdict


VOID = {"meta", "br", "rect", "circle", "path", "line"}


class Outline(HTMLParser):
    """What a page is made of; fails on a tag that is not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def three():
    return page_of(*pages.three_candidates())


@pytest.fixture(scope="module")
def one():
    return page_of(pages.a_summary(pages.a_candidate()), pages.judged(pages.a_judgement()))


def text_of(candidate, judgement=None):
    return Outline(page_of(pages.a_summary(candidate), judgement)).text


def test_the_verdict_and_its_reason_come_first(one):
    told = Outline(one).text

    assert told.index("Not ready to switch 129 of 24,000 calls differ") < told.index("Coverage")


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        (Verdict.READY, "Ready to switch All 4 criteria are met. 0 of 24,000"),
        (Verdict.NOT_READY, "Not ready to switch 129 of"),
        (Verdict.INSUFFICIENT_DATA, "Not enough data to tell 0 of 300"),
    ],
)
def test_each_verdict_has_its_headline(verdict, headline):
    told = text_of(pages.a_plain_candidate(), pages.judged(pages.a_judgement(verdict)))

    assert headline in told


def test_how_many_more_clean_calls_are_needed_is_said():
    judgement = pages.judged(pages.a_judgement(Verdict.INSUFFICIENT_DATA))

    assert "7,212" in text_of(pages.a_plain_candidate(), judgement)


def test_a_summary_without_a_judgement_is_a_page_without_a_verdict():
    told = text_of(pages.a_plain_candidate())

    assert "What was recorded No verdict was asked for." in told
    assert "READY" not in told


def test_one_criterion_that_is_met_speaks_for_itself():
    criteria = pages.some_criteria(Verdict.READY)[:1]
    judgement = pages.judged(pages.a_judgement(Verdict.READY, criteria=criteria))

    assert "Ready to switch 24,000 calls were compared." in text_of(
        pages.a_plain_candidate(), judgement
    )


def test_a_verdict_without_criteria_says_so():
    judgement = pages.judged(pages.a_judgement(Verdict.INSUFFICIENT_DATA, criteria=()))

    assert "No criterion was asked about." in text_of(pages.a_plain_candidate(), judgement)


def test_every_term_of_the_identity_is_shown(one):
    told = Outline(one).text

    for term in ("off 2,000", "nested 120", "unsampled 480,300", "shadowed 24,928", "dropped 702"):
        assert term in told
    assert "do not add up" not in told


def test_terms_that_do_not_add_up_are_said_to():
    candidate = pages.a_plain_candidate(coverage=pages.a_coverage(calls=7))

    assert "do not add up" in text_of(candidate)


def test_an_outcome_that_is_not_known_is_shown_all_the_same():
    candidate = pages.a_plain_candidate(coverage=pages.a_coverage({"match": 5, "eaten_by_dog": 2}))

    assert "eaten by dog 2" in text_of(candidate)


def test_differences_stand_side_by_side(one):
    assert (
        "control decimal.Decimal(19.9 9 ) candidate decimal.Decimal(19.9 8 )" in Outline(one).text
    )


def test_an_exception_stands_with_its_message_and_its_cause(one):
    assert "KeyError: 'discount', caused by AttributeError" in Outline(one).text


def test_a_candidate_of_which_nothing_was_recorded_has_its_verdict():
    summary = pages.a_summary()
    judgement = pages.judged(pages.a_judgement(Verdict.INSUFFICIENT_DATA, launch="shop.tax"))
    told = Outline(page_of(summary, judgement)).text

    assert "shop.tax" in told
    assert "Nothing was recorded of this candidate." in told


def test_a_candidate_that_was_not_judged_is_shown_beside_those_that_were():
    summary = pages.a_summary(pages.a_plain_candidate(), pages.a_plain_candidate(launch="shop.zip"))
    told = Outline(page_of(summary, pages.judged(pages.a_judgement()))).text

    assert "1 not ready, 1 not judged" in told


def test_a_summary_of_nothing_is_a_page():
    assert "There is no record of any candidate." in Outline(page_of(pages.a_summary())).text


def test_a_candidate_that_never_ran_is_a_page():
    told = text_of(pages.an_unseen_candidate())

    assert "No process told its totals." in told
    assert "CPU time was not measured." in told
    assert "No call was compared." in told


def test_several_candidates_have_a_table_that_links_to_each_worst_first(three):
    links = [a["href"] for a in Outline(three).named("a") if a["href"].startswith("#candidate")]
    told = Outline(three).text

    assert links == ["#candidate-1", "#candidate-2", "#candidate-3"]
    assert "Of 3 candidates: 1 not ready, 1 without enough data, 1 ready." in told
    assert "Nothing was recorded of the launch shop.tax." in told


def test_every_link_leads_to_a_place_on_the_page(three):
    outline = Outline(three)
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]

    assert len(ids) == len(set(ids))
    assert {a["href"].removeprefix("#") for a in outline.named("a")} <= set(ids)


def test_headings_go_down_one_step_at_a_time(three):
    levels = [int(tag[1]) for tag, _ in Outline(three).tags if re.fullmatch("h[1-6]", tag)]

    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_a_page_runs_and_loads_nothing(three):
    outline = Outline(three)
    tags = {tag for tag, _ in outline.tags}
    names = {name for _, attributes in outline.tags for name in attributes}

    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "embed", "form", "base"})
    assert names.isdisjoint({"style", "src", "srcset", "data", "action", "xlink:href"})
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in three


def test_the_same_summary_gives_the_same_page(one):
    again = page_of(pages.a_summary(pages.a_candidate()), pages.judged(pages.a_judgement()))

    assert again == one


@pytest.fixture(scope="module")
def poisoned():
    """A page into every text of which a poison was put."""

    def make(poison):
        summary = pages.a_summary(pages.a_plain_candidate(), pages.a_plain_candidate(launch="b"))
        judgement = pages.judged(pages.a_judgement(), pages.a_judgement(launch="b"))
        return page_of(pages.poisoned(summary, poison), pages.poisoned(judgement, poison))

    return make


def test_no_text_of_a_record_becomes_markup(poisoned):
    hostile, harmless = Outline(poisoned(pages.POISON)), Outline(poisoned("x"))

    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    assert [[*names] for _, names in hostile.tags] == [[*names] for _, names in harmless.tags]


def test_what_cannot_be_seen_is_written_as_an_escape(poisoned):
    page = poisoned("a\u202eb\x00c\ud800d\x1b\u200b")

    assert "a\\u202eb\\x00c\\ud800d\\x1b\\u200b" in page
    assert page.encode()
    assert all(character.isprintable() for character in page.replace("\n", ""))


@pytest.mark.parametrize(("poison", "nbytes"), [("", 1_500_000), (pages.POISON, 2_000_000)])
def test_a_page_of_fifty_candidates_stays_small(poison, nbytes):
    candidates = [pages.a_candidate(candidate=f"v{number}") for number in range(50)]
    judgements = [pages.a_judgement(candidate=f"v{number}") for number in range(50)]
    summary = pages.poisoned(pages.a_summary(*candidates), poison)

    page = page_of(summary, pages.poisoned(pages.judged(*judgements), poison))

    assert len(page.encode()) < nbytes
    assert "Charts are left out" in page


def test_a_page_of_five_candidates_shows_less_of_each():
    candidates = [pages.a_plain_candidate(candidate=f"v{number}") for number in range(5)]
    told = Outline(page_of(pages.a_summary(*candidates))).text

    assert "1 more example left out" in told
    assert "2 examples of 88 calls" in told


def test_a_page_of_three_hundred_candidates_says_what_it_leaves_out():
    few = pages.an_unseen_candidate()
    candidates = [attrs.evolve(few, candidate=f"v{number}") for number in range(300)]
    told = Outline(page_of(pages.a_summary(*candidates))).text

    assert "100 more are left out" in told
    assert "250 candidates are not shown in full" in told


def test_a_page_stays_small_however_large_the_records_are():
    values = [{"path": "$" * 5000, "kind": "value", "control": "<" * 10**6, "candidate": ">"}] * 200
    example = pages.an_example(
        differences=values, arguments={str(n): "&" * 9000 for n in range(99)}
    )
    groups = tuple(pages.a_group(n, examples=(example,) * 9) for n in range(50))
    page = page_of(pages.a_summary(*[pages.a_plain_candidate(groups=groups)] * 1))
    told = Outline(page).text

    assert len(page.encode()) < 500_000
    assert "more groups are left out" in told
    assert "192 more differences of this call left out." in told
    assert "so that this page stays small" in told
    assert "and 79 more" in told


def test_each_group_gets_an_example_before_any_gets_another():
    groups = (pages.a_group(0), pages.a_group(1), pages.a_group(2))
    bounds = attrs.evolve(Bounds.for_candidates(1), nbytes=5000)
    chosen = shown_groups(groups, bounds)

    numbers = [len(each.examples) for each in chosen]
    assert max(numbers) - min(numbers) <= 1
    assert [len(each.examples) + each.examples_left_out for each in chosen] == [3, 3, 3]
    assert sum(numbers) < 9


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, "at an unknown time"),
        ({"differences": "none", "context": 5}, "No differences were kept."),
        ({"differences": [5, {"path": "$.x", "kind": "extra", "candidate": 1}]}, "nothing there"),
        (
            {"differences": [{"kind": "type", "control_type": "int", "candidate_type": None}]},
            "a int, not kept",
        ),
        ({"control_value": 5, "candidate_value": 6}, "result whole control 5 candidate 6"),
        ({"control_value": 5}, "result whole control 5 candidate not kept"),
        ({"candidate_raised": {"type": "E"}}, "control returned candidate E"),
        ({"control_raised": {}, "candidate_raised": {"type": "E"}}, "control an exception"),
        ({"stopped": "too many", "at": 5}, "stopped too many"),
        ({"truncated": ["arguments", 7]}, "cut arguments, 7"),
    ],
)
def test_an_example_is_shown_whatever_it_lacks(record, said):
    groups = (pages.a_group(examples=(record,)),)

    assert said in text_of(pages.a_plain_candidate(groups=groups))


@pytest.mark.parametrize(
    ("described", "text"),
    [
        (None, "None"),
        (True, "True"),
        ("it's", '"it\'s"'),
        ([1, [2.5, None]], "[1, [2.5, None]]"),
        ({"a": 1, "b": {}}, "{'a': 1, 'b': {}}"),
        ({"$": "str", "escaped": "a\\nb"}, "'a\\nb'"),
        ({"$": "tuple", "items": [1, 2]}, "(1, 2)"),
        ({"$": "set", "items": [1, 2]}, "{1, 2}"),
        ({"$": "shop.Bag", "items": [1]}, "shop.Bag[1]"),
        ({"$": "dict", "entries": [[1, "one"], [None, 2], 7]}, "{1: 'one', None: 2}"),
        ({"$": "shop.Map", "entries": [[1, 2]]}, "shop.Map{1: 2}"),
        ({"$": "shop.Cart", "fields": {"a": 1, "b": 2}}, "shop.Cart(a=1, b=2)"),
        ({"$": "shop.Colour", "name": "RED", "value": 1}, "shop.Colour.RED"),
        ({"$": "float", "value": "nan"}, "nan"),
        ({"$": "decimal.Decimal", "value": "1.50"}, "decimal.Decimal(1.50)"),
        ({"$": "bytes", "base64": "YWJj"}, "bytes(base64 YWJj)"),
        ({"$": "str", "redacted": True}, "str [redacted]"),
        ({"$": "x.Y", "repr": "<Y>"}, "x.Y [repr: <Y>]"),
        ({"$": "list", "items": [1], "truncated": True, "length": 9}, "[1] (cut, of length 9)"),
        ({"$": "dict", "truncated": True}, "dict (cut)"),
    ],
)
def test_a_described_value_reads_like_python(described, text):
    assert shown(described, 200) == text


def test_a_described_value_is_cut():
    assert shown(list(range(1000)), 10) == "[0, 1, 2, …"


def test_a_value_that_is_deeper_than_any_screen_is_cut():
    deep = []
    for _ in range(500):
        deep = [deep]

    assert shown(deep, 4000) == "[" * 25 + "…" + "]" * 25


def test_of_two_long_values_the_place_that_differs_is_shown():
    left, right = side_by_side("a" * 3000 + "1" + "b" * 100, "a" * 3000 + "2" + "b" * 100, 50)

    assert (left.differs, right.differs) == ("1", "2")
    assert left.before == f"…{'a' * 60}"
    assert right.after == f"{'b' * 60}…"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("$"), inner),
    max_leaves=20,
)


@given(JSON, JSON)
def test_any_two_values_stand_side_by_side(control, candidate):
    left, right = side_by_side(control, candidate, 80)

    for side in (left, right):
        assert len(side.differs) <= 81
        assert (side.before + side.differs + side.after).isprintable()
    assert (left.differs == right.differs == "") <= (shown(control, 9000) == shown(candidate, 9000))


def test_bins_hold_every_value_and_are_few():
    wide = pages.distribution_of({index_of(10.0**power): 3 for power in range(-8, 4)})
    narrow = pages.distribution_of({index_of(1.0): 5}, zeros=5)
    bins = bins_of(wide, narrow)

    assert len(bins) <= 40
    assert [sum(each.counts[side] for each in bins) for side in (0, 1)] == [36, 5]
    assert sum(each.shares[1] for each in bins) == 0.5
    assert all(each.low < each.high for each in bins)


def test_an_axis_of_zeros_is_not_drawn():
    assert distribution_chart(bins_of(pages.NO_VALUES)) is None
    assert rate_chart(pages.a_trend(spans=1), None) is None


def test_one_value_is_drawn():
    bins = bins_of(pages.distribution_of({0: 1}), pages.distribution_of({}))

    assert distribution_chart(bins).shapes
    assert distribution_chart(bins_of(pages.distribution_of({0: 1})), is_ratio=True).shapes


def test_durations_from_nanoseconds_to_hours_are_drawn():
    wide = pages.distribution_of({index_of(10.0**power): 3 for power in range(-8, 4)})
    drawn = distribution_chart(bins_of(wide, wide)).shapes

    assert re.findall(r">([^<]+ (?:ns|µs|ms|s))<", drawn) == ["1 µs", "1 ms", "1 s", "1,000 s"]


def test_a_figure_that_is_no_number_is_shown():
    (criterion,) = pages.some_criteria(Verdict.READY)[3:]
    criteria = (attrs.evolve(criterion, figure=float("inf"), limit=None),)

    assert "inf" in text_of(
        pages.a_plain_candidate(), pages.judged(pages.a_judgement(criteria=criteria))
    )


def test_a_long_trend_is_thinned_to_points_that_include_its_ends():
    trend = pages.a_trend(compared=10**6, failed=5, spans=1000)
    points = thinned(trend)

    assert len(points) == 40
    assert (points[0], points[-1]) == (trend[0], trend[-1])


def test_a_trend_leaves_out_what_no_calendar_has():
    far = [
        attrs.evolve(point, at=at) for point, at in zip(pages.a_trend(), (-1.0, 1e18), strict=False)
    ]

    assert thinned([*far, *pages.a_trend()]) == thinned(pages.a_trend())
    assert "1e+18 s after 1970" in text_of(pages.a_plain_candidate(last=1e18))


@pytest.mark.parametrize("failed", [0, 129, 24_000])
@pytest.mark.parametrize("limit", [None, 1e-3, 1e-12])
def test_rates_of_any_size_are_drawn(failed, limit):
    points = thinned(pages.a_trend(failed=failed))
    drawn = rate_chart(points, limit).shapes

    assert "NaN" not in drawn
    assert "undefined" not in drawn
    assert (">limit<" in drawn) == (limit is not None)


def test_the_labels_of_an_axis_are_exact():
    drawn = rate_chart(thinned(pages.a_trend(10**6, 0)), None).shapes

    assert re.findall(r">([^<]+ %)<", drawn) == ["0.0001 %", "0.001 %", "0.01 %"]


def test_a_chart_has_no_id_no_style_and_no_link(one):
    points = thinned(pages.a_trend())
    drawn = rate_chart(points, 1e-3).shapes

    assert not re.search(r'\s(id|style|class|href|xlink:href)="', drawn)
    assert drawn == rate_chart(points, 1e-3).shapes


def test_more_of_everything_is_counted():
    part = pages.some_parts()[0]
    parts = {f"key{n}": (part,) * 30 for n in range(7)}
    candidate = pages.a_plain_candidate(
        versions=(pages.a_version("older"), pages.a_version(None, control=None, parts=parts)) * 20,
        reasons={f"reason {number}": number for number in range(30)},
        notes=("note",) * 30,
        groups=(pages.a_group(versions=tuple("abcdefghijk")),),
    )
    told = text_of(candidate, pages.judged(pages.a_judgement(version="unknown")))

    assert "10 values are left out here." in told
    assert "2 keys are left out here." in told
    assert "20 older versions are left out here." in told
    assert "10 reasons are left out here." in told
    assert "18 more notes left out." in told
    assert "and 3 more" in told


def test_the_context_is_that_of_the_version_that_was_judged():
    versions = (
        pages.a_version("old", parts={"tenant": pages.some_parts()}),
        pages.a_version("new", parts={"region": pages.some_parts()}),
    )
    candidate = pages.a_plain_candidate(versions=versions)

    assert "By tenant" in text_of(candidate, pages.judged(pages.a_judgement(version="old")))
    assert "By region" in text_of(candidate)


@pytest.mark.parametrize("package", ["altair", "jinja2", "vl_convert"])
def test_without_the_extra_the_error_says_what_to_install(package, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("darkcall.analysis._page._")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConfigurationError, match=rf'needs {package}.*"darkcall\[report\]"'):
        page_of(pages.a_summary())


def test_a_module_that_is_missing_for_another_reason_is_not_blamed_on_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "darkcall.analysis._page._document")
    monkeypatch.setitem(sys.modules, "hashlib", None)

    with pytest.raises(ModuleNotFoundError, match="hashlib"):
        page_of(pages.a_summary())


def test_importing_the_page_imports_nothing_of_the_extra():
    code = (
        "import darkcall.analysis._page, sys; "
        "print(sorted({'altair', 'jinja2', 'vl_convert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout == "[]\n"
