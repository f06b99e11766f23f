"""SQL that lets a line pass only if the careful reader would take it for a record as well.

DuckDB's reader of JSON takes more than JSON: ``NaN``, a comma before a bracket, numbers without
end, a name that is there twice.  So a line passes in one of two ways, and what passes in neither
is left to the careful reader, which is right and slow.
"""

from __future__ import annotations

from typing import Final

from darkcall._storage import MAX_LINE_BYTES

from ._record import MAX_DEPTH


_OUTCOMES: Final = (
    "'match', 'mismatch', 'ignored', 'candidate_error', 'timeout', 'uncomparable', 'skipped'"
)
_NUMBERS: Final = (
    "at",
    "control_seconds",
    "candidate_seconds",
    "candidate_cpu_seconds",
    "sample_rate",
)

_TYPES: Final = {
    "call_id": "VARCHAR",
    "launch": "VARCHAR",
    "candidate": "VARCHAR",
    "outcome": "VARCHAR",
    "at": "DOUBLE",
    "host": "VARCHAR",
    "pid": "BIGINT",
    "control_seconds": "DOUBLE",
    "waited_seconds": "DOUBLE",
    "candidate_seconds": "DOUBLE",
    "candidate_cpu_seconds": "DOUBLE",
    "sample_rate": "DOUBLE",
}
_MORE_TYPES: Final = {
    "reason": "VARCHAR",
    "signature": "VARCHAR",
    "confirmation": "VARCHAR",
    "input_digest": "VARCHAR",
    "context": "JSON",
    "arguments": "JSON",
}


def _transformed(types: dict[str, str], text: str) -> str:
    spec = ", ".join(f'"{name}": "{kind}"' for name, kind in types.items())
    return f"json_transform({text}, '{{{spec}}}')"


# What the sinks write of a match, in their order and spelling.  Each name that is looked for is
# there, and there are no more commas than that takes: so there is no other member, and none twice.
_HEAD: Final = """starts_with(line, concat('{"schema":1,"call_id":"', found.call_id, '","launch":"',
    found.launch, '","candidate":"', found.candidate, '","outcome":"match","at":'))"""
_MIDDLE: Final = """contains(line, concat(',"host":"', found.host, '","pid":', found.pid,
    ',"control_seconds":')) AND starts_with(part[8], '"pid":')"""
_TAIL: Final = ("waited_seconds", "candidate_seconds", "candidate_cpu_seconds", "sample_rate")
_MEMBERS: Final = "len(part) = 9 + " + " + ".join(
    f"(found.{name} IS NOT NULL)::INTEGER" for name in _TAIL
)
# Of the optional ones, those that are there; whole numbers are rare, and take the other way.
_FLOATS: Final = ("at", "control_seconds", *_TAIL)
_SHAPES: Final = ", ".join(
    f"['DOUBLE', 'DOUBLE', 'DOUBLE', 'DOUBLE', {cpu}, {rate}]"
    for cpu in ("'DOUBLE'", "NULL")
    for rate in ("'DOUBLE'", "'UBIGINT'", "NULL")
)
_FLOATING: Final = f"kind IN ({_SHAPES})"


_ALL: Final = ", ".join(f'found."{name}"' for name in (*_NUMBERS, "waited_seconds"))
# Nothing is greater than NaN here.
_RANGES: Final = f"""least({_ALL}) >= -9223372036854775808.0
    AND greatest({_ALL}) < 9223372036854775808.0"""
_COMPLETE: Final = 'found."at" IS NOT NULL AND found.control_seconds IS NOT NULL'
_MATCH: Final = f"{_HEAD} AND {_MIDDLE} AND {_MEMBERS} AND {_FLOATING} AND {_RANGES}"

# Any other record: JSON by the strict rules, each name there once, each value of its type.
_ODD: Final = r",\s*[\]}]|[0-9]{200}|[eE][+-]?[0-9]{3}|(?i:nan|inf|infinity)(?:[\s,\]}]|$)"
_TEXTS: Final = (
    "reason", "signature", "stopped", "input_digest", "confirmation",
)  # fmt: skip
_OBJECTS: Final = ("control_raised", "candidate_raised", "context", "arguments")
_IS_NUMBER: Final = "IN ('DOUBLE', 'UBIGINT', 'BIGINT')"
_KINDS: Final = {
    **dict.fromkeys(("call_id", "launch", "candidate", "outcome", "host"), "= 'VARCHAR'"),
    **dict.fromkeys(("at", "control_seconds"), _IS_NUMBER),
    **dict.fromkeys(("pid", "schema"), "IN ('UBIGINT', 'BIGINT')"),
}
_OPTIONAL_KINDS: Final = {
    **dict.fromkeys(_TEXTS, "= 'VARCHAR'"),
    **dict.fromkeys(
        ("waited_seconds", "candidate_seconds", "candidate_cpu_seconds", "sample_rate"), _IS_NUMBER
    ),
    **dict.fromkeys(_OBJECTS, "= 'OBJECT'"),
    "differences": "= 'ARRAY'",
}
_PATHS: Final = ", ".join(f"'$.{name}'" for name in (*_KINDS, *_OPTIONAL_KINDS))
_TYPED: Final = " AND ".join(
    f"coalesce(kind[{place}] {wanted}, {'false' if name in _KINDS else 'true'})"
    for place, (name, wanted) in enumerate((_KINDS | _OPTIONAL_KINDS).items(), start=1)
)


