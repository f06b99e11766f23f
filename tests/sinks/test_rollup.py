"""Many records become few lines, and no count is lost."""

from __future__ import annotations

import collections
import json
import os
import threading

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import ConfigurationError, _guard, flush, launch_of
from darkcall._model import Difference, Outcome, Record
from darkcall._rollup import Rollup
from darkcall._sketch import quantile
from darkcall._storage import MAX_LINE_BYTES, OTHERS
from darkcall._totals import Totals
from darkcall.analysis import read
from darkcall.compare._signature import signature_of
from darkcall.sinks import JsonlSink, LogSink, MemorySink, RollupSink, _fold
from darkcall.sinks import rollup as rollup_module
from darkcall.sinks._line import line_for
from darkcall.sinks._outlet import Outlet


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(rollup_module, "time", clock)
    return clock


class Kept(list):
    """A sink that takes everything, or nothing while it is broken."""

    takes_totals = True
    __hash__ = object.__hash__

    def __init__(self):
        super().__init__()
        self.is_broken = False
        self.asked = []

    def __call__(self, item):
        if self.is_broken:
            raise OSError(28, "no space")
        self.append(item)

    def flush(self, timeout_seconds):
        self.asked.append(("flush", timeout_seconds))

    def close(self):
        self.asked.append("close")

    def after_fork(self):
        self.asked.append("fork")

    @property
    def rollups(self):
        return [item for item in self if isinstance(item, Rollup)]

    @property
    def records(self):
        return [item for item in self if isinstance(item, Record)]


@pytest.fixture
def kept():
    return Kept()


def a_record(number=0, outcome="match", *, at=60.0, source="a-0", **fields):
    values = {"launch": "shop.price", "candidate": "v2", "control_seconds": 0.1, **fields}
    return Record(call_id=f"{source}-{number}", outcome=outcome, at=at, host="web", pid=7, **values)


def some_totals(source="a-0", **fields):
    counts = {"off": 0, "nested": 0, "unsampled": 0, "shadowed": 3}
    candidates = {"v2": {"shadowed": 3, "outcomes": {"match": 3}, "reasons": {}}}
    return Totals(
        source, "shop.price", 61.0, 1.0, "web", 7, **counts, candidates=candidates, **fields
    )


def accounted(items):
    """How often each outcome is accounted for, by launch and candidate."""
    found = collections.Counter()
    for item in items:
        outcomes = item.outcomes if isinstance(item, Rollup) else {item.outcome: 1}
        for outcome, count in outcomes.items():
            found[item.launch, item.candidate, outcome] += count
    return found


def test_a_minute_of_matches_is_one_rollup(kept):
    sink = RollupSink(kept)
    sink.write_batch(
        [
            a_record(
                n, at=60.0 + n / 100, candidate_seconds=0.2, candidate_cpu_seconds=0.05,
                sample_rate=0.5, input_digest=f"{n % 100:03}",
            )
            for n in range(1000)
        ]
    )  # fmt: skip
    assert kept == []
    assert sink.flush(1.0)
    [rollup] = kept
    assert (rollup.source, rollup.launch, rollup.candidate) == ("a-0", "shop.price", "v2")
    assert (rollup.host, rollup.pid, rollup.sample_rate) == ("web", 7, 0.5)
    assert (rollup.began, rollup.ended) == (60.0, 69.99)
    assert rollup.outcomes == {"match": 1000}
    assert (rollup.cpu_seconds, rollup.cpu_measured) == (pytest.approx(50.0), 1000)
    assert rollup.inputs == [f"{n:03}" for n in range(64)]
    assert rollup.inputs_counted == 1000
    for sketch, value in (
        (rollup.control_seconds, 0.1), (rollup.candidate_seconds, 0.2), (rollup.ratio, 2.0),
    ):  # fmt: skip
        counts = {int(index): count for index, count in sketch["counts"].items()}
        assert quantile(0.5, sketch["zeros"], counts) == pytest.approx(value, rel=0.025)
        assert sum(counts.values()) == 1000


