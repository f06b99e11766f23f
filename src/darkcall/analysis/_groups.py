"""The most frequent ways in which calls differ, with a few examples of each."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from ._examples import shortened
from ._findings import Group


if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

#: So many groups of a candidate are shown, of those that failed and of those that were ignored.
MOST_GROUPS: Final = 50

_SHOWN: Final = f"""
CREATE OR REPLACE TEMP TABLE shown AS
SELECT *, CAST(row_number() OVER (ORDER BY cid, is_ignored, hits DESC, label, outcome) AS INTEGER)
    AS number
FROM (
    SELECT cid, outcome, label, outcome = 'ignored' AS is_ignored, CAST(sum(n) AS BIGINT) AS hits
    FROM kinds WHERE NOT is_noise GROUP BY cid, outcome, label
    QUALIFY row_number() OVER (
        PARTITION BY cid, is_ignored ORDER BY hits DESC, label, outcome
    ) <= {MOST_GROUPS}
)
"""  # noqa: S608 -- numbers of our own

_LABELLED: Final = """
CREATE OR REPLACE TEMP VIEW labelled AS
SELECT cid, outcome, row_id, ts, confirmation,
    CASE WHEN outcome = 'timeout' THEN 'timeout' ELSE coalesce(signature, reason, outcome) END
        AS label
FROM odd JOIN ids USING (source, launch, candidate)
WHERE outcome IN ('mismatch', 'candidate_error', 'timeout', 'ignored')
"""

# The first, the last, and some of the others: one of three is neither.
_MEMBERS: Final = """
SELECT number, min_by(row_id, ts), max_by(row_id, ts), min_by(row_id, hash(row_id), 3),
    histogram(confirmation) FILTER (confirmation IS NOT NULL)
FROM labelled JOIN shown USING (cid, outcome, label) GROUP BY number
"""

_GROUPS: Final = """
WITH
details AS (
    SELECT number, min(kinds.first) AS first, max(kinds.last) AS last,
        list_sort(list(DISTINCT code) FILTER (code IS NOT NULL)) AS codes,
        any_value(signature) AS signature
    FROM shown JOIN kinds USING (cid, outcome, label) JOIN versions USING (key)
    WHERE NOT is_noise GROUP BY number
),
numbers AS (
    SELECT cid, count(*) AS groups FROM (
        SELECT DISTINCT cid, outcome, label FROM kinds WHERE NOT is_noise
    )
    GROUP BY cid
)
SELECT number, shown.cid, outcome, label, hits, details.first, details.last, codes, groups, is_noisy
FROM shown JOIN details USING (number) JOIN numbers ON numbers.cid = shown.cid
LEFT JOIN signature_classes AS classes
    ON classes.unit = -shown.cid AND classes.signature = details.signature
ORDER BY number
"""

_CONFIRMATIONS: Final = """
WITH folded AS (
    SELECT source, launch, candidate,
        unnest(map_keys(entries)) AS confirmation, unnest(map_values(entries)) AS n
    FROM (
        SELECT *, CAST(CAST(confirmations AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled
    )
),
every AS (
    SELECT source, launch, candidate, confirmation, 1 AS n
    FROM odd WHERE confirmation IS NOT NULL
    UNION ALL SELECT * FROM folded
)
SELECT cid, confirmation, CAST(sum(n) AS BIGINT)
FROM every JOIN ids USING (source, launch, candidate) GROUP BY ALL ORDER BY ALL
"""


def groups(
    connection: duckdb.DuckDBPyConnection,
    measured: Mapping[int, Any],
    failed: Mapping[int, int],
    ignored: Mapping[int, int],
) -> tuple[dict[int, list[Group]], dict[int, int]]:
    """Return the groups of each candidate, and how many more there are.

    Args:
        connection: With the tables that ``noises`` makes.
        measured: By unit, for which noise was measured.
        failed: By candidate, how many calls failed.
        ignored: By candidate, how many were ignored.
    """
    connection.execute(_SHOWN)
    connection.execute(_LABELLED)
    members = {row[0]: row[1:] for row in connection.execute(_MEMBERS).fetchall()}
    chosen = {number: _chosen(*rows[:3]) for number, rows in members.items()}
    bodies = _bodies(connection, [row for rows in chosen.values() for row in rows])
    result: dict[int, list[Group]] = defaultdict(list)
    left_out: dict[int, int] = {}
    for row in connection.execute(_GROUPS).fetchall():
        number, cid, outcome, label, n, first, last, codes, count, is_noisy = row
        of_all = ignored if outcome == "ignored" else failed
        group = Group(
            signature=label,
            outcome=outcome,
            count=n,
            share=n / max(of_all[cid], n),
            first=first,
            last=last,
            versions=tuple(codes or ()),
            is_noise=bool(is_noisy) if -cid in measured and outcome != "ignored" else None,
            confirmations=dict((members.get(number) or [None])[-1] or {}),
            examples=tuple(bodies[row] for row in chosen.get(number, ()) if row in bodies),
        )
        result[cid].append(group)
        left_out[cid] = count - len(result[cid])
    return result, left_out


def confirmations(connection: duckdb.DuckDBPyConnection) -> dict[int, dict[str, int]]:
    """Return how often each confirmation came about, by candidate."""
    result: dict[int, dict[str, int]] = defaultdict(dict)
    for cid, confirmation, n in connection.execute(_CONFIRMATIONS).fetchall():
        result[cid][confirmation] = n
    return result


def _chosen(first: int, last: int, others: list[int]) -> list[int]:
    between = [row for row in others if row not in {first, last}]
    return list(dict.fromkeys([first, *between[:1], last]))


def _bodies(connection: duckdb.DuckDBPyConnection, rows: list[int]) -> dict[int, dict[str, Any]]:
    result = {}
    cursor = connection.execute(
        "SELECT rowid, body FROM records "
        "WHERE rowid IN (SELECT unnest($rows)) AND body IS NOT NULL",
        {"rows": rows},
    )
    while found := cursor.fetchmany(100):
        for row, body in found:
            result[row] = shortened(json.loads(body))
    return result
