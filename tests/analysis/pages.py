"""Summaries and judgements as they come, and as they come from someone who means harm."""

from __future__ import annotations

import math

from darkcall._sketch import index_of, quantile
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


BEGAN = 1_764_000_000.0
HOUR = 3600.0

#: Each would run, load or break out if it were not shown as text.
HOSTILE = (
    "<script>document.title='ran'</script>",
    '"><img src=x onerror="document.title=\'ran\'">',
    "'><svg onload=document.title='ran'>",
    "</style><style>body{display:none}</style>",
    "</title></head><body onload=document.title='ran'>",
    "{{7*7}}{% raw %}${7*7}",
    "javascript:document.title='ran'",
    "<a href=javascript:document.title='ran'>x</a>",
    "]]><!--<iframe src=https://example.invalid/x>",
    "url(https://example.invalid/x)",
    "a\u202eb\u2066c\x00d\x1b[2J\ud800e\r\nf\u200b",
)
POISON = " ".join(HOSTILE)


def a_distribution(count=20_000, median=0.0021, spread=0.35):
    shares = {
        step: math.exp(-((step / 20) ** 2) / (2 * spread**2) * 4)
        + 0.02 * math.exp(-abs(step - 25) / 8)
        for step in range(-40, 90)
    }
    whole = sum(shares.values())
    counts = {}
    for step, share in shares.items():
        number = round(count * share / whole)
        if number:
            index = index_of(median * 1.05**step)
            counts[index] = counts.get(index, 0) + number
    return distribution_of(counts)


def distribution_of(counts, zeros=0):
    shares = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
    return Distribution(
        count=sum(counts.values()) + zeros,
        zeros=zeros,
        counts=counts,
        quantiles={share: quantile(share, zeros, counts) for share in shares},
    )


NO_VALUES = Distribution(count=0, zeros=0, counts={}, quantiles={})


def a_latency(**fields):
    return Latency(
        **{
            "control": a_distribution(),
            "candidate": a_distribution(median=0.0012),
            "ratio": a_distribution(median=0.62, spread=0.2),
            "is_fair": True,
            "candidate_cpu_seconds": 31.4,
            "cpu_measured": 24_000,
            **fields,
        }
    )


def a_coverage(outcomes=None, **fields):
    outcomes = outcomes or {
        "match": 23_871,
        "mismatch": 112,
        "candidate_error": 14,
        "timeout": 3,
        "ignored": 40,
        "skipped": 181,
        "dropped": 702,
    }
    shadowed = sum(outcomes.values()) + 5
    return Coverage(
        **{
            "calls": shadowed + 480_300 + 120 + 2_000,
            "off": 2_000,
            "nested": 120,
            "unsampled": 480_300,
            "shadowed": shadowed,
            "pending": 5,
            "outcomes": outcomes,
            "reasons": {"no room": 702, "cannot copy parameter 'session'": 181},
            "missing": 3,
            "uncounted": 12,
            "processes": 8,
            "without_totals": 1,
            "not_final": 2,
            **fields,
        }
    )


def an_example(number=0, **fields):
    return {
        "schema": 1,
        "call_id": f"c0ffee-0-{number}",
        "launch": "shop.price",
        "candidate": "v2",
        "outcome": "mismatch",
        "at": BEGAN + number * 60,
        "host": "web-1",
        "pid": 4711,
        "control_seconds": 0.0021,
        "candidate_seconds": 0.0013,
        "sample_rate": 0.05,
        "signature": "$.lines[*].price value decimal.Decimal",
        "differences": [
            {
                "path": "$.lines[0].price",
                "kind": "value",
                "control_type": "decimal.Decimal",
                "candidate_type": "decimal.Decimal",
                "control": {"$": "decimal.Decimal", "value": "19.99"},
                "candidate": {"$": "decimal.Decimal", "value": "19.98"},
            },
            {
                "path": "$.quoted",
                "kind": "missing",
                "control_type": "str",
                "candidate_type": None,
                "control": "2025-11-24T16:00:00Z for the customer's cart",
            },
        ],
        "context": {"tenant": "north", "release": "2025.11.3"},
        "arguments": {"cart": {"lines": [{"sku": "A-17", "count": 2}], "currency": "EUR"}},
        **fields,
    }


