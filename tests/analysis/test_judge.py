from __future__ import annotations

import json
import math
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcall import ConfigurationError
from darkcall.analysis._bounds import bounds, calls_needed
from darkcall.analysis._findings import PathCount, Raised
from darkcall.analysis._verdict import Verdict
from judging import (
    NOW,
    a_candidate,
    a_coverage,
    a_latency,
    a_noise,
    a_part,
    a_stratum,
    a_summary,
    a_version,
    some_inputs,
)


READY, NOT_READY = Verdict.READY, Verdict.NOT_READY
INSUFFICIENT_DATA = Verdict.INSUFFICIENT_DATA


def judged(*versions, by=(), **rules):
    judgement = a_summary(a_candidate(*versions), by=by).judge(**rules)
    [one] = judgement.candidates
    assert one.verdict is judgement.verdict
    return one


def criterion(name, *versions, **rules):
    [one] = [one for one in judged(*versions, **rules).criteria if one.name == name]
    return one


def test_enough_clean_calls_are_ready():
    judgement = a_summary(a_candidate(a_version())).judge()

    assert judgement.verdict is READY
    assert judgement.notes == ()
    [one] = judgement.candidates
    assert (one.launch, one.candidate, one.version) == ("shop.price", "v2", "abc123")
    assert [each.name for each in one.criteria] == ["data", "mismatch_rate", "dropped"]
    assert all(each.verdict is READY for each in one.criteria)


def test_a_judgement_can_be_written_as_json():
    told = json.loads(json.dumps(a_summary(a_candidate(a_version())).judge().to_dict()))

    assert told["verdict"] == "READY"
    assert told["candidates"][0]["criteria"][1]["limit"] == 1e-3


def test_too_many_differences_are_not_ready():
    one = criterion("mismatch_rate", a_version(300))

    assert one.verdict is NOT_READY
    assert one.figure == bounds(300, 10_000, 0.95)[0]
    assert one.more_calls is None
    assert one.text == (
        "At least 2.36 % of calls differ with 95 % confidence, and 0.1 % may: 300 of 10,000 "
        "compared calls differ."
    )


def test_too_few_calls_are_insufficient_and_it_says_how_many_more():
    one = criterion("mismatch_rate", a_version(1, 1000))

    assert one.verdict is INSUFFICIENT_DATA
    assert one.more_calls == calls_needed(1, 1000, 1e-3, 0.95)
    assert f"{one.more_calls:,} more calls without a difference would show it" in one.text


def test_what_no_number_of_calls_shows_is_said():
    one = criterion("mismatch_rate", a_version(0, 10), max_mismatch_rate=1e-15)

    assert one.more_calls is None
    assert "no number of calls that one could wait for would show it" in one.text


@given(
    st.integers(0, 30),
    st.integers(0, 30_000),
    st.integers(1, 30_000),
    st.integers(1, 30),
)
def test_clean_calls_unmake_no_ready_and_failures_no_not_ready(failed, clean, more, worse):
    before = judged(a_version(failed, failed + clean), max_dropped=1.0).verdict
    cleaner = judged(a_version(failed, failed + clean + more), max_dropped=1.0).verdict
    with_failures = a_version(failed + worse, failed + worse + clean)
    dirtier = judged(with_failures, max_dropped=1.0).verdict

    assert before is not READY or cleaner is READY
    assert before is not NOT_READY or dirtier is NOT_READY
    assert before is READY or dirtier is not READY
    assert before is not INSUFFICIENT_DATA or cleaner is not NOT_READY


@given(st.integers(0, 5), st.integers(0, 3000))
def test_so_many_more_calls_as_it_says_make_it_ready(failed, clean):
    one = criterion("mismatch_rate", a_version(failed, failed + clean), max_mismatch_rate=0.01)
    if one.verdict is INSUFFICIENT_DATA:
        enough = a_version(failed, failed + clean + one.more_calls)
        assert criterion("mismatch_rate", enough, max_mismatch_rate=0.01).verdict is READY


# Nothing behind it.


