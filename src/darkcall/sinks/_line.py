"""What a sink was given as one line of JSON, of bounded length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from darkcall._model import Record
from darkcall._storage import MAX_LINE_BYTES

from . import _shorter


if TYPE_CHECKING:
    from collections.abc import Mapping

    from darkcall._rollup import Rollup
    from darkcall._totals import Totals

# ``json.dumps`` would make a new encoder for each line.  No record holds itself; to look for that
# takes a tenth of the time.
_encode = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":")).encode

_LEAST_NEEDED_FIRST = ("candidate_value", "control_value", "arguments", "context")

# At six bytes for an escaped character, what these leave always fits.
_MAX_TEXT = 160
_MAX_DIFFERENCES = 5


def line_for(item: Record | Totals | Rollup) -> bytes:
    """Return a record, totals or a rollup as a line of at most ``MAX_LINE_BYTES``.

    Its newline is included.  What a longer one has to lose is named in its field ``truncated``:
    of a record whole fields first, then the values in its differences, then the ends of its
    texts; of totals and rollups that by which they count, but no count.

    Raises:
        ValueError: It holds what JSON cannot, such as NaN.
        TypeError: It holds what JSON cannot, such as a set.
    """
    data = item.to_dict()
    line = _encoded(data)
    if len(line) <= MAX_LINE_BYTES:
        return line
    if isinstance(item, Record):
        return _shorter_record(data)
    return _encoded(_shorter.fitting(data, lambda shorter: len(_encoded(shorter))))


def _shorter_record(data: dict[str, Any]) -> bytes:
    truncated: list[str] = []
    for field in _LEAST_NEEDED_FIRST:
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


def _encoded(data: Mapping[str, Any]) -> bytes:
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
