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


# What the sinks write of a match, in their order and spelling: each piece between two members is
# the one that stands there.  A text that has neither an escape nor another member in it ends where
# its piece does; a number is a number, for JSON and for DuckDB; and no piece is left over.
_TEXT_PIECES: Final = {"call_id": 2, "launch": 3, "candidate": 4, "host": 7}
_NUMBER_PIECES: Final = {
    "at": 6, "control_seconds": 9, "waited_seconds": 10, "candidate_seconds": 11,
}  # fmt: skip
_PLAIN: Final = r'[^"\\{}\x00-\x1f]'
_VALUE: Final = rf'(?:"{_PLAIN}*"|-?[0-9]{{1,16}}(?:\.[0-9]{{1,16}})?|true|false|null)'
_PAIR: Final = rf'"{_PLAIN}*":{_VALUE}'
_DIGEST: Final = rf'input_digest":"{_PLAIN}+"'
_REST: Final = rf'(?:context":\{{(?:{_PAIR}(?:,{_PAIR})*)?\}}(?:,"{_DIGEST})?|{_DIGEST})\}}'


def _text_at(name: str, place: int) -> str:
    start = len(f'{name}":"') + 1
    return f"substr(part[{place}], {start}, strlen(part[{place}]) - {start}) AS {name}"


def _number_in(name: str, piece: str) -> str:
    start = len(f'{name}":') + 1
    return f"TRY_CAST(substr({piece}, {start}) AS DOUBLE)"


def _starts(name: str, place: int, sign: str = "") -> str:
    return f"""starts_with(part[{place}], '{name}":{sign}')"""


def _last_number(name: str, place: int) -> str:
    """Of a member that is the last one often, and has the bracket that ends the line."""
    number = _number_in(name, f"rtrim(part[{place}], '}}')")
    return f"WHEN {_starts(name, place)} THEN {number}"


_CPU: Final = f"CASE {_last_number('candidate_cpu_seconds', 12)} END"
_RATE: Final = f"""CASE WHEN part[13] = 'sample_rate":1.0}}' THEN 1.0
    {_last_number("sample_rate", 13)} {_last_number("sample_rate", 12)} END"""
_TEXT_COLUMNS: Final = ", ".join(_text_at(*each) for each in _TEXT_PIECES.items())
_NUMBER_COLUMNS: Final = ", ".join(
    f"""{_number_in(name, f"part[{place}]")} AS "{name}\""""
    for name, place in _NUMBER_PIECES.items()
)
_PIECES: Final = f"""SELECT line, part, {_TEXT_COLUMNS}, {_NUMBER_COLUMNS}, {_CPU} AS cpu,
    {_RATE} AS rate, substr(part[8], 6) AS process, TRY_CAST(substr(part[8], 6) AS BIGINT) AS pid
    FROM (SELECT line, string_split(line, ',"') AS part FROM {{lines}})"""  # noqa: S608 - ours
_IN_PIECES: Final = f"""SELECT *, split_part(call_id, '-', -1) AS digits,
    TRY_CAST(split_part(call_id, '-', -1) AS BIGINT) AS number,
    11 + (cpu IS NOT NULL)::INTEGER + (rate IS NOT NULL)::INTEGER AS members FROM ({_PIECES})"""  # noqa: S608 - ours
_WITH_REST: Final = f"""SELECT *, CASE WHEN len(part) > members
    THEN array_to_string(part[members + 1:], ',"') END AS rest FROM ({_IN_PIECES})"""  # noqa: S608 - ours
# One comparison for all: it is false for NaN and what is infinite, and NULL if one is missing.
_OPTIONAL_SIZE: Final = "coalesce(abs(cpu), 0) + coalesce(abs(rate), 0)"
_SIZE: Final = " + ".join([*(f'abs("{name}")' for name in _NUMBER_PIECES), _OPTIONAL_SIZE])
_PASSES: Final = " AND ".join(
    [
        f"NOT contains(line, chr(92)) AND strlen(line) < {MAX_LINE_BYTES}",
        """part[1] = '{"schema":1' AND part[5] = 'outcome":"match"'""",
        *(
            f"""{_starts(name, place, '"')} AND NOT contains({name}, '"')"""
            for name, place in _TEXT_PIECES.items()
        ),
        *(_starts(name, place) for name, place in _NUMBER_PIECES.items()),
        f"{_SIZE} < 9223372036854775808.0",
        f"{_starts('pid', 8)} AND pid::VARCHAR = process AND number::VARCHAR = digits",
        "strlen(call_id) > strlen(digits) + 1 AND members > 11",
        f"CASE WHEN rest IS NULL THEN true ELSE regexp_full_match(rest, '{_REST}') END",
    ]
)

_ALL: Final = ", ".join(f'found."{name}"' for name in (*_NUMBERS, "waited_seconds"))
# Nothing is greater than NaN here.
_RANGES: Final = f"""least({_ALL}) >= -9223372036854775808.0
    AND greatest({_ALL}) < 9223372036854775808.0"""
_COMPLETE: Final = 'found."at" IS NOT NULL AND found.control_seconds IS NOT NULL'

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

_AFTER: Final = "CASE WHEN starts_with(rest, 'context') THEN split_part(rest, '}', 2) ELSE rest END"
_CONTEXT: Final = """CASE WHEN starts_with(rest, 'context')
    THEN concat(substr(split_part(rest, '}', 1), 10), '}') END"""

#: Matches as the sinks write them, from lines that are JSON for DuckDB; the others keep their
#: text and have no launch.
MATCHES: Final = f"""INSERT INTO records SELECT
        substr(call_id, 1, strlen(call_id) - strlen(digits) - 1), number,
        CASE WHEN passes THEN launch END, candidate, 'match', "at", host, pid, control_seconds,
        candidate_seconds, cpu, rate, NULL, NULL, NULL,
        CASE WHEN contains({_AFTER}, 'input_digest":"')
            THEN hash(split_part(split_part({_AFTER}, 'input_digest":"', 2), '"', 1)) END,
        {_CONTEXT}, CASE WHEN passes THEN NULL ELSE line END, strlen(line) + 1
    FROM (SELECT *, coalesce({_PASSES}, false) AS passes FROM ({_WITH_REST}))"""  # noqa: S608 - ours

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
