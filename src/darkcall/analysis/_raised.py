"""Which exceptions both sides raised, on calls that match and on those that do not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from ._examples import MAX_TEXT
from ._findings import Raised


if TYPE_CHECKING:
    import duckdb

#: So many classes of each side of a candidate are shown, the most frequent.
_MOST_CLASSES: Final = 50

# A rollup keeps no exceptions; but what one side alone raised is in the signature.
_RAISED: Final = f"""
WITH
whole AS (
    SELECT cid, unnest(['control', 'candidate']) AS side,
        unnest([json_extract(body, '$.control_raised'), json_extract(body, '$.candidate_raised')])
            AS raised
    FROM picked JOIN ids USING (source, launch, candidate) WHERE contains(body, '_raised":')
),
signed AS (
    SELECT source, launch, candidate,
        unnest(map_keys(entries)) AS signature, unnest(map_values(entries)) AS n
    FROM (
        SELECT *, CAST(CAST(signatures AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled
    )
),
every AS (
    SELECT cid, side, json_extract_string(raised, '$.type') AS type, count(*) AS n,
        any_value(json_extract_string(raised, '$.message')) AS message
    FROM whole WHERE type IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT cid, CASE WHEN starts_with(signature, '$ raised') THEN 'candidate' ELSE 'control' END,
        regexp_extract(signature, '(\\S+)$', 1), sum(n), NULL
    FROM signed JOIN ids USING (source, launch, candidate)
    WHERE regexp_full_match(signature, '\\$ (not_)?raised \\S+') GROUP BY ALL
)
SELECT cid, side, type, CAST(sum(n) AS BIGINT) AS hits, left(any_value(message), {MAX_TEXT})
FROM every GROUP BY cid, side, type
QUALIFY row_number() OVER (PARTITION BY cid, side ORDER BY hits DESC, type) <= {_MOST_CLASSES}
ORDER BY cid, hits DESC, side, type
"""  # noqa: S608 -- numbers of our own


def raised(connection: duckdb.DuckDBPyConnection) -> dict[int, list[Raised]]:
    """Return the exceptions of both sides by candidate, the most frequent first.

    Args:
        connection: With the tables that ``prepare`` makes.
    """
    result: dict[int, list[Raised]] = defaultdict(list)
    for cid, side, kind, n, message in connection.execute(_RAISED).fetchall():
        result[cid].append(Raised(side=side, type=kind, count=n, message=message))
    return result
