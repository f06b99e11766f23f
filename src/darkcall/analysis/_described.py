"""Described values as one line of text that reads like Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from ._words import cut


if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_DEPTH: Final = 24
_MAX_READ: Final = 6000
_MAX_COMMON: Final = 60
_BRACKETS: Final = {"tuple": "()", "set": "{}", "list": "[]"}
_SAYS_IT_ALL: Final = ("repr", "message", "redacted", "cycle", "undescribable")


@attrs.frozen
class Marked:
    """A text, split so that what differs from another text can be marked.

    Attributes:
        before: What both have, before.
        differs: What differs.
        after: What both have, after.
    """

    before: str
    differs: str
    after: str


def shown(described: Any, limit: int) -> str:
    r"""Return a described value as text.

    Args:
        described: Any JSON, as a record holds it.
        limit: So many characters of it are shown.

    Returns:
        One line, without control characters.

    Example:
        >>> print(shown({"a": [1, None], "b": {"$": "str", "escaped": "x\\n"}}, 80))
        {'a': [1, None], 'b': 'x\n'}
        >>> print(shown({"$": "decimal.Decimal", "value": "1.50"}, 80))
        decimal.Decimal(1.50)
    """
    line = ""
    for piece in _pieces(described, 0):
        line += piece
        if len(line) > limit:
            break
    return cut(line, limit)


def side_by_side(control: Any, candidate: Any, limit: int) -> tuple[Marked, Marked]:
    """Return two described values as text, with what differs told apart.

    Args:
        control: One value.
        candidate: The other one.
        limit: So many characters of what differs are shown.

    Returns:
        Both; long stretches that they have in common are cut.

    Example:
        >>> [side.differs for side in side_by_side([1, 25, 3], [1, 27, 3], 80)]
        ['5', '7']
    """
    left, right = shown(control, _MAX_READ), shown(candidate, _MAX_READ)
    before = _common(left, right)
    rest = [left[before:], right[before:]]
    after = _common(rest[0][::-1], rest[1][::-1])
    is_long = before > _MAX_COMMON
    shown_before = f"…{left[before - _MAX_COMMON : before]}" if is_long else left[:before]
    marked = [
        Marked(
            shown_before,
            cut(each[: len(each) - after], limit),
            cut(each[len(each) - after :], _MAX_COMMON),
        )
        for each in rest
    ]
    return marked[0], marked[1]


def _common(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    both = min(len(left), len(right))
    return next((place for place, (one, other) in enumerate(pairs) if one != other), both)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        yield "…"
    elif isinstance(value, dict):
        yield from _of_node(value, depth) if "$" in value else _of_entries(value.items(), depth)
    elif isinstance(value, list):
        yield from _of_items(value, "[]", depth)
    else:
        yield repr(value)


def _of_node(node: dict[str, Any], depth: int) -> Iterator[str]:
    kind = str(node["$"])
    if "escaped" in node:
        yield f"'{node['escaped']}'"
    elif isinstance(node.get("items"), list):
        yield "" if kind in _BRACKETS else kind
        yield from _of_items(node["items"], _BRACKETS.get(kind, "[]"), depth)
    elif isinstance(node.get("entries"), list):
        yield "" if kind == "dict" else kind
        pairs = (pair for pair in node["entries"] if isinstance(pair, list) and len(pair) == 2)
        yield from _of_entries(pairs, depth, raw_keys=True)
    elif isinstance(node.get("fields"), dict):
        yield f"{kind}("
        for number, (name, field) in enumerate(node["fields"].items()):
            yield f"{', ' if number else ''}{name}="
            yield from _pieces(field, depth + 1)
        yield ")"
    elif "name" in node:
        yield f"{kind}.{node['name']}"
    else:
        yield from _of_leaf(kind, node)
    if node.get("truncated"):
        yield f" (cut, of length {node['length']})" if "length" in node else " (cut)"


def _of_leaf(kind: str, node: dict[str, Any]) -> Iterator[str]:
    if "value" in node:
        yield str(node["value"]) if kind in {"int", "float"} else f"{kind}({node['value']})"
    elif "base64" in node:
        yield f"{kind}(base64 {node['base64']})"
    else:
        yield kind
    for key in _SAYS_IT_ALL:
        if key in node:
            said = node[key]
            yield f" [{key}]" if said is True else f" [{key}: {said}]"


def _of_items(items: list[Any], brackets: str, depth: int) -> Iterator[str]:
    yield brackets[0]
    for number, item in enumerate(items):
        if number:
            yield ", "
        yield from _pieces(item, depth + 1)
    yield brackets[1]


def _of_entries(entries: Any, depth: int, *, raw_keys: bool = False) -> Iterator[str]:
    yield "{"
    for number, (key, value) in enumerate(entries):
        yield ", " if number else ""
        yield from _pieces(key, depth + 1) if raw_keys else iter([repr(key)])
        yield ": "
        yield from _pieces(value, depth + 1)
    yield "}"
