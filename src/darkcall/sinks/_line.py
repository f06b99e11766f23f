"""A record as one line of JSON, of bounded length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from darkcall._storage import MAX_LINE_BYTES


if TYPE_CHECKING:
    from darkcall._model import Record

# ``json.dumps`` would make a new encoder for each line.  No record holds itself; to look for that
# takes a tenth of the time.
_encode = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":")).encode

_LEAST_NEEDED_FIRST = ("candidate_value", "control_value", "arguments", "context")

# At six bytes for an escaped character, what these leave always fits.
_MAX_TEXT = 160
_MAX_DIFFERENCES = 5


def line_for(record: Record) -> bytes:
    """Return a record as a line of at most ``MAX_LINE_BYTES``, its newline included.

    What a longer one has to lose is named in its field ``truncated``: whole fields first,
    then the values in its differences, then the ends of its texts.

    Raises:
        ValueError: The record holds what JSON cannot, such as NaN.
        TypeError: The record holds what JSON cannot, such as a set.
    """
    data = record.to_dict()
    line = _encoded(data)
    truncated: list[str] = []
    for field in _LEAST_NEEDED_FIRST:
        if len(line) <= MAX_LINE_BYTES:
            return line
        if data.get(field) is not None:
            del data[field]
            truncated.append(field)
            line = _encoded({**data, "truncated": truncated})
    if len(line) <= MAX_LINE_BYTES:
        return line
    short = {field: _shortened(field, value) for field, value in data.items()}
    truncated += [field for field in data if short[field] != data[field]]
    return _encoded({**short, "truncated": truncated})


def json_text(value: object) -> str:
    """Return a value as JSON in ASCII: lone surrogates and line separators are escaped."""
    return _encode(value)


def _encoded(data: dict[str, Any]) -> bytes:
    return f"{json_text(data)}\n".encode("ascii")


def _shortened(field: str, value: Any) -> Any:
    if field == "differences":
        fields = ("path", "kind", "control_type", "candidate_type")
        return [_picked(difference, fields) for difference in value[:_MAX_DIFFERENCES]]
    if field in {"control_raised", "candidate_raised"}:
        return _picked(value, ("type", "message"))
    return _cut(value)


def _picked(data: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: _cut(data[field]) for field in fields if field in data}


def _cut(value: Any) -> Any:
    return value[:_MAX_TEXT] if isinstance(value, str) else value
