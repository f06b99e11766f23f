"""From records to a summary."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from darkcall._errors import ConfigurationError

from ._bounds import bounds
from ._coverage import Account, accounts, together
from ._groups import confirmations, groups
from ._inputs import inputs
from ._latency import Timings, timings, timings_together
from ._noise import Noises, noise_runs, noises, paths
from ._notes import notes, rivals
from ._parts import Parted, parted
from ._raised import raised
from ._strata import Counts, strata
from ._summary import CandidateSummary, Summary, Version
from ._trend import lay_out, trend
from ._ways import prepare_ways
from ._working import Key, prepare


if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import duckdb

    from ._findings import Latency
    from ._summary import Sources

_COUNTS = """
SELECT key, rate, outcome, CAST(sum(n) AS BIGINT)
FROM counted JOIN ids USING (source, launch, candidate) GROUP BY ALL
"""


def summarise(
    *sources: str | os.PathLike[str],
    by: str | Iterable[str] = (),
    confidence: float = 0.95,
    since: float | None = None,
    until: float | None = None,
    launch: str | None = None,
    candidate: str | None = None,
    progress: Any = None,
) -> Summary:
    """Summarise what was recorded, for each candidate of each launch.

    Args:
        *sources: Directories, files, patterns of them, or SQLite stores, as for :func:`read`.
        by: Keys of the context, as ``"tenant"``: the calls are counted by their values too.
            ``"user.tenant"`` is the key ``tenant`` of what is at ``user``.
        confidence: Of all bounds, between 0 and 1.
        since: Only calls that began then or later, in seconds since 1970-01-01 UTC.  The totals
            of processes are told about once a minute: coverage is as exact as that.
        until: Only calls that began before that.
        launch: Only this launch.
        candidate: Only this candidate.
        progress: Told, now and then, how many bytes were read, and how many there are.

    Returns:
        The summary; without candidates if nothing was recorded of what was asked for.

    Raises:
        ConfigurationError: A source cannot be read, or the confidence cannot be.
    """
    if not 0.0 < confidence < 1.0:
        raise ConfigurationError(
            f"confidence is {confidence!r}: give a number between 0 and 1, as 0.95"
        )
    from ._load import load  # noqa: PLC0415 -- DuckDB is imported when it is used

    with load(sources, progress=progress) as loaded:
        return summary_of(
            loaded.connection,
            loaded.sources,
            by=by,
            confidence=confidence,
            since=since,
            until=until,
            launch=launch,
            candidate=candidate,
        )


def summary_of(
    connection: duckdb.DuckDBPyConnection,
    sources: Sources,
    *,
    by: str | Iterable[str] = (),
    confidence: float = 0.95,
    since: float | None = None,
    until: float | None = None,
    launch: str | None = None,
    candidate: str | None = None,
) -> Summary:
    """Summarise what was loaded; the arguments are those of :func:`summarise`."""
    names = (by,) if isinstance(by, str) else tuple(dict.fromkeys(by))
    now = time.time()
    keys = prepare(connection, since=since, until=until, launch=launch, candidate=candidate)
    found = _Found(
        connection,
        keys,
        names,
        confidence=confidence,
        now=now,
        is_whole=since is None and until is None,
    )
    return Summary(
        confidence=confidence,
        by=names,
        made_at=now,
        sources=sources,
        candidates=tuple(map(found.candidate, sorted({key.cid for key in keys}))),
    )


class _Found:
    """What the database says of all candidates at once, to be put together for each."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        keys: list[Key],
        by: tuple[str, ...],
        *,
        confidence: float,
        now: float,
        is_whole: bool,
    ) -> None:
        self.confidence = confidence
        self.keys: dict[int, list[Key]] = defaultdict(list)
        for key in keys:
            self.keys[key.cid].append(key)
        self.rates = _rates(connection)
        self.compared, self.failed = self._by_unit()
        self.accounts = accounts(connection, is_whole=is_whole)
        runs = noise_runs(connection)
        prepare_ways(connection)
        self.noises: Noises = noises(connection, runs, self.compared, round(1.0 - confidence, 12))
        for unit, rates in self.noises.noisy.items():
            for rate, n in rates.items():
                if unit > 0:
                    self.rates[unit][rate].noisy = n
        self.paths = paths(connection, self.noises, self.compared)
        self.ignored = {cid: self.together(cid).outcomes.get("ignored", 0) for cid in self.keys}
        self.groups, self.left_out = groups(
            connection, runs, {cid: self.failed[-cid] for cid in self.keys}, self.ignored
        )
        self.confirmations = confirmations(connection)
        self.raised = raised(connection)
        whole = {
            cid: (min(key.first for key in each), max(key.last for key in each))
            for cid, each in self.keys.items()
        }
        spans = lay_out(connection, whole, now)
        self.timings = timings(connection, is_noise_measured=bool(runs))
        records = [
            (key.cid, self.timings[key.key].classes["trend"])
            for key in keys
            if "trend" in self.timings[key.key].classes
        ]
        self.trend = trend(connection, spans, records, confidence)
        self.inputs = inputs(connection)
        self.parted: dict[str, Parted] = {
            name: parted(connection, name, is_noise_measured=bool(runs)) for name in by
        }
        self.rivals = rivals(connection)
        self.notes = notes(connection, keys, now, is_whole=is_whole)

    def _by_unit(self) -> tuple[dict[int, int], dict[int, int]]:
        compared: dict[int, int] = defaultdict(int)
        failed: dict[int, int] = defaultdict(int)
        for cid, keys in self.keys.items():
            for key in keys:
                for counts in self.rates[key.key].values():
                    for unit in (key.key, -cid):
                        compared[unit] += counts.compared
                        failed[unit] += counts.failed
        return compared, failed

    def together(self, cid: int) -> Account:
        return together(self.accounts[key.key] for key in self.keys[cid])

    def candidate(self, cid: int) -> CandidateSummary:
        keys = self.keys[cid]
        compared, failed = self.compared[-cid], self.failed[-cid]
        low, high = bounds(failed, compared, self.confidence)
        account = self.together(cid)
        versions = tuple(map(self._version, keys))
        return CandidateSummary(
            launch=keys[0].launch,
            candidate=keys[0].candidate,
            first=min(key.first for key in keys),
            last=max(key.last for key in keys),
            outcomes=account.outcomes,
            compared=compared,
            failed=failed,
            low=low,
            high=high,
            coverage=account.coverage,
            groups=tuple(self.groups.get(cid, ())),
            groups_left_out=self.left_out.get(cid, 0),
            paths=tuple(self.paths.get(cid, ())),
            raised=tuple(self.raised.get(cid, ())),
            reasons=account.coverage.reasons,
            trend=tuple(self.trend.get(cid, ())),
            latency=versions[0].latency if len(keys) == 1 else self._latency(keys),
            noise=self.noises.of(-cid, failed),
            confirmations=self.confirmations.get(cid, {}),
            inputs=self.inputs.get(cid),
            versions=versions,
            notes=(*self.notes.get(cid, ()), *self._notes_of_parts(keys)),
        )

    def _version(self, key: Key) -> Version:
        account = self.accounts[key.key]
        failed = self.failed[key.key]
        return Version(
            control=key.control_code,
            candidate=key.code,
            first=key.first,
            last=key.last,
            outcomes=account.outcomes,
            compared=self.compared[key.key],
            failed=failed,
            coverage=account.coverage,
            strata=strata(self.rates[key.key]),
            noise=self.noises.of(key.key, failed),
            latency=self.timings.get(key.key, Timings()).latency(),
            parts={name: each.parts.get(key.key, ()) for name, each in self.parted.items()},
            has_rival=key.key in self.rivals,
            unparted={name: each.unparted.get(key.key, 0) for name, each in self.parted.items()},
        )

    def _latency(self, keys: list[Key]) -> Latency:
        return timings_together(self.timings.get(key.key, Timings()) for key in keys).latency()

    def _notes_of_parts(self, keys: list[Key]) -> Iterable[str]:
        for name, each in self.parted.items():
            left_out = sum(each.left_out.get(key.key, 0) for key in keys)
            if left_out:
                yield f"{left_out} more values of {name} are not listed"
            if any(key.key in each.mixed for key in keys):
                yield f"some rollups had too many contexts: of their calls {name} is not known"


def _rates(
    connection: duckdb.DuckDBPyConnection,
) -> dict[int, dict[float | None, Counts]]:
    rates: dict[int, dict[float | None, Counts]] = defaultdict(lambda: defaultdict(Counts))
    for key, rate, outcome, n in connection.execute(_COUNTS).fetchall():
        rates[key][rate].add(outcome, n)
    return rates