def test_no_candidates_are_never_ready():
    judgement = a_summary().judge()

    assert judgement.verdict is INSUFFICIENT_DATA
    assert judgement.notes == ("No candidate in the records.",)


def test_a_launch_that_compared_nothing_is_never_ready():
    outcomes = {"match": 0, "skipped": 90}
    version = a_version(0, 0, outcomes=outcomes, strata=())
    one = judged(version, max_dropped=1.0)

    assert one.verdict is INSUFFICIENT_DATA
    assert one.criteria[0].text == "No call was compared (code abc123): 90 skipped."


def test_a_candidate_without_versions_is_judged_as_a_whole():
    candidate = a_candidate(compared=10_000, coverage=a_coverage(10_000))
    [one] = a_summary(candidate).judge().candidates

    assert one.verdict is READY
    assert "all code" in one.criteria[0].text


def test_a_candidate_of_which_nothing_is_known_says_so():
    [one] = a_summary(a_candidate(outcomes={})).judge().candidates

    assert one.verdict is INSUFFICIENT_DATA
    assert "nothing was recorded" in one.criteria[0].text


def test_an_unknown_launch_is_insufficient_with_names_near_it():
    judgement = a_summary(a_candidate(a_version())).judge(launch=["shop.price", "shop.prise"])

    assert judgement.verdict is INSUFFICIENT_DATA
    assert judgement.notes == ("No launch 'shop.prise' in the records; near it is 'shop.price'.",)


def test_an_unknown_candidate_is_insufficient_with_the_names_there_are():
    judgement = a_summary(a_candidate(a_version())).judge(candidate="rewrite")

    assert judgement.verdict is INSUFFICIENT_DATA
    assert judgement.notes == ("No candidate 'rewrite' in the records; there is 'v2'.",)


def test_a_launch_without_the_candidate_is_insufficient():
    other = a_candidate(a_version(), launch="shop.tax", candidate="v3")
    judgement = a_summary(a_candidate(a_version()), other).judge(
        launch=["shop.price", "shop.tax"], candidate="v2"
    )

    assert judgement.verdict is INSUFFICIENT_DATA
    assert judgement.notes == ("Launch 'shop.tax' has none of these candidates.",)


def test_an_unknown_name_among_no_records_is_told():
    assert a_summary().judge(launch="shop.price").notes == (
        "No launch 'shop.price' in the records.",
        "No candidate in the records.",
    )


def test_the_control_that_ran_again_is_no_candidate():
    control = a_candidate(a_version(), candidate="control")
    summary = a_summary(control, a_candidate(a_version()))

    assert [one.candidate for one in summary.judge().candidates] == ["v2"]
    asked = summary.judge(candidate="control")
    assert asked.verdict is INSUFFICIENT_DATA
    assert "cannot be judged" in asked.notes[0]
    assert a_summary(control).judge().verdict is INSUFFICIENT_DATA


def test_one_candidate_that_is_not_ready_decides():
    bad = a_candidate(a_version(300), candidate="v3")
    summary = a_summary(a_candidate(a_version()), bad)

    assert summary.judge().verdict is NOT_READY
    assert summary.judge(candidate="v2").verdict is READY
    assert summary.judge(launch="none.such").verdict is INSUFFICIENT_DATA


def test_the_fewest_calls_that_are_asked_for_must_be_there():
    few = criterion("min_calls", a_version(), min_calls=20_000)

    assert few.verdict is INSUFFICIENT_DATA
    assert few.more_calls == 10_000
    assert criterion("min_calls", a_version(), min_calls=10_000).verdict is READY


# Dropped calls.


def test_calls_that_say_nothing_are_counted_with_the_largest_reason():
    coverage = a_coverage(
        10_000,
        shadowed=12_000,
        pending=100,
        missing=50,
        outcomes={"match": 10_000, "dropped": 1500, "skipped": 200, "ignored": 150},
    )
    one = criterion("dropped", a_version(coverage=coverage))

    assert one.verdict is INSUFFICIENT_DATA
    assert one.figure == 2000 / 12_000
    assert "2,000, most of them dropped (1,500); each could be one that differs" in one.text