def test_the_first_records_of_each_kind_are_kept_in_full(kept):
    sink = RollupSink(kept, max_per_signature=2)
    kinds = [
        ("mismatch", {"signature": "s1", "confirmation": "deterministic"}),
        ("mismatch", {"signature": "s2"}),
        ("candidate_error", {}),
        ("timeout", {"reason": "deadline"}),
        ("skipped", {"reason": "cannot copy"}),
    ]
    for number in range(5):
        for outcome, fields in kinds:
            sink(a_record(number, outcome, **fields))
    sink.flush(1.0)
    in_full = collections.Counter((r.outcome, r.signature, r.reason) for r in kept.records)
    assert set(in_full.values()) == {2}
    assert len(in_full) == len(kinds)
    [rollup] = kept.rollups
    assert rollup.outcomes == {"mismatch": 6, "candidate_error": 3, "timeout": 3, "skipped": 3}
    assert rollup.signatures == {"s1": 3, "s2": 3}
    assert rollup.reasons == {"deadline": 3, "cannot copy": 3}
    assert rollup.confirmations == {"deterministic": 3}


def test_a_span_ends_with_a_record_of_a_later_one_whatever_its_launch(kept):
    sink = RollupSink(kept, seconds=60)
    sink(a_record(at=119.9))
    sink(a_record(at=120.0, launch="other", source="a-1"))
    assert [rollup.launch for rollup in kept] == ["shop.price"]
    sink(a_record(at=119.0))
    sink(a_record(at=179.0))
    assert len(kept) == 1


def test_a_clock_that_is_set_back_does_not_keep_a_span_open(kept, clock):
    sink = RollupSink(kept, seconds=60)
    sink(a_record(at=1e9))
    clock.now += 59
    sink(a_record(at=60.0))
    assert kept == []
    clock.now += 1
    sink(a_record(at=120.0))
    assert [rollup.outcomes for rollup in kept] == [{"match": 2}]


def test_a_flush_writes_what_is_open_and_lets_no_more_be_kept_in_full(kept):
    sink = RollupSink(kept, max_per_signature=1)
    for number in range(4):
        sink(a_record(number, "mismatch", signature="s"))
        sink.flush(1.0)
    assert len(kept.records) == 1
    assert accounted(kept)["shop.price", "v2", "mismatch"] == 4
    sink(a_record(5, "mismatch", at=120.0, signature="s"))
    assert len(kept.records) == 2


def test_each_context_has_a_rollup_until_there_are_too_many(kept):
    sink = RollupSink(kept, max_contexts=2)
    contexts = [
        {"tenant": 1, "b": 2}, {"b": 2, "tenant": 1}, {"tenant": True, "b": 2},
        {"tenant": 3}, {"tenant": 4}, None, {"tenant": float("nan")}, {"tenant": {1}},
    ]  # fmt: skip
    sink.write_batch([a_record(n, context=context) for n, context in enumerate(contexts)])
    sink.close()
    assert [(r.context, r.is_mixed, r.outcomes["match"]) for r in kept] == [
        ({"tenant": 1, "b": 2}, False, 2),
        ({"tenant": True, "b": 2}, False, 1),
        (None, True, 4),
        (None, False, 1),
    ]


def test_a_million_kinds_take_no_more_room_than_a_thousand(kept, monkeypatch):
    monkeypatch.setattr(_fold, "MAX_KINDS", 50)
    monkeypatch.setattr(_fold, "MAX_IN_FULL", 20)
    sink = RollupSink(kept)
    for n in range(3000):
        fields = {"signature": f"{n}" * 100, "reason": f"{n}", "context": {"half": n % 2}}
        sink(a_record(n, "mismatch", **fields))
    sink.flush(1.0)
    assert len(kept.records) == 20
    assert accounted(kept)["shop.price", "v2", "mismatch"] == 3000
    kinds = 0
    for rollup in kept.rollups:
        for counts in (rollup.signatures, rollup.reasons):
            assert sum(counts.values()) == rollup.outcomes["mismatch"]
            assert all(len(key) <= _fold.MAX_KEY for key in counts)
            kinds += len(counts.keys() - {OTHERS})
        assert len(line_for(rollup)) <= MAX_LINE_BYTES
    assert kinds == 50


def test_what_has_no_size_is_counted_with_the_zeros(kept):
    sink = RollupSink(kept)
    sink(a_record(control_seconds=0.0, candidate_seconds=float("inf")))
    sink.flush(1.0)
    [rollup] = kept
    assert rollup.control_seconds == rollup.candidate_seconds == {"zeros": 1, "counts": {}}
    assert rollup.ratio == {}