def a_group(number=0, **fields):
    return Group(
        **{
            "signature": "$.lines[*].price value decimal.Decimal",
            "outcome": "mismatch",
            "count": 88,
            "share": 0.682,
            "first": BEGAN + 100,
            "last": BEGAN + 40 * HOUR,
            "versions": ("5f1d22aa90c1", "a81be07714e2"),
            "is_noise": False,
            "confirmations": {"deterministic": 80, "flaky_candidate": 8},
            "examples": tuple(an_example(number * 10 + each) for each in range(3)),
            **fields,
        }
    )


def some_groups():
    return (
        a_group(),
        a_group(
            1,
            signature="$.quoted_at value str",
            count=24,
            share=0.186,
            is_noise=True,
            examples=(
                an_example(
                    10,
                    differences=[
                        {
                            "path": "$.quoted_at",
                            "kind": "value",
                            "control": "2025-11-24T16:00:00.120Z",
                            "candidate": "2025-11-24T16:00:00.121Z",
                        }
                    ],
                ),
            ),
        ),
        a_group(
            2,
            signature="KeyError",
            outcome="candidate_error",
            count=14,
            share=0.108,
            confirmations={},
            examples=(
                an_example(
                    20,
                    outcome="candidate_error",
                    differences=[],
                    candidate_raised={
                        "type": "KeyError",
                        "message": "'discount'",
                        "cause": {"type": "AttributeError", "message": "no"},
                    },
                ),
            ),
        ),
        a_group(
            3,
            signature="timeout",
            outcome="timeout",
            count=3,
            share=0.023,
            is_noise=None,
            confirmations={},
            versions=(),
            examples=(an_example(30, outcome="timeout", differences=[], arguments=None),),
        ),
    )


def a_trend(compared=24_000, failed=129, spans=48):
    points = []
    for number in range(1, spans + 1):
        so_far = compared * number // spans
        failed_so_far = failed * number // spans
        share = failed_so_far / so_far
        width = 2.2 * math.sqrt((share + 1 / so_far) / so_far) + 6 / so_far
        points.append(
            Point(
                at=BEGAN + number * HOUR,
                compared=compared // spans,
                failed=failed // spans,
                compared_so_far=so_far,
                failed_so_far=failed_so_far,
                low=max(0.0, share - width),
                high=min(1.0, share + width),
            )
        )
    return tuple(points)


def some_parts():
    rows = (("north", 12_000, 5), ("south", 11_600, 3), ("islands", 380, 121), (None, 20, 0))
    return tuple(
        Part(
            value=value,
            outcomes={"match": compared - failed, "mismatch": failed},
            compared=compared,
            failed=failed,
            strata=(),
            first=BEGAN,
            last=BEGAN + 48 * HOUR,
        )
        for value, compared, failed in rows
    )


def a_noise(**fields):
    return Noise(
        **{
            "compared": 480,
            "failed": 9,
            "level": 0.05,
            "real": 105,
            "noisy": 24,
            "noisy_failed": 9,
            **fields,
        }
    )


def a_version(candidate="a81be07714e2", **fields):
    return Version(
        **{
            "control": "77aa01b2c3d4",
            "candidate": candidate,
            "first": BEGAN,
            "last": BEGAN + 48 * HOUR,
            "outcomes": {"match": 23_871, "mismatch": 129},
            "compared": 24_000,
            "failed": 129,
            "coverage": a_coverage(),
            "strata": (Stratum(rate=0.05, compared=24_000, failed=129, real=105),),
            "noise": a_noise(),
            "latency": a_latency(),
            "parts": {"tenant": some_parts()},
            **fields,
        }
    )


