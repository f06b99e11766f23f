"""All counts of a summary are those of a plain loop over what was inserted."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall._sketch import SMALLEST, index_of
from darkcall.analysis._fisher import fisher_greater
from darkcall.analysis._latency import FAIR_PAIRS
from darkcall.analysis._summarise import summary_of
from summary_tables import SOURCES, a_record, a_rollup, connected, filled, some_totals


START = 1_700_000_000.0
SIGNATURES = ["$.a value int", "$.a value int; $.b[*] type int/str", "$.c extra str", "$ raised E"]
SOURCE = st.sampled_from(["p1-0", "p2-0", "q-1"])
LAUNCHES = {"p1-0": "shop.price", "p2-0": "shop.price", "q-1": 'it\'s "odd"; {launch}'}
RATES = [None, 0.5, 1.0]
TENANTS = [None, {}, {"tenant": "x"}, {"tenant": 7}]
SECONDS = st.sampled_from([0.0, 0.001, 0.25, 3.0])
FAILED = ("mismatch", "candidate_error", "timeout")
COMPARED = ("match", *FAILED)


@st.composite
def record(draw):
    outcome = draw(st.sampled_from([*COMPARED, "mismatch", "ignored", "skipped"]))
    source = draw(SOURCE)
    fields = {
        "launch": LAUNCHES[source],
        "candidate": draw(st.sampled_from(["v2", "v2", "v3", "control"])),
        "at": START + draw(st.integers(0, 5)),
        "sample_rate": draw(st.sampled_from(RATES)),
        "context": draw(st.sampled_from(TENANTS)),
        "control_seconds": draw(SECONDS),
        "candidate_seconds": None if outcome in {"timeout", "skipped"} else draw(SECONDS),
        "input_digest": draw(st.sampled_from([None, "0a", "0b", "0c"])),
    }
    if outcome in {"mismatch", "candidate_error", "ignored"}:
        fields["signature"] = draw(st.sampled_from(SIGNATURES))
    if outcome == "mismatch":
        fields["stopped"] = draw(st.sampled_from([None, None, "after 9 values"]))
    if outcome == "skipped":
        fields["reason"] = draw(st.sampled_from(["why", "why not"]))
    fields = {name: value for name, value in fields.items() if value is not None}
    return source, outcome, fields


@st.composite
def rollup(draw):
    source = draw(SOURCE)
    outcomes = draw(
        st.dictionaries(st.sampled_from(["match", "mismatch", "timeout"]), st.integers(1, 5))
    )
    signatures = {}
    if "mismatch" in outcomes:
        signatures = {draw(st.sampled_from(SIGNATURES[:3])): outcomes["mismatch"]}
    began = START + draw(st.integers(0, 5))
    return a_rollup(
        source,
        outcomes or {"match": 1},
        launch=LAUNCHES[source],
        candidate=draw(st.sampled_from(["v2", "control"])),
        began=began,
        ended=began,
        signatures=signatures,
        sample_rate=draw(st.sampled_from(RATES)),
        context=draw(st.sampled_from(TENANTS)),
        control_seconds={"zeros": 1, "counts": {"-3": 2}},
        inputs=["0a", "0d"],
        inputs_counted=2,
    )


@st.composite
def totals(draw):
    source = draw(SOURCE)
    counts = st.dictionaries(st.sampled_from([*COMPARED, "dropped"]), st.integers(1, 9))
    candidates = {
        name: {
            "shadowed": sum(outcomes.values()) + pending,
            "outcomes": outcomes,
            "reasons": {"full": 1},
            "pending": pending,
            "code": draw(st.sampled_from(["c1", "c2"])),
        }
        for name, outcomes, pending in draw(
            st.lists(
                st.tuples(st.sampled_from(["v2", "control"]), counts, st.integers(0, 3)),
                unique_by=lambda each: each[0],
                max_size=2,
            )
        )
    }
    return some_totals(
        source,
        launch=LAUNCHES[source],
        at=START + draw(st.integers(50, 60)),
        off=draw(st.integers(0, 3)),
        shadowed=draw(st.integers(0, 40)),
        control_code="k",
        candidates=candidates,
        is_final=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def connection():
    with connected() as connection:
        yield connection


@settings(max_examples=8, deadline=None)
@given(
    st.lists(record(), min_size=1, max_size=60),
    st.lists(rollup(), max_size=4),
    st.lists(totals(), max_size=4, unique_by=lambda each: (each["shadowed"], each["source"])),
)
def test_every_count_is_that_of_a_plain_loop(connection, drawn, rollups, totals):
    records = [
        a_record(f"{source}-{number}", outcome, **fields)
        for number, (source, outcome, fields) in enumerate(drawn)
    ]
    # The control runs again on the very call: half of them share the number of the one before.
    for before, after in itertools.pairwise(records):
        if after["candidate"] == "control" != before["candidate"]:
            source = after["call_id"].rpartition("-")[0]
            if before["call_id"].startswith(f"{source}-"):
                after["call_id"] = before["call_id"]
    filled(connection, records=records, totals=totals, rollups=rollups)
    summary = summary_of(connection, SOURCES, by=("tenant",))
    json.dumps(summary.to_dict(), allow_nan=False)
    plain = Plain(records, rollups, totals)
    found = {(one.launch, one.candidate): one for one in summary.candidates}
    assert list(found) == sorted(plain.versions)
    for name, one in found.items():
        assert {(v.control, v.candidate) for v in one.versions} == set(plain.versions[name])
        assert one.compared == sum(version.compared for version in one.versions)
        check_unit(one, plain, [plain.versions[name][codes] for codes in plain.versions[name]])
        check_candidate(one, plain, name)
        for version in one.versions:
            sources = plain.versions[name][version.control, version.candidate]
            check_unit(version, plain, [sources], name)
            check_strata(version, plain, name, sources)


class Plain:
    """Each record and each outcome of a rollup as one row: (row, how often)."""

    def __init__(self, records, rollups, totals):
        self.totals = {}
        for each in totals:
            known = self.totals.get(each["source"])
            if known is None or (each["shadowed"], each["at"]) > (known["shadowed"], known["at"]):
                self.totals[each["source"]] = each
        self.rows = [({**each, "source": source_of(each)}, 1) for each in records]
        self.records = records
        self.rollups = rollups
        for each in rollups:
            for outcome, n in each["outcomes"].items():
                row = {**each, "outcome": outcome, "at": each["began"]}
                row["signature"] = next(iter(each["signatures"]), None)
                if outcome != "mismatch":
                    del row["signature"]
                self.rows.append((row, n))
        self.versions = defaultdict(lambda: defaultdict(set))
        pairs = {(row["launch"], row["candidate"], row["source"]) for row, _ in self.rows}
        pairs |= {
            (each["launch"], name, source)
            for source, each in self.totals.items()
            for name in each["candidates"]
        }
        for launch, candidate, source in pairs:
            if candidate == "control":
                continue
            told = self.totals.get(source, {}).get("candidates", {}).get(candidate)
            codes = (None, None) if told is None else ("k", told["code"])
            self.versions[launch, candidate][codes].add(source)

    def of(self, candidate, sources):
        return [
            (r, n) for r, n in self.rows if r["candidate"] == candidate and r["source"] in sources
        ]

    def noise_ways(self, candidate, sources):
        rows = [(r, n) for r, n in self.of(candidate, sources) if r["outcome"] in COMPARED]
        noise = [(r, n) for r, n in self.of("control", sources) if r["outcome"] in COMPARED]
        hits, noise_hits = ways_of(rows), ways_of(noise)
        compared, runs = (sum(n for _, n in each) for each in (rows, noise))
        tested = [way for way in hits if noise_hits[way]]
        real = {
            way
            for way in tested
            if fisher_greater(hits[way], compared, noise_hits[way], runs) < 0.05 / len(tested)
        }
        return set(noise_hits) - real, rows, noise


def source_of(record):
    return record["call_id"].rpartition("-")[0]


def ways_of(rows):
    hits = Counter()
    for row, n in rows:
        if row["outcome"] in FAILED:
            for way in row.get("signature", "").split("; "):
                hits[way] += n if way else 0
    return +hits


def is_noisy(row, noise_ways):
    signature = row.get("signature")
    return (
        row["outcome"] in FAILED
        and bool(signature)
        and "stopped" not in row
        and set(signature.split("; ")) <= noise_ways
    )


def check_unit(one, plain, groups_of_sources, name=None):
    """Check what a version and a candidate as a whole have in common."""
    launch, candidate = name or (one.launch, one.candidate)
    sources = set().union(*groups_of_sources)
    rows = plain.of(candidate, sources)
    outcomes = Counter()
    for row, n in rows:
        outcomes[row["outcome"]] += n
    assert one.compared == sum(outcomes[outcome] for outcome in COMPARED)
    assert one.failed == sum(outcomes[outcome] for outcome in FAILED)
    missing = uncounted = pending = 0
    expected, as_told = Counter(outcomes), Counter()
    for source in sources:
        entry = plain.totals.get(source, {}).get("candidates", {}).get(candidate, {})
        told = Counter(entry.get("outcomes", {}))
        found = Counter()
        for row, n in plain.of(candidate, {source}):
            found[row["outcome"]] += n
        as_told += told
        expected["dropped"] += told.pop("dropped", 0)
        lost, more = told - found, found - told
        missing, uncounted = missing + lost.total(), uncounted + more.total()
        pending += max(0, entry.get("pending", 0) - more.total())
        expected += lost
        as_told += more
    coverage = one.coverage
    assert (coverage.missing, coverage.uncounted) == (missing, uncounted)
    assert coverage.pending == pending
    assert Counter(one.outcomes) == expected
    assert Counter(coverage.outcomes) == as_told
    assert coverage.shadowed == sum(coverage.outcomes.values()) + coverage.pending
    if coverage.calls is not None:
        assert coverage.calls == coverage.off + coverage.shadowed
    tellers = {s for s in sources if candidate in plain.totals.get(s, {}).get("candidates", {})}
    assert (coverage.processes, coverage.without_totals) == (
        len(sources),
        len(sources - tellers),
    )
    assert coverage.not_final == sum(not plain.totals[source]["is_final"] for source in tellers)
    check_noise(one, plain, candidate, sources)
    check_latency(one, plain, launch, candidate, sources)


def check_noise(one, plain, candidate, sources):
    ways, rows, noise = plain.noise_ways(candidate, sources)
    if not noise:
        assert one.noise is None
        return
    noisy = sum(n for row, n in rows if is_noisy(row, ways))
    noise_failed = [(row, n) for row, n in noise if row["outcome"] in FAILED]
    assert one.noise.compared == sum(n for _, n in noise)
    assert one.noise.failed == sum(n for _, n in noise_failed)
    assert (one.noise.noisy, one.noise.real) == (noisy, one.failed - noisy)
    assert one.noise.noisy_failed == sum(
        n for row, n in noise_failed if ways & set(row.get("signature", "").split("; "))
    )


def check_latency(one, plain, launch, candidate, sources):
    def classes(values):
        return Counter(index_of(value) for value in values if value is not None)

    records = [
        record
        for record in plain.records
        if record["candidate"] == candidate and source_of(record) in sources
    ]
    rolled = [each for each in plain.rollups if each["candidate"] == candidate]
    rolled = [each for each in rolled if each["source"] in sources]
    took = classes(r["control_seconds"] or None for r in records)
    took += Counter({-3: 2 * len(rolled)})
    assert Counter(one.latency.control.counts) == took
    assert one.latency.control.zeros == sum(r["control_seconds"] == 0 for r in records) + len(
        rolled
    )
    again = {
        record["call_id"]: record.get("candidate_seconds")
        for record in plain.records
        if record["candidate"] == "control"
    }
    fair = classes(ratio(r, again.get(r["call_id"])) for r in records)
    assert one.latency.is_fair == (fair.total() >= FAIR_PAIRS)
    usual = classes(ratio(r, r["control_seconds"]) for r in records)
    assert Counter(one.latency.ratio.counts) == (fair if one.latency.is_fair else usual)


def ratio(record, other):
    seconds = record.get("candidate_seconds")
    return seconds / other if min(seconds or 0, other or 0) > SMALLEST else None


def check_strata(version, plain, name, sources):
    ways, rows, noise = plain.noise_ways(name[1], sources)
    by_rate, by_tenant = defaultdict(Counter), defaultdict(Counter)
    for row, n in rows:
        noisy = n if noise and is_noisy(row, ways) else 0
        counts = {"compared": n, "failed": n * (row["outcome"] in FAILED), "noisy": noisy}
        tenant = (row.get("context") or {}).get("tenant")
        by_rate[row.get("sample_rate")].update(counts)
        by_tenant[None if tenant is None else str(tenant)].update(counts)
    assert {
        stratum.rate: (stratum.compared, stratum.failed, stratum.failed - stratum.real)
        for stratum in version.strata
    } == {rate: tuple(counts.values()) for rate, counts in by_rate.items()}
    found = {part.value: part for part in version.parts["tenant"] if part.compared}
    assert set(found) == set(by_tenant)
    for value, counts in by_tenant.items():
        part = found[value]
        noisy = sum(stratum.failed - stratum.real for stratum in part.strata)
        assert (part.compared, part.failed, noisy) == tuple(counts.values())
        assert sum(stratum.compared for stratum in part.strata) == part.compared


def check_candidate(one, plain, name):
    sources = set().union(*plain.versions[name].values())
    rows = plain.of(name[1], sources)
    groups, places, noise_places = Counter(), Counter(), Counter()
    inputs = set()
    for row, n in rows:
        if row["outcome"] in (*FAILED, "ignored"):
            label = row.get("signature") or row.get("reason") or row["outcome"]
            groups[row["outcome"], label] += n
        inputs |= {row["input_digest"]} if "input_digest" in row else set(row.get("inputs", ()))
    # A signature that rollups counted is of the group of the records with the same one.
    assert Counter(group.signature for group in one.groups for _ in range(group.count)) == sum(
        (Counter({label: n}) for (_, label), n in groups.items()), Counter()
    )
    assert one.groups_left_out == 0
    for target, counted in ((places, rows), (noise_places, plain.of("control", sources))):
        for row, n in counted:
            if row["outcome"] in FAILED and row.get("signature"):
                for place in {way.split(" ")[0] for way in row["signature"].split("; ")}:
                    target[place] += n
    ways, _, noise = plain.noise_ways(name[1], sources)
    is_usual = {row["signature"] for row, _ in rows if row.get("signature")} <= set(SIGNATURES)
    assert is_usual
    if all(signature not in {s for (o, s) in groups if o == "ignored"} for signature in SIGNATURES):
        assert {path.path: path.count for path in one.paths} == places
        for path in one.paths:
            assert path.noise_count == (noise_places[path.path] if noise else None)
            its = {w for w in ways_of(rows) if w.split(" ")[0] == path.path}
            assert path.is_difference == (not (noise and its <= ways))
    assert sum(point.compared for point in one.trend) == one.compared
    assert sum(point.failed for point in one.trend) == one.failed
    if one.trend:
        assert (one.trend[-1].compared_so_far, one.trend[-1].failed_so_far) == (
            one.compared,
            one.failed,
        )
    assert (one.inputs.distinct if one.inputs else 0) == len(inputs)
