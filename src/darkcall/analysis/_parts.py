"""The calls by what their context says, so that a small group is not lost in a large one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._strata import Counts, strata
from ._summary import Part
from ._working import COMPARED


if TYPE_CHECKING:
    import duckdb

#: So many values of a key are told apart, those with the most failed calls first.
MOST_VALUES: Final = 10_000

# The failed calls that are noise are counted by signature, as everywhere.
_PARTS: Final = """
CREATE OR REPLACE TEMP TABLE parts AS
WITH
whole AS (
    SELECT key, {value} AS value, outcome, sample_rate AS rate, count(*) AS n, {noisy} AS noisy,
        min(ts) AS first, max(ts) AS last
    FROM picked JOIN ids USING (source, launch, candidate) {classes}
    GROUP BY ALL
),
sums AS (
    SELECT row_id, key, {value} AS value, sample_rate AS rate, began, ended, is_mixed,
        coalesce(CAST(json_extract(outcomes, '$.ignored') AS BIGINT), 0) > 0 AS unsure,
        CAST(CAST(outcomes AS JSON) AS MAP(VARCHAR, BIGINT)) AS outcomes,
        CAST(CAST(signatures AS JSON) AS MAP(VARCHAR, BIGINT)) AS signatures
    FROM rolled JOIN ids USING (source, launch, candidate)
),
every AS (
    SELECT *, false AS is_mixed FROM whole
    UNION ALL
    SELECT key, value, unnest(map_keys(outcomes)), rate, unnest(map_values(outcomes)), 0,
        began, ended, is_mixed
    FROM sums
    UNION ALL
    SELECT key, value, NULL, rate, 0, n, began, ended, is_mixed
    FROM (
        SELECT *, unnest(map_keys(signatures)) AS signature, unnest(map_values(signatures)) AS n
        FROM sums
    )
    JOIN signature_classes AS classes USING (signature)
    WHERE classes.unit = key AND is_noisy AND NOT unsure
)
SELECT key, value, is_mixed, outcome, rate, CAST(sum(n) AS BIGINT) AS n,
    CAST(sum(noisy) AS BIGINT) AS noisy, min(first) AS first, max(last) AS last
FROM every GROUP BY key, value, is_mixed, outcome, rate
"""

_NOISY: Final = """CAST(coalesce(sum(1) FILTER (
    outcome <> 'ignored' AND is_noisy AND NOT coalesce(contains(body, '"stopped":'), false)
), 0) AS BIGINT)"""
_CLASSES: Final = """LEFT JOIN signature_classes AS classes
    ON classes.unit = key AND classes.signature = picked.signature"""

_PLACES: Final = """
CREATE OR REPLACE TEMP VIEW listed AS
    SELECT key, value, is_mixed,
        row_number() OVER (PARTITION BY key ORDER BY value IS NULL DESC,
            sum(n) FILTER (outcome IN ('mismatch', 'candidate_error', 'timeout')) DESC NULLS LAST,
            sum(n) DESC, value) AS place,
        count(*) OVER (PARTITION BY key) AS number
    FROM parts GROUP BY key, value, is_mixed
"""

_LISTED: Final = """
SELECT parts.key, parts.value, parts.is_mixed, outcome, rate, n, noisy, first, last, number
FROM parts JOIN listed ON parts.key = listed.key AND parts.is_mixed = listed.is_mixed
    AND parts.value IS NOT DISTINCT FROM listed.value
WHERE place <= $most
ORDER BY parts.key, place, outcome, rate
"""

_UNPARTED: Final = f"""
SELECT parts.key, CAST(sum(n) AS BIGINT)
FROM parts JOIN listed ON parts.key = listed.key AND parts.is_mixed = listed.is_mixed
    AND parts.value IS NOT DISTINCT FROM listed.value
WHERE outcome IN {COMPARED} AND (parts.is_mixed OR place > $most)
GROUP BY parts.key
"""  # noqa: S608 -- words of our own


@attrs.frozen
class Parted:
    """The parts of the calls by one key of the context.

    Attributes:
        parts: By version, those with the most failed calls first, after those without a value.
        left_out: By version, how many more values there are.
        mixed: The versions of which rollups count calls whose values are not known.
        unparted: By version, how many compared calls are of these or of values left out.
    """

    parts: dict[int, tuple[Part, ...]]
    left_out: dict[int, int]
    mixed: set[int]
    unparted: dict[int, int]


def parted(connection: duckdb.DuckDBPyConnection, by: str, *, is_noise_measured: bool) -> Parted:
    """Return the parts of the calls by one key of the context.

    Args:
        connection: With the tables that ``noises`` makes.
        by: The key; ``user.tenant`` is the key ``tenant`` of what is at ``user``, unless there is
            a key of that whole name.
        is_noise_measured: Whether a control ran again.
    """
    connection.execute("SET VARIABLE pointer = ?", [_pointer(by)])
    connection.execute("SET VARIABLE pointer_down = ?", [_pointer(*by.split("."))])
    value = "json_extract_string(context, getvariable('pointer'))"
    if "." in by:
        value = f"coalesce({value}, json_extract_string(context, getvariable('pointer_down')))"
    noisy, classes = (_NOISY, _CLASSES) if is_noise_measured else ("0", "")
    connection.execute(_PARTS.format(value=value, noisy=noisy, classes=classes))
    connection.execute(_PLACES)
    found: dict[int, dict[tuple[str | None, bool], _Part]] = defaultdict(dict)
    values: dict[int, int] = {}
    mixed = set()
    cursor = connection.execute(_LISTED, {"most": MOST_VALUES})
    while rows := cursor.fetchmany(10_000):
        for key, text, is_mixed, *counts, number in rows:
            values[key] = number
            if is_mixed:
                mixed.add(key)
            found[key].setdefault((text, is_mixed), _Part(text)).add(*counts)
    parts = {key: tuple(part.done() for part in each.values()) for key, each in found.items()}
    left_out = {key: values[key] - len(each) for key, each in found.items()}
    unparted = dict(connection.execute(_UNPARTED, {"most": MOST_VALUES}).fetchall())
    return Parted(parts, left_out, mixed, unparted)


@attrs.define
class _Part:
    value: str | None
    outcomes: dict[str, int] = attrs.field(factory=dict)
    rates: dict[float | None, Counts] = attrs.field(factory=lambda: defaultdict(Counts))
    first: float = float("inf")
    last: float = float("-inf")

    def add(self, outcome: Any, rate: Any, n: int, noisy: int, *span: float) -> None:
        self.first, self.last = min(self.first, span[0]), max(self.last, span[1])
        counts = self.rates[rate]
        counts.noisy += noisy
        if outcome is not None:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + n
            counts.add(outcome, n)

    def done(self) -> Part:
        return Part(
            value=self.value,
            outcomes=self.outcomes,
            compared=sum(counts.compared for counts in self.rates.values()),
            failed=sum(counts.failed for counts in self.rates.values()),
            strata=strata(self.rates),
            first=self.first,
            last=self.last,
        )


def _pointer(*keys: str) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