def a_candidate(launch="shop.price", candidate="v2", **fields):
    trend = fields.pop("trend", None)
    trend = a_trend() if trend is None else trend
    return CandidateSummary(
        **{
            "launch": launch,
            "candidate": candidate,
            "first": BEGAN,
            "last": BEGAN + 48 * HOUR,
            "outcomes": a_coverage().outcomes,
            "compared": 24_000,
            "failed": 129,
            "low": trend[-1].low if trend else 0.0,
            "high": trend[-1].high if trend else 1.0,
            "coverage": a_coverage(),
            "groups": some_groups(),
            "groups_left_out": 2,
            "paths": (
                PathCount(
                    path="$.lines[*].price",
                    count=88,
                    rate=88 / 24_000,
                    noise_count=0,
                    noise_rate=0.0,
                    p_value=0.0003,
                    is_difference=True,
                ),
                PathCount(
                    path="$.quoted_at",
                    count=24,
                    rate=0.001,
                    noise_count=9,
                    noise_rate=9 / 480,
                    p_value=0.97,
                    is_difference=False,
                ),
            ),
            "raised": (
                Raised(side="candidate", type="KeyError", count=14, message="'discount'"),
                Raised(side="control", type="ValueError", count=6, message=None),
            ),
            "reasons": a_coverage().reasons,
            "trend": trend,
            "latency": a_latency(),
            "noise": a_noise(),
            "confirmations": {"deterministic": 80, "flaky_candidate": 8},
            "inputs": Inputs(counted=24_000, distinct=6_112, is_estimate=True),
            "versions": (a_version("5f1d22aa90c1", parts={}), a_version()),
            "notes": ("Two code versions of the candidate are mixed in these figures.",),
            **fields,
        }
    )


def a_plain_candidate(**fields):
    """One without anything that is drawn: drawing takes time."""
    latency = a_latency(control=NO_VALUES, candidate=NO_VALUES, ratio=NO_VALUES)
    return a_candidate(**{"trend": (), "latency": latency, **fields})


def a_clean_candidate(launch="shop.price", candidate="v3", **fields):
    outcomes = {"match": 24_000}
    return a_candidate(
        launch,
        candidate,
        **{
            "outcomes": outcomes,
            "failed": 0,
            "coverage": a_coverage(outcomes, missing=0, uncounted=0, without_totals=0),
            "groups": (),
            "groups_left_out": 0,
            "paths": (),
            "raised": (),
            "reasons": {},
            "trend": a_trend(failed=0),
            "confirmations": {},
            "notes": (),
            "noise": None,
            "versions": (a_version("0b1c2d3e4f5a", failed=0, noise=None),),
            **fields,
        },
    )


def an_unseen_candidate(launch="shop.stock", candidate="v2"):
    """It ran nowhere: nothing but zeros and nothing."""
    return a_candidate(
        launch,
        candidate,
        outcomes={},
        compared=0,
        failed=0,
        coverage=a_coverage(
            {"skipped": 0},
            calls=None,
            off=0,
            nested=0,
            unsampled=0,
            shadowed=0,
            pending=0,
            reasons={},
        ),
        groups=(),
        groups_left_out=0,
        paths=(),
        raised=(),
        reasons={},
        trend=(),
        latency=a_latency(
            control=NO_VALUES,
            candidate=NO_VALUES,
            ratio=NO_VALUES,
            is_fair=False,
            candidate_cpu_seconds=0.0,
            cpu_measured=0,
        ),
        noise=None,
        confirmations={},
        inputs=None,
        versions=(),
        notes=(),
    )


