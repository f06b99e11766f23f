"""The rate of differences over time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from ._bounds import bounds
from ._findings import Point


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

_TAGGED: Final = """
CREATE OR REPLACE TEMP TABLE tagged AS
SELECT ids.*, began, length, points FROM ids JOIN (
    SELECT unnest($cids) AS cid, unnest($begins) AS began, unnest($lengths) AS length,
        unnest($points) AS points
) USING (cid);
"""

_POINT_OF: Final = """
CREATE OR REPLACE TEMP MACRO point_of(moment, began, length, points) AS
greatest(0, least(points - 1, CAST(floor((moment - began) / length) AS BIGINT)))
"""

_ROLLUPS: Final = """
SELECT cid, point_of(at_first, began, length, points) AS point, outcome <> 'match' AS has_failed,
    CAST(sum(n) AS BIGINT)
FROM (
    SELECT source, launch, candidate, began AS at_first,
        unnest(map_keys(entries)) AS outcome, unnest(map_values(entries)) AS n
    FROM (SELECT *, CAST(CAST(outcomes AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled)
)
JOIN tagged USING (source, launch, candidate)
WHERE outcome IN ('match', 'mismatch', 'candidate_error', 'timeout') GROUP BY ALL
"""


@attrs.frozen
class Span:
    """The time that a trend covers.

    Attributes:
        begin: Its beginning, in seconds since 1970-01-01 UTC.
        length: The length of one point, in seconds.
        points: How many points there are.
    """

    begin: float
    length: float
    points: int


def lay_out(
    connection: duckdb.DuckDBPyConnection, whole: Mapping[int, tuple[float, float]], now: float
) -> dict[int, Span]:
    """Divide time into points of equal length, by candidate; makes the table ``tagged``.

    A few dates that are far from all others do not stretch it, nor do dates in the future: their
    calls count in the first or the last point.

    Args:
        connection: With the tables that ``prepare`` makes.
        whole: By candidate, when the first and the last call began.
        now: In seconds since 1970-01-01 UTC.
    """
    points = max(_FEWEST_POINTS, min(POINTS, _MOST_POINTS // max(1, len(whole))))
    spans = {}
    for cid, (begin, end) in _robust(connection, whole, now).items():
        length = (end - begin) / points
        spans[cid] = Span(begin, length, points) if length > 0.0 else Span(begin, 1.0, 1)
    connection.execute(
        _TAGGED,
        {
            "cids": list(spans),
            "begins": [span.begin for span in spans.values()],
            "lengths": [span.length for span in spans.values()],
            "points": [span.points for span in spans.values()],
        },
    )
    connection.execute(_POINT_OF)
    return spans


def trend(
    connection: duckdb.DuckDBPyConnection,
    spans: Mapping[int, Span],
    whole_records: Iterable[tuple[int, Mapping[int, int]]],
    confidence: float,
) -> dict[int, list[Point]]:
    """Return the rate over time by candidate, in points of equal length.

    Args:
        connection: With the table that ``lay_out`` makes.
        spans: What that returned.
        whole_records: Candidates with counts of their records: by twice the number of the point,
            and one more for those that failed.
        confidence: Of the bounds.
    """
    counts: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for cid, classes in whole_records:
        for index, n in classes.items():
            counts[cid][index // 2][index % 2] += n
    for cid, point, has_failed, n in connection.execute(_ROLLUPS).fetchall():
        counts[cid][point][has_failed] += n
    return {cid: _points(spans[cid], counts[cid], confidence) for cid in counts}


def _robust(
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


def _points(span: Span, counts: Mapping[int, list[int]], confidence: float) -> list[Point]:
    points = []
    compared_so_far = failed_so_far = 0
    low, high = bounds(0, 0, confidence)
    for index in range(span.points):
        matched, failed = counts.get(index, (0, 0))
        if matched or failed:
            compared_so_far += matched + failed
            failed_so_far += failed
            low, high = bounds(failed_so_far, compared_so_far, confidence)
        point = Point(
            at=span.begin + index * span.length,
            compared=matched + failed,
            failed=failed,
            compared_so_far=compared_so_far,
            failed_so_far=failed_so_far,
            low=low,
            high=high,
        )
        points.append(point)
    return points
