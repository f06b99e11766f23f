"""One walk down a value: bounds, cycles, redaction, and the parts of what was raised."""

from __future__ import annotations

import itertools
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from darkcall._paths import OtherKey, step_of
from darkcall._redact import (
    MARGIN,
    REDACTED,
    Redactor,
    RuleFailedError,
    is_for_this_thread,
)
from darkcall._text import escaped

from ._budget import Budget
from ._forms import MAX_JSON_INT, args_of, class_name, form_of, forms_in_use, is_exact, type_name


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from darkcall._paths import State, Step

#: Stands for text that could not be had.
UNDESCRIBABLE: Final = "[undescribable]"

_MAX_KEY: Final = 200
_MAX_LINE: Final = 500
_MAX_MEMBERS: Final = 10
_MAX_SIMPLE: Final = 20_000
NODE_BYTES: Final = 16
_PAIR: Final = 2
# Their texts show no more of their arguments than a byte, or how many they are.
_SHORT: Final = (UnicodeError, BaseExceptionGroup)
_PLAIN: Final = frozenset({bool, type(None)})
_LEAVES: Final = frozenset({*_PLAIN, int, float, str})
# An exception's class may define these names anew.
_attributes_of: Final = BaseException.__dict__["__dict__"].__get__
_cause_of: Final = BaseException.__dict__["__cause__"].__get__
_members_of: Final = BaseExceptionGroup.__dict__["exceptions"].__get__

# {"name": "password", "value": ...} and the like: forms, headers, settings.
LABELS: Final = frozenset({"name", "key", "field", "header", "parameter"})
_LABELLED: Final = frozenset({"value", "values", "val", "content"})


