"""Totals and rollups that are too long for a line: they tell less apart, and count as much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from darkcall._storage import MAX_LINE_BYTES, OTHERS


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Data = dict[str, Any]

_SKETCHES: Final = ("control_seconds", "candidate_seconds", "ratio")
_TEXTS: Final = ("source", "launch", "candidate", "host", "control_code")
#: At six bytes for an escaped character, what these leave always fits.
_MAX_TEXT: Final = 160
_MAX_CLASSES: Final = 200
_MAX_CANDIDATES: Final = 8
#: So many stay for as long as a context or anything else can go.
_FEW_SIGNATURES: Final = 20


def fitting(data: _Data, length_of: Callable[[_Data], int]) -> _Data:
    """Shorten totals or a rollup until they fit a line.

    Reasons count together first, then the rarest signatures, so that the sums stay what they
    were.  Then go the context, classes of the sketches, inputs and ends of texts; of totals,
    the candidates that were shadowed least.

    Args:
        data: What ``to_dict`` gave.
        length_of: How long such data is as a line, in bytes.

    Returns:
        What fits, with a field ``truncated`` that names the fields that were shortened.
    """
    truncated: list[str] = []
    steps = _steps_of_a_rollup(data) if data["kind"] == "rollup" else _steps_of_totals(data)
    for field, shorter in steps:
        if length_of(data) <= MAX_LINE_BYTES:
            break
        if shorter == {name: data.get(name) for name in shorter}:
            continue
        data = {**data, **shorter}
        if field not in truncated:
            truncated.append(field)
        data["truncated"] = truncated
    return {name: value for name, value in data.items() if value is not None}


def _steps_of_a_rollup(data: _Data) -> Iterator[tuple[str, _Data]]:
    for field in ("reasons", "confirmations"):
        if field in data:
            yield field, {field: _most_frequent(data[field], 0)}
    signatures = data.get("signatures", {})
    most = len(signatures)
    while most > _FEW_SIGNATURES:
        most //= 2
        yield "signatures", {"signatures": _most_frequent(signatures, most)}
    if "context" in data:
        # Or it would seem that the calls had none.
        yield "context", {"context": None, "is_mixed": True}
    for field in _SKETCHES:
        if field in data:
            yield field, {field: _coarser(data[field])}
    if "inputs" in data:
        yield "inputs", {"inputs": None}
    if signatures:
        yield "signatures", {"signatures": _most_frequent(signatures, 0)}
    yield from _shorter_texts(data)


def _steps_of_totals(data: _Data) -> Iterator[tuple[str, _Data]]:
    candidates = {
        name: {**candidate, "reasons": _most_frequent(candidate["reasons"], 0)}
        if "reasons" in candidate
        else candidate
        for name, candidate in data["candidates"].items()
    }
    yield "candidates", {"candidates": candidates}
    most_shadowed = sorted(candidates, key=lambda name: -candidates[name]["shadowed"])
    kept = {name: candidates[name] for name in most_shadowed[:_MAX_CANDIDATES]}
    yield "candidates", {"candidates": kept}
    yield from _shorter_texts(data)
    cut = {name[:_MAX_TEXT]: _without_texts(candidate) for name, candidate in kept.items()}
    yield "candidates", {"candidates": cut}


def _shorter_texts(data: _Data) -> Iterator[tuple[str, _Data]]:
    for field in _TEXTS:
        if data.get(field) is not None:
            yield field, {field: data[field][:_MAX_TEXT]}


def _without_texts(candidate: _Data) -> _Data:
    return {name: value for name, value in candidate.items() if not isinstance(value, str)}


def _most_frequent(counts: dict[str, int], most: int) -> dict[str, int]:
    kept = dict(sorted(counts.items(), key=lambda pair: (pair[0] == OTHERS, -pair[1]))[:most])
    others = sum(counts.values()) - sum(kept.values())
    if others:
        kept[OTHERS] = kept.get(OTHERS, 0) + others
    return kept


def _coarser(sketch: _Data) -> _Data:
    """Put the lowest classes into the lowest that is left: the high quantiles stay."""
    counts = sketch["counts"]
    indices = sorted(map(int, counts))
    kept = indices[-_MAX_CLASSES:]
    coarser = {str(index): counts[str(index)] for index in kept}
    below = sum(counts[str(index)] for index in indices[: len(indices) - len(kept)])
    if below:
        coarser[str(kept[0])] += below
    return {**sketch, "counts": coarser}
