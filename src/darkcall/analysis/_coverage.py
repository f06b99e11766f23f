"""What became of all calls: what the processes told, beside what was found."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from ._summary import Coverage


if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

#: Reasons are few; but whoever writes them may put anything there.
_MOST_REASONS: Final = 200

# One row for each process, candidate and outcome; `excess` and `missing` are of the process.  They
# are told by outcome: a match that was found later is not the mismatch that went missing.
_OUTCOMES: Final = """
CREATE OR REPLACE TEMP TABLE accounts AS
WITH
said AS (
    SELECT source, launch, candidate, outcome, sum(sign * n) AS told
    FROM (
        SELECT *, unnest(map_keys(entries)) AS outcome, unnest(map_values(entries)) AS n
        FROM (SELECT *, CAST(outcomes AS MAP(VARCHAR, BIGINT)) AS entries FROM told)
    )
    GROUP BY ALL
),
found AS (
    SELECT source, launch, candidate, outcome, CAST(sum(n) AS BIGINT) AS found
    FROM counted GROUP BY ALL
),
sides AS (
    SELECT source, launch, candidate, outcome,
        coalesce(found, 0) AS found, CAST(greatest(coalesce(told, 0), 0) AS BIGINT) AS told
    FROM found FULL JOIN said USING (source, launch, candidate, outcome)
)
SELECT sides.*, key,
    sum(CASE WHEN outcome = 'dropped' THEN found ELSE greatest(0, found - told) END)
        OVER process AS excess,
    sum(CASE WHEN outcome = 'dropped' THEN 0 ELSE greatest(0, told - found) END)
        OVER process AS missing
FROM sides JOIN ids USING (source, launch, candidate)
WINDOW process AS (PARTITION BY key, source)
"""

# In a span of time, what is told and what is found do not begin and end at the same moment: then
# nothing can be said to be missing.
_BY_OUTCOME: Final = """
SELECT key, outcome,
    CAST(sum(told + CASE WHEN excess > 0 THEN greatest(0, found - told) ELSE 0 END) AS BIGINT),
    CAST(sum(CASE WHEN excess > 0 THEN greatest(0, found - told) ELSE 0 END) AS BIGINT),
    CAST(sum(found + CASE WHEN outcome = 'dropped' OR ($whole AND missing > 0)
        THEN greatest(0, told - found) ELSE 0 END) AS BIGINT)
FROM accounts GROUP BY ALL ORDER BY ALL
"""

_BY_PROCESS: Final = """
WITH
processes AS (
    SELECT key, source, CAST(any_value(excess) AS BIGINT) AS excess,
        CAST(any_value(missing) AS BIGINT) AS missing
    FROM accounts GROUP BY ALL
),
tellers AS (
    SELECT key, source, sum(off) AS off, sum(nested) AS nested, sum(unsampled) AS unsampled,
        greatest(0, sum(told.shadowed)) AS shadowed, greatest(0, sum(pending)) AS pending,
        bool_or(is_final) AS is_final
    FROM told JOIN ids USING (source, launch, candidate) GROUP BY ALL
    HAVING bool_or(sign = 1)
)
SELECT key, count(*), count(off),
    count(*) FILTER (is_final IS NOT TRUE AND off IS NOT NULL),
    coalesce(sum(off), 0), coalesce(sum(nested), 0), coalesce(sum(unsampled), 0),
    coalesce(sum(shadowed), 0), coalesce(sum(pending), 0),
    coalesce(sum(least(coalesce(pending, 0), coalesce(excess, 0))), 0),
    coalesce(sum(excess), 0), CASE WHEN $whole THEN coalesce(sum(missing), 0) ELSE 0 END,
    coalesce(sum(greatest(0, excess - pending)) FILTER (is_final AND $whole), 0)