def test_spellings_that_are_remembered_are_bounded(kept, monkeypatch):
    monkeypatch.setattr(_fold, "_MAX_SPELLINGS", 1)
    sink = RollupSink(kept)
    for n in range(6):
        sink(a_record(n, context={"tenant": n % 2}))
    sink.flush(1.0)
    assert [rollup.outcomes for rollup in kept] == [{"match": 3}, {"match": 3}]


def test_a_record_that_cannot_be_written_in_full_is_counted(kept):
    sink = RollupSink(kept)
    kept.is_broken = True
    sink(a_record(1, "mismatch", signature="s"))
    assert not sink.flush(1.0)
    assert not sink.close()
    assert any("writing to Kept (No space left on device)" in line for _, line in _guard._waiting)
    kept.is_broken = False
    sink(a_record(2, at=180.0))
    assert [rollup.outcomes for rollup in kept] == [{"mismatch": 1}]
    assert kept[0].signatures == {"s": 1}


def test_rollups_that_could_not_be_written_are_merged_into_the_next(kept):
    sink = RollupSink(kept, max_per_signature=1)
    for minute in range(1, 4):
        kept.is_broken = minute > 1
        sink(a_record(minute, "mismatch", at=60.0 * minute, signature="s"))
        sink(a_record(minute, at=60.0 * minute + 1))
    kept.is_broken = False
    assert sink.flush(1.0)
    assert accounted(kept) == {
        ("shop.price", "v2", "mismatch"): 3,
        ("shop.price", "v2", "match"): 3,
    }
    assert [(r.began, r.ended) for r in kept.rollups] == [(61.0, 181.0)]


def test_a_rollup_that_fails_takes_no_other_with_it(kept):
    refused = []

    def picky(item):
        if item.launch == "bad" and not refused:
            refused.append(item)
            raise ValueError
        kept(item)

    sink = RollupSink(picky)
    sink.write_batch([a_record(1, launch="bad"), a_record(2, launch="good")])
    assert not sink.flush(1.0)
    assert [rollup.launch for rollup in kept] == ["good"]
    assert sink.flush(1.0)
    assert [rollup.launch for rollup in kept] == ["good", "bad"]


def test_what_is_addressed_to_the_program_passes(kept):
    def interrupted(item):
        raise KeyboardInterrupt

    sink = RollupSink(interrupted)
    with pytest.raises(KeyboardInterrupt):
        sink(a_record(1, "mismatch", signature="s"))


def test_totals_follow_the_rollups_of_what_they_count(kept):
    sink = RollupSink(kept)
    assert sink.takes_totals
    first, other, newer = some_totals(), some_totals("b-0"), some_totals(sample_rate=1.0)
    sink(first)
    sink.write_batch([a_record(1), some_totals(), other, newer])
    assert kept == [first, other]
    sink(a_record(2, at=120.0))
    assert [type(item) for item in kept[2:]] == [Rollup, Totals]
    assert kept[3] is newer
    sink(some_totals(is_final=True))
    assert [type(item) for item in kept[4:]] == [Rollup, Totals]
    assert kept[5].is_final


def test_the_last_totals_of_a_launch_do_not_cut_the_spans_of_others_short(kept):
    sink = RollupSink(kept)
    sink(attrs.evolve(a_record(), call_id="b-0-1"))
    sink(attrs.evolve(a_record(), call_id="a-0-1"))
    sink(some_totals("a-0", is_final=True))
    assert [type(item) for item in kept] == [Rollup, Totals]
    assert {item.source for item in kept} == {"a-0"}


def test_totals_that_could_not_be_written_are_written_later(kept):
    sink = RollupSink(kept)
    kept.is_broken = True
    sink(some_totals())
    sink(a_record())
    assert not sink.flush(1.0)
    kept.is_broken = False
    assert sink.flush(1.0)
    assert [type(item) for item in kept] == [Rollup, Totals]


def test_a_sink_that_takes_no_totals_gets_none():
    memory = MemorySink()
    sink = RollupSink(memory)
    assert not sink.takes_totals
    sink(some_totals())
    assert memory.records == []