def _each_once(path: str) -> str:
    return f"len(json_keys(sound, '{path}')) = len(list_distinct(json_keys(sound, '{path}')))"


def _each_difference_has(name: str, kinds: str) -> str:
    types = f"json_type(sound, '$.differences[*].{name}')"
    return (
        f"len({types}) = json_array_length(sound, '$.differences')"
        f" AND len(list_filter({types}, lambda kind: kind NOT IN ({kinds}))) = 0"
    )


_DIFFERENCES: Final = " AND ".join(
    [
        _each_difference_has("path", "'VARCHAR'"),
        _each_difference_has("kind", "'VARCHAR'"),
        _each_difference_has("control_type", "'VARCHAR', 'NULL'"),
        _each_difference_has("candidate_type", "'VARCHAR', 'NULL'"),
        """len(list_filter(json_keys(sound, '$.differences[*]'),
            lambda names: len(names) <> len(list_distinct(names)))) = 0""",
    ]
)
_SIDES: Final = " AND ".join(
    f"coalesce(json_type(sound, '$.{side}.type') = 'VARCHAR' AND {_each_once('$.' + side)},"
    f" NOT json_exists(sound, '$.{side}'))"
    for side in ("control_raised", "candidate_raised")
)
_ANY: Final = f"""{_TYPED} AND {_each_once("$")} AND NOT json_exists(sound, '$.kind')
    AND json_extract_string(sound, '$.schema') = '1'
    AND json_extract_string(sound, '$.outcome') IN ({_OUTCOMES})
    AND coalesce({_DIFFERENCES}, NOT json_exists(sound, '$.differences')) AND {_SIDES}"""
_BRACKETS: Final = "strlen(line) - strlen(replace(replace(line, '[', ''), '{', ''))"
_STRICT: Final = f"""strlen(line) < {MAX_LINE_BYTES} AND {_BRACKETS} <= {MAX_DEPTH}
    AND NOT regexp_matches(line, '{_ODD}')"""

_NUMBER: Final = "split_part(found.call_id, '-', -1)"
_SOURCE: Final = f"found.call_id[:-strlen({_NUMBER}) - 2]"


def _columns(more: str, body: str) -> str:
    """The columns of ``records``: of a line that did not pass, ``body`` alone is there."""
    return f"""
        CASE WHEN try_cast({_NUMBER} AS BIGINT)::VARCHAR = {_NUMBER} AND {_SOURCE} <> ''
            THEN {_SOURCE} ELSE found.call_id END,
        CASE WHEN try_cast({_NUMBER} AS BIGINT)::VARCHAR = {_NUMBER} AND {_SOURCE} <> ''
            THEN try_cast({_NUMBER} AS BIGINT) END,
        CASE WHEN passes THEN found.launch END, found.candidate, found.outcome, found."at",
        found.host, found.pid, found.control_seconds, found.candidate_seconds,
        found.candidate_cpu_seconds, found.sample_rate, {more}, {body}, strlen(line) + 1"""


_INPUT: Final = """found.reason, found.signature, found.confirmation,
    CASE WHEN coalesce(found.input_digest, found.arguments::VARCHAR) IS NOT NULL
        THEN hash(coalesce(found.input_digest, found.arguments::VARCHAR)) END, found.context"""

#: Matches as the sinks write them, from lines; the others keep their text and have no launch.
MATCHES: Final = f"""INSERT INTO records SELECT {
    _columns("NULL, NULL, NULL, NULL, NULL", "CASE WHEN passes THEN NULL ELSE line END")
}
    FROM (SELECT line, found, coalesce({_MATCH}, false) AS passes FROM (
        SELECT line, string_split(sound, ',') AS part, {_transformed(_TYPES, "sound")} AS found,
            json_type(sound, [{", ".join(f"'$.{name}'" for name in _FLOATS)}]) AS kind
        FROM (SELECT line, CASE WHEN json_valid(line) AND strlen(line) < {MAX_LINE_BYTES}
            THEN line ELSE '{{}}' END AS sound FROM {{lines}})))"""  # noqa: S608 - ours

#: Any records that pass, from lines; the others keep their text and have no launch.
RECORDS: Final = f"""INSERT INTO records SELECT {
    _columns(_INPUT, "CASE WHEN passes AND found.outcome = 'match' THEN NULL ELSE line END")
}
    FROM (SELECT line, found, coalesce(({_ANY}) AND {_COMPLETE}
            AND found.pid IS NOT NULL AND {_RANGES}, false) AS passes
        FROM (SELECT line, sound, json_type(sound, [{_PATHS}]) AS kind,
                {_transformed(_TYPES | _MORE_TYPES, "sound")} AS found
            FROM (SELECT line, CASE WHEN json_valid(line) AND {_STRICT} THEN line
                ELSE '{{}}' END AS sound FROM {{lines}})))"""  # noqa: S608 - ours

#: Records that the careful reader took, from lines that were written for this.
TRUSTED: Final = f"""INSERT INTO records SELECT {
    _columns(_INPUT, "CASE WHEN found.outcome = 'match' THEN NULL ELSE line END")
}
    FROM (SELECT line, true AS passes, {_transformed(_TYPES | _MORE_TYPES, "line")} AS found
        FROM {{lines}})"""  # noqa: S608 - ours
