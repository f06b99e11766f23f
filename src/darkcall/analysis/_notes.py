"""What a reader should know beside the figures."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from darkcall._text import one_line


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from ._working import Key

#: What a candidate is called that has no name of its own.
_UNNAMED: Final = "candidate"
#: A clock that is off by less is nothing to speak of.
_SECONDS: Final = 60.0

# A process counts from its first call on; whatever began before, its clock was set back.
_SET_BACK: Final = """
SELECT cid, count(DISTINCT source) FROM (
    SELECT source, launch, candidate, min(first) AS first FROM counted GROUP BY ALL
)
JOIN (SELECT source, launch, candidate, since FROM told WHERE sign = 1)
    USING (source, launch, candidate)
JOIN ids USING (source, launch, candidate)
WHERE first < since - $seconds GROUP BY cid
"""

# A process has both launches at once, as they are: a name changes with the code.
_HAS_BOTH: Final = """
SELECT count(*) FROM (
    SELECT regexp_replace(source, '-[^-]*$', '') FROM counted WHERE launch = $before
    INTERSECT SELECT regexp_replace(source, '-[^-]*$', '') FROM counted WHERE launch = $after
)
"""

# Code that was changed in a running process ends before the other begins.
_RIVALS: Final = """
WITH spans AS (
    SELECT regexp_replace(source, '-[^-]*$', '') AS process, cid, key,
        min(first) AS first, max(last) AS last
    FROM counted JOIN ids USING (source, launch, candidate)
    WHERE source <> '' GROUP BY ALL
)
SELECT DISTINCT one.key FROM spans AS one JOIN spans AS other
    ON one.process = other.process AND one.cid = other.cid AND one.key <> other.key
    AND one.first < other.last AND other.first < one.last
"""


def rivals(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Return the versions that ran in one process with another one, under the same names.

    Args:
        connection: With the tables that ``prepare`` makes.
    """
    return {key for (key,) in connection.execute(_RIVALS).fetchall()}


def notes(
    connection: duckdb.DuckDBPyConnection, keys: Sequence[Key], now: float, *, is_whole: bool
) -> dict[int, list[str]]:
    """Return what is to be said of each candidate.

    Args:
        connection: With the tables that ``prepare`` makes.
        keys: The versions that there are.
        now: In seconds since 1970-01-01 UTC.
        is_whole: Whether all calls count, and not those of a span of time.
    """
    result: dict[int, list[str]] = defaultdict(list)
    candidates: dict[int, list[Key]] = defaultdict(list)
    for key in keys:
        candidates[key.cid].append(key)
    for cid, versions in candidates.items():
        if len(versions) > 1:
            result[cid].append(f"{len(versions)} code versions are mixed here: {_codes(versions)}")
        if max(key.last for key in versions) > now + _SECONDS:
            result[cid].append("some calls are dated in the future: a clock is wrong")
        if not is_whole:
            result[cid].append(
                "of a span of time: the totals of processes are told about once a minute, so its "
                "coverage is as exact as that, and it cannot be told what is missing"
            )
    for cid, processes in connection.execute(_SET_BACK, {"seconds": _SECONDS}).fetchall():
        result[cid].append(
            f"the calls of {processes} processes began before these processes counted: their "
            "clocks were set back"
        )
    for before, after in _renamed(candidates):
        names = {"before": before.launch, "after": after.launch}
        if connection.execute(_HAS_BOTH, names).fetchall() != [(0,)]:
            continue
        text = f"looks renamed: {one_line(before.launch)} became {one_line(after.launch)}"
        result[before.cid].append(text)
        result[after.cid].append(text)
    return result


def _codes(versions: Iterable[Key]) -> str:
    texts = [
        key.code if key.control_code is None else f"{key.code} beside control {key.control_code}"
        for key in versions
    ]
    return ", ".join(text or "unknown" for text in texts[-5:])


def _renamed(candidates: dict[int, list[Key]]) -> Iterable[tuple[Key, Key]]:
    """Find launches of the same code, or of the same candidates, one after the other."""
    alike: dict[tuple[str, ...], list[Key]] = defaultdict(list)
    for versions in candidates.values():
        for key in versions:
            if key.control_code is not None and key.code is not None:
                alike["code", key.candidate, key.control_code, key.code].append(key)
            elif key.candidate != _UNNAMED:
                alike["name", key.candidate].append(key)
    for keys in alike.values():
        keys.sort(key=lambda key: key.first)
        for before, after in pairwise(keys):
            if before.launch != after.launch and _is_next(before, after):
                yield before, after


def _is_next(before: Key, after: Key) -> bool:
    spans = (before.last - before.first) + (after.last - after.first)
    # While it is rolled out, both names are in use for a while.
    return abs(after.first - before.last) <= _SECONDS + spans / 10