def test_a_rollup_passes_through(kept):
    rollup = Rollup("a-0", "shop.price", "v2", 1.0, 2.0, "web", 7, {"match": 3})
    RollupSink(kept)(rollup)
    assert kept == [rollup]


def test_flush_and_close_reach_the_sink(kept, clock):
    sink = RollupSink(kept)
    assert sink.flush(2.0)
    assert sink.close()
    assert kept.asked == [("flush", 2.0), "close"]
    kept.flush = kept.close = lambda *_: False
    assert not sink.flush(2.0)
    assert not sink.close()
    assert RollupSink(print).close()
    assert repr(sink) == "<RollupSink in front of Kept>"


def test_a_child_starts_with_nothing_of_its_parents(kept, monkeypatch):
    sink = RollupSink(kept)
    sink(a_record())
    sink(some_totals())
    sink._lock.acquire()
    sink.after_fork()
    assert kept.asked == []
    monkeypatch.setattr(os, "getpid", lambda: -1)
    sink.after_fork()
    assert kept.asked == ["fork"]
    assert sink.flush(1.0)
    assert kept == []
    other = RollupSink(kept.append)
    monkeypatch.setattr(os, "getpid", lambda: -2)
    other.after_fork()


def test_a_fork_splits_the_counts_in_two(run_script, tmp_path):
    printed = run_script(
        """
from darkcall.sinks import RollupSink
sink = RollupSink(JsonlSink(sys.argv[1]))
outlet = Outlet(sink)
for n in range(100):
    outlet.offer(a_record(n))
print(outlet.flush(10))
for n in range(100):
    sink(a_record(n))
child = os.fork()
if not child:
    outlet.after_fork()
    for n in range(7):
        outlet.offer(a_record(n))
    os._exit(not outlet.close(time.monotonic() + 10))
print(os.waitpid(child, 0)[1], outlet.close(time.monotonic() + 10))
""",
        tmp_path / "records",
    )
    assert printed == ["True", "0", "True"]
    files = (tmp_path / "records").iterdir()
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert sorted(json.loads(line)["outcomes"]["match"] for line in lines) == [7, 100, 100]


