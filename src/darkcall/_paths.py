"""The path language: where in a value something is, and which places a rule means.

A place is a tuple of steps, from the root down.  A step is a ``str`` (an attribute or
a text key), an ``int`` (an index or a whole number as a key) or an :class:`OtherKey`.
"""

from __future__ import annotations

import enum
import re
import sys
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import attrs

from ._errors import ConfigurationError
from ._text import lazy_pattern, remembered


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: A key is shown with at most so many characters, a path with about so many.
MAX_KEY_CHARACTERS: Final = 100
MAX_PATH_CHARACTERS: Final = 1000

_ALLOWED = (
    '$ for the root, then any of .name ["any key"] [0] [*] .* ..name, '
    "or a bare name, which is found at any depth"
)
_NAME = lazy_pattern(r"[^\W\d][\w-]*")
_BRACKET = lazy_pattern(
    r"""\[(?:
        (?P<any>\*)
      | (?P<index>-?[0-9]{1,19})
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | '(?P<single>(?:[^'\\]|\\.)*)'
      | <(?P<other>(?:[^>\\]|\\.)*)>
    )\]""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = lazy_pattern(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})|(.))",
    re.DOTALL,
)
_NAMED_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
#: Marks what was cut; a key that holds this very character is escaped.
_CUT = "\N{HORIZONTAL ELLIPSIS}"


@attrs.frozen
class OtherKey:
    """A key that is neither text nor a whole number: ``None``, ``(1, 2)``, an enum.

    Attributes:
        text: How it is shown.
    """

    text: str


Step: TypeAlias = str | int | OtherKey


@attrs.frozen
class _Part:
    """One part of a pattern: ``step`` is None if any will do."""

    step: Step | None
    at_any_depth: bool


@attrs.frozen
class Pattern:
    """The places that one rule means; made by :func:`parse`.

    Attributes:
        text: The rule as it was written.
    """

    text: str
    parts: tuple[_Part, ...] = attrs.field(repr=False)
    _set: PatternSet = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_set", PatternSet([self]))

    def matches(self, steps: Iterable[Step]) -> bool:
        """Whether the place is one that the rule means.

        Example:
            >>> parse("$.lines[*].price").matches(("lines", 3, "price"))
            True
        """
        return bool(self._set.match(steps))

    def covers(self, steps: Iterable[Step]) -> bool:
        """Whether the place, or one that it lies in, is one that the rule means.

        Example:
            >>> parse("card").covers(("user", "card", "number"))
            True
        """
        return self._set.covers(steps)

    @property
    def steps(self) -> tuple[Step, ...] | None:
        """The one place that the rule means; None if it means several.

        Example:
            >>> parse("$.lines[0]").steps
            ('lines', 0)
            >>> parse("$.lines[*]").steps
        """
        return _steps_in(self.parts)


class State:
    """Where a walk down a value stands in the patterns of a :class:`PatternSet`.

    Attributes:
        matched: The indexes of the patterns that mean this place.
        live: Whether any pattern may mean a place further down.
    """

    __slots__ = ("_next", "_positions", "_set", "live", "matched")

    def __init__(self, patterns: PatternSet, positions: frozenset[tuple[int, int]]) -> None:
        self._set = patterns
        self._positions = positions
        self._next: dict[Step | None, State] = {}
        lengths = patterns.lengths
        self.matched = tuple(sorted(i for i, at in positions if at == lengths[i]))
        self.live = any(at < lengths[i] for i, at in positions)

    def step(self, step: Step) -> State:
        """Where the walk stands one step further down."""
        if not self.live:
            return self._set.nowhere
        known = step if step in self._set.alphabet else None
        following = self._next.get(known)
        if following is None:
            following = self._next[known] = self._set.following(self._positions, known)
        return following


class PatternSet:
    """Many patterns at once, matched step by step on the way down a value.

    Example:
        >>> patterns = PatternSet([parse("$.a[*]"), parse("id")])
        >>> patterns.match(("a", 0)), patterns.match(("a", "id")), patterns.match(("b",))
        ((0,), (0, 1), ())
        >>> patterns.start.step("a").step("id").matched
        (0, 1)
    """

    __slots__ = ("_patterns", "_states", "alphabet", "lengths", "nowhere", "start")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self.lengths = tuple(len(pattern.parts) for pattern in self._patterns)
        self.alphabet = frozenset(
            part.step for p in self._patterns for part in p.parts if part.step is not None
        )
        self._states: dict[frozenset[tuple[int, int]], State] = {}
        self.nowhere = State(self, frozenset())
        self.start = State(self, frozenset((i, 0) for i in range(len(self._patterns))))

    def match(self, steps: Iterable[Step]) -> tuple[int, ...]:
        """The indexes of the patterns that mean the place."""
        state = self.start
        for step in steps:
            state = state.step(step)
        return state.matched

    def covers(self, steps: Iterable[Step]) -> bool:
        """Whether any pattern means the place, or one that it lies in."""
        state = self.start
        for step in steps:
            if state.matched:
                return True
            state = state.step(step)
        return bool(state.matched)

    def following(self, positions: Iterable[tuple[int, int]], step: Step | None) -> State:
        """The state after a step; None stands for a step that no pattern names."""
        reached = set()
        for index, at in positions:
            if at == self.lengths[index]:
                continue
            part = self._patterns[index].parts[at]
            if part.at_any_depth:
                reached.add((index, at))
            if part.step is None or part.step == step:
                reached.add((index, at + 1))
        key = frozenset(reached)
        state = self._states.get(key)
        if state is None:
            state = State(self, key)
            # Wildcards below ".." can ask for exponentially many states.
            if len(self._states) < 1000:
                self._states[key] = state
        return state


def parse(text: str) -> Pattern:
    """Read a path.

    Args:
        text: A path such as ``$.lines[*].price``, ``$..id`` or ``card``.

    Raises:
        ConfigurationError: If it is none; the message shows where, and what may stand there.

    Example:
        >>> parse("card").matches(("payment", "card"))
        True
        >>> parse("$.a.")
        Traceback (most recent call last):
        ...
        darkcall._errors.ConfigurationError: '$.a.' is no path: at position 3, '.' is not \
understood; a path is $ for the root, then any of .name ["any key"] [0] [*] .* ..name, or a \
bare name, which is found at any depth
    """
    if not isinstance(text, str):
        message = f"a path is text, not {type(text).__qualname__}; a path is {_ALLOWED}"
        raise ConfigurationError(message)
    if _NAME.fullmatch(text):
        return Pattern(text, (_Part(text, at_any_depth=True),))
    return Pattern(text, tuple(_parts(text)))


def _steps_in(parts: tuple[_Part, ...]) -> tuple[Step, ...] | None:
    steps = tuple(part.step for part in parts if part.step is not None)
    exact = len(steps) == len(parts) and not any(part.at_any_depth for part in parts)
    return steps if exact else None


def _parts(text: str) -> Iterator[_Part]:
    if not text.startswith("$"):
        _refuse(text, 0)
    at = 1
    while at < len(text):
        begin = at
        at_any_depth = text.startswith("..", at)
        at += 2 if at_any_depth else text.startswith(".", at)
        if bracket := _BRACKET.match(text, at):
            if at - begin == 1:
                _refuse(text, begin)
            yield _Part(_bracketed(bracket), at_any_depth)
            at = bracket.end()
            continue
        name = _NAME.match(text, at)
        if at == begin or not (name or text.startswith("*", at)):
            _refuse(text, begin)
        yield _Part(name.group() if name else None, at_any_depth)
        at = name.end() if name else at + 1


def _bracketed(match: re.Match[str]) -> Step | None:
    content = match[match.lastgroup or 0]
    if match.lastgroup == "any":
        return None
    if match.lastgroup == "index":
        return int(content)
    unescaped = _ESCAPE.sub(_unescaped, content)
    return OtherKey(unescaped) if match.lastgroup == "other" else unescaped


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    return chr(int(code, 16)) if code else _NAMED_ESCAPES.get(match[4], match[4])


def _refuse(text: str, position: int) -> NoReturn:
    found = f"{text[position : position + 20]!r} is not understood" if text else "there is nothing"
    message = f"{text[:200]!r} is no path: at position {position}, {found}; a path is {_ALLOWED}"
    raise ConfigurationError(message)


def step_of(key: Any) -> Step:
    """A key as a step, without running code of the key's own.

    Example:
        >>> step_of("a"), step_of(1), step_of(True), step_of((1, "b"))
        ('a', 1, OtherKey(text='True'), OtherKey(text="(1, 'b')"))
    """
    kind = type(key)
    if kind is str:
        return key  # type: ignore[no-any-return]
    if kind is int and key.bit_length() < 64:
        return key  # type: ignore[no-any-return]
    if issubclass(kind, str):
        return str.__str__(key)
    if issubclass(kind, int) and kind is not bool and int.bit_length(key) < 64:
        return int.__int__(key)
    return OtherKey(_key_text(key))


#: Types whose ``repr`` is short and harmless; found only if their module is in use.
_SHOWN_BY_REPR = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
}


def _key_text(key: Any, depth: int = 2) -> str:
    kind = type(key)
    if kind in {str, bytes}:
        return repr(key[:MAX_KEY_CHARACTERS])
    if kind in {type(None), bool, float, complex}:
        return repr(key)
    if issubclass(kind, int):
        bits = int.bit_length(key)
        return int.__repr__(key) if bits < 64 else f"an int of {bits} bits"
    if kind is tuple and depth:
        return f"({', '.join(_key_text(item, depth - 1) for item in key[:5])})"
    for module, names in _SHOWN_BY_REPR.items():
        if any(kind is getattr(sys.modules.get(module), name, None) for name in names):
            return repr(key)[:MAX_KEY_CHARACTERS]
    # The type's own slot: a metaclass may define a __qualname__ that raises.
    name = str(type.__dict__["__qualname__"].__get__(kind))
    if issubclass(kind, enum.Enum):
        name = f"{name}.{object.__getattribute__(key, '_name_')}"
    return name[:MAX_KEY_CHARACTERS]


def render(steps: Iterable[Step]) -> str:
    """A place as text, within bounds, on one line.

    Example:
        >>> render(("lines", 0, "unit price", OtherKey("None")))
        '$.lines[0]["unit price"][<None>]'
    """
    texts = [_step_text(step) for step in steps]
    path = "".join(texts)
    if len(path) > MAX_PATH_CHARACTERS:
        path = "".join([*_fitting(texts), f'["{_CUT}"]', *_fitting(texts[::-1])[::-1]])
    return f"${path}"


def _fitting(texts: list[str]) -> list[str]:
    ends = accumulate(map(len, texts))
    return [text for text, end in zip(texts, ends, strict=True) if end <= MAX_PATH_CHARACTERS // 2]


def _step_text(step: Step) -> str:
    if isinstance(step, OtherKey):
        return f"[<{_escaped(step.text, '>')}>]"
    if isinstance(step, int):
        return f"[{step}]" if step.bit_length() < 64 else _step_text(step_of(step))
    return _name_text(step)


@remembered
def _name_text(step: str) -> str:
    if len(step) <= MAX_KEY_CHARACTERS and step.isidentifier() and _NAME.fullmatch(step):
        return f".{step}"
    quote = '"'
    return f'["{_escaped(step, quote)}"]'


def _escaped(text: str, end: str) -> str:
    shown = text[:MAX_KEY_CHARACTERS]
    if not shown.isprintable() or any(mark in shown for mark in ("\\", _CUT, end)):
        shown = "".join(_escaped_character(character, end) for character in shown)
    return shown if len(text) <= MAX_KEY_CHARACTERS else shown + _CUT


def _escaped_character(character: str, end: str) -> str:
    if character in {"\\", '"'}:
        return "\\" + character
    if character.isprintable() and character not in {end, _CUT}:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@remembered
def steps_of(path: str) -> tuple[Step, ...] | None:
    """The steps of a path that :func:`render` made; None if they are not all in it.

    A path that was cut does not say any more which place it means: whoever asks in
    order to hide something hides it then.

    Example:
        >>> steps_of('$.lines[0]["unit price"]')
        ('lines', 0, 'unit price')
    """
    if _CUT in path:
        return None
    try:
        # Not as a pattern, which leads to itself: each would wait for the garbage collector.
        return _steps_in(tuple(_parts(path)))
    except ConfigurationError:
        return None
