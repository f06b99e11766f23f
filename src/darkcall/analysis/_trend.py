"""The rate of differences over time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from ._bounds import bounds
from ._summary import Point


if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

POINTS: Final = 60
#: Fewer points each where there are very many candidates: all have so many bounds together.
_MOST_POINTS: Final = 6_000
_FEWEST_POINTS: Final = 12
#: So many records are enough to say when nearly all of them were.
_ENOUGH_RECORDS: Final = 500_000

_SPANS: Final = """
SELECT cid, quantile_disc(ts, 0.001), quantile_disc(ts, 0.999) FROM (
    SELECT launch, candidate, ts FROM picked WHERE row_id % $every = 0
    UNION ALL SELECT launch, candidate, began FROM rolled
)
JOIN (SELECT DISTINCT launch, candidate, cid FROM versions) USING (launch, candidate)
WHERE ts <= $now GROUP BY cid
"""

_COUNTS: Final = """
SELECT cid, greatest(0, least(points - 1, CAST(floor((ts - began) / length) AS BIGINT))) AS point,
    CAST(sum(n) AS BIGINT), CAST(sum(n) FILTER (outcome <> 'match') AS BIGINT)
FROM (
    SELECT launch, candidate, outcome, ts, 1 AS n FROM picked
    UNION ALL
    SELECT launch, candidate, unnest(map_keys(entries)), began, unnest(map_values(entries))
    FROM (SELECT *, CAST(CAST(outcomes AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled)
)
JOIN (
    SELECT DISTINCT launch, candidate, cid FROM versions
) USING (launch, candidate)
JOIN (
    SELECT unnest($cids) AS cid, unnest($begins) AS began, unnest($lengths) AS length,
        unnest($points) AS points
) USING (cid)
WHERE outcome IN ('match', 'mismatch', 'candidate_error', 'timeout') GROUP BY ALL
"""


def trend(
    connection: duckdb.DuckDBPyConnection,
    whole: Mapping[int, tuple[float, float]],
    confidence: float,
    now: float,
) -> dict[int, list[Point]]:
    """Return the rate over time by candidate, in points of equal length.

    A few dates that are far from all others do not stretch it, nor do dates in the future: their
    calls count in the first or the last point.

    Args:
        connection: With the tables that ``prepare`` makes.
        whole: By candidate, when the first and the last call began.
        confidence: Of the bounds.
        now: In seconds since 1970-01-01 UTC.
    """
    spans = _spans(connection, whole, now)
    points = max(_FEWEST_POINTS, min(POINTS, _MOST_POINTS // max(1, len(spans))))
    lengths = {cid: (end - begin) / points or 1.0 for cid, (begin, end) in spans.items()}
    numbers = {cid: points if end > begin else 1 for cid, (begin, end) in spans.items()}
    rows = connection.execute(
        _COUNTS,
        {
            "cids": list(spans),
            "begins": [begin for begin, _ in spans.values()],
            "lengths": [lengths[cid] for cid in spans],
            "points": list(numbers.values()),
        },
    ).fetchall()
    counts: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for cid, point, compared, failed in rows:
        counts[cid][point] = (compared, failed or 0)
    return {
        cid: _points(begin, lengths[cid], numbers[cid], counts[cid], confidence)
        for cid, (begin, _) in spans.items()
        if counts[cid]
    }


def _spans(
    connection: duckdb.DuckDBPyConnection, whole: Mapping[int, tuple[float, float]], now: float
) -> dict[int, tuple[float, float]]:
    (n,) = connection.execute("SELECT count(*) FROM records").fetchall()[0]
    rows = connection.execute(_SPANS, {"every": 1 + n // _ENOUGH_RECORDS, "now": now}).fetchall()
    most = {cid: span for cid, *span in rows}
    result = {}
    for cid, (first, last) in whole.items():
        begin, end = most.get(cid, (first, min(last, now)))
        # The outermost ones, unless they are further out than all others are apart.
        end = min(last, now) if min(last, now) - end <= end - begin else end
        begin = first if begin - first <= end - begin else begin
        result[cid] = (begin, max(begin, end))
    return result


def _points(
    begin: float,
    length: float,
    number: int,
    counts: dict[int, tuple[int, int]],
    confidence: float,
) -> list[Point]:
    points = []
    all_compared = all_failed = 0
    low, high = bounds(0, 0, confidence)
    for index in range(number):
        compared, failed = counts.get(index, (0, 0))
        if compared:
            all_compared += compared
            all_failed += failed
            low, high = bounds(all_failed, all_compared, confidence)
        point = Point(
            at=begin + index * length,
            compared=compared,
            failed=failed,
            compared_so_far=all_compared,
            failed_so_far=all_failed,
            low=low,
            high=high,
        )
        points.append(point)
    return points
