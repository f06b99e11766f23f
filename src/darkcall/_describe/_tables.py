"""The forms of what NumPy, pandas and polars make; none of them is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from darkcall._paths import State

    from ._walk import Walk


def numpy_scalar(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    """Show a NumPy scalar by its value, a structured one by its fields."""
    dtype = value.dtype
    if dtype.names:
        pairs = [(field, value[field]) for field in dtype.names[: walk.room]]
        return walk.fields({"$": name}, pairs, len(dtype.names), state, depth)
    item = value.item()
    if type(item) in {bool, int, float, complex, str, bytes} and dtype.kind not in "mM":
        return {"$": name, "value": walk.node(item, state, depth + 1)}
    return {**walk.text(name, str(value)), "dtype": walk.line(str(dtype))}


def numpy_array(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    """Show an array by its first items, in C order, with dtype and shape."""
    node: dict[str, Any] = {
        "$": name,
        "dtype": walk.line(str(value.dtype)),
        "shape": list(value.shape),
    }
    room = walk.room
    if value.size > room or type(value) is not sys.modules["numpy"].ndarray:
        node["truncated"] = True
    if names := value.dtype.names:
        pairs = [(field, value[field].flat[:room].tolist()) for field in names[:room]]
        return walk.fields(node, pairs, len(names), state, depth)
    return _cut_items(walk, node, value.flat[:room].tolist(), state, depth)


def _cut_items(walk: Walk, node: dict[str, Any], items: list[Any], state: Any, depth: int) -> Any:
    node["items"] = walk.items(items, state, depth)
    if len(node["items"]) < len(items):
        node["truncated"] = True
    return node


def frame(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    """Show a frame of pandas or polars by its columns' first items."""
    height, width = value.shape
    head = value[: walk.room]
    node: dict[str, Any] = {"$": name, "shape": [height, width]}
    if hasattr(head, "iloc"):
        columns = [(head.columns[i], head.iloc[:, i]) for i in range(min(width, walk.room))]
        node["index"] = walk.node(head.index, state, depth + 1)
    else:
        columns = [(column.name, column) for column in head.get_columns()[: walk.room]]
    node["columns"] = walk.entries(columns, state, depth)
    if height > walk.room or len(node["columns"]) < width:
        node["truncated"] = True
    return node


def series(walk: Walk, value: Any, name: str, state: State, depth: int) -> Any:
    """Show a series or an index of pandas or polars by its first items."""
    head = value[: walk.room]
    node: dict[str, Any] = {"$": name, "name": walk.node(value.name, state, depth + 1)}
    node |= {"dtype": walk.line(str(value.dtype)), "length": len(value)}
    if walk.is_secret_name(value.name):
        return {**node, "redacted": True}
    if len(value) > walk.room:
        node["truncated"] = True
    items = head.tolist() if hasattr(head, "tolist") else head.to_list()
    return _cut_items(walk, node, items, state, depth)
