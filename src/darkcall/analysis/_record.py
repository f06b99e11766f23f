"""From text to a record, or to the reason why it is none; the text may come from anywhere."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, Literal, NoReturn

import attrs

from darkcall._model import Outcome, Record


Reason = Literal[
    "torn", "too_long", "too_deep", "not_json", "not_a_record", "other_version", "unreadable"
]

#: Containers inside containers; what the sinks write has half as many at most.
MAX_DEPTH: Final = 200

# A string to its end, or to the end of the text, and runs of brackets: each byte is
# looked at once, whatever the text is.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]+|[\]}]+', re.DOTALL)

_VERSION: Final = attrs.fields(Record).schema.default
#: Those of which there are records.
OUTCOMES: Final = frozenset(Outcome) - {Outcome.DROPPED}

#: The types that a field may have: exactly these, for a boolean is an integer to Python.
Kinds = frozenset[type]
INTEGER: Final[Kinds] = frozenset({int})
NUMBER: Final[Kinds] = frozenset({int, float})
TEXT: Final[Kinds] = frozenset({str})
LIST: Final[Kinds] = frozenset({list})
OBJECT: Final[Kinds] = frozenset({dict})
TEXT_OR_NULL: Final[Kinds] = frozenset({str, type(None)})

_REQUIRED: Final = {
    "call_id": TEXT,
    "launch": TEXT,
    "candidate": TEXT,
    "outcome": TEXT,
    "at": NUMBER,
    "host": TEXT,
    "pid": INTEGER,
    "control_seconds": NUMBER,
}
_OPTIONAL: Final = {
    "reason": TEXT,
    "waited_seconds": NUMBER,
    "candidate_seconds": NUMBER,
    "candidate_cpu_seconds": NUMBER,
    "sample_rate": NUMBER,
    "signature": TEXT,
    "differences": LIST,
    "stopped": TEXT,
    "control_raised": OBJECT,
    "candidate_raised": OBJECT,
    "context": OBJECT,
    "arguments": OBJECT,
    "input_digest": TEXT,
    "confirmation": TEXT,
    "truncated": LIST,
}
_DIFFERENCE: Final = {
    "path": TEXT,
    "kind": TEXT,
    "control_type": TEXT_OR_NULL,
    "candidate_type": TEXT_OR_NULL,
}
_RAISED: Final = {"type": TEXT}
_SIDES: Final = ("control_raised", "candidate_raised")


class NoRecordError(Exception):
    """What was read is no record of a version that is known here.

    Args:
        reason: Why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def parsed(text: bytes) -> Any:
    """Parse JSON, of a bounded depth and without numbers that JSON does not have.

    Args:
        text: UTF-8.

    Raises:
        NoRecordError: It is no JSON, or too deep.

    Example:
        >>> parsed(b'{"outcome": "match"}')
        {'outcome': 'match'}
    """
    # Most texts have fewer brackets in all, and counting them costs next to nothing.
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_too_deep(text):
        raise NoRecordError("too_deep")
    try:
        return _decoder.decode(text.decode("utf-8"))
    except ValueError:
        raise NoRecordError("not_json") from None


def checked(data: Any) -> dict[str, Any]:
    """Return data that has the shape of a record.

    Raises:
        NoRecordError: It has not, or the shape of another version.
    """
    if type(data) is not dict or type(data.get("schema")) is not int:
        raise NoRecordError("not_a_record")
    if data["schema"] != _VERSION:
        raise NoRecordError("other_version")
    if not _has_the_shape(data):
        raise NoRecordError("not_a_record")
    return data


def _has_the_shape(data: dict[str, Any]) -> bool:
    return (
        has(data, _REQUIRED)
        and has(data, {name: kinds for name, kinds in _OPTIONAL.items() if name in data})
        and data["outcome"] in OUTCOMES
        and all(map(_is_a_difference, data.get("differences", ())))
        and all(has(data[side], _RAISED) for side in _SIDES if side in data)
    )


def _is_a_difference(data: Any) -> bool:
    return type(data) is dict and has(data, _DIFFERENCE)


def has(data: dict[str, Any], fields: dict[str, Kinds]) -> bool:
    """Whether data has all of some fields, each of one of its types."""
    for name, kinds in fields.items():
        if name not in data:
            return False
        value = data[name]
        if type(value) not in kinds or (kinds <= NUMBER and not _is_in_range(value)):
            return False
    return True


def _is_in_range(number: float) -> bool:
    # As in a database; a larger integer would not even become a float.
    return -(1 << 63) <= number < 1 << 63


def _is_too_deep(text: bytes) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        if text[start] in b"[{":
            depth += end - start
            if depth > MAX_DEPTH:
                return True
        elif text[start] in b"]}":
            depth -= end - start
    return False


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")


_decoder: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
