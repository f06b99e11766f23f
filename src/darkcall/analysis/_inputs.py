"""How many different inputs there were.

From the k smallest of evenly spread digests, the number of different ones is (k - 1) divided by
the largest of these as a share of all that there could be: Z. Bar-Yossef, T. S. Jayram, R. Kumar,
D. Sivakumar, L. Trevisan, "Counting distinct elements in a data stream", RANDOM 2002; K. Beyer,
P. J. Haas, B. Reinwald, Y. Sismanis, R. Gemulla, "On synopses for distinct-value estimation under
multiset operations", SIGMOD 2007, which shows that it has no bias.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from ._findings import Inputs


if TYPE_CHECKING:
    import duckdb

#: So many of the smallest digests a rollup keeps.
KEPT: Final = 64
_HEX_DIGITS: Final = 16

_WHOLE: Final = """
SELECT cid, CAST(sum(n) AS BIGINT), count(*) FROM (
    SELECT cid, input, count(*) AS n FROM picked
    JOIN (SELECT DISTINCT launch, candidate, cid FROM versions) USING (launch, candidate)
    WHERE input IS NOT NULL GROUP BY cid, input
)
GROUP BY cid
"""

_ROLLUPS: Final = """
SELECT cid, CAST(sum(inputs_counted) AS BIGINT)
FROM rolled JOIN ids USING (source, launch, candidate)
GROUP BY cid HAVING sum(inputs_counted) > 0
"""

# Whether a digest is among those of the records too tells how many inputs are in both.
_SMALLEST: Final = f"""
WITH
digests AS (
    SELECT DISTINCT cid, digest FROM (
        SELECT cid, unnest(CAST(CAST(inputs AS JSON) AS VARCHAR[])) AS digest
        FROM rolled JOIN ids USING (source, launch, candidate)
    )
    QUALIFY dense_rank() OVER (PARTITION BY cid ORDER BY digest) <= {KEPT}
),
in_records AS (
    SELECT DISTINCT cid, input FROM picked JOIN ids USING (source, launch, candidate)
    WHERE input IN (SELECT hash(digest) FROM digests)
)
SELECT digests.cid, digest, in_records.input IS NOT NULL
FROM digests LEFT JOIN in_records
    ON in_records.cid = digests.cid AND in_records.input = hash(digest)
ORDER BY digests.cid, digest
"""  # noqa: S608 -- numbers of our own


def inputs(connection: duckdb.DuckDBPyConnection) -> dict[int, Inputs]:
    """Return how many different inputs there were, by candidate.

    Args:
        connection: With the tables that ``prepare`` makes.
    """
    whole = {cid: (n, distinct) for cid, n, distinct in connection.execute(_WHOLE).fetchall()}
    rolled = dict(connection.execute(_ROLLUPS).fetchall())
    smallest: dict[int, dict[str, bool]] = defaultdict(dict)
    if rolled:
        for cid, digest, is_in_both in connection.execute(_SMALLEST).fetchall():
            smallest[cid][digest] = is_in_both
    result = {}
    for cid in whole.keys() | rolled.keys():
        counted, distinct = whole.get(cid, (0, 0))
        digests = smallest[cid]
        new = estimated(list(digests))
        if digests:
            new *= 1 - sum(digests.values()) / len(digests)
        result[cid] = Inputs(
            counted=counted + rolled.get(cid, 0),
            distinct=distinct + round(new),
            is_estimate=len(digests) >= KEPT,
        )
    return result


def estimated(digests: list[str]) -> float:
    """Return how many different digests there are, of which these are the smallest.

    Args:
        digests: Hexadecimal, different and sorted; all of them if they are fewer than 64.

    Example:
        >>> estimated(["00", "7f"])
        2.0
    """
    if len(digests) < KEPT:
        return float(len(digests))
    try:
        largest = int(digests[-1][:_HEX_DIGITS].ljust(_HEX_DIGITS, "0"), 16)
    except ValueError:
        # Not digests of this library: so many there are at least.
        return float(len(digests))
    return max(float(len(digests)), (len(digests) - 1) * 16.0**_HEX_DIGITS / max(1, largest))