def test_records_that_no_totals_tell_of_may_hide_drops():
    coverage = a_coverage(10_000, uncounted=9_000)

    one = criterion("dropped", a_version(coverage=coverage))

    assert one.figure == 0.9
    assert "of 9,000 no totals tell, so nobody knows how many were dropped" in one.text


def test_a_few_drops_are_no_matter():
    coverage = a_coverage(10_000, shadowed=10_100, outcomes={"match": 10_000, "dropped": 100})

    assert criterion("dropped", a_version(coverage=coverage)).verdict is READY


@pytest.mark.parametrize("coverage", [a_coverage(calls=None), a_coverage(0)])
def test_without_totals_nobody_knows_of_drops(coverage):
    assert criterion("dropped", a_version(coverage=coverage)).verdict is INSUFFICIENT_DATA


def test_who_does_not_ask_about_drops_is_told_so():
    summary = a_summary(a_candidate(a_version(coverage=a_coverage(calls=None))))
    judgement = summary.judge(max_dropped=1.0)

    assert judgement.verdict is READY
    assert judgement.notes == ("Nobody asked how many calls were dropped (max_dropped=1.0).",)


# Versions.


def test_failures_whose_records_are_lost_count_as_totals_tell_them():
    version = a_version(outcomes={"match": 10_000, "mismatch": 40}, coverage=a_coverage(10_040))

    one = judged(version)

    assert one.verdict is NOT_READY
    assert "40 of 10,040 compared calls differ; 40 of these are known from" in one.criteria[1].text
    whole = a_candidate(version, outcomes=version.outcomes)
    assert a_summary(whole).judge(code="all").verdict is NOT_READY


def test_lost_failures_count_at_whatever_rate_they_were_sampled():
    strata = (a_stratum(0, 5_000, rate=0.5), a_stratum(0, 5_000, rate=1.0))
    version = a_version(strata=strata, outcomes={"match": 10_000, "timeout": 1})

    assert criterion("mismatch_rate", version).verdict is INSUFFICIENT_DATA


def test_the_newest_code_is_judged_and_the_other_told():
    old = a_version(0, 50_000, candidate="old", first=NOW - 9000, last=NOW - 5000)
    new = a_version(0, 100, candidate="new")
    one = judged(new, old)

    assert one.version == "new"
    assert one.verdict is INSUFFICIENT_DATA
    assert "code new; 50,000 compared calls of other code left out" in one.criteria[0].text


def test_of_two_that_run_side_by_side_the_one_that_began_last_is_the_newest():
    old = a_version(0, 50_000, candidate="old", first=NOW - 9000, last=NOW - 1)
    new = a_version(0, 100, candidate="new", first=NOW - 100, last=NOW - 30)

    assert judged(old, new).version == "new"


def test_after_a_rollback_the_old_code_is_the_newest():
    old = a_version(candidate="old", first=NOW - 9000, last=NOW - 1)
    new = a_version(300, candidate="new", first=NOW - 5000, last=NOW - 4000)

    assert judged(old, new).version == "old"


def test_a_clock_that_is_ahead_makes_no_code_the_newest():
    old = a_version(candidate="old", first=NOW - 9000, last=NOW + 86_400)
    new = a_version(0, 100, candidate="new", first=NOW - 100, last=NOW - 5)
    judgement = a_summary(a_candidate(old, new), ahead=1).judge()

    assert judgement.candidates[0].version == "new"
    assert judgement.notes == ("1 record dated after the reading: a clock is wrong.",)


def test_a_version_is_chosen_by_the_beginning_of_its_digest():
    old = a_version(300, candidate="aa11", first=NOW - 9000, last=NOW - 5000)
    unknown = a_version(candidate=None, last=NOW - 4000)
    new = a_version(candidate="ab22")

    assert judged(old, unknown, new, code="aa").verdict is NOT_READY
    assert judged(old, unknown, new, code="ab").verdict is READY
    assert judged(old, unknown, new, code="unknown").version is None
    assert "code unknown" in judged(unknown).criteria[0].text


