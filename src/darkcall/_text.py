"""Text that can stand in a log line or on a terminal, whoever wrote it."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar


if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


#: So many characters of a line are shown.
MAX_LINE: Final = 4000
#: So many characters of a type's name are shown.
MAX_NAME: Final = 200

#: What differs most often is of one of these types. By identity: a metaclass may have a hash.
PLAIN_NAMES: Final = {
    id(kind): kind.__name__
    for kind in (bool, bytes, dict, float, int, list, str, tuple, type(None))
}

_MAX_REMEMBERED: Final = 256
_MAX_REMEMBERED_CHARACTERS: Final = 200

_UNSAFE: Final = re.compile(r"[^ -~]")
# A metaclass may define the name anew; the slot of ``type`` itself cannot lie.
_qualname_of: Final = type.__dict__["__qualname__"].__get__


class _LazyPattern:
    """A regular expression that is compiled at its first use: to compile all takes milliseconds."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._pattern, self._flags)
        for method in ("finditer", "fullmatch", "match", "search", "sub"):
            # From now on, nobody comes here.
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def remembered(function: Callable[[str], T]) -> Callable[[str], T]:
    """Have a function of a text alone remember what it gave for short ones.

    Most mismatches of a launch are at a few places, with the same names on their paths.

    Args:
        function: What takes a text.

    Returns:
        What gives the same in a tenth of the time, once it knows it.
    """
    known = functools.lru_cache(maxsize=_MAX_REMEMBERED)(function)

    @functools.wraps(function)
    def remembering(text: str) -> T:
        is_short = type(text) is str and len(text) <= _MAX_REMEMBERED_CHARACTERS
        return known(text) if is_short else function(text)

    return remembering


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Make a regular expression that costs nothing until it is used.

    Args:
        pattern: The expression.
        flags: As ``re.compile`` takes them.

    Returns:
        What can be used as the compiled pattern.

    Example:
        >>> lazy_pattern("b+").sub("-", "abbc")
        'a-c'
    """
    pattern_: Any = _LazyPattern(pattern, flags)
    return pattern_  # type: ignore[no-any-return]


def escaped(text: str) -> str:
    r"""Return the text with what could forge a line or fool a terminal written as escapes.

    Args:
        text: Any text.

    Returns:
        Text without line ends, control characters, bidirectional marks and surrogates.

    Example:
        >>> escaped("a\nb")
        'a\\nb'
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(_escaped_character, text)


def _escaped_character(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def one_line(text: str, limit: int = MAX_LINE) -> str:
    r"""Return the text as one line of bounded length.

    Args:
        text: Any text.
        limit: So many of its characters are shown.

    Returns:
        The line, which ends in ``...`` if the text goes on.

    Example:
        >>> one_line("shop.price\x1b[2J", limit=12)
        'shop.price\\x1b[...'
    """
    return escaped(text) if len(text) <= limit else f"{escaped(text[:limit])}..."


def qualname_of(kind: type) -> str:
    """Name a class, whatever it or its metaclass says about itself.

    Args:
        kind: Any class.

    Returns:
        Its qualified name, as one line of bounded length.

    Example:
        >>> qualname_of(dict)
        'dict'
    """
    return one_line(str.__str__(_qualname_of(kind)), MAX_NAME)
