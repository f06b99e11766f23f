"""From parsed JSON to totals or a rollup, or to the reason why it is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from darkcall._rollup import Rollup
from darkcall._totals import Totals

from ._record import INTEGER, LIST, NUMBER, OBJECT, OUTCOMES, TEXT, NoRecordError, checked, has


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._record import Kinds

Kind = Literal["record", "totals", "rollup"]

_BOOLEAN: Final[Kinds] = frozenset({bool})

_TOTALS: Final[dict[str, Kinds]] = {
    "source": TEXT,
    "launch": TEXT,
    "at": NUMBER,
    "since": NUMBER,
    "host": TEXT,
    "pid": INTEGER,
    "off": INTEGER,
    "nested": INTEGER,
    "unsampled": INTEGER,
    "shadowed": INTEGER,
    "candidates": OBJECT,
    "is_final": _BOOLEAN,
}
_TOTALS_OPTIONAL: Final[dict[str, Kinds]] = {
    "control_code": TEXT,
    "sample_rate": NUMBER,
    "truncated": LIST,
}
_CANDIDATE_OPTIONAL: Final[dict[str, Kinds]] = {
    "pending": INTEGER,
    "late": INTEGER,
    "cpu_bound": INTEGER,
    "code": TEXT,
}
_ROLLUP: Final[dict[str, Kinds]] = {
    "source": TEXT,
    "launch": TEXT,
    "candidate": TEXT,
    "began": NUMBER,
    "ended": NUMBER,
    "host": TEXT,
    "pid": INTEGER,
    "outcomes": OBJECT,
    "is_mixed": _BOOLEAN,
    "cpu_seconds": NUMBER,
    "cpu_measured": INTEGER,
    "inputs_counted": INTEGER,
}
_ROLLUP_OPTIONAL: Final[dict[str, Kinds]] = {
    "signatures": OBJECT,
    "reasons": OBJECT,
    "confirmations": OBJECT,
    "sample_rate": NUMBER,
    "context": OBJECT,
    "control_seconds": OBJECT,
    "candidate_seconds": OBJECT,
    "ratio": OBJECT,
    "inputs": LIST,
    "truncated": LIST,
}
_COUNTS: Final = ("outcomes", "signatures", "reasons", "confirmations")
_SKETCHES: Final = ("control_seconds", "candidate_seconds", "ratio")
#: A class of a sketch has a number: beyond it, no value is a float any more.
_MAX_INDEX: Final = 20_000

_VERSIONS: Final = {
    "totals": attrs.fields(Totals).schema.default,
    "rollup": attrs.fields(Rollup).schema.default,
}


def kind_of(data: Any) -> Kind:
    """Tell whether data has the shape of a record, of totals or of a rollup.

    Raises:
        NoRecordError: It has none of these, or that of another version.
    """
    if type(data) is not dict or "kind" not in data:
        checked(data)
        return "record"
    if data["kind"] == "totals":
        checked_totals(data)
        return "totals"
    checked_rollup(data)
    return "rollup"


def checked_totals(data: dict[str, Any]) -> dict[str, Any]:
    """Return data that has the shape of totals.

    Raises:
        NoRecordError: It has not, or the shape of another version.
    """
    return _checked(data, "totals", _are_totals)


def checked_rollup(data: dict[str, Any]) -> dict[str, Any]:
    """Return data that has the shape of a rollup.

    Raises:
        NoRecordError: It has not, or the shape of another version.
    """
    return _checked(data, "rollup", _is_a_rollup)


def _checked(
    data: dict[str, Any], kind: str, has_the_shape: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    if type(data.get("schema")) is not int or data.get("kind") != kind:
        raise NoRecordError("not_a_record")
    if data["schema"] != _VERSIONS[kind]:
        raise NoRecordError("other_version")
    if not has_the_shape(data):
        raise NoRecordError("not_a_record")
    return data


def _are_totals(data: dict[str, Any]) -> bool:
    return (
        has(data, _TOTALS)
        and _has_if_any(data, _TOTALS_OPTIONAL)
        and all(data[name] >= 0 for name in ("off", "nested", "unsampled", "shadowed"))
        and all(map(_is_a_candidate, data["candidates"].values()))
    )


def _is_a_candidate(data: Any) -> bool:
    return (
        type(data) is dict
        and _is_a_count(data.get("shadowed"))
        and _are_counts(data.get("outcomes"))
        and _are_counts(data.get("reasons", {}))
        and _has_if_any(data, _CANDIDATE_OPTIONAL)
    )


def _is_a_rollup(data: dict[str, Any]) -> bool:
    return (
        has(data, _ROLLUP)
        and _has_if_any(data, _ROLLUP_OPTIONAL)
        and all(_are_counts(data.get(field, {})) for field in _COUNTS)
        and data["outcomes"].keys() <= OUTCOMES
        and all(_is_a_sketch(data[field]) for field in _SKETCHES if field in data)
        and all(type(digest) is str for digest in data.get("inputs", ()))
        and _is_a_count(data["cpu_measured"])
        and _is_a_count(data["inputs_counted"])
    )


def _is_a_sketch(data: dict[str, Any]) -> bool:
    return (
        _is_a_count(data.get("zeros"))
        and _are_counts(data.get("counts"))
        and all(map(_is_an_index, data["counts"]))
    )


def _is_an_index(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) < _MAX_INDEX


def _are_counts(data: Any) -> bool:
    return type(data) is dict and all(map(_is_a_count, data.values()))


def _is_a_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _has_if_any(data: dict[str, Any], fields: dict[str, Kinds]) -> bool:
    return has(data, {name: kinds for name, kinds in fields.items() if name in data})