@pytest.mark.parametrize("version", ["a", "zz"])
def test_a_digest_that_means_no_one_code_is_insufficient(version):
    one = judged(a_version(candidate="aa11"), a_version(candidate="ab22"), code=version)

    assert one.verdict is INSUFFICIENT_DATA
    assert one.criteria[0].text == (
        f"No one code version is meant by '{version}': there is 'aa11', 'ab22'."
    )


def test_all_code_is_judged_together_if_asked():
    rare, often = a_version(0, 9000, candidate="aa"), a_version(300, 1000, candidate="bb")
    one = judged(rare, often, code="all")

    assert one.version is None
    assert one.verdict is NOT_READY
    assert "all code, 2 versions" in one.criteria[0].text
    assert one.criteria[1].figure == bounds(300, 10_000, 0.95)[0]


# Sampling and noise.


def test_calls_are_weighted_by_their_sampling_rate():
    strata = (a_stratum(0, 10_000, rate=1.0), a_stratum(5, 100, rate=0.01))

    assert criterion("mismatch_rate", a_version(5, 10_100, strata=strata)).verdict is NOT_READY


def test_calls_that_several_rates_lack_are_told():
    strata = (a_stratum(0, 3000, rate=1.0), a_stratum(0, 1000, rate=0.5))
    one = criterion("mismatch_rate", a_version(0, 4000, strata=strata))

    assert one.verdict is INSUFFICIENT_DATA
    assert one.more_calls > 0


def noisy(candidate_failed, control_failed, compared=100_000, again=100_000, real=0):
    noise = a_noise(again, control_failed, real=real, noisy=candidate_failed - real)
    strata = (a_stratum(candidate_failed, compared, real=real),)
    return a_version(candidate_failed, compared, noise=noise, strata=strata)


def test_what_the_control_differs_from_itself_is_taken_off():
    one = criterion("mismatch_rate", noisy(5000, 5000), max_mismatch_rate=0.01)

    assert one.verdict is READY
    assert "what the control differs from itself is taken off" in one.text


def test_a_candidate_that_is_noisier_than_the_control_is_not_ready():
    assert (
        criterion("mismatch_rate", noisy(9000, 5000), max_mismatch_rate=0.01).verdict is NOT_READY
    )


def test_what_differs_for_real_counts_beside_noise():
    one = criterion("mismatch_rate", noisy(7000, 5000, real=2000), max_mismatch_rate=0.01)

    assert one.verdict is NOT_READY


def test_a_single_second_run_that_differs_excuses_nothing():
    one = criterion("mismatch_rate", noisy(5000, 1, again=1), max_mismatch_rate=0.01)

    assert one.verdict is INSUFFICIENT_DATA


def test_to_measure_noise_where_there_is_none_costs_a_fifth_more_calls():
    without = criterion("mismatch_rate", a_version(0, 1)).more_calls
    with_noise = criterion("mismatch_rate", noisy(0, 0, compared=1, again=1)).more_calls

    assert without < with_noise < 1.25 * without


def test_noise_that_never_ran_takes_nothing_off():
    one = criterion("mismatch_rate", noisy(0, 0, again=0))

    assert "taken off" not in one.text
    assert one.figure == bounds(0, 100_000, 0.95)[1]


def test_noise_is_not_taken_off_where_rates_are_mixed():
    strata = (a_stratum(2500, 50_000, rate=1.0, real=0), a_stratum(2500, 50_000, rate=0.5, real=0))
    version = attrs.evolve(noisy(5000, 5000), strata=strata)
    one = criterion("mismatch_rate", version, max_mismatch_rate=0.01)

    assert one.verdict is INSUFFICIENT_DATA
    assert "the control's noise is not taken off" in one.text


def test_noise_of_all_code_is_told_from_all_code():
    versions = noisy(2500, 2500, 50_000), noisy(2500, 2500, 50_000)
    noise = a_noise(200_000, 10_000, real=0, noisy=5000)
    candidate = a_candidate(*versions, noise=noise)

    assert a_summary(candidate).judge(code="all", max_mismatch_rate=0.01).verdict is READY


