"""What the control's disagreement with itself takes away from the candidate's differences.

The unit of the test is one kind of difference at one path, with its types: that a result is a
little off in the control too does not excuse a candidate that raises at the same path.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from ._findings import Noise, PathCount
from ._fisher import fisher_greater


if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

#: So many paths of a candidate are shown, the most frequent.
MOST_PATHS: Final = 200

# What is judged is a version (its number) or a candidate as a whole (its number, negative).
_UNITS: Final = """
CREATE OR REPLACE TEMP TABLE units AS
SELECT key, key AS unit FROM versions UNION ALL SELECT key, -cid FROM versions
"""

_RUNS: Final = """
SELECT unit, CAST(sum(n) AS BIGINT), CAST(sum(n) FILTER (outcome <> 'match') AS BIGINT)
FROM counted JOIN ids USING (source, launch) JOIN units USING (key)
WHERE counted.candidate = 'control'
    AND outcome IN ('match', 'mismatch', 'candidate_error', 'timeout')
GROUP BY unit
"""

_SEEN: Final = """
CREATE OR REPLACE TEMP TABLE seen_in_noise AS
SELECT unit, place, way,
    CAST(coalesce(sum(n) FILTER (NOT is_noise), 0) AS BIGINT) AS hits,
    CAST(sum(n) FILTER (is_noise) AS BIGINT) AS noise_hits
FROM kinds JOIN ways USING (signature) JOIN units USING (key)
WHERE outcome <> 'ignored' AND place <> '(cut)'
GROUP BY ALL HAVING noise_hits > 0
"""

_NOT_SEEN: Final = """
CREATE OR REPLACE TEMP TABLE seen_in_noise
    (unit INTEGER, place VARCHAR, way VARCHAR, hits BIGINT, noise_hits BIGINT)
"""

_CLASSES: Final = """
CREATE OR REPLACE TEMP TABLE real_ways (unit INTEGER, way VARCHAR);
INSERT INTO real_ways SELECT unnest($units), unnest($ways);
CREATE OR REPLACE TEMP TABLE noise_ways AS
SELECT unit, way FROM seen_in_noise ANTI JOIN real_ways USING (unit, way);
CREATE OR REPLACE TEMP TABLE signature_classes AS
SELECT unit, signature, count(noise_ways.way) = count(*) AS is_noisy,
    count(noise_ways.way) > 0 AS has_noise
FROM (
    SELECT DISTINCT unit, signature FROM kinds JOIN units USING (key)
    WHERE unit IN (SELECT unit FROM seen_in_noise)
) AS pairs
JOIN ways USING (signature) LEFT JOIN noise_ways USING (unit, way)
GROUP BY unit, signature
"""

_NOISY: Final = """
SELECT unit, rate,
    CAST(coalesce(sum(n) FILTER (NOT is_noise AND is_noisy AND NOT unsure), 0) AS BIGINT),
    CAST(coalesce(sum(n) FILTER (is_noise AND has_noise), 0) AS BIGINT)
