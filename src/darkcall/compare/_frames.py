"""Frames and series of pandas and Polars; neither is imported, for the values bring it.

The libraries' own functions say whether two columns are equal; only where they are not
is each element looked at.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from ._containers import dicts, sequences


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from darkcall._paths import State

    from ._walk import Child, Walk, Where

_CELLS_PER_NODE: Final = 100


def pandas_frames(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two pandas frames: shape, index, then column by column."""
    return _frames(walk, control, candidate, where, state, index=True)


def polars_frames(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterator[Child]:
    """Compare two Polars frames: shape, then column by column."""
    return _frames(walk, control, candidate, where, state, index=False)


def _frames(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State, *, index: bool
) -> Iterator[Child]:
    names = [list(frame.columns) for frame in (control, candidate)]
    if len(control) != len(candidate):
        walk.differ(where, "shape", control.shape, candidate.shape)
        return
    if index:
        yield "index", control.index, candidate.index
    if any(len(set(columns)) < len(columns) for columns in names):
        # Columns of one name are told apart by their position.
        yield "columns", names[0], names[1]
        left, right = (
            [frame.iloc[:, position] for position in range(frame.shape[1])]
            for frame in (control, candidate)
        )
        yield from sequences(walk, left, right, where, state)
        return
    columns = ({name: control[name] for name in names[0]}, {n: candidate[n] for n in names[1]})
    found = len(walk.differences)
    yield from dicts(walk, *columns, where, state)
    if names[0] != names[1] and set(names[0]) == set(names[1]) and found == len(walk.differences):
        walk.differ(where, "order", *names)


def pandas_series(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child]:
    """Compare two pandas series, or indexes: dtype, name, index, then elements by position."""
    pandas: Any = sys.modules["pandas"]
    if len(control) != len(candidate):
        walk.differ(where, "length", len(control), len(candidate))
        return
    if str(control.dtype) != str(candidate.dtype) and not walk.rules.loose:
        walk.differ(where, "dtype", str(control.dtype), str(candidate.dtype))
        return
    yield "name", control.name, candidate.name
    if isinstance(control, pandas.Series):
        # A column's index is its frame's.
        yield "index", control.index, candidate.index
    walk.budget.spend(len(control) // _CELLS_PER_NODE)
    if str(control.dtype) != "object" and _pandas_says_equal(pandas, control, candidate):
        return
    yield from sequences(walk, list(control), list(candidate), where, state)


def pandas_arrays(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child]:
    """Compare two arrays of pandas' own, such as categoricals, as series."""
    series: Any = sys.modules["pandas"].Series
    return pandas_series(walk, series(control), series(candidate), where, state)


def _pandas_says_equal(pandas: Any, control: Any, candidate: Any) -> bool:
    x, y = (pandas.Series(side.array) for side in (control, candidate))
    try:
        pandas.testing.assert_series_equal(x, y, check_exact=True)
    except AssertionError:
        return False
    return True


def polars_series(
    walk: Walk, control: Any, candidate: Any, where: Where, state: State
) -> Iterable[Child]:
    """Compare two Polars series: dtype, name, then elements."""
    if len(control) != len(candidate):
        walk.differ(where, "length", len(control), len(candidate))
        return
    if control.dtype != candidate.dtype and not walk.rules.loose:
        walk.differ(where, "dtype", str(control.dtype), str(candidate.dtype))
        return
    yield "name", control.name, candidate.name
    walk.budget.spend(len(control) // _CELLS_PER_NODE)
    if control.equals(candidate, check_dtypes=True, null_equal=True):
        return
    yield from sequences(walk, control.to_list(), candidate.to_list(), where, state)
