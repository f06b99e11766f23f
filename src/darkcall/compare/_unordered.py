"""The rule for sequences whose order says nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._containers import dicts, taken
from ._matching import matched_indexes


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from darkcall._paths import State

    from ._walk import Child, Walk, Where


def unordered(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child] | None:
    """Compare as usual, but sequences as multisets and ordered dicts as dicts."""
    kinds = (type(control), type(candidate))
    if kinds[0] is kinds[1] or walk.rules.loose:
        if all(issubclass(kind, Sequence) and not issubclass(kind, str | bytes) for kind in kinds):
            walk.forgiven += 1
            return _multisets(walk, control, candidate, where, state)
        if all(issubclass(kind, OrderedDict) for kind in kinds):
            walk.forgiven += 1
            return dicts(walk, control, candidate, where, state)
    return walk.visit(control, candidate, where, state)


def _multisets(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    left, right = taken(walk, control), taken(walk, candidate)
    _, missing, extra = matched_indexes(walk, left, right, walk.below_any_index(state))
    if len(missing) == 1 == len(extra):
        yield missing[0], left[missing[0]], right[extra[0]]
        return
    for index in missing:
        walk.one_sided(where, state, index, "missing", left[index])
    for index in extra:
        walk.one_sided(where, state, index, "extra", right[index])