# Latency.


def test_a_candidate_that_is_quick_enough_is_ready():
    version = a_version(latency=a_latency(*[1.2] * 100))
    one = criterion("latency_ratio", version, max_latency_ratio=1.5)

    assert one.verdict is READY
    assert one.figure == 1.2
    assert "the control measured on its callers' threads" in one.text


def test_a_candidate_that_is_slow_is_not_ready():
    version = a_version(latency=a_latency(*[2.0] * 100, is_fair=True))
    one = criterion("latency_ratio", version, max_latency_ratio=1.5)

    assert one.verdict is NOT_READY
    assert "both measured on workers" in one.text


def test_ratios_that_the_limit_cannot_tell_apart_decide_nothing():
    version = a_version(latency=a_latency(*[1.5] * 1000))
    one = criterion("latency_ratio", version, max_latency_ratio=1.5)

    assert one.verdict is INSUFFICIENT_DATA
    assert one.more_calls > 900


def test_calls_that_timed_out_count_as_slow():
    outcomes = {"match": 100, "timeout": 400}
    version = a_version(outcomes=outcomes, latency=a_latency(*[1.0] * 100))
    fair = attrs.evolve(version, latency=a_latency(*[1.0] * 100, is_fair=True))

    assert criterion("latency_ratio", version, max_latency_ratio=2).verdict is INSUFFICIENT_DATA
    assert criterion("latency_ratio", fair, max_latency_ratio=2).verdict is READY


def test_a_median_that_nobody_told_is_said_to_be_unknown():
    ratio = attrs.evolve(a_latency(1.0).ratio, quantiles={})
    version = a_version(latency=attrs.evolve(a_latency(), ratio=ratio))

    assert (
        "an unknown number of times"
        in criterion("latency_ratio", version, max_latency_ratio=2).text
    )


def test_without_ratios_nothing_is_known_of_latency():
    assert judged(a_version(), max_latency_ratio=1.5).verdict is INSUFFICIENT_DATA


# Parts.


def by_tenant(*parts):
    compared, failed = sum(p.compared for p in parts), sum(p.failed for p in parts)
    return a_version(failed, compared, parts={"tenant": parts})


def per_tenant(*parts):
    return criterion("per", by_tenant(*parts), by=("tenant",), per="tenant", max_mismatch_rate=0.01)


def test_each_part_must_be_ready():
    one = per_tenant(a_part("a", 0, 1000), a_part("b", 0, 500), a_part(None, 0, 400))

    assert one.verdict is READY
    assert one.figure == bounds(0, 400, 0.95)[1]
    assert one.text.startswith("In each of 3 parts by 'tenant' at most ")


def test_a_small_part_that_fails_is_not_washed_out_by_a_large_one():
    big, small = a_part("big", 0, 100_000), a_part("small", 40, 60)
    one = judged(by_tenant(big, small), by=("tenant",), per="tenant", max_mismatch_rate=0.01)

    assert one.verdict is NOT_READY
    assert one.criteria[1].verdict is READY
    assert one.criteria[-1].text.startswith("1 of 2 parts by 'tenant' differs on more than")
    two = per_tenant(small, a_part(None, 100, 100))
    assert two.text.startswith(
        "2 of 2 parts by 'tenant' differ on more than the 1 % of calls that may: '(none)'"
    )


def test_parts_that_lack_calls_are_named():
    one = per_tenant(a_part("a", 0, 1000), a_part("b", 0, 100), a_part("c", 0, 200))

    assert one.verdict is INSUFFICIENT_DATA
    assert "2 of 3 parts by 'tenant' lack calls: 'b', 'c'" in one.text
    assert one.more_calls == calls_needed(0, 100, 0.01, 0.95) + calls_needed(0, 200, 0.01, 0.95)
    assert (
        "1 of 2 parts by 'tenant' lacks"
        in per_tenant(a_part("a", 0, 1000), a_part("b", 0, 100)).text
    )


