"""A digest of a call's arguments, by which equal ones are known in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import _guard
from ._describe import LABELS, Budget, describe_mapping
from ._hash import blake2b


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._redact import Redactor
    from ._terms import Terms

_DIGEST_BYTES: Final = 8
#: What is larger is not digested: a part of it would stand for all that begin alike.
_BOUNDS: Final = {"items": 20_000, "nodes": 20_000, "characters": 200_000, "size": 1 << 20}
#: A description with one of these may be that of other values, or differ between processes.
_UNCLEAR: Final = ("truncated", "cycle", "undescribable")
_LEAVES: Final = frozenset({int, bool, float, type(None), str})
_CONTAINERS: Final = frozenset({list, tuple, dict, set, frozenset})
#: What can be no name of anything.
_NO_NAMES: Final = (_LEAVES | _CONTAINERS) - {str}
_PAIR: Final = 2
_MAX_DEPTH: Final = 20
_MAX_BITS: Final = 2048
#: Items and characters, over all.
_MAX_PLAIN: Final = 4_000
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
    try:
        return _digest_of_call(terms, args, kwargs)
    except Exception as error:  # noqa: BLE001 -- what is shared may change meanwhile
        _guard.fault(f"digesting the arguments of a call of {terms.launch}", error)
        return None


def _digest_of_call(terms: Terms, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    policy = terms.policy
    named = terms.named(args, kwargs)
    for name in policy.share:
        # Not an input but what the call works with, and it may change meanwhile.
        named.pop(name, None)
    if not policy.redact:
        # Rules of the user's own may mean any place or value.
        try:
            return _hashed("plain" + _Plain(policy.redactor).text(named, 0))
        except _UnclearError:
            pass
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
    return _hashed(text)


def _hashed(text: str) -> str:
    return blake2b(text.encode("ascii"), digest_size=_DIGEST_BYTES).hexdigest()


class _Plain:
    """Writes plain data in which nothing is to be hidden, in a quarter of a description's time.

    Whether it does depends on the value alone, not on the order of dicts and sets: so equal
    arguments all go this way, or all the other one.
    """

    __slots__ = ("_left", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._left = _MAX_PLAIN

    def text(self, value: Any, depth: int) -> str:
        """Write a value.

        Args:
            value: Any value.
            depth: How many containers it lies in.

        Raises:
            _UnclearError: It takes a description.
        """
        kind = type(value)
        if kind is str:
            return self._text_of_text(value)
        if kind is int and value.bit_length() <= _MAX_BITS:
            return int.__repr__(value)
        if kind in _LEAVES and kind is not int:
            return ascii(value)
        if depth > _MAX_DEPTH or kind not in _CONTAINERS:
            raise _UnclearError
        self._take(len(value))
        if kind is dict:
            return self._text_of_dict(value, depth)
        if len(value) == _PAIR:
            # A name and what it names: a header, say.
            self._refuse_secret_names(value)
        texts = [self.text(part, depth + 1) for part in value]
        if kind in {set, frozenset}:
            texts.sort()
        return f"{kind.__name__}[{','.join(texts)}]"

    def _text_of_dict(self, value: dict[Any, Any], depth: int) -> str:
        hides = self._redactor.hides_step
        for name, part in value.items():
            if type(name) is not str or hides(name):
                raise _UnclearError
            if name in LABELS:
                self._refuse_secret_names((part,))
        return ",".join(
            [
                "{",
                *[
                    f"{self._text_of_text(name)}:{self.text(value[name], depth + 1)}"
                    for name in sorted(value)
                ],
                "}",
            ]
        )

    def _text_of_text(self, text: str) -> str:
        self._take(len(text))
        if self._redactor.scrub(text) != text:
            raise _UnclearError
        return ascii(text)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _UnclearError

    def _refuse_secret_names(self, parts: Iterable[Any]) -> None:
        if any(type(part) not in _NO_NAMES and self._is_secret_name(part) for part in parts):
            raise _UnclearError

    def _is_secret_name(self, part: Any) -> bool:
        return type(part) is not str or self._redactor.hides_step(part)


def _text_of(node: Any) -> str:
    """Write a description in the one form that all descriptions of equal values have."""
    if type(node) is list:
        return f"[{','.join(_texts_of(node))}]"
    if "$" not in node:
        return _text_of_mapping(node)
    if any(mark in node for mark in _UNCLEAR):
        raise _UnclearError
    for part in ("entries", *(("items",) if node["$"] in _SETS else ())):
        if part in node:
            if part == "items" and any(map(_is_hidden, node[part])):
                # Which of them is hidden depends on their order.
                raise _UnclearError
            texts = sorted(_texts_of(node[part]))
            return _text_of_mapping({**node, part: len(texts)}) + "".join(texts)
    return _text_of_mapping(node)


def _text_of_mapping(mapping: dict[str, Any]) -> str:
    names = sorted(mapping)
    texts = _texts_of([mapping[name] for name in names])
    return f"{{{names!a}{','.join(texts)}}}"


def _is_hidden(node: Any) -> bool:
    return type(node) is dict and "redacted" in node


def _texts_of(nodes: list[Any]) -> list[str]:
    # Most are leaves, for which a call would take longer than the rest.
    return [ascii(node) if type(node) in _LEAVES else _text_of(node) for node in nodes]
