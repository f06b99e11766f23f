"""NumPy arrays and scalars; NumPy itself is never imported, for the values bring it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from ._containers import dicts, sequences


if TYPE_CHECKING:
    from collections.abc import Iterable

    from darkcall._paths import State

    from ._walk import Child, Walk, Where

#: So many differing elements of an array are listed; of the others, how many there are.
LISTED_ELEMENTS: Final = 10
_ELEMENTS_PER_NODE: Final = 100
_NUMBERS: Final = "biufc"


def arrays(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child] | None:
    """Compare two arrays: shape, dtype and elements, of which equal NaN are equal."""
    numpy: Any = sys.modules["numpy"]
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    if isinstance(control, masked):
        mask = (numpy.ma.getmaskarray(control), numpy.ma.getmaskarray(candidate))
        return (
            ("mask", *mask),
            ("data", control.filled(), _filled_like(candidate, control)),
        )
    x, y = control.view(numpy.ndarray), candidate.view(numpy.ndarray)
    if x.shape != y.shape:
        walk.differ(where, "shape", x.shape, y.shape)
        return None
    if x.dtype != y.dtype and not (walk.rules.loose and _comparable(x.dtype, y.dtype)):
        walk.differ(where, "dtype", str(x.dtype), str(y.dtype))
        return None
    walk.budget.spend(x.size // _ELEMENTS_PER_NODE)
    if x.dtype.names is not None:
        left = {name: x[name] for name in x.dtype.names}
        right = {name: y[name] for name in y.dtype.names}
        return dicts(walk, left, right, where, state)
    if x.dtype.hasobject:
        return sequences(walk, x.tolist(), y.tolist(), where, state) if x.ndim else _item(x, y)
    _elements(walk, x, y, where, state)
    return None


def _filled_like(candidate: Any, control: Any) -> Any:
    return (
        candidate.filled(control.fill_value) if candidate.dtype == control.dtype else candidate.data
    )


def _comparable(control: Any, candidate: Any) -> bool:
    """Whether two dtypes say the same kind of thing, so that only the values matter."""
    kinds = (control.kind, candidate.kind)
    if bool in kinds or "b" in kinds:
        return kinds == ("b", "b")
    return kinds[0] == kinds[1] or all(kind in _NUMBERS for kind in kinds)


def _item(control: Any, candidate: Any) -> Iterable[Child]:
    return (("item", control.item(), candidate.item()),)


def _elements(walk: Walk, control: Any, candidate: Any, where: Where, state: State) -> None:
    numpy: Any = sys.modules["numpy"]
    with numpy.errstate(all="ignore"):
        unequal = control != candidate
        if not unequal.any():
            return
        x, y = control[unequal], candidate[unequal]
        forgiven = _both_nan(x, y)
        if walk.rules.tolerant and x.dtype.kind in "fc":
            forgiven |= _close(numpy, x, y, walk.rules.rel, walk.rules.abs)
    walk.forgiven += int(forgiven.sum())
    indexes = numpy.argwhere(unequal)[~forgiven]
    listed = 0
    for position, index in enumerate(indexes):
        walk.budget.spend(1)
        steps = index.tolist()
        place, below = where, state
        for step in steps:
            place, below = (place, step), walk.below(below, step)
        if walk.rules.ignores(below):
            walk.forgiven += 1
            continue
        if listed == LISTED_ELEMENTS:
            count = len(indexes) - position + listed
            walk.notes.append(f"{listed} of {count} differing elements of an array are listed")
            return
        listed += 1
        at = tuple(steps)
        walk.differ(place, "value", control[at].item(), candidate[at].item())


def _both_nan(x: Any, y: Any) -> Any:
    # Only a NaN, or a NaT, is unlike itself.
    return (x != x) & (y != y)  # noqa: PLR0124


def _close(numpy: Any, x: Any, y: Any, rel: float, abs_: float) -> Any:
    allowed = numpy.maximum(rel * numpy.maximum(abs(x), abs(y)), abs_)
    return (abs(x - y) <= allowed) & numpy.isfinite(x) & numpy.isfinite(y)


def scalars(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child] | None:
    """Compare two NumPy scalars as arrays without dimensions."""
    numpy: Any = sys.modules["numpy"]
    return arrays(walk, numpy.asarray(control), numpy.asarray(candidate), where, state)
