"""SQL that takes a line for a match only if the careful reader would do so as well.

DuckDB's reader of JSON takes more than JSON: ``NaN``, a comma before a bracket, numbers without
end, a name that is there twice.  So the lines that nearly all are, matches as the sinks write them,
have to prove it; what does not is left to the careful reader, which is right and slow.
"""

from __future__ import annotations

from typing import Final


_TYPES: Final = {
    "call_id": "VARCHAR",
    "launch": "VARCHAR",
    "candidate": "VARCHAR",
    "at": "DOUBLE",
    "host": "VARCHAR",
    "pid": "VARCHAR",
    "control_seconds": "DOUBLE",
    "waited_seconds": "DOUBLE",
    "candidate_seconds": "DOUBLE",
    "candidate_cpu_seconds": "DOUBLE",
    "sample_rate": "DOUBLE",
    "input_digest": "VARCHAR",
    "context": "JSON",
}
_MORE_TYPES: Final = {
    "outcome": "VARCHAR",
    "reason": "VARCHAR",
    "signature": "VARCHAR",
    "confirmation": "VARCHAR",
    "arguments": "JSON",
}
_OPTIONAL_NUMBERS: Final = (
    "waited_seconds",
    "candidate_seconds",
    "candidate_cpu_seconds",
    "sample_rate",
)

#: DuckDB holds what it parses of 2,048 lines at once, which is many times as long as they are.
MAX_BYTES: Final = 2048

# What the sinks write of a match, in their order and spelling.  Without an escape no text holds a
# quote: so each piece of the pattern is where a member begins, and counting ``,"`` counts the
# members, counting ``":"`` those whose value is a text.  If both are as many as were looked for,
# there is no other member, none twice, and each number is one.
_PATTERN: Final = (
    '{"schema":1,"call_id":"%","launch":"%","candidate":"%","outcome":"match","at":%,"host":"%",'
    '"pid":%,"control_seconds":%'
)
_IS_LIKELY: Final = f"line LIKE '{_PATTERN}' AND strlen(line) < {MAX_BYTES}"


def _transformed(types: dict[str, str], text: str) -> str:
    spec = ", ".join(f'"{name}": "{kind}"' for name, kind in types.items())
    return f"json_transform({text}, '{{{spec}}}')"


def _times(piece: str) -> str:
    """How often a piece is in a line, but for its context."""
    within = f"len(string_split(found.context, '{piece}')) - 1"
    return f"len(string_split(line, '{piece}')) - 1 - coalesce({within}, 0)"


_MEMBERS: Final = " + ".join(
    f"(found.{name} IS NOT NULL)::INTEGER"
    for name in (*_OPTIONAL_NUMBERS, "context", "input_digest")
)
# One comparison for all: it is false for NaN and what is infinite, and NULL if one is missing.
_SIZE: Final = " + ".join(
    [
        'abs(found."at") + abs(found.control_seconds)',
        *(f"coalesce(abs(found.{name}), 0)" for name in _OPTIONAL_NUMBERS),
    ]
)
_PASSES: Final = " AND ".join(
    [
        "is_likely",
        "NOT contains(line, chr(92))",
        f"""{_times(',"')} = 8 + {_MEMBERS}""",
        f"""{_times('":"')} = 5 + (found.input_digest IS NOT NULL)::INTEGER""",
        "NOT contains(line, ',}') AND NOT contains(line, ',]')",
        f"{_SIZE} < 9223372036854775808.0",
        "pid::VARCHAR = found.pid",
        "number::VARCHAR = digits AND strlen(found.call_id) > strlen(digits) + 1",
    ]
)

_DIGITS: Final = "split_part(found.call_id, '-', -1)"
_SOURCE: Final = "substr(found.call_id, 1, strlen(found.call_id) - strlen(digits) - 1)"

#: Matches as the sinks write them, from lines that are JSON for DuckDB; the others keep their
#: text and have no launch.
MATCHES: Final = f"""INSERT INTO records SELECT
        {_SOURCE}, number, CASE WHEN passes THEN found.launch END, found.candidate, 'match',
        found."at", found.host, pid, found.control_seconds, found.candidate_seconds,
        found.candidate_cpu_seconds, found.sample_rate, NULL, NULL, NULL,
        CASE WHEN found.input_digest IS NOT NULL THEN hash(found.input_digest) END,
        found.context, CASE WHEN passes THEN NULL ELSE line END, strlen(line) + 1
    FROM (SELECT *, coalesce({_PASSES}, false) AS passes
        FROM (SELECT *, TRY_CAST(digits AS BIGINT) AS number, TRY_CAST(found.pid AS BIGINT) AS pid
            FROM (SELECT *, {_DIGITS} AS digits
                FROM (SELECT *, {
    _transformed(_TYPES, "CASE WHEN is_likely THEN line ELSE '{}' END")
} AS found
                    FROM (SELECT line, {_IS_LIKELY} AS is_likely FROM {{lines}})))))"""  # noqa: S608 - ours

#: Records that the careful reader took, from lines that were written for this.
TRUSTED: Final = f"""INSERT INTO records SELECT
        CASE WHEN is_usual THEN {_SOURCE} ELSE found.call_id END,
        CASE WHEN is_usual THEN number END, found.launch, found.candidate, found.outcome,
        found."at", found.host, TRY_CAST(found.pid AS BIGINT), found.control_seconds,
        found.candidate_seconds, found.candidate_cpu_seconds, found.sample_rate, found.reason,
        found.signature, found.confirmation,
        CASE WHEN coalesce(found.input_digest, found.arguments::VARCHAR) IS NOT NULL
            THEN hash(coalesce(found.input_digest, found.arguments::VARCHAR)) END,
        found.context, CASE WHEN found.outcome <> 'match' OR contains(line, '"control_raised":')
            THEN line END, strlen(line) + 1
    FROM (SELECT *, coalesce(number::VARCHAR = digits
            AND strlen(found.call_id) > strlen(digits) + 1, false) AS is_usual
        FROM (SELECT *, TRY_CAST(digits AS BIGINT) AS number
            FROM (SELECT *, {_DIGITS} AS digits
                FROM (SELECT line, {
    _transformed(_TYPES | _MORE_TYPES, "line")
} AS found FROM {{lines}}))))"""  # noqa: S608 - ours
