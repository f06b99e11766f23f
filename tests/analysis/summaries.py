"""Summaries and judgements, made by hand: as they are in practice, empty, and hostile."""

from __future__ import annotations

from darkcall.analysis._findings import (
    Distribution,
    Group,
    Inputs,
    Latency,
    Noise,
    PathCount,
    Point,
    Raised,
)
from darkcall.analysis._summary import (
    CandidateSummary,
    Coverage,
    Part,
    Sources,
    Stratum,
    Summary,
    Version,
)
from darkcall.analysis._verdict import CandidateJudgement, Criterion, Judgement, Verdict


START = 1_767_434_520.0
HOUR = 3600.0
WEEK = 7 * 24 * HOUR
QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
SKIPPED = (
    "torn",
    "too_long",
    "too_deep",
    "not_json",
    "not_a_record",
    "other_version",
    "unreadable",
)
OUTCOMES = {
    "match": 997_208,
    "mismatch": 1_150,
    "ignored": 12,
    "candidate_error": 48,
    "timeout": 6,
    "uncomparable": 0,
    "skipped": 30,
    "dropped": 1_546,
}
NONE_YET = dict.fromkeys(OUTCOMES, 0)
#: What a record may hold that would do harm on a terminal: colours, links, markup, emoji, lines,
#: right-to-left marks, characters two columns wide.
HOSTILE = "[red]x[/red][link=http://a]\x1b[31m\n:smile:\u202etxt\x00\u2028漢字" + "\ud800"


def a_distribution(middle=0.002, count=998_412):
    quantiles = {at: middle * (0.5 + at) ** 4 for at in QUANTILES} if count else {}
    return Distribution(
        count=count, zeros=0, counts={-250: count} if count else {}, quantiles=quantiles
    )


def a_latency(count=998_412, **fields):
    values = {
        "control": a_distribution(0.0021, count),
        "candidate": a_distribution(0.0017, count),
        "ratio": a_distribution(0.81, count),
        "is_fair": False,
        "candidate_cpu_seconds": 1480.0 if count else 0.0,
        "cpu_measured": count,
    }
    return Latency(**{**values, **fields})


def a_coverage(**fields):
    values = {
        "calls": 10_004_812,
        "off": 4_800,
        "nested": 12,
        "unsampled": 9_000_000,
        "shadowed": 1_000_000,
        "pending": 0,
        "outcomes": OUTCOMES,
        "reasons": {"queue full": 1_546},
        "missing": 0,
        "uncounted": 0,
        "processes": 24,
        "without_totals": 0,
        "not_final": 3,
    }
    return Coverage(**{**values, **fields})


def an_example(number=0, **fields):
    record = {
        "schema": 1,
        "call_id": f"9f2c41d07a-0-{4711 + number}",
        "launch": "shop.price",
        "candidate": "v2",
        "outcome": "mismatch",
        "at": START + number * HOUR,
        "host": "web-1",
        "pid": 4711,
        "control_seconds": 0.0021,
        "candidate_seconds": 0.0017,
        "signature": "$.lines[*].price: value Decimal/float",
        "differences": [
            {
                "path": "$.lines[0].price",
                "kind": "value",
                "control_type": "Decimal",
                "candidate_type": "float",
                "control": "19.90",
                "candidate": 19.900000000000002,
            }
        ],
        "context": {"tenant": "acme", "currency": "EUR"},
    }
    return {name: value for name, value in {**record, **fields}.items() if value is not None}


def a_group(**fields):
    values = {
        "signature": "$.lines[*].price: value Decimal/float",
        "outcome": "mismatch",
        "count": 1_020,
        "share": 1_020 / 1_204,
        "first": START + 5 * HOUR,
        "last": START + WEEK,
        "versions": ("3fa9c1d2",),
        "is_noise": None,
        "confirmations": {},
        "examples": (an_example(), an_example(7)),
    }
    return Group(**{**values, **fields})


def a_path(**fields):
    values = {
        "path": "$.lines[*].price",
        "count": 1_020,
        "rate": 1_020 / 998_412,
        "noise_count": None,
        "noise_rate": None,
        "p_value": None,
        "is_difference": True,
    }
    return PathCount(**{**values, **fields})


def a_trend(spans=24):
    points = []
    compared = failed = 0
    for number in range(spans):
        fails = 400 - 15 * number if number > 5 else 0
        compared, failed = compared + 41_600, failed + fails
        points.append(
            Point(
                at=START + number * WEEK / spans,
                compared=41_600,
                failed=fails,
                compared_so_far=compared,
                failed_so_far=failed,
                low=failed / compared * 0.9,
                high=failed / compared * 1.1 + 10 / compared,
            )
        )
    return tuple(points)


