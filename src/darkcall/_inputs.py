"""A digest of a call's arguments, by which equal ones are known in every process."""

from __future__ import annotations

import hashlib
import operator
from typing import TYPE_CHECKING, Any, Final

from ._describe import Budget, describe_mapping


if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._terms import Terms

_DIGEST_BYTES: Final = 8
#: What is larger is not digested: a part of it would stand for all that begin alike.
_BOUNDS: Final = {"items": 20_000, "nodes": 20_000, "characters": 200_000, "size": 1 << 20}
#: A description with one of these may be that of other values, or differ between processes.
_UNCLEAR: Final = ("truncated", "cycle", "undescribable")
_SETS: Final = ("set", "frozenset")


class _UnclearError(Exception):
    """A description does not say enough."""


def digest_inputs(terms: Terms, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Digest a call's arguments, redacted, by the names of their parameters.

    Args:
        terms: What holds for the launch.
        args: The positional ones.
        kwargs: The keyword ones.

    Returns:
        Sixteen hexadecimal digits, the same for equal arguments in every process; None where
        they are too large, or cannot be described.
    """
    policy = terms.policy
    named = terms.named(args, kwargs)
    for name in policy.share:
        # Not an input but what the call works with, and it may change meanwhile.
        named.pop(name, None)
    return digest_of(describe_mapping(named, policy.redactor, budget=Budget(**_BOUNDS)))


def digest_of(described: dict[str, Any]) -> str | None:
    """Digest a description, whatever order dicts and sets had.

    Args:
        described: Descriptions by name.

    Returns:
        Sixteen hexadecimal digits; None if a part was cut, or could not be described.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": True})
        True
        >>> digest_of({"a": {"$": "list", "truncated": True, "length": 9, "items": []}})
    """
    if "$" in described:
        return None
    try:
        text = _text_of(described)
    except _UnclearError:
        return None
    return hashlib.blake2b(text.encode("ascii"), digest_size=_DIGEST_BYTES).hexdigest()


def _text_of(node: Any) -> str:
    """Write a description in the one form that all descriptions of equal values have."""
    kind = type(node)
    if kind is list:
        return f"[{','.join([_text_of(part) for part in node])}]"
    if kind is not dict:
        return ascii(node)
    if "$" not in node:
        return _text_of_mapping(node)
    if any(mark in node for mark in _UNCLEAR):
        raise _UnclearError
    for part in ("entries", *(("items",) if node["$"] in _SETS else ())):
        if part in node:
            texts = sorted(map(_text_of, node[part]))
            return _text_of_mapping({**node, part: len(texts)}) + "".join(texts)
    return _text_of_mapping(node)


def _text_of_mapping(mapping: dict[str, Any]) -> str:
    parts = [f"{name!a}:{_text_of(part)}" for name, part in sorted(mapping.items(), key=_name_of)]
    return f"{{{','.join(parts)}}}"


_name_of = operator.itemgetter(0)