class Walk:
    """One walk down a value; the forms in :mod:`darkcall._forms` call it for the parts.

    Args:
        redactor: What hides secrets.
        budget: What may still be written.
        root: Where the value stands.
    """

    __slots__ = (
        "_budget",
        "_forms",
        "_open",
        "_redactor",
        "_root",
        "_scratch",
        "_steps",
        "looks_ahead",
    )

    def __init__(self, redactor: Redactor, budget: Budget, root: tuple[Step, ...]) -> None:
        self._redactor = redactor
        self._budget = budget
        self._root = root
        self._steps = list(root)
        self._open: set[int] = set()
        self._forms: Any = None
        self._scratch: Walk | None = None
        #: Whether it only finds out what an exception's text would show.
        self.looks_ahead = False

    @property
    def room(self) -> int:
        """How many items of one container may be written."""
        return max(0, min(self._budget.items, self._budget.nodes))

    @property
    def window(self) -> int:
        """How much of one byte string must be seen, to find secrets that are cut."""
        return self.characters + MARGIN

    @property
    def characters(self) -> int:
        """How many characters of one text may be written."""
        return max(0, min(self._budget.characters, self._budget.size))

    def charge(self, size: int) -> None:
        """Take note that so many bytes will be written."""
        self._budget.size -= size

    def described(self, value: Any) -> Any:
        """Describe the value that stands at the root."""
        if self._redactor.hides(self._root):
            return redacted(value)
        return self.shown(value)

    def shown(self, value: Any) -> Any:
        """Describe the value that stands at the root, of which it is known that it may be seen."""
        state = self._redactor.start
        # Nothing lies below a number or a text, unless a rule shows something else in its place.
        if type(value) not in _LEAVES or self._redactor.asks:
            for step in self._root:
                state = state.step(step)
        return self.node(value, state, 0)

    def node(self, value: Any, state: State, depth: int) -> Any:
        """Describe a value, after the user's callables have been asked about it."""
        if self._redactor.asks:
            shown = self._redactor.shown(self._steps, value)
            if shown is not value:
                node = self._node(shown, state, depth)
                return {"$": type_name(value), "redacted": True, "value": node}
        return self._node(value, state, depth)

    def _node(self, value: Any, state: State, depth: int) -> Any:
        kind, budget = type(value), self._budget
        budget.nodes -= 1
        budget.size -= NODE_BYTES
        if kind is str:
            return self.text("str", value)
        if kind in _PLAIN or (kind is int and -MAX_JSON_INT <= value <= MAX_JSON_INT):
            return value
        if kind is float and isfinite(value) and depth <= budget.depth and not budget.is_spent:
            budget.size -= len("float")
            return value
        return self._tagged(kind, value, state, depth)

    def _tagged(self, kind: type, value: Any, state: State, depth: int) -> Any:
        budget = self._budget
        name = class_name(kind)
        if id(value) in self._open:
            return {"$": name, "cycle": True}
        if depth > budget.depth or budget.is_spent:
            return {"$": name, "truncated": True}
        budget.size -= len(name)
        if self._forms is None:
            # Most differences are between texts or numbers, which need none.
            self._forms = forms_in_use()
        self._open.add(id(value))
        try:
            return form_of(kind, self._forms)(self, value, name, state, depth)
        except RuleFailedError:
            raise
        except BaseException as error:
            if is_for_this_thread(error):
                raise
            return {"$": name, "undescribable": True}
        finally:
            self._open.discard(id(value))

    def child(self, step: Step, value: Any, state: State, depth: int) -> Any:
        """Describe a part of a value, unless its name or its place hides it."""
        following = state.step(step)
        if following.matched or self._redactor.hides_step(step):
            self._budget.nodes -= 1
            self._budget.size -= 3 * NODE_BYTES
            return redacted(value)
        self._steps.append(step)
        try:
            return self.node(value, following, depth + 1)
        finally:
            self._steps.pop()

    def text(self, name: str, text: str) -> Any:
        """Describe text: plain if it is an exact ``str`` that can be shown as it is."""
        limit = self.characters
        shown = self._redactor.scrub(text, limit)
        is_whole = len(text) <= limit
        is_redacted = shown != (text if is_whole else text[:limit])
        is_printable = shown.isprintable()
        if not is_printable:
            shown = escaped(shown.replace("\\", "\\\\"))
        self.charge(len(shown) if shown.isascii() else len(shown.encode()))
        if is_whole and is_printable and not is_redacted and name == "str":
            return shown
        node: dict[str, Any] = {"$": name, "value" if is_printable else "escaped": shown}
        if not is_whole:
            node |= {"truncated": True, "length": len(text)}
        return {**node, "redacted": True} if is_redacted else node

    def line(self, text: str) -> str:
        """Return text about a value, such as its ``repr``: one line, cut, scrubbed."""
        shown = self._redactor.text(text, min(self.characters, _MAX_LINE))
        self.charge(len(shown.encode()))
        return shown

    def items(self, items: Sequence[Any], state: State, depth: int) -> list[Any]:
        """Describe items until the budget is spent."""
        nodes: list[Any] = []
        # ("Authorization", "Bearer ..."): a header, or an item of a mapping.
        is_pair = len(items) == _PAIR and self.is_secret_name(items[0])
        for index, item in enumerate(items):
            if self._budget.is_spent:
                break
            is_hidden = is_pair and index == 1
            nodes.append(redacted(item) if is_hidden else self.child(index, item, state, depth))
        return nodes

    def mapping(
        self, name: str, pairs: Iterable[tuple[Any, Any]], length: int, state: State, depth: int
    ) -> Any:
        """Describe a mapping: a plain dict if each key can be one of JSON's."""
        parts = self._parts(pairs, state, depth)
        if name == "dict" and len(parts) == length and all(map(self._is_plain, parts)):
            return dict(parts)
        node: dict[str, Any] = {"$": name, "entries": self._entries(parts, depth)}
        if len(parts) < length:
            node |= {"truncated": True, "length": length}
        return node

    def fields(
        self,
        node: dict[str, Any],
        pairs: Iterable[tuple[Any, Any]],
        length: int,
        state: State,
        depth: int,
    ) -> dict[str, Any]:
        """Add a value's fields to its description."""
        node["fields"] = dict(filter(self._is_plain, self._parts(pairs, state, depth)))
        if len(node["fields"]) < length:
            node["truncated"] = True
        return node

    def entries(
        self, pairs: Iterable[tuple[Any, Any]], state: State, depth: int
    ) -> list[list[Any]]:
        """Describe keys and values, each pair as a list."""
        return self._entries(self._parts(pairs, state, depth), depth)

    def named(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        """Describe the values of a mapping by name."""
        if self._redactor.hides(()):
            return {"$": redacted(mapping)}
        is_dict = issubclass(type(mapping), dict)
        pairs = dict.items(mapping) if is_dict else mapping.items()  # type: ignore[arg-type]
        parts = self._parts(pairs, self._redactor.start, 0)
        described = {self._label(key): node for key, node in parts}
        if len(parts) < len(mapping):
            described["$"] = {"$": "dict", "truncated": True, "length": len(mapping)}
        return described

    def exception(self, error: BaseException, links: int) -> dict[str, Any]:
        """Describe an exception, its notes, its cause and its group."""
        self.charge(4 * NODE_BYTES)
        self._budget.nodes -= 1
        described: dict[str, Any] = {"type": type_name(error), "message": self.message(error)}
        notes = _notes_of(error)
        if notes:
            described["notes"] = [self._said("notes", note) for note in notes]
        cause = _cause_of(error)
        if cause is not None and links:
            described["cause"] = self._linked("cause", cause, links)
        if issubclass(type(error), BaseExceptionGroup) and links:
            described["exceptions"] = [
                self._linked("exceptions", member, links)
                for member in _members_of(error)[:_MAX_MEMBERS]
                if not self._budget.is_spent
            ]
        return described

    def message(self, error: BaseException) -> str:
        """Return an exception's message: one line, cut, scrubbed."""
        return self._said("message", self._text_of(error))

    def is_secret_name(self, value: Any) -> bool:
        """Whether a value is text that names a secret."""
        if type(value) is bytes:
            value = value[:_MAX_KEY].decode("latin-1")
        return type(value) is str and len(value) < _MAX_KEY and self._redactor.hides_step(value)

    def holds_secret(self, text: str) -> bool:
        """Whether anything in a text would be hidden."""
        return self._redactor.scrub(text, len(text)) != text

    def _parts(
        self, pairs: Iterable[tuple[Any, Any]], state: State, depth: int
    ) -> list[tuple[Any, Any]]:
        pairs = list(itertools.islice(pairs, self.room))
        is_labelled = any(
            type(key) is str and key in LABELS and self.is_secret_name(value)
            for key, value in pairs
        )
        parts = []
        for key, value in pairs:
            if self._budget.is_spent:
                break
            is_hidden = is_labelled and type(key) is str and key in _LABELLED
            node = redacted(value) if is_hidden else self.child(step_of(key), value, state, depth)
            parts.append((key, node))
        return parts

    def _is_plain(self, part: tuple[Any, Any]) -> bool:
        key = part[0]
        if type(key) is not str or key == "$" or len(key) > _MAX_KEY or not key.isprintable():
            return False
        self.charge(len(key))
        return self._redactor.scrub(key) == key

    def _entries(self, parts: list[tuple[Any, Any]], depth: int) -> list[list[Any]]:
        nowhere = self._redactor.nowhere
        return [[self._node(key, nowhere, depth + 1), node] for key, node in parts]

    def _label(self, key: Any) -> str:
        step = step_of(key)
        label = self.line(step.text if isinstance(step, OtherKey) else str(step))
        return f"${label}" if label.startswith("$") else label

    def _said(self, step: str, text: str) -> str:
        steps = [*self._steps, step]
        if self._redactor.hides(steps):
            return REDACTED
        shown = self._redactor.shown(steps, text)
        if type(shown) is not str:
            return REDACTED
        shown = self._redactor.text(shown, self.characters)
        self.charge(len(shown.encode()))
        return shown

    def _text_of(self, error: BaseException) -> str:
        args = args_of(error)
        if len(args) == 1 and type(args[0]) is str and len(args[0]) > _MAX_SIMPLE:
            return str(args[0])
        try:
            # An exception's text shows its arguments with all that they hold, so these
            # are looked at first.
            if not (all(map(_is_simple, args)) or issubclass(type(error), _SHORT)):
                if self._scratch is None:
                    self._scratch = Walk(self._redactor, Budget(), (*self._root, "args"))
                    self._scratch.looks_ahead = True
                described = self._scratch.described(list(args))
                if not is_exact(described):
                    return str(described)
            return str.__str__(str(error))
        except RuleFailedError:
            raise
        except BaseException as failure:
            if is_for_this_thread(failure):
                raise
            return UNDESCRIBABLE

    def _linked(self, step: str, error: BaseException, links: int) -> dict[str, Any]:
        self._steps.append(step)
        try:
            return self.exception(error, links - 1)
        finally:
            self._steps.pop()


def _is_simple(value: Any) -> bool:
    return type(value) is str and len(value) <= _MAX_SIMPLE


def _notes_of(error: BaseException) -> list[str]:
    notes = _attributes_of(error).get("__notes__")
    if type(notes) is not list:
        return []
    return [note for note in notes[:_MAX_MEMBERS] if type(note) is str]


def redacted(value: Any) -> dict[str, Any]:
    """Return the mark of a value that is hidden."""
    return {"$": type_name(value), "redacted": True}