def a_summary(*candidates, **fields):
    return Summary(
        **{
            "confidence": 0.95,
            "by": ("tenant",),
            "made_at": BEGAN + 49 * HOUR,
            "sources": Sources(
                files=12,
                nbytes=8_412_000,
                records=24_921,
                rolled_up=120_000,
                skipped={"not JSON": 3, "another schema": 0},
                duplicates=17,
                ahead=2,
                processes=8,
                hosts=3,
                seconds=1.2,
            ),
            "candidates": candidates,
            **fields,
        }
    )


def some_criteria(verdict):
    rate = {
        Verdict.READY: (
            0.0,
            "0 of 24,000 calls differ: at most 0.029 % of all do, 0.1 % is allowed.",
        ),
        Verdict.NOT_READY: (
            0.0053,
            "129 of 24,000 calls differ: at least 0.43 % of all do, 0.1 % is allowed.",
        ),
        Verdict.INSUFFICIENT_DATA: (
            0.0,
            "0 of 300 calls differ: up to 2.3 % of all may, 0.1 % is allowed.",
        ),
    }[verdict]
    return (
        Criterion(
            name="data",
            verdict=Verdict.READY,
            figure=24_000.0,
            limit=1.0,
            text="24,000 calls were compared.",
        ),
        Criterion(
            name="mismatch_rate",
            verdict=verdict,
            figure=rate[0],
            limit=0.001,
            text=rate[1],
            more_calls=7_212 if verdict is Verdict.INSUFFICIENT_DATA else None,
        ),
        Criterion(
            name="dropped",
            verdict=Verdict.READY,
            figure=0.028,
            limit=0.05,
            text="2.8 % of the shadowed calls were dropped, 5 % are allowed.",
        ),
        Criterion(
            name="latency_ratio",
            verdict=Verdict.READY,
            figure=0.62,
            limit=1.5,
            text="The candidate takes 0.62 times as long as the control.",
        ),
    )


def a_judgement(verdict=Verdict.NOT_READY, launch="shop.price", candidate="v2", **fields):
    return CandidateJudgement(
        **{
            "launch": launch,
            "candidate": candidate,
            "version": "a81be07714e2",
            "verdict": verdict,
            "criteria": some_criteria(verdict),
            **fields,
        }
    )


def judged(*candidates, notes=()):
    verdicts = [each.verdict for each in candidates]
    worst = (Verdict.NOT_READY, Verdict.INSUFFICIENT_DATA, Verdict.READY)
    verdict = next((each for each in worst if each in verdicts), Verdict.INSUFFICIENT_DATA)
    return Judgement(verdict=verdict, candidates=candidates, notes=notes)


def poisoned(data, poison=POISON):
    """Put the poison into every text, and every key, of what :mod:`attrs` or JSON hold."""
    if isinstance(data, Verdict):
        return data
    if isinstance(data, str):
        return f"{data}{poison}"
    if isinstance(data, dict):
        return {
            # The shape stays: a field of a record is no text of the user's.
            key if key in KEPT or not isinstance(key, str) else f"{key}{poison}": poisoned(
                value, poison
            )
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return type(data)(poisoned(each, poison) for each in data)
    if hasattr(data, "__attrs_attrs__"):
        return type(data)(
            **{
                field.name: poisoned(getattr(data, field.name), poison)
                for field in data.__attrs_attrs__
            }
        )
    return data


KEPT = {
    *an_example(),
    *an_example()["differences"][0],
    *("$", "value", "type", "message", "cause", "candidate_raised"),
}


def three_candidates():
    """A summary of three, with each verdict once, and the judgement."""
    summary = a_summary(
        a_candidate(),
        a_clean_candidate(),
        a_clean_candidate("shop.search.rank", "vectors", compared=300, trend=a_trend(300, 0, 6)),
    )
    return summary, judged(
        a_judgement(),
        a_judgement(Verdict.READY, candidate="v3", version=None),
        a_judgement(
            Verdict.INSUFFICIENT_DATA, launch="shop.search.rank", candidate="vectors", version=None
        ),
        notes=("Nothing was recorded of the launch shop.tax.",),
    )