FROM processes FULL JOIN tellers USING (key, source) GROUP BY key
"""

# A process that told its totals told all reasons; of the others, records do.
_REASONS: Final = f"""
WITH
said AS (
    SELECT source, launch, candidate, reason, sum(sign * n) AS told
    FROM (
        SELECT *, unnest(map_keys(entries)) AS reason, unnest(map_values(entries)) AS n
        FROM (SELECT *, CAST(reasons AS MAP(VARCHAR, BIGINT)) AS entries FROM told)
    )
    GROUP BY ALL
),
found AS (
    SELECT source, launch, candidate, reason, sum(n) AS found
    FROM (
        SELECT source, launch, candidate, reason, count(*) AS n
        FROM odd WHERE reason IS NOT NULL GROUP BY ALL
        UNION ALL
        SELECT source, launch, candidate, unnest(map_keys(entries)), unnest(map_values(entries))
        FROM (SELECT *, CAST(CAST(reasons AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled)
    )
    GROUP BY ALL
)
SELECT key, reason,
    CAST(sum(greatest(coalesce(told, 0), coalesce(found, 0))) AS BIGINT) AS n
FROM found FULL JOIN said USING (source, launch, candidate, reason)
JOIN ids USING (source, launch, candidate)
GROUP BY key, reason
QUALIFY row_number() OVER (PARTITION BY key ORDER BY n DESC, reason) <= {_MOST_REASONS}
ORDER BY key, n DESC, reason
"""  # noqa: S608 -- numbers of our own


@attrs.frozen
class Account:
    """What became of the calls of one version.

    Attributes:
        coverage: As the processes told it.
        outcomes: As it was found, and what the processes told of beside it.
    """

    coverage: Coverage
    outcomes: dict[str, int]


def accounts(connection: duckdb.DuckDBPyConnection, *, is_whole: bool) -> dict[int, Account]:
    """Return what became of all calls, by version.

    Args:
        connection: With the tables that ``prepare`` makes.
        is_whole: Whether all calls count, and not those of a span of time.

    Returns:
        By the number of the version.
    """
    connection.execute(_OUTCOMES)
    told: dict[int, dict[str, int]] = defaultdict(dict)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    reasons: dict[int, dict[str, int]] = defaultdict(dict)
    added: dict[int, int] = defaultdict(int)
    rows = connection.execute(_BY_OUTCOME, {"whole": is_whole}).fetchall()
    for key, outcome, as_told, more, as_found in rows:
        told[key][outcome] = as_told
        found[key][outcome] = as_found
        added[key] += more
    for key, reason, n in connection.execute(_REASONS).fetchall():
        reasons[key][reason] = n
    result = {}
    for key, *counts in connection.execute(_BY_PROCESS, {"whole": is_whole}).fetchall():
        coverage = _coverage(list(map(int, counts)), added[key], told[key], reasons[key])
        result[key] = Account(coverage, found[key])
    return result


def _coverage(
    counts: list[int], added: int, outcomes: dict[str, int], reasons: dict[str, int]
) -> Coverage:
    (processes, tellers, not_final, off, nested, unsampled) = counts[:6]
    (shadowed, pending, ended, excess, missing, doubled) = counts[6:]
    # What was pending when totals were told has come to an end since.
    shadowed += added - ended
    return Coverage(
        calls=off + nested + unsampled + shadowed if tellers else None,
        off=off,
        nested=nested,
        unsampled=unsampled,
        shadowed=shadowed,
        pending=pending - ended,
        outcomes=outcomes,
        reasons=reasons,
        missing=missing,
        uncounted=excess,
        processes=processes,
        without_totals=processes - tellers,
        not_final=not_final,
        doubled=doubled,
    )


def together(parts: Iterable[Account]) -> Account:
    """Return what became of the calls of several versions."""
    found = list(parts)
    coverages = [part.coverage for part in found]
    numbers = {
        field.name: sum(getattr(coverage, field.name) for coverage in coverages)
        for field in attrs.fields(Coverage)
        if field.name not in {"calls", "outcomes", "reasons"}
    }
    calls = [coverage.calls for coverage in coverages if coverage.calls is not None]
    unknown = sum(coverage.shadowed for coverage in coverages if coverage.calls is None)
    coverage = Coverage(
        calls=sum(calls) + unknown if calls else None,
        outcomes=added_up(coverage.outcomes for coverage in coverages),
        reasons=added_up(coverage.reasons for coverage in coverages),
        **numbers,
    )
    return Account(coverage, added_up(part.outcomes for part in found))


def added_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return counts by name, added up."""
    total: dict[str, int] = defaultdict(int)
    for count in counts:
        for name, n in count.items():
            total[name] += n
    return dict(total)
