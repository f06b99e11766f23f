"""What the terminal shows: all that matters, at any width, and nothing that a record made up."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live

from analysis import summaries
from darkcall.analysis._bounds import bounds, calls_needed
from darkcall.analysis._findings import Raised
from darkcall.analysis._terminal import (
    _summary,
    groups_to_dict,
    record_line,
    render_groups,
    render_judgement,
    render_summary,
    verdict_line,
)
from darkcall.analysis._terminal._layout import Sparkline
from darkcall.analysis._terminal._words import plain, value
from darkcall.analysis._verdict import Verdict
from darkcall.analysis._words import duration, figure, moment, nbytes, percent, period


UNSAFE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(content, width=80, encoding="utf-8", **options):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    # A user's own console: with markup and emoji, as they are by default.
    console = Console(file=out, width=width, **options)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


def words(content, **options):
    return " ".join(shown(content, **options).split())


def hostile():
    summary = summaries.a_summary(summaries.a_hostile_candidate())
    return {
        "summary": render_summary(summary),
        "groups": render_groups(summary),
        "judgement": render_judgement(summaries.a_hostile_judgement()),
        "line": verdict_line(summaries.a_hostile_judgement()),
    }


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("what", ["summary", "groups", "judgement"])
def test_no_line_is_wider_than_the_terminal_and_none_has_a_control_character(what, width):
    text = shown(hostile()[what], width=width)

    assert not UNSAFE.search(text)
    console = Console(width=width)
    assert all(
        console.render_str(line, markup=False, emoji=False).cell_len <= width
        for line in text.splitlines()
    )


@pytest.mark.parametrize("what", ["summary", "groups", "judgement"])
def test_markup_links_and_emoji_in_a_record_are_shown_as_they_are(what):
    text = re.sub(r"\s", "", shown(hostile()[what], width=400, color_system="truecolor"))

    assert r"[red]x[/red][link=http://a]\x1b[31m\n:smile:\u202etxt\x00\u2028漢字\ud800" in text
    assert "\x1b]8" not in text


def test_a_line_of_a_verdict_or_a_record_is_one_line():
    record = summaries.an_example(
        launch=summaries.HOSTILE,
        signature=summaries.HOSTILE,
        reason=summaries.HOSTILE,
        candidate_raised={"type": summaries.HOSTILE},
        candidate_seconds=None,
    )

    short = summaries.an_example(outcome="match", signature=None, differences=None)
    for line in (hostile()["line"], record_line(record).plain):
        assert line.isprintable()
        assert "[red]x[/red]" in line
    assert record_line(short).plain.endswith("shop.price: v2  control 2.1 ms, candidate 1.7 ms")


def test_what_ran_again_for_noise_is_not_called_a_candidate():
    record = {**summaries.an_example(), "candidate": "control"}

    assert "control 2.1 ms, again 1.7 ms" in record_line(record).plain


def test_outcomes_stand_in_one_order_whatever_the_order_of_a_summary():
    coverage = summaries.a_coverage(outcomes={"timeout": 1, "mismatch": 2, "match": 3})
    candidate = summaries.a_candidate(outcomes=coverage.outcomes, coverage=coverage)
    text = words(render_summary(summaries.a_summary(candidate)))

    assert "= 3 match + 2 mismatch + 1 timeout" in text
    assert text.index(" match 3 ") < text.index(" mismatch 2 ") < text.index(" timeout 1 ")


def test_what_one_side_raised_is_shown_once():
    raised = {"type": "KeyError", "message": "'vat'"}
    differs = {
        "path": "$",
        "kind": "raised",
        "control_type": "int",
        "candidate_type": "KeyError",
        "control": 1,
        "candidate": {"$": "KeyError", "message": "'vat'"},
    }
    example = summaries.an_example(candidate_raised=raised, differences=[differs])
    group = summaries.a_group(examples=(example,))
    text = words(render_groups(summaries.a_summary(summaries.a_candidate(groups=(group,)))))

    assert text.count("KeyError") == 1


@given(st.text())
def test_a_text_of_a_record_is_printable_whatever_it_is(text):
    assert plain(text).plain.isprintable()
    assert value({"$": "str", "escaped": text}).plain.isprintable()
    assert value([text]).plain.isprintable()


def test_a_summary_says_what_became_of_all_calls():
    text = words(render_summary(summaries.a_summary(summaries.a_rich_candidate())))

    assert "1,204 of 998,412 compared calls (0.121 %)" in text
    assert "rate between 0.108 % and 0.134 %, with 95 % confidence" in text
    assert "however often one looks; noise is still in it" in text
    assert "10,004,812 = 4,800 off + 12 nested + 9,000,000 unsampled + 1,000,000 shadowed" in text
    assert "1,546 dropped + 7 pending" in text
    assert "200 outcomes without a record" in text
    assert "31 records that no totals tell of yet" in text
    assert "24, 1 without totals, 3 still running or killed" in text


def test_a_summary_says_how_and_where_candidates_differ():
    text = words(render_summary(summaries.a_summary(summaries.a_rich_candidate())))

    assert "1,020 84.7 % $.lines[*].price: value Decimal/float" in text
    assert "2026-01-03 15:02:00 to 2026-01-10 10:02:00 UTC" in text
    assert "the control differs from itself as often" in text
    assert "100 deterministic; 30 flaky control" in text
    assert "$.total (noise) 130 0.013 % 0.174 %" in text
    assert "KeyError: 'vat' candidate 48" in text
    assert "CartIsEmptyError control 20" in text
    assert "no room: 1,000 calls are pending 1,546" in text
    assert "1,100 calls of the candidate differ beyond noise, 104 within it (level 0.05)" in text
    assert "1,050 deterministic, 100 flaky control" in text


def test_a_summary_says_how_fast_how_varied_and_of_which_code_it_is():
    text = words(render_summary(summaries.a_summary(summaries.a_rich_candidate(), by=("tenant",))))

    assert "median 2.1 ms 1.7 ms 0.81" in text
    assert "both measured on a worker" in text
    assert "CPU: 1.48 ms a call on average" in text
    assert "120,345 different ones in 998,412 calls" in text
    assert "3fa9c1d2 beside control 88ab12f0: 304 of 898,412 differ (0.0338 %)" in text
    assert "highest 0.745 % of 41,600 calls from 2026-01-05 04:02:00 UTC; last 0.132 %" in text
    assert "- Two code versions of the candidate are mixed here." in text


def test_the_part_that_fails_most_often_stands_first():
    text = words(render_summary(summaries.a_summary(summaries.a_rich_candidate())))

    assert (
        "tenant differ compared rate tiny gmbh 54 150 36 % acme 1,150 998,212 0.115 % (none) 0 50"
        in text
    )


def test_a_summary_says_what_was_read_and_what_was_left_out():
    sources = {"skipped": {"torn": 2, "not_json": 0}, "duplicates": 3, "ahead": 1}
    text = words(render_summary(summaries.a_summary(rolled_up=800_000, **sources)))

    assert "Nothing was recorded here" in text
    assert "1,000,000 records, 800,000 calls in rollups; 24 processes, 6 hosts" in text
    assert "48 files of 612 MB in 2.31 s, at 2026-01-10 11:02:00 UTC" in text
    assert "left out: 2 torn" in text
    assert "not json" not in text
    assert "3 duplicates, counted once" in text
    assert "1 record dated in the future, counted" in text


def test_what_was_not_measured_takes_no_room():
    candidate = summaries.a_clean_candidate(
        0,
        outcomes=summaries.NONE_YET,
        coverage=summaries.a_coverage(calls=None, uncounted=5),
        versions=(summaries.a_version(control=None, candidate=None, compared=0, failed=0),),
    )
    text = words(render_summary(summaries.a_summary(candidate)))

    assert "nothing was compared" in text
    assert "not known: no process told its totals" in text
    for absent in ("Latency", "Outcomes", "Code versions", "trend", "noise", "inputs", "Notes"):
        assert absent not in text


def test_a_summary_says_how_many_calls_are_still_needed():
    def said(compared, failed):
        low, high = bounds(failed, compared, 0.95)
        one = summaries.a_clean_candidate(compared, failed=failed, low=low, high=high)
        return words(render_summary(summaries.a_summary(one)))

    more = calls_needed(0, 100, 1e-3, 0.95)
    assert f"{more:,} more calls without a difference would show that it is" in said(100, 0)
    assert "more than 0.1 % differ" in said(100_000, 10_000)
    assert "enough to say that it is at most 0.1 %" in said(1_000_000, 0)


def test_a_summary_says_where_no_number_of_calls_would_be_enough(monkeypatch):
    monkeypatch.setattr(_summary, "calls_needed", lambda *_: None)
    one = summaries.a_clean_candidate(high=0.5)

    assert "no number of calls would show that it is at most 0.1 %" in words(
        render_summary(summaries.a_summary(one))
    )


def test_of_very_many_the_most_frequent_are_shown_and_the_rest_is_counted():
    many = range(25)
    candidate = summaries.a_candidate(
        groups=tuple(summaries.a_group(signature=f"kind {n}", count=100 - n) for n in many),
        groups_left_out=999_975,
        paths=tuple(summaries.a_path(path=f"$.p{n}", count=100 - n) for n in many),
        raised=tuple(
            Raised(side="control", type=f"E{n}", count=100 - n, message=None) for n in many
        ),
        reasons={f"reason {n}": 100 - n for n in many},
        versions=tuple(
            summaries.a_version(parts={"tenant": (summaries.a_part(f"t{n}", 100, n),)})
            for n in many
        ),
    )
    text = words(render_summary(summaries.a_summary(candidate)))

    assert "1,000,000 kinds of difference, the 25 most frequent" in text
    assert "of 15 more kinds" in text
    assert "15 more paths 1,245" in text
    assert "15 more classes 1,245" in text
    assert "15 more reasons 1,245" in text
    assert "20 older pairs: 24,080 of 19,968,240 differ (0.121 %)" in text
    assert "5 more 10 500 2 %" in text


def test_a_single_one_that_is_left_over_is_counted_in_the_singular():
    candidate = summaries.a_candidate(
        raised=tuple(
            Raised(side="control", type=f"E{n}", count=1, message=None) for n in range(11)
        ),
        noise=summaries.a_noise(real=1, compared=0),
    )
    text = words(render_summary(summaries.a_summary(candidate)))

    assert "1 more class 1" in text
    assert "the control ran again, and was never compared" in text


def test_paths_that_the_control_never_ran_again_on_show_no_rate_of_noise():
    paths = (
        summaries.a_path(noise_rate=0.5, noise_count=1),
        *(summaries.a_path(path=f"$.{n}") for n in range(10)),
    )
    text = words(render_summary(summaries.a_summary(summaries.a_candidate(paths=paths))))

    assert "$.0 1,020 0.102 % -" in text
    assert "1 more path 1,020" in text


def test_a_trend_without_a_difference_is_not_drawn():
    trend = summaries.a_trend(5)
    text = words(render_summary(summaries.a_summary(summaries.a_candidate(trend=trend))))

    assert "trend" not in text


def test_one_inputs_estimate_says_that_it_is_one():
    inputs = summaries.Inputs(counted=10, distinct=3, is_estimate=True)
    candidate = summaries.a_candidate(
        inputs=inputs, latency=summaries.a_latency(10, cpu_measured=0)
    )
    text = words(render_summary(summaries.a_summary(candidate)))

    assert "about 3 different ones in 10 calls" in text
    assert "CPU" not in text


def test_where_no_candidate_ended_in_time_there_is_no_ratio():
    nothing = summaries.a_distribution(count=0)
    latency = summaries.a_latency(candidate=nothing, ratio=nothing)
    text = words(render_summary(summaries.a_summary(summaries.a_candidate(latency=latency))))

    assert "median 2.1 ms - -" in text
    assert "call by call" not in text


def test_in_ascii_nothing_is_shown_that_ascii_has_not():
    text = shown(
        render_summary(summaries.a_summary(summaries.a_rich_candidate())), encoding="ascii"
    )

    assert text.replace(" µs", " us").isascii()
    assert "______@@@" in text


def test_the_highest_of_many_spans_can_be_seen():
    values = [0.0] * 1000
    values[500] = 1.0

    assert shown(Sparkline(values)).count("█") == 1
    assert len(shown(Sparkline(values), width=10).rstrip("\n")) <= 10
    assert shown(Sparkline([])) == "\n"


def test_examples_stand_side_by_side_where_there_is_room():
    summary = summaries.a_summary(summaries.a_candidate())
    wide, narrow = (words(render_groups(summary), width=width) for width in (100, 40))

    assert "control | candidate '19.90' | 19.900000000000002" in wide
    assert "control '19.90' candidate 19.900000000000002" in narrow
    assert "web-1, process 4711, call 9f2c41d07a-0-4711" in wide
    assert "{'tenant': 'acme', 'currency': 'EUR'}" in wide
    assert "did not raise | raised KeyError: 'vat'" in wide
    assert "reason over its deadline" in wide


def test_an_example_shows_what_there_is():
    example = summaries.an_example(
        candidate_raised={"type": "KeyError"},
        differences=[
            {"path": "$", "kind": "extra", "control_type": "int", "candidate_type": None},
            {
                "path": "$.a",
                "kind": "missing",
                "control_type": "NoneType",
                "candidate_type": None,
                "control": None,
                "candidate": None,
            },
        ]
        * 6,
    )
    group = summaries.a_group(examples=(example,))
    text = words(render_groups(summaries.a_summary(summaries.a_candidate(groups=(group,)))))

    assert "some int | nothing" in text
    assert "None | nothing" in text
    assert "2 more differences" in text
    assert "did not raise | raised KeyError" in text


def test_groups_can_be_chosen_by_signature_and_number():
    summary = summaries.a_summary(summaries.a_candidate(groups_left_out=3))

    assert "6 more kinds not shown" in words(render_groups(summary, limit=1))
    chosen = words(render_groups(summary, signature="KeyError"))
    assert "1. raised KeyError" in chosen
    assert "$.lines" not in chosen
    assert "no difference of such a signature" in words(render_groups(summary, signature="?"))
    assert "no difference" in words(
        render_groups(summaries.a_summary(summaries.a_clean_candidate()))
    )
    assert "Nothing was recorded here." in words(render_groups(summaries.a_summary()))


def test_groups_as_data_are_those_that_are_shown():
    summary = summaries.a_summary(summaries.a_candidate(groups_left_out=3))
    (one,) = groups_to_dict(summary, signature="value", limit=1)["candidates"]

    assert [group["signature"] for group in one["groups"]] == [
        "$.lines[*].price: value Decimal/float"
    ]
    assert (one["launch"], one["candidate"], one["groups_left_out"]) == ("shop.price", "v2", 3)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_stands_first(verdict):
    text = shown(render_judgement(summaries.a_judgement(verdict)))

    assert text.splitlines()[0].strip() == verdict.value


def test_a_verdict_says_why_and_what_is_missing():
    text = words(
        render_judgement(
            summaries.a_judgement(Verdict.INSUFFICIENT_DATA, notes=("launch 'x' was never seen",))
        )
    )

    assert "shop.price: v2 (code 3fa9c1d2) INSUFFICIENT_DATA" in text
    assert "open mismatch rate: 0 of 1,800 calls differ: at most 0.2 %" in text
    assert text.count("1,740 more calls without a difference would show it") == 1
    assert "yes dropped: 0.15 %" in text
    assert "- launch 'x' was never seen" in text


def test_a_verdict_in_one_line_names_what_it_hangs_on():
    not_ready = verdict_line(summaries.a_judgement())
    nothing = summaries.a_judgement(
        Verdict.INSUFFICIENT_DATA, candidates=(), notes=("nothing was recorded",)
    )

    assert not_ready.startswith("NOT_READY  shop.price: v2: 1,204 of 998,412 calls differ")
    assert verdict_line(summaries.a_judgement(Verdict.READY)) == "READY"
    assert verdict_line(nothing) == "INSUFFICIENT_DATA  nothing was recorded"


def test_records_without_totals_and_nothing_missing_are_said_to_be_so():
    coverage = summaries.a_coverage(not_final=0)
    text = words(render_summary(summaries.a_summary(summaries.a_candidate(coverage=coverage))))

    assert "processes 24 trend" in text


def test_a_judgement_without_a_known_version_shows_none():
    (one,) = summaries.a_judgement().candidates
    candidates = (
        summaries.CandidateJudgement(
            launch=one.launch,
            candidate=one.candidate,
            version=None,
            verdict=one.verdict,
            criteria=one.criteria,
        ),
    )

    assert "code" not in words(render_judgement(summaries.a_judgement(candidates=candidates)))


def test_a_summary_can_be_shown_live():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=10)
    with Live(console=console, auto_refresh=False) as live:
        live.update(render_summary(summaries.a_summary(summaries.a_candidate())), refresh=True)

    assert "shop.price" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-1.5, "-1.5 s"),
        (float("inf"), "inf s"),
        (3e-10, "0.3 ns"),
        (0.00099951, "1 ms"),
        (59.9, "59.9 s"),
        (60, "1 min"),
        (7200, "2 h"),
        (7260, "2 h 1 min"),
        (1e10, "115,740 d 17 h"),
    ],
)
def test_durations_are_written_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@given(st.floats(min_value=0, max_value=1))
def test_a_share_is_neither_rounded_to_nothing_nor_to_all(share):
    text = percent(share)

    if 1e-14 < share < 1 - 1e-9:
        assert float(text.removesuffix(" %")) not in (0, 100)
    assert text.endswith(" %")


def test_odd_numbers_are_written_somehow():
    assert percent(float("nan")) == "nan %"
    assert percent(1.5) == "150 %"
    assert figure(0) == "0"
    assert figure(1234) == "1,234"
    assert moment(float("nan")) == "nan s after 1970"
    assert period(5, 5) == "1970-01-01 00:00:05 UTC"
    assert period(5, 6) == "1970-01-01 00:00:05 to 00:00:06 UTC"
    assert period(0, 90_000) == "1970-01-01 00:00:00 to 1970-01-02 01:00:00 UTC"
    assert nbytes(5e9) == "5 GB"
    assert nbytes(1) == "1 byte"