def a_part(value="acme", compared=500_000, failed=3, **fields):
    values = {
        "outcomes": {**NONE_YET, "match": compared - failed, "mismatch": failed},
        "strata": (Stratum(rate=0.1, compared=compared, failed=failed, real=failed),),
        "first": START,
        "last": START + WEEK,
    }
    return Part(**{**values, "value": value, "compared": compared, "failed": failed, **fields})


def a_version(**fields):
    values = {
        "control": "88ab12f0",
        "candidate": "3fa9c1d2",
        "first": START,
        "last": START + WEEK,
        "outcomes": OUTCOMES,
        "compared": 998_412,
        "failed": 1_204,
        "coverage": a_coverage(),
        "strata": (Stratum(rate=0.1, compared=998_412, failed=1_204, real=1_204),),
        "noise": None,
        "latency": a_latency(),
        "parts": {},
    }
    return Version(**{**values, **fields})


def a_noise(**fields):
    values = {
        "compared": 20_110,
        "failed": 35,
        "level": 0.05,
        "real": 1_100,
        "noisy": 104,
        "noisy_failed": 33,
    }
    return Noise(**{**values, **fields})


def a_candidate(**fields):
    values = {
        "launch": "shop.price",
        "candidate": "v2",
        "first": START,
        "last": START + WEEK,
        "outcomes": OUTCOMES,
        "compared": 998_412,
        "failed": 1_204,
        "low": 0.00108,
        "high": 0.00134,
        "coverage": a_coverage(),
        "groups": (
            a_group(),
            a_group(
                signature="$.total: value float/float",
                count=130,
                share=130 / 1_204,
                is_noise=True,
                versions=("88ab12f0", "3fa9c1d2"),
                confirmations={"deterministic": 100, "flaky_control": 30},
            ),
            a_group(
                signature="raised KeyError",
                outcome="candidate_error",
                count=48,
                share=48 / 1_204,
                examples=(
                    an_example(
                        outcome="candidate_error",
                        signature="raised KeyError",
                        differences=None,
                        candidate_raised={"type": "KeyError", "message": "'vat'"},
                    ),
                ),
            ),
            a_group(
                signature="over its deadline",
                outcome="timeout",
                count=6,
                share=6 / 1_204,
                examples=(
                    an_example(outcome="timeout", differences=None, reason="over its deadline"),
                ),
            ),
        ),
        "groups_left_out": 0,
        "paths": (
            a_path(),
            a_path(path="$.total", count=130, rate=130 / 998_412),
        ),
        "raised": (
            Raised(side="candidate", type="KeyError", count=48, message="'vat'"),
            Raised(side="control", type="CartIsEmptyError", count=20, message=None),
        ),
        "reasons": {"no room: 1,000 calls are pending": 1_546, "session cannot be copied": 30},
        "trend": a_trend(),
        "latency": a_latency(),
        "noise": None,
        "confirmations": {},
        "inputs": None,
        "versions": (a_version(),),
        "notes": (),
    }
    return CandidateSummary(**{**values, **fields})


def a_rich_candidate(**fields):
    """A candidate of which everything was measured that can be."""
    values = {
        "noise": a_noise(),
        "paths": (
            a_path(noise_count=0, noise_rate=0.0, p_value=1e-9),
            a_path(
                path="$.total",
                count=130,
                rate=130 / 998_412,
                noise_count=35,
                noise_rate=35 / 20_110,
                p_value=0.99,
                is_difference=False,
            ),
        ),
        "latency": a_latency(is_fair=True),
        "confirmations": {"deterministic": 1_050, "flaky_control": 100},
        "inputs": Inputs(counted=998_412, distinct=120_345, is_estimate=False),
        "coverage": a_coverage(missing=200, uncounted=31, without_totals=1, pending=7),
        "versions": (
            a_version(
                candidate="77aa0000",
                compared=100_000,
                failed=900,
                last=START + 24 * HOUR,
                parts={"tenant": (a_part(compared=100_000, failed=900),)},
            ),
            a_version(
                first=START + 24 * HOUR,
                compared=898_412,
                failed=304,
                parts={
                    "tenant": (
                        a_part(compared=898_212, failed=250),
                        a_part("tiny gmbh", compared=150, failed=54),
                        a_part(None, compared=50, failed=0),
                    )
                },
            ),
        ),
        "notes": ("Two code versions of the candidate are mixed here.",),
    }
    return a_candidate(**{**values, **fields})