def test_threads_lose_no_count(kept):
    sink = RollupSink(kept)

    def write(number):
        for n in range(2000):
            outcome = "mismatch" if n % 100 == 0 else "match"
            sink(a_record(n, outcome, at=60.0 * (n // 500), signature=str(number)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.flush(1.0)
    assert accounted(kept) == {
        ("shop.price", "v2", "match"): 7920, ("shop.price", "v2", "mismatch"): 80,
    }  # fmt: skip


RECORDS = st.builds(
    a_record,
    st.integers(0, 9),
    st.sampled_from([outcome.value for outcome in Outcome if outcome is not Outcome.DROPPED]),
    at=st.floats(0, 500),
    source=st.sampled_from(["a-0", "b-1"]),
    candidate=st.sampled_from(["v2", "control"]),
    signature=st.none() | st.sampled_from(["s1", "s2", "s3"]),
    reason=st.none() | st.sampled_from(["r1", "r2"]),
    sample_rate=st.sampled_from([None, 0.5]),
    context=st.none() | st.dictionaries(st.sampled_from("ab"), st.booleans() | st.integers(0, 1)),
    candidate_seconds=st.none() | st.floats(0, 1e6),
    input_digest=st.none() | st.text("abc", max_size=3),
)
STEPS = st.lists(RECORDS | st.sampled_from(["flush", "break", "mend", "totals"]), max_size=60)


@settings(max_examples=150)
@given(STEPS, st.integers(0, 3), st.integers(0, 3))
def test_each_record_is_in_the_sink_once_in_full_or_in_a_count(steps, in_full, contexts):
    kept = Kept()
    sink = RollupSink(kept, max_per_signature=in_full, max_contexts=contexts)
    offered = []
    for step in steps:
        if isinstance(step, Record):
            offered.append(step)
            sink(step)
        elif step == "flush":
            sink.flush(1.0)
        elif step == "totals":
            sink(some_totals())
        else:
            kept.is_broken = step == "break"
    kept.is_broken = False
    assert sink.close()
    items = [item for item in kept if not isinstance(item, Totals)]
    assert accounted(items) == accounted(offered)
    for field, name in (("signature", "signatures"), ("reason", "reasons")):
        counted = collections.Counter(getattr(r, field) for r in kept.records)
        for rollup in kept.rollups:
            counted.update(getattr(rollup, name))
        del counted[None]
        assert counted == collections.Counter(
            getattr(r, field) for r in offered if getattr(r, field) is not None
        )
    digests = sum(r.inputs_counted for r in kept.rollups) + sum(
        r.input_digest is not None for r in kept.records
    )
    assert digests == sum(r.input_digest is not None for r in offered)
    for rollup in kept.rollups:
        assert rollup.inputs == sorted(set(rollup.inputs))


def test_what_is_written_is_read_again(tmp_path):
    sink = RollupSink(JsonlSink(tmp_path))
    sink.write_batch([a_record(n) for n in range(10)])
    sink(a_record(10, "mismatch", signature="s"))
    sink(some_totals(is_final=True))
    sink.close()
    reading = read(tmp_path)
    assert [record["outcome"] for record in reading] == ["mismatch"]
    assert (reading.records, reading.rollups, reading.totals) == (1, 1, 1)
    assert not any(reading.skipped.values())


def test_it_stands_behind_an_outlet_as_any_sink(kept):
    outlet = Outlet(RollupSink(kept))
    for number in range(500):
        outlet.offer(a_record(number))
    assert outlet.flush(5)
    assert accounted(kept) == {("shop.price", "v2", "match"): 500}
    assert outlet.stats().written == 500
    outlet.close(10**9)
    assert "close" in kept.asked


def test_calls_of_a_launch_are_counted(dark, tmp_path):
    @dark(candidate=lambda n: n if n % 50 else -1, sinks=[RollupSink(JsonlSink(tmp_path))])
    def control(n):
        return n

    for number in range(1, 201):
        control(number)
    assert flush(timeout=10)
    reading = read(tmp_path)
    assert [record["outcome"] for record in reading] == ["mismatch"] * 2
    [rollup] = [
        json.loads(line)
        for path in tmp_path.iterdir()
        for line in path.read_text().splitlines()
        if '"kind":"rollup"' in line
    ]
    assert rollup["outcomes"] == {"match": 196, "mismatch": 2}
    assert sum(rollup["signatures"].values()) == 2
    [(name, stats)] = launch_of(control).stats().sinks.items()
    assert (name, stats.offered, stats.written) == ("RollupSink", 200, 200)


@pytest.mark.parametrize(
    ("sink", "options", "said"),
    [
        ("records", {}, "is no sink"),
        (MemorySink, {}, "is a class"),
        (LogSink(), {}, "takes no rollups"),
        (print, {"seconds": 0}, "seconds=0 must be"),
        (print, {"seconds": True}, "seconds=True must be"),
        (print, {"seconds": float("inf")}, "seconds=inf must be"),
        (print, {"seconds": "60"}, "seconds='60' must be"),
        (print, {"max_per_signature": -1}, "max_per_signature=-1 must be"),
        (print, {"max_contexts": 1.5}, r"max_contexts=1\.5 must be"),
    ],
)
def test_what_makes_no_sense_is_refused(sink, options, said):
    with pytest.raises(ConfigurationError, match=said):
        RollupSink(sink, **options)


@settings(max_examples=40)
@given(st.data())
def test_a_line_is_never_too_long_and_counts_as_much(data):
    texts = st.sampled_from(["", "a", "\u2028" * 40_000])
    many = st.integers(0, 1500).map(lambda n: {f"{i}\u2028" * 10: i + 1 for i in range(n)})
    sketch = st.integers(0, 2000).map(
        lambda n: {"zeros": 1, "counts": {str(i - n // 2): 7 for i in range(n)}} if n else {}
    )
    rollup = Rollup(
        *(data.draw(texts) for _ in range(3)), 1.0, 2.0, data.draw(texts), 7, {"match": 10**6},
        signatures=data.draw(many), reasons=data.draw(many), confirmations=data.draw(many),
        context=data.draw(st.none() | st.just({"tenant": "x" * 40_000})),
        control_seconds=data.draw(sketch), candidate_seconds=data.draw(sketch),
        ratio=data.draw(sketch), inputs=data.draw(st.just([]) | st.just(["\u2028" * 100] * 64)),
    )  # fmt: skip
    line = line_for(rollup)
    assert len(line) <= MAX_LINE_BYTES
    written = json.loads(line)
    for field in ("signatures", "reasons", "confirmations"):
        assert sum(written.get(field, {}).values()) == sum(getattr(rollup, field).values())
    for field in ("control_seconds", "candidate_seconds", "ratio"):
        before = getattr(rollup, field).get("counts", {})
        assert sum(written.get(field, {"counts": {}})["counts"].values()) == sum(before.values())
    changed = {name for name, value in rollup.to_dict().items() if written.get(name) != value}
    assert changed - {"is_mixed"} == set(written.get("truncated", []))
    assert written["is_mixed"] == ("context" in changed)


def test_what_is_short_already_stays_as_it_is():
    sketch = {"zeros": 1, "counts": {"-3": 2, "7": 1}}
    rollup = Rollup(
        "a-0", "shop.price", "v2", 1.0, 2.0, "web", 7, {"mismatch": 4}, signatures={"s": 4},
        control_seconds=sketch, inputs=["\u2028" * 100] * 64,
    )  # fmt: skip
    written = json.loads(line_for(rollup))
    assert written["control_seconds"] == sketch
    assert written["truncated"] == ["inputs"]
    assert written["signatures"] == {"s": 4}


@pytest.mark.parametrize("size", [1, 8, 100])
@pytest.mark.parametrize("name", ["v", "v\u2028" * 200])
@pytest.mark.parametrize("reasons", [1, 1000])
def test_totals_are_never_too_long(size, name, reasons):
    totals = attrs.evolve(
        some_totals(control_code="c" * 300),
        candidates={
            f"{number}{name}": {
                "shadowed": number, "outcomes": {"skipped": reasons}, "code": "d" * 300,
                "reasons": {f"r{reason}" * 5: 1 for reason in range(reasons)},
            }
            for number in range(size)
        },
    )  # fmt: skip
    line = line_for(totals)
    assert len(line) <= MAX_LINE_BYTES
    written = json.loads(line)
    assert written["shadowed"] == 3
    assert len(written["candidates"]) >= min(size, 8)
    for candidate in written["candidates"].values():
        assert sum(candidate["reasons"].values()) == reasons
    is_shorter = written["candidates"] != totals.candidates
    assert ("candidates" in written.get("truncated", [])) == is_shorter


def test_totals_of_many_candidates_with_long_texts_still_fit():
    candidate = {"shadowed": 1, "outcomes": {"match": 1}, "reasons": {}, "code": "\u2028" * 3000}
    totals = attrs.evolve(
        some_totals(), launch="\u2028" * 3000, candidates={f"{n}": candidate for n in range(9)}
    )
    line = line_for(totals)
    assert len(line) <= MAX_LINE_BYTES
    written = json.loads(line)
    assert written["truncated"] == ["candidates", "launch"]
    assert [set(one) for one in written["candidates"].values()] == [
        {"shadowed", "outcomes", "reasons"}
    ] * 8


def test_a_signature_is_never_cut_short(kept):
    sink = RollupSink(kept, max_per_signature=0)
    paths = [f"$.of_many_{name}" for name in "abcdefghijklmnopqrstuvwxyz"]
    noise = [Difference(path, "value", 1, 2) for path in paths]
    signatures = [signature_of(noise), signature_of([*noise, Difference("$.total", "value", 1, 2)])]

    for number, signature in enumerate(signatures):
        sink(a_record(number, "mismatch", signature=signature))
    sink.flush(1.0)

    assert kept.rollups[0].signatures == dict.fromkeys(signatures, 1)


def test_a_rollup_of_nothing_but_long_texts_fits_in_a_line():
    long = "x" * 40_000
    rollup = Rollup(
        source="aa11-0",
        launch=long,
        candidate=long,
        began=1.0,
        ended=2.0,
        host=long,
        pid=7,
        outcomes={"match": 3},
    )
    line = line_for(rollup)

    assert len(line) <= MAX_LINE_BYTES
    assert json.loads(line)["outcomes"] == {"match": 3}
