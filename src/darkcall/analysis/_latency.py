"""How long the two sides took: counts of classes, added up by the database."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import attrs

from darkcall._sketch import GAMMA, SMALLEST, value_of

from ._findings import Distribution, Latency


if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

SHARES: Final = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
#: So many calls on which both ran on workers are enough to compare these alone.
FAIR_PAIRS: Final = 30
#: Below any class there is.
_ZEROS: Final = -32768

_INDEX: Final = f"""
CREATE OR REPLACE TEMP MACRO class_of(x) AS
CASE WHEN x > {SMALLEST!r} THEN CAST(ceil(ln(x) / ln({GAMMA!r}::DOUBLE)) AS INTEGER)
    WHEN x IS NOT NULL THEN {_ZEROS} END;
CREATE OR REPLACE TEMP MACRO ratio_of(x, y) AS
CASE WHEN x > {SMALLEST!r} AND y > {SMALLEST!r} THEN x / y END
"""

# What it takes to go over all records is paid once: for the trend too.
_RECORDS: Final = """
SELECT key, CASE WHEN GROUPING(a) = 0 THEN 'control' WHEN GROUPING(b) = 0 THEN 'candidate'
        WHEN GROUPING(c) = 0 THEN 'ratio' ELSE 'trend' END AS side,
    coalesce(a, b, c, d) AS class, count(*) AS n
FROM (
    SELECT key, class_of(control_seconds) AS a, class_of(candidate_seconds) AS b,
        class_of(ratio_of(candidate_seconds, control_seconds)) AS c,
        CASE outcome WHEN 'match' THEN 0 WHEN 'mismatch' THEN 1 WHEN 'candidate_error' THEN 1
            WHEN 'timeout' THEN 1 END + 2 * point_of(ts, began, length, points) AS d
    FROM picked JOIN tagged USING (source, launch, candidate)
)
GROUP BY GROUPING SETS ((key, a), (key, b), (key, c), (key, d)) HAVING class IS NOT NULL
"""

# By itself, so that the database knows how few these are, and keeps them instead of the others.
_AGAIN: Final = """
CREATE OR REPLACE TEMP TABLE again AS
SELECT source, launch, number, candidate_seconds AS seconds
FROM picked WHERE candidate = 'control' AND number IS NOT NULL
"""

_FAIR: Final = """
SELECT key, 'fair' AS side, class_of(ratio_of(candidate_seconds, seconds)) AS class, count(*) AS n
FROM picked JOIN again USING (source, launch, number) JOIN ids USING (source, launch, candidate)
GROUP BY ALL HAVING class IS NOT NULL
"""

_ROLLUPS: Final = f"""
WITH sketches AS (
    SELECT key, unnest(['control', 'candidate', 'ratio']) AS side, CAST(
        unnest([control_seconds, candidate_seconds, ratio]) AS JSON) AS sketch
    FROM rolled JOIN ids USING (source, launch, candidate)
)
SELECT key, side, class, CAST(sum(n) AS BIGINT) AS n FROM (
    SELECT key, side, {_ZEROS} AS class, CAST(json_extract(sketch, '$.zeros') AS BIGINT) AS n
    FROM sketches
    UNION ALL
    SELECT key, side, CAST(unnest(map_keys(counts)) AS INTEGER), unnest(map_values(counts))
    FROM (
        SELECT *, CAST(json_extract(sketch, '$.counts') AS MAP(VARCHAR, BIGINT)) AS counts
        FROM sketches
    )
)
WHERE n > 0 GROUP BY key, side, class
"""  # noqa: S608 -- numbers of our own

_IN_LISTS: Final = """
SELECT key, side, list(class), list(n) FROM ({statement}) GROUP BY key, side
"""

_CPU: Final = """
SELECT key, sum(cpu), CAST(sum(cpu_n) AS BIGINT) FROM (
    SELECT source, launch, candidate, cpu, cpu_n FROM counted
    UNION ALL
    SELECT source, launch, candidate, cpu_seconds, cpu_measured FROM rolled
)
JOIN ids USING (source, launch, candidate) GROUP BY key
"""


@attrs.define
class Timings:
    """How long the calls of one version took, to be added up.

    Attributes:
        classes: For each side, how many values there are in each class; for ``trend``, how many
            records there are at each point, as ``trend`` wants them.
        cpu_seconds: The candidate's CPU time.
        cpu_measured: On how many calls it was measured.
    """

    classes: dict[str, dict[int, int]] = attrs.field(
        factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    cpu_seconds: float = 0.0
    cpu_measured: int = 0

    def add(self, side: str, classes: Iterable[int], numbers: Iterable[int]) -> None:
        """Count values of one side by their classes."""
        counts = self.classes[side]
        for index, n in zip(classes, numbers, strict=True):
            counts[index] += n

    def latency(self) -> Latency:
        """Return what it comes to."""
        fair = self.classes.get("fair", {})
        is_fair = sum(fair.values()) >= FAIR_PAIRS
        return Latency(
            control=_distribution(self.classes.get("control", {})),
            candidate=_distribution(self.classes.get("candidate", {})),
            ratio=_distribution(fair if is_fair else self.classes.get("ratio", {})),
            is_fair=is_fair,
            candidate_cpu_seconds=self.cpu_seconds,
            cpu_measured=self.cpu_measured,
        )


def timings(
    connection: duckdb.DuckDBPyConnection, *, is_noise_measured: bool
) -> dict[int, Timings]:
    """Return how long calls took, by version.

    Args:
        connection: With the tables that ``prepare`` and ``lay_out`` make.
        is_noise_measured: Whether a control ran again.
    """
    connection.execute(_INDEX)
    if is_noise_measured:
        connection.execute(_AGAIN)
    result: dict[int, Timings] = defaultdict(Timings)
    for statement in (_RECORDS, _ROLLUPS, *((_FAIR,) if is_noise_measured else ())):
        cursor = connection.execute(_IN_LISTS.format(statement=statement))
        for key, side, classes, numbers in cursor.fetchall():
            result[key].add(side, classes, numbers)
    for key, seconds, measured in connection.execute(_CPU).fetchall():
        result[key].cpu_seconds = seconds or 0.0
        result[key].cpu_measured = measured
    return result


def timings_together(parts: Iterable[Timings]) -> Timings:
    """Return how long the calls of several versions took."""
    total = Timings()
    for part in parts:
        for side, classes in part.classes.items():
            total.add(side, classes.keys(), classes.values())
        total.cpu_seconds += part.cpu_seconds
        total.cpu_measured += part.cpu_measured
    return total


def _distribution(classes: dict[int, int]) -> Distribution:
    zeros = classes.get(_ZEROS, 0)
    counts = {index: classes[index] for index in sorted(classes) if index != _ZEROS}
    return Distribution(
        count=zeros + sum(counts.values()),
        zeros=zeros,
        counts=counts,
        quantiles=quantiles(zeros, counts),
    )


def quantiles(zeros: int, counts: dict[int, int]) -> dict[float, float]:
    """Return the values at ``SHARES``, as :func:`darkcall._sketch.quantile` does, in one go.

    Args:
        zeros: How many values have no class.
        counts: How many values each class has; in the order of the classes.
    """
    indexes = list(counts)
    sums = list(accumulate(counts.values(), initial=zeros))
    found = {}
    for share in SHARES:
        place = bisect_left(sums, share * sums[-1] - 1e-9)
        found[share] = value_of(indexes[place - 1]) if place else 0.0
    return found
