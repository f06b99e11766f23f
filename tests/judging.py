"""Summaries made by hand, for tests of what reads them."""

from __future__ import annotations

from darkcall._sketch import index_of
from darkcall.analysis._findings import Distribution, Inputs, Latency, Noise
from darkcall.analysis._summary import (
    CandidateSummary,
    Coverage,
    Part,
    Sources,
    Stratum,
    Summary,
    Version,
)


NOW = 1_800_000_000.0


def a_coverage(compared=0, **fields):
    known = {
        "calls": compared,
        "off": 0,
        "nested": 0,
        "unsampled": 0,
        "shadowed": compared,
        "pending": 0,
        "outcomes": {"match": compared},
        "reasons": {},
        "missing": 0,
        "uncounted": 0,
        "processes": 1,
        "without_totals": 0,
        "not_final": 0,
    }
    return Coverage(**known | fields)


def a_distribution(*values):
    counts = {}
    for value in values:
        counts[index_of(value)] = counts.get(index_of(value), 0) + 1
    middle = sorted(values)[len(values) // 2] if values else 0.0
    quantiles = {0.5: middle} if values else {}
    return Distribution(count=len(values), zeros=0, counts=counts, quantiles=quantiles)


def a_latency(*ratios, is_fair=False):
    return Latency(
        control=a_distribution(),
        candidate=a_distribution(),
        ratio=a_distribution(*ratios),
        is_fair=is_fair,
        candidate_cpu_seconds=0.0,
        cpu_measured=0,
    )


def a_stratum(failed, compared, rate=1.0, real=None):
    real = failed if real is None else real
    return Stratum(rate=rate, compared=compared, failed=failed, real=real)


def a_noise(compared, failed, *, real, noisy):
    return Noise(
        compared=compared, failed=failed, level=0.05, real=real, noisy=noisy, noisy_failed=failed
    )


def a_part(value, failed, compared, first=NOW - 100, **fields):
    known = {
        "value": value,
        "outcomes": {"match": compared - failed, "mismatch": failed},
        "compared": compared,
        "failed": failed,
        "strata": (a_stratum(failed, compared),),
        "first": first,
        "last": NOW,
    }
    return Part(**known | fields)


def a_version(failed=0, compared=10_000, **fields):
    known = {
        "control": "c0",
        "candidate": "abc123",
        "first": NOW - 3600,
        "last": NOW - 10,
        "outcomes": {"match": compared - failed, "mismatch": failed},
        "compared": compared,
        "failed": failed,
        "coverage": a_coverage(compared),
        "strata": (a_stratum(failed, compared),),
        "noise": None,
        "latency": a_latency(),
        "parts": {},
    }
    return Version(**known | fields)


def a_candidate(*versions, **fields):
    compared = sum(one.compared for one in versions)
    failed = sum(one.failed for one in versions)
    known = {
        "launch": "shop.price",
        "candidate": "v2",
        "first": NOW - 3600,
        "last": NOW - 10,
        "outcomes": {"match": compared - failed, "mismatch": failed},
        "compared": compared,
        "failed": failed,
        "low": 0.0,
        "high": 1.0,
        "coverage": a_coverage(compared),
        "groups": (),
        "groups_left_out": 0,
        "paths": (),
        "raised": (),
        "reasons": {},
        "trend": (),
        "latency": a_latency(),
        "noise": None,
        "confirmations": {},
        "inputs": None,
        "versions": versions,
        "notes": (),
    }
    return CandidateSummary(**known | fields)


def some_inputs(counted, distinct):
    return Inputs(counted=counted, distinct=distinct, is_estimate=False)


def a_summary(*candidates, **fields):
    sources = Sources(
        files=1,
        nbytes=1,
        records=1,
        rolled_up=0,
        skipped={},
        duplicates=0,
        ahead=fields.pop("ahead", 0),
        processes=1,
        hosts=1,
        seconds=0.1,
    )
    known = {"confidence": 0.95, "by": (), "made_at": NOW, "sources": sources}
    return Summary(**known | fields, candidates=candidates)