def test_a_part_that_no_number_of_calls_would_help_is_told():
    version = by_tenant(a_part("a", 0, 10))
    one = criterion("per", version, by=("tenant",), per="tenant", max_mismatch_rate=1e-15)

    assert one.more_calls is None


@pytest.mark.parametrize("parts", [{}, {"tenant": (a_part(None, 0, 10_000),)}])
def test_a_key_that_no_call_has_is_insufficient(parts):
    one = judged(a_version(parts=parts), by=("tenant",), per="tenant")

    assert one.verdict is INSUFFICIENT_DATA
    assert one.criteria[-1].text == "No call has a 'tenant' in its context."


def test_parts_of_all_code_are_added_up():
    old = by_tenant(a_part("a", 0, 200), a_part("b", 0, 200, strata=()))
    new = by_tenant(a_part("a", 0, 200), a_part("b", 0, 200, strata=()))
    rules = {"by": ("tenant",), "per": "tenant", "max_mismatch_rate": 0.01}

    assert criterion("per", old, new, **rules).verdict is INSUFFICIENT_DATA
    assert criterion("per", old, new, code="all", **rules).verdict is READY


def test_a_name_that_forges_a_line_is_written_as_escapes():
    assert "\n" not in per_tenant(a_part("a\nREADY", 50, 60)).text


def test_noise_makes_no_part_not_ready():
    part = a_part("a", 500, 1000, strata=(a_stratum(500, 1000, real=0),))

    assert per_tenant(part).verdict is INSUFFICIENT_DATA


# What a reader should know.


def test_few_different_inputs_are_told():
    candidate = a_candidate(a_version(), inputs=some_inputs(10_000, 1))
    judgement = a_summary(candidate).judge()

    [note] = judgement.notes
    assert note.startswith("'shop.price', 'v2': only 1 different input in 10,000 calls: ")
    text = judgement.candidates[0].criteria[1].text
    assert "1 different input in 10,000 calls whose inputs are known" in text


def test_many_different_inputs_and_none_need_no_note():
    for inputs in (some_inputs(10_000, 9000), some_inputs(0, 0)):
        judgement = a_summary(a_candidate(a_version(), inputs=inputs)).judge()
        assert not [note for note in judgement.notes if "only" in note]


def test_old_calls_are_told():
    candidate = a_candidate(a_version(last=NOW - 30 * 86_400), last=NOW - 30 * 86_400)

    assert a_summary(candidate).judge().notes == (
        "'shop.price', 'v2': the last call is 30 days old.",
    )


def test_a_control_that_raises_on_most_calls_is_told():
    def notes_on(count):
        raised = (Raised(side="control", type="OSError", count=count, message=None),)
        return a_summary(a_candidate(a_version(), raised=raised)).judge().notes

    [note] = notes_on(6000)
    assert note == (
        "'shop.price', 'v2': the control raised on 6,000 of 10,000 compared calls: they say little "
        "about what it returns."
    )
    assert notes_on(4000) == ()


# Bad rules.


