"""What every part of a summary starts from: who told what, and which calls are of which version.

Of records there may be many millions: each statement here and beside this goes over all launches
at once, and what comes back to Python is counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs


if TYPE_CHECKING:
    import duckdb

COMPARED: Final = ("match", "mismatch", "candidate_error", "timeout")
FAILED: Final = COMPARED[1:]

# Records whose call_id has another shape are of nobody known: together, or each would be a
# process of its own.
_VIEWS: Final = """
CREATE OR REPLACE TEMP VIEW picked AS
SELECT * REPLACE (CASE WHEN number IS NULL THEN '' ELSE source END AS source), rowid AS row_id
FROM records WHERE {launch} AND {candidate} AND {records};
CREATE OR REPLACE TEMP VIEW rolled AS
SELECT *, rowid AS row_id FROM rollups WHERE {launch} AND {candidate} AND {rollups};
"""

# Totals count from the beginning of a process: of a span of time they tell by what they were at
# its two ends.
_TOLD: Final = """
CREATE OR REPLACE TEMP TABLE newest AS
SELECT *, 1 AS sign FROM totals WHERE {launch} AND {until}
QUALIFY row_number() OVER (PARTITION BY source ORDER BY shadowed DESC, ts DESC, is_final DESC) = 1
UNION ALL
SELECT *, -1 FROM totals WHERE {launch} AND {since}
QUALIFY row_number() OVER (PARTITION BY source ORDER BY shadowed DESC, ts DESC, is_final DESC) = 1;
CREATE OR REPLACE TEMP TABLE told AS
SELECT source, launch, name AS candidate, sign, control_code,
    json_extract_string(entry, '$.code') AS code,
    sign * coalesce(CAST(json_extract(entry, '$.shadowed') AS BIGINT), shadowed) AS shadowed,
    sign * coalesce(CAST(json_extract(entry, '$.pending') AS BIGINT), 0) AS pending,
    json_extract(entry, '$.outcomes') AS outcomes, json_extract(entry, '$.reasons') AS reasons,
    sign * off AS off, sign * nested AS nested, sign * unsampled AS unsampled,
    since, ts, is_final
FROM (
    SELECT *, unnest(map_keys(entries)) AS name, unnest(map_values(entries)) AS entry
    FROM (SELECT *, CAST(CAST(candidates AS JSON) AS MAP(VARCHAR, JSON)) AS entries FROM newest)
)
WHERE {name};
"""

_COUNTED: Final = """
CREATE OR REPLACE TEMP TABLE counted AS
SELECT source, launch, candidate, outcome, sample_rate AS rate, count(*) AS n,
    min(ts) AS first, max(ts) AS last, sum(cpu_seconds) AS cpu, count(cpu_seconds) AS cpu_n
FROM picked GROUP BY ALL
UNION ALL
SELECT source, launch, candidate, outcome, sample_rate, sum(n), min(began), max(ended), 0.0, 0
FROM (
    SELECT *, unnest(map_keys(entries)) AS outcome, unnest(map_values(entries)) AS n
    FROM (SELECT *, CAST(CAST(outcomes AS JSON) AS MAP(VARCHAR, BIGINT)) AS entries FROM rolled)
)
GROUP BY ALL;
"""

# What did not match is seldom much, and is looked at from several sides.
_ODD: Final = """
CREATE OR REPLACE TEMP TABLE odd AS
SELECT row_id, source, launch, candidate, outcome, ts, sample_rate, reason, signature, confirmation,
    coalesce(contains(body, '"stopped":'), false) AS is_stopped
FROM picked WHERE outcome <> 'match';
"""

_IDS: Final = """
CREATE OR REPLACE TEMP TABLE known AS
WITH pairs AS (
    SELECT source, launch, candidate, min(first) AS first, max(last) AS last
    FROM counted GROUP BY ALL
),
codes AS (SELECT * FROM told WHERE sign = 1)
SELECT source, launch, candidate, control_code, code,
    coalesce(pairs.first, codes.since) AS first, coalesce(pairs.last, codes.ts) AS last
FROM pairs FULL JOIN codes USING (source, launch, candidate);
CREATE OR REPLACE TEMP TABLE versions AS
SELECT launch, candidate, control_code, code, min(first) AS first, max(last) AS last,
    CAST(row_number() OVER (ORDER BY launch, candidate, max(last), min(first), code, control_code)
        AS INTEGER) AS key,
    CAST(dense_rank() OVER (ORDER BY launch, candidate) AS INTEGER) AS cid
FROM known WHERE candidate <> 'control' GROUP BY launch, candidate, control_code, code;
CREATE OR REPLACE TEMP TABLE ids AS
SELECT known.source, known.launch, known.candidate, versions.key, versions.cid
FROM known JOIN versions ON known.launch = versions.launch
    AND known.candidate = versions.candidate
    AND known.control_code IS NOT DISTINCT FROM versions.control_code
    AND known.code IS NOT DISTINCT FROM versions.code;
"""


@attrs.frozen
class Key:
    """One candidate of one launch, in one pair of code versions.

    Attributes:
        key: Its number.
        cid: The candidate's number.
        launch: The launch's name.
        candidate: The candidate's name.
        control_code: A digest of the control's code; None where unknown.
        code: A digest of the candidate's code; None where unknown.
        first: When the first call began, in seconds since 1970-01-01 UTC.
        last: When the last one began.
    """

    key: int
    cid: int
    launch: str
    candidate: str
    control_code: str | None
    code: str | None
    first: float
    last: float


def prepare(
    connection: duckdb.DuckDBPyConnection,
    *,
    since: float | None,
    until: float | None,
    launch: str | None,
    candidate: str | None,
) -> list[Key]:
    """Make the tables that the parts of a summary are made from.

    Args:
        connection: It has the tables ``records``, ``totals`` and ``rollups``.
        since: Only calls that began then or later, in seconds since 1970-01-01 UTC.
        until: Only calls that began before.
        launch: Only this launch.
        candidate: Only this candidate, and the control that ran again.

    Returns:
        The versions there are, by launch and candidate, the newest last.
    """
    wanted = {"launch": launch, "candidate": candidate, "since": since, "until": until}
    for name, value in wanted.items():
        connection.execute(f"SET VARIABLE wanted_{name} = ?", [value])
    clauses = _clauses(wanted)
    for statements in (_VIEWS, _TOLD, _COUNTED, _ODD, _IDS):
        connection.execute(statements.format(**clauses))
    rows = connection.execute(
        "SELECT key, cid, launch, candidate, control_code, code, first, last "
        "FROM versions ORDER BY key"
    ).fetchall()
    return [Key(*row) for row in rows]


def _clauses(wanted: dict[str, Any]) -> dict[str, str]:
    def when(name: str, clause: str, otherwise: str = "true") -> str:
        return otherwise if wanted[name] is None else clause

    since, until = "getvariable('wanted_since')", "getvariable('wanted_until')"
    return {
        "launch": when("launch", "launch = getvariable('wanted_launch')"),
        "candidate": when("candidate", "candidate IN (getvariable('wanted_candidate'), 'control')"),
        "name": when("candidate", "name IN (getvariable('wanted_candidate'), 'control')"),
        "records": f"{when('since', f'ts >= {since}')} AND {when('until', f'ts < {until}')}",
        "rollups": f"{when('since', f'began >= {since}')} AND {when('until', f'began < {until}')}",
        "since": when("since", f"ts < {since}", otherwise="false"),
        "until": when("until", f"ts < {until}"),
    }
