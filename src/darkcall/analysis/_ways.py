"""The ways in which calls differ: counted by signature, in records and in rollups alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    import duckdb

# A comparison that was stopped, and a rollup that also counts ignored calls, do not say all about
# a signature: `unsure` keeps these from being taken for noise.
_KINDS: Final = """
CREATE OR REPLACE TEMP TABLE kinds AS
WITH
whole AS (
    SELECT source, launch, candidate, sample_rate AS rate, outcome, signature,
        CASE WHEN signature IS NULL THEN reason END AS reason,
        is_stopped AS unsure, count(*) AS n, min(ts) AS first, max(ts) AS last
    FROM odd WHERE outcome IN ('mismatch', 'candidate_error', 'timeout', 'ignored')
    GROUP BY ALL
),
sums AS (
    SELECT source, launch, candidate, sample_rate AS rate, began AS first, ended AS last,
        coalesce(CAST(json_extract(outcomes, '$.mismatch') AS BIGINT), 0) AS mismatch,
        coalesce(CAST(json_extract(outcomes, '$.candidate_error') AS BIGINT), 0) AS error,
        coalesce(CAST(json_extract(outcomes, '$.timeout') AS BIGINT), 0) AS timeout,
        coalesce(CAST(json_extract(outcomes, '$.ignored') AS BIGINT), 0) AS ignored,
        CAST(CAST(signatures AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries
    FROM rolled
),
outcome_of AS (
    SELECT launch, candidate, signature, arg_max(outcome, n) AS outcome
    FROM whole WHERE signature IN (SELECT unnest(map_keys(entries)) FROM sums) GROUP BY ALL
),
signed AS (
    SELECT *, unnest(map_keys(entries)) AS signature, unnest(map_values(entries)) AS n FROM sums
),
rollup_kinds AS (
    SELECT source, launch, candidate, rate,
        CASE
            WHEN (outcome_of.outcome = 'mismatch' AND mismatch > 0)
                OR (outcome_of.outcome = 'candidate_error' AND error > 0)
                OR (outcome_of.outcome = 'ignored' AND ignored > 0) THEN outcome_of.outcome
            WHEN starts_with(signature, '$ raised ') AND error > 0 THEN 'candidate_error'
            WHEN mismatch > 0 THEN 'mismatch'
            WHEN error > 0 THEN 'candidate_error'
            ELSE 'ignored' END AS outcome,
        signature, ignored > 0 AS unsure, n, first, last
    FROM signed LEFT JOIN outcome_of USING (launch, candidate, signature)
    UNION ALL
    SELECT source, launch, candidate, rate, 'timeout', NULL, true, timeout, first, last
    FROM sums WHERE timeout > 0
    UNION ALL
    SELECT source, launch, candidate, rate, CASE
            WHEN mismatch > 0 THEN 'mismatch' WHEN error > 0 THEN 'candidate_error'
            ELSE 'ignored' END,
        NULL, true, mismatch + error + ignored - coalesce(list_sum(map_values(entries)), 0),
        first, last
    FROM sums WHERE mismatch + error + ignored > coalesce(list_sum(map_values(entries)), 0)
),
every AS (
    SELECT source, launch, candidate, rate, outcome, signature, reason, unsure, n, first, last
    FROM whole
    UNION ALL
    SELECT source, launch, candidate, rate, outcome, signature, NULL, unsure, n, first, last
    FROM rollup_kinds
)
SELECT key, cid, every.candidate = 'control' AS is_noise, rate, outcome, signature,
    CASE WHEN outcome = 'timeout' THEN 'timeout' ELSE coalesce(signature, reason, outcome) END
        AS label,
    unsure, n, every.first AS first, every.last AS last
FROM every JOIN ids ON every.source = ids.source AND every.launch = ids.launch
    AND every.candidate IN (ids.candidate, 'control')
"""

# A signature is "place kind types; place kind types", or was cut and ends in a checksum.
_WAYS: Final = r"""
CREATE OR REPLACE TEMP TABLE ways AS
SELECT signature, way, CASE
    WHEN regexp_matches(way, '\.\.\. [0-9a-f]{8}$') THEN '(cut)'
    ELSE coalesce(nullif(regexp_extract(way, '^(\$\S*|\(.*\)) ', 1), ''), way) END AS place
FROM (
    SELECT signature, unnest(list_distinct(string_split(signature, '; '))) AS way
    FROM (SELECT DISTINCT signature FROM kinds WHERE signature IS NOT NULL AND outcome <> 'ignored')
)
"""


def prepare_ways(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables ``kinds`` and ``ways``.

    Args:
        connection: With the tables that ``prepare`` makes.
    """
    connection.execute(_KINDS)
    connection.execute(_WAYS)