@pytest.mark.parametrize("value", [0, 0.0, 1, 1.0, -1e-3, math.nan, math.inf, "1e-3", None, True])
def test_a_rate_that_nothing_can_show_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"above 0 and below 1, not .*1e-6"):
        a_summary().judge(max_mismatch_rate=value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("confidence", [0, 1, 95, math.nan, "0.95"]),
        ("min_calls", [0, -1, 1.5, True, "100"]),
        ("max_dropped", [-0.1, 5, math.nan, None, "5%"]),
        ("max_latency_ratio", [0, -1, math.nan, math.inf, "1.5"]),
        ("launch", ["", [], 7, [7], [""]]),
        ("candidate", ["", (), 7, [None]]),
        ("code", ["", 7]),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_value(name, values):
    for value in values:
        with pytest.raises(ConfigurationError, match=name) as caught:
            a_summary().judge(**{name: value})
        assert repr(value) in str(caught.value)


def test_a_key_that_the_summary_is_not_by_is_refused_with_what_to_do():
    with pytest.raises(ConfigurationError, match=r"by=\('tenant',\)"):
        a_summary().judge(per="tenant")
    with pytest.raises(ConfigurationError, match=r"by 'region'"):
        a_summary(by=("region",)).judge(per="tenant")


def test_less_confidence_is_sooner_ready():
    version = a_version(0, 3000)

    assert judged(version, confidence=0.9).verdict is READY
    needs = [criterion("mismatch_rate", version, confidence=c).figure for c in (0.9, 0.95, 0.99)]
    assert all(lower < higher for lower, higher in pairwise(needs))


def unknown_version(failed, compared, **fields):
    coverage = a_coverage(compared, calls=None, uncounted=compared, without_totals=1)
    known = {"control": None, "candidate": None, "coverage": coverage}
    return a_version(failed, compared, **known | fields)


def test_failures_of_unknown_code_count_beside_the_newest():
    unknown = unknown_version(80, 200, first=NOW - 5000, last=NOW - 1000)

    one = judged(unknown, a_version())

    assert one.verdict is NOT_READY
    assert one.criteria[0].text == (
        "10,200 calls compared (code abc123 and 200 compared calls of unknown code, which may be "
        "the same)."
    )


def test_calls_of_unknown_code_that_ended_before_the_newest_are_left_out():
    unknown = unknown_version(80, 200, first=NOW - 9000, last=NOW - 8000)

    assert judged(unknown, a_version()).verdict is READY


def test_two_launches_of_one_name_are_no_versions_of_each_other():
    one = judged(a_version(has_rival=True), a_version(candidate="def456", has_rival=True))

    assert one.verdict is INSUFFICIENT_DATA
    assert "Launches of different code have this name in one process" in one.criteria[0].text
    assert judged(a_version(has_rival=True), code="abc").verdict is READY


def test_calls_that_are_counted_twice_are_no_data():
    version = a_version(coverage=a_coverage(10_000, uncounted=100, doubled=100))

    one = judged(version, max_dropped=1.0)

    assert one.verdict is INSUFFICIENT_DATA
    assert one.criteria[0].text.startswith("100 calls too many were found (code abc123): two sinks")


def test_figures_that_are_weighted_are_said_to_be():
    strata = (a_stratum(240, 1_000, rate=0.01), a_stratum(0, 20_000, rate=1.0))
    version = a_version(240, 21_000, strata=strata)

    assert "each is weighted by the rate" in criterion("mismatch_rate", version).text
    assert "weighted" not in criterion("mismatch_rate", a_version()).text


def test_processes_that_ended_without_a_word_are_told():
    coverage = a_coverage(10_000, processes=4, not_final=3)

    def notes(**fields):
        one = a_candidate(a_version(), coverage=coverage, **fields)
        return a_summary(one).judge().notes

    [note] = notes(last=NOW - 400)
    assert "3 of 4 processes did not close darkcall, and nothing came since" in note
    assert notes(last=NOW - 200) == ()


def a_path(path, **fields):
    known = {"count": 9, "rate": 0.1, "noise_count": 9, "noise_rate": 0.9, "p_value": 0.5}
    return PathCount(path=path, **known | {"is_difference": False} | fields)


def test_where_the_control_is_mostly_noise_a_reader_is_told():
    paths = (
        a_path("$.at"),
        a_path("$.id", noise_rate=0.1),
        a_path("$.total", is_difference=True),
        a_path("$.tax", noise_rate=None, noise_count=None),
    )

    [note] = a_summary(a_candidate(a_version(), paths=paths)).judge().notes

    assert "at '$.at' the control differs from itself on half of the calls" in note


def test_a_part_that_is_not_told_apart_is_never_ready():
    parts = {"tenant": (a_part("a", 0, 9_000), a_part(None, 0, 9_000))}
    version = a_version(compared=18_000, parts=parts, unparted={"tenant": 9_000})

    for chosen in (None, "all"):
        one = criterion("per", version, by=("tenant",), per="tenant", code=chosen)
        assert one.verdict is INSUFFICIENT_DATA
        assert one.text.startswith("Of 9,000 compared calls the 'tenant' is not told apart")
