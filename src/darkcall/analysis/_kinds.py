"""Totals and rollups as they were read: their shape is looked at before anything believes them."""

from __future__ import annotations

from typing import Any, Final

from ._record import NoRecordError


_LARGEST: Final = 1 << 63
_TEXT: Final = frozenset({str})
_WHOLE: Final = frozenset({int})
_NUMBER: Final = frozenset({int, float})
_FLAG: Final = frozenset({bool})
_LIST: Final = frozenset({list})
_MAPPING: Final = frozenset({dict})

_COMMON: Final = {"source": _TEXT, "launch": _TEXT, "host": _TEXT, "pid": _WHOLE}
_TOTALS: Final = {
    **_COMMON,
    "at": _NUMBER,
    "since": _NUMBER,
    "off": _WHOLE,
    "nested": _WHOLE,
    "unsampled": _WHOLE,
    "shadowed": _WHOLE,
    "candidates": _MAPPING,
}
_MORE_TOTALS: Final = {"control_code": _TEXT, "sample_rate": _NUMBER, "is_final": _FLAG}
_ROLLUP: Final = {
    **_COMMON,
    "candidate": _TEXT,
    "began": _NUMBER,
    "ended": _NUMBER,
    "outcomes": _MAPPING,
}
_MORE_ROLLUP: Final = {
    "signatures": _MAPPING,
    "reasons": _MAPPING,
    "sample_rate": _NUMBER,
    "context": _MAPPING,
    "is_mixed": _FLAG,
    "control_seconds": _MAPPING,
    "candidate_seconds": _MAPPING,
    "ratio": _MAPPING,
    "cpu_seconds": _NUMBER,
    "cpu_measured": _WHOLE,
    "inputs": _LIST,
    "inputs_counted": _WHOLE,
}
_COUNTS: Final = ("off", "nested", "unsampled", "shadowed", "cpu_measured", "inputs_counted")
_BY_NAME: Final = ("outcomes", "signatures", "reasons")
_SKETCHES: Final = ("control_seconds", "candidate_seconds", "ratio")


def checked_kind(data: dict[str, Any]) -> dict[str, Any]:
    """Return totals or a rollup that have their shape.

    Args:
        data: A JSON object with ``kind``.

    Raises:
        NoRecordError: They have not, or are of a kind or version that is not known here.
    """
    if type(data.get("schema")) is not int:
        raise NoRecordError("not_a_record")
    if data["schema"] != 1 or data["kind"] not in ("totals", "rollup"):
        raise NoRecordError("other_version")
    if not (_are_totals(data) if data["kind"] == "totals" else _is_a_rollup(data)):
        raise NoRecordError("not_a_record")
    return data


def _are_totals(data: dict[str, Any]) -> bool:
    return (
        _has_the_fields(data, _TOTALS, _MORE_TOTALS)
        and _counts_are_counts(data)
        and all(map(_is_a_candidate, data["candidates"].values()))
    )


def _is_a_candidate(data: Any) -> bool:
    return (
        type(data) is dict
        and all(_are_counts(data.get(name, {})) for name in ("outcomes", "reasons"))
        and all(
            _is_count(data.get(name, 0)) for name in ("shadowed", "pending", "late", "cpu_bound")
        )
        and type(data.get("code", "")) in (str, type(None))
    )


def _is_a_rollup(data: dict[str, Any]) -> bool:
    return (
        _has_the_fields(data, _ROLLUP, _MORE_ROLLUP)
        and _counts_are_counts(data)
        and all(_are_counts(data.get(name, {})) for name in _BY_NAME)
        and all(_is_a_sketch(data[name]) for name in _SKETCHES if name in data)
        and all(type(each) is str for each in data.get("inputs", ()))
    )


def _is_a_sketch(data: dict[str, Any]) -> bool:
    counts = data.get("counts", {})
    return _is_count(data.get("zeros", 0)) and _are_counts(counts) and all(map(_is_index, counts))


def _is_index(text: str) -> bool:
    # The largest float has index 14,549.
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 5


def _are_counts(data: Any) -> bool:
    return type(data) is dict and all(map(_is_count, data.values()))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _counts_are_counts(data: dict[str, Any]) -> bool:
    return all(data.get(name, 0) >= 0 for name in _COUNTS)


def _has_the_fields(
    data: dict[str, Any],
    required: dict[str, frozenset[type]],
    more: dict[str, frozenset[type]],
) -> bool:
    return required.keys() <= data.keys() and all(
        type(data[name]) in kinds and (not kinds <= _NUMBER or -_LARGEST <= data[name] < _LARGEST)
        for name, kinds in (required | more).items()
        if name in data
    )
