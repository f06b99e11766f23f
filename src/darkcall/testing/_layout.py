"""Python code, laid out as formatters leave it: what does not fit in a line is taken apart."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WIDTH: Final = 88
#: However deep it stands, a part of a text is not shorter.
_MIN_WIDTH: Final = 40
_INDENT: Final = "    "
_SHORT_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@attrs.frozen
class Leaf:
    """Code that cannot be taken apart."""

    code: str


@attrs.frozen
class Name:
    """Something that is imported.

    Attributes:
        module: Where from.
        path: What, with dots below a class.
    """

    module: str
    path: str


@attrs.frozen
class Text:
    """A text literal."""

    text: str


@attrs.frozen
class Prefixed:
    """Something with a few characters before it: ``key=``, ``**``.

    Attributes:
        before: The characters.
        node: What they stand before.
    """

    before: str
    node: Node


@attrs.frozen
class Pair:
    """An entry of a dict."""

    key: Node
    value: Node


@attrs.frozen
class Bracketed:
    """Items in brackets: a container, or a call.

    Attributes:
        brackets: Both of them.
        items: What stands between.
        called: What is called, if it is a call.
    """

    brackets: str
    items: tuple[Node, ...]
    called: Leaf | Name | None = None


Node: TypeAlias = Leaf | Name | Text | Prefixed | Pair | Bracketed


def call(called: Leaf | Name, *items: Node) -> Bracketed:
    """Give the code of a call."""
    return Bracketed("()", items, called)


@attrs.frozen
class Layout:
    """Lays code out.

    Attributes:
        name_of: What a name is called where the code stands.
    """

    name_of: Callable[[Name], str]

    def flat(self, node: Node) -> str:
        """Write code in one line.

        Args:
            node: The code.

        Example:
            >>> layout = Layout(lambda name: name.path)
            >>> layout.flat(call(Name("shop", "price"), Text("tea"), Prefixed("n=", Leaf("1"))))
            'price("tea", n=1)'
        """
        match node:
            case Leaf(code):
                return code
            case Name():
                return self.name_of(node)
            case Text(text):
                return literal(text)
            case Prefixed(before, inner):
                return before + self.flat(inner)
            case Pair(key, value):
                return f"{self.flat(key)}: {self.flat(value)}"
            case _:
                inside = ", ".join(map(self.flat, node.items))
                comma = "," if _is_single(node) else ""
                return f"{self._head(node)}{inside}{comma}{node.brackets[1]}"

    def lines(self, node: Node, indent: str, before: str = "", after: str = "") -> Iterator[str]:
        r"""Write code in as many lines as it takes.

        Args:
            node: The code.
            indent: What each line begins with.
            before: What stands before it in its first line.
            after: What stands behind it in its last line.

        Returns:
            The lines, without their ends.

        Example:
            >>> layout = Layout(lambda name: name.path)
            >>> print(*layout.lines(call(Name("shop", "price"), Text("tea " * 20)), ""), sep="\n")
            price(
                "tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea tea "
            )
        """
        line = f"{indent}{before}{self.flat(node)}{after}"
        if _fits(line):
            yield line
            return
        match node:
            case Text(text):
                yield from _text_lines(text, indent, before, after)
            case Prefixed(prefix, inner):
                yield from self.lines(inner, indent, before + prefix, after)
            case Pair(key, value):
                yield from self.lines(value, indent, f"{before}{self.flat(key)}: ", after)
            case Bracketed(items=(_, *_)):
                yield f"{indent}{before}{self._head(node)}"
                yield from self._inside(node, indent + _INDENT)
                yield f"{indent}{node.brackets[1]}{after}"
            case _:
                yield line

    def blocks(self, managers: Sequence[Node], indent: str) -> Iterator[str]:
        """Write the head of a ``with`` statement.

        Args:
            managers: The context managers.
            indent: What each line begins with.

        Returns:
            The lines, without their ends.
        """
        line = f"{indent}with {', '.join(map(self.flat, managers))}:"
        if _fits(line):
            yield line
        elif len(managers) == 1:
            yield from self.lines(managers[0], indent, before="with ", after=":")
        else:
            yield f"{indent}with ("
            for one in managers:
                yield from self.lines(one, indent + _INDENT, after=",")
            yield f"{indent}):"

    def _head(self, node: Bracketed) -> str:
        called = "" if node.called is None else self.flat(node.called)
        return called + node.brackets[0]

    def _inside(self, node: Bracketed, indent: str) -> Iterator[str]:
        if node.called is not None:
            line = indent + ", ".join(map(self.flat, node.items))
            if _fits(line):
                yield line
                return
            if len(node.items) == 1 and isinstance(node.items[0], Text):
                # The call's own parentheses hold the parts of the text together.
                yield from _parts_of(node.items[0].text, indent)
                return
        for item in node.items:
            yield from self.lines(item, indent, after=",")


def _is_single(node: Bracketed) -> bool:
    return node.called is None and node.brackets == "()" and len(node.items) == 1


def _fits(line: str, width: int = _WIDTH) -> bool:
    return sum(map(_width_of, line)) <= width


def _width_of(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _text_lines(text: str, indent: str, before: str, after: str) -> Iterator[str]:
    yield f"{indent}{before}("
    yield from _parts_of(text, indent + _INDENT)
    yield f"{indent}){after}"


def _parts_of(text: str, indent: str) -> Iterator[str]:
    """Split a text into literals that fit, at the ends of lines and at blanks."""
    width = max(_WIDTH - len(indent), _MIN_WIDTH)
    if _fits(literal(text), width):
        yield indent + literal(text)
        return
    for line in text.splitlines(keepends=True):
        rest = line
        while not _fits(literal(rest), width):
            end = _end_of_part(rest, width)
            yield indent + literal(rest[:end])
            rest = rest[end:]
        yield indent + literal(rest)


def _end_of_part(text: str, width: int) -> int:
    end = min(len(text), width)
    while not _fits(literal(text[:end]), width):
        end -= 1
    # Not in the middle of a word, unless it is a long one.
    return text.rfind(" ", end // 2, end) + 1 or end


def literal(text: str, *, is_ascii: bool = False) -> str:
    r"""Write a text as a literal, in the quotes that a formatter chooses.

    Args:
        text: Any text.
        is_ascii: Whether all beyond ASCII is escaped.

    Returns:
        One line; what could forge one, or fool who reads it, is escaped.

    Example:
        >>> print(literal("two\nlines"), literal('"quoted"'))
        "two\nlines" '"quoted"'
    """
    quote = "'" if text.count('"') > text.count("'") else '"'

    def written(character: str) -> str:
        if character == quote:
            return f"\\{quote}"
        if character in _SHORT_ESCAPES:
            return _SHORT_ESCAPES[character]
        if character.isprintable() and (character.isascii() or not is_ascii):
            return character
        return character.encode("unicode_escape").decode("ascii")

    return quote + "".join(map(written, text)) + quote
