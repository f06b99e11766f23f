"""Texts of records, as they are written on the terminal."""

from __future__ import annotations

from typing import Any, Final

from rich.text import Text

from darkcall._text import escaped
from darkcall.analysis._described import shown


#: So many characters of one value are shown.
MAX_VALUE: Final = 600


def plain(text: object, style: str = "") -> Text:
    r"""Return any text of a record, to be shown as it is: no markup, no control characters.

    Args:
        text: Any text.
        style: A style of Rich.

    Returns:
        The text, which breaks anywhere rather than being cut off.

    Example:
        >>> plain("[red]\x1b[2J").plain
        '[red]\\x1b[2J'
    """
    return Text(escaped(str(text)), style=style, overflow="fold")


def value(described: Any) -> Text:
    r"""Write one side of a difference, as a record describes it.

    Args:
        described: Plain data; texts with escapes are shown as these.

    Returns:
        One line that reads like Python, of bounded length.

    Example:
        >>> value({"$": "str", "escaped": r"a\tb"}).plain, value([1, None]).plain
        ("'a\\tb'", '[1, None]')
    """
    return Text(shown(described, MAX_VALUE), overflow="fold")