FROM kinds JOIN units USING (key) JOIN signature_classes USING (unit, signature)
WHERE outcome <> 'ignored'
GROUP BY ALL
"""

_PATHS: Final = f"""
WITH
places AS (SELECT DISTINCT signature, place FROM ways),
hits AS (
    SELECT cid, place, CAST(coalesce(sum(n) FILTER (NOT is_noise), 0) AS BIGINT) AS hits,
        CAST(coalesce(sum(n) FILTER (is_noise), 0) AS BIGINT) AS noise_hits
    FROM kinds JOIN places USING (signature) WHERE outcome <> 'ignored'
    GROUP BY cid, place HAVING hits > 0
    QUALIFY row_number() OVER (PARTITION BY cid ORDER BY hits DESC, place) <= {MOST_PATHS}
),
real AS (
    SELECT DISTINCT cid, place FROM kinds JOIN ways USING (signature)
    JOIN (SELECT cid, place FROM hits) USING (cid, place)
    ANTI JOIN (SELECT -unit AS cid, way FROM noise_ways) USING (cid, way)
    WHERE NOT is_noise AND outcome <> 'ignored'
)
SELECT hits.*, real.place IS NOT NULL FROM hits LEFT JOIN real USING (cid, place)
ORDER BY cid, hits DESC, place
"""  # noqa: S608 -- numbers of our own


@attrs.frozen
class Noises:
    """What running the control again showed, for versions and candidates.

    Attributes:
        runs: By unit, on how many calls it ran again, and on how many of these it differs.
        noisy: By unit and sampling rate, failed calls that differ as the control does.
        noisy_failed: By unit, runs of the control with a difference that counts as noise.
        smallest: By unit and path, the smallest probability found.
        level: The level of the test.
    """

    runs: dict[int, tuple[int, int]]
    noisy: dict[int, dict[float | None, int]]
    noisy_failed: dict[int, int]
    smallest: dict[tuple[int, str], float]
    level: float

    def of(self, unit: int, failed: int) -> Noise | None:
        """Return what it showed for a version or a candidate; None if it never ran again."""
        if unit not in self.runs:
            return None
        noisy = min(failed, sum(self.noisy.get(unit, {}).values()))
        compared, differs = self.runs[unit]
        return Noise(
            compared=compared,
            failed=differs,
            level=self.level,
            real=failed - noisy,
            noisy=noisy,
            noisy_failed=self.noisy_failed.get(unit, 0),
        )


def noise_runs(connection: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, int]]:
    """Return by unit how often the control ran again, and how often it differed from itself.

    Args:
        connection: With the tables that ``prepare`` makes.
    """
    connection.execute(_UNITS)
    rows = connection.execute(_RUNS).fetchall()
    return {unit: (compared, failed or 0) for unit, compared, failed in rows}


def noises(
    connection: duckdb.DuckDBPyConnection,
    runs: dict[int, tuple[int, int]],
    compared: Mapping[int, int],
    level: float,
) -> Noises:
    """Tell the candidate's differences from noise.

    Args:
        connection: With the tables that ``prepare_ways`` makes.
        runs: What ``noise_runs`` returned.
        compared: By unit, how many calls of the candidate were compared.
        level: The level of the test, for all kinds of differences of a unit together (Bonferroni).
    """
    connection.execute(_SEEN if runs else _NOT_SEEN)
    tested = dict(
        connection.execute(
            "SELECT unit, count(*) FROM seen_in_noise WHERE hits > 0 GROUP BY unit"
        ).fetchall()
    )
    smallest: dict[tuple[int, str], float] = {}
    real: list[tuple[int, str]] = []
    cursor = connection.execute("SELECT * FROM seen_in_noise WHERE hits > 0")
    while rows := cursor.fetchmany(10_000):
        for unit, place, way, hits, noise_hits in rows:
            p = _p_value(hits, compared[unit], noise_hits, runs[unit][0])
            smallest[unit, place] = min(p, smallest.get((unit, place), 1.0))
            if p < level / tested[unit]:
                real.append((unit, way))
    statements = _CLASSES.split(";\n")
    connection.execute(statements[0])
    connection.execute(
        statements[1], {"units": [unit for unit, _ in real], "ways": [way for _, way in real]}
    )
    for statement in statements[2:]:
        connection.execute(statement)
    noisy: dict[int, dict[float | None, int]] = defaultdict(dict)
    noisy_failed: dict[int, int] = defaultdict(int)
    for unit, rate, hits, noise_hits in connection.execute(_NOISY).fetchall():
        noisy[unit][rate] = hits
        noisy_failed[unit] += noise_hits
    return Noises(runs, noisy, noisy_failed, smallest, level)


def paths(
    connection: duckdb.DuckDBPyConnection, found: Noises, compared: Mapping[int, int]
) -> dict[int, list[PathCount]]:
    """Return where calls differ, by candidate, the most frequent first.

    Args:
        connection: With the tables that ``noises`` makes.
        found: What that returned.
        compared: By unit, how many calls of the candidate were compared.
    """
    result: dict[int, list[PathCount]] = defaultdict(list)
    for cid, place, hits, noise_hits, is_real in connection.execute(_PATHS).fetchall():
        runs = found.runs.get(-cid, (0, 0))[0]
        p = None
        if runs:
            p = _p_value(hits, compared[-cid], noise_hits, runs)
            p = min(p, found.smallest.get((-cid, place), 1.0))
        path = PathCount(
            path=place,
            count=hits,
            rate=min(1.0, hits / max(1, compared[-cid])),
            noise_count=noise_hits if runs else None,
            noise_rate=min(1.0, noise_hits / runs) if runs else None,
            p_value=p,
            is_difference=is_real,
        )
        result[cid].append(path)
    return result


def _p_value(hits: int, compared: int, noise_hits: int, runs: int) -> float:
    # A rollup does not say which of its signatures are of ignored calls: these may be more.
    return fisher_greater(min(hits, compared), compared, min(noise_hits, runs), runs)