def a_clean_candidate(compared=3_500, **fields):
    values = {
        "candidate": "v3",
        "outcomes": {**NONE_YET, "match": compared},
        "compared": compared,
        "failed": 0,
        "low": 0.0,
        "high": min(1.0, 3.5 / compared) if compared else 1.0,
        "coverage": a_coverage(
            calls=compared,
            off=0,
            nested=0,
            unsampled=0,
            shadowed=compared,
            outcomes={**NONE_YET, "match": compared},
            reasons={},
        ),
        "groups": (),
        "paths": (),
        "raised": (),
        "reasons": {},
        "trend": (),
        "latency": a_latency(compared),
        "versions": (a_version(control=None, candidate=None, failed=0, compared=compared),),
    }
    return a_candidate(**{**values, **fields})


def a_hostile_candidate():
    """A candidate whose every text comes from somebody who wants to fool the reader."""
    example = an_example(
        host=HOSTILE,
        call_id=HOSTILE,
        signature=HOSTILE,
        reason=HOSTILE,
        differences=[
            {
                "path": HOSTILE,
                "kind": HOSTILE,
                "control_type": HOSTILE,
                "candidate_type": None,
                "control": {HOSTILE: [HOSTILE]},
            },
            {"path": "$", "kind": "value", "control_type": HOSTILE, "candidate_type": None},
            {"path": "$", "kind": "value", "control": HOSTILE, "candidate": "x" * 5_000},
            {"path": "$", "kind": "value", "candidate": {"$": "str", "escaped": HOSTILE}},
        ],
        control_raised={"type": HOSTILE, "message": {"$": "str", "length": 7}},
        candidate_raised={"type": HOSTILE, "message": HOSTILE},
        context={HOSTILE: HOSTILE},
        arguments={HOSTILE: HOSTILE},
    )
    return a_rich_candidate(
        launch=HOSTILE,
        candidate=HOSTILE,
        groups=(
            a_group(signature=HOSTILE, confirmations={HOSTILE: 1}, examples=(example,) * 3),
            a_group(signature="a_very_long_signature" * 20, examples=()),
        ),
        groups_left_out=999_998,
        paths=(a_path(path=HOSTILE), a_path(path="$" + "[*]" * 100)),
        raised=(Raised(side="candidate", type=HOSTILE, count=1, message=HOSTILE),),
        reasons={HOSTILE: 1},
        notes=(HOSTILE,),
        confirmations={HOSTILE: 1},
        versions=(
            a_version(control=HOSTILE, candidate=HOSTILE, parts={HOSTILE: (a_part(HOSTILE),)}),
        ),
    )


def some_sources(**fields):
    values = {
        "files": 48,
        "nbytes": 612_400_000,
        "records": 1_000_000,
        "rolled_up": 0,
        "skipped": dict.fromkeys(SKIPPED, 0),
        "duplicates": 0,
        "ahead": 0,
        "processes": 24,
        "hosts": 6,
        "seconds": 2.31,
    }
    return Sources(**{**values, **fields})


def a_summary(*candidates, by=(), **sources):
    return Summary(
        confidence=0.95,
        by=by,
        made_at=START + WEEK + HOUR,
        sources=some_sources(**sources),
        candidates=candidates,
    )


def a_judgement(verdict=Verdict.NOT_READY, **fields):
    criteria = {
        Verdict.NOT_READY: (
            Criterion(
                name="mismatch_rate",
                verdict=Verdict.NOT_READY,
                figure=0.00108,
                limit=0.001,
                text="1,204 of 998,412 calls differ: at least 0.108 %, and 0.1 % is allowed.",
            ),
        ),
        Verdict.INSUFFICIENT_DATA: (
            Criterion(
                name="mismatch_rate",
                verdict=Verdict.INSUFFICIENT_DATA,
                figure=0.002,
                limit=0.001,
                text="0 of 1,800 calls differ: at most 0.2 %, and 0.1 % is; 1,740 more calls "
                "without a difference would show it.",
                more_calls=1_740,
            ),
        ),
        Verdict.READY: (),
    }
    candidate = CandidateJudgement(
        launch="shop.price",
        candidate="v2",
        version="3fa9c1d2",
        verdict=verdict,
        criteria=(
            *criteria[verdict],
            Criterion(
                name="dropped",
                verdict=Verdict.READY,
                figure=0.0015,
                limit=0.05,
                text="0.15 % of the shadowed calls were dropped, and 5 % may be.",
            ),
        ),
    )
    return Judgement(**{"verdict": verdict, "candidates": (candidate,), **fields})


def a_hostile_judgement():
    criterion = Criterion(
        name=HOSTILE, verdict=Verdict.NOT_READY, figure=None, limit=None, text=HOSTILE
    )
    one = CandidateJudgement(
        launch=HOSTILE,
        candidate=HOSTILE,
        version=HOSTILE,
        verdict=Verdict.NOT_READY,
        criteria=(criterion,),
    )
    return Judgement(verdict=Verdict.NOT_READY, candidates=(one,), notes=(HOSTILE,))
