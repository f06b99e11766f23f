"""How things stand on the terminal: labels at the left, texts that wrap beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS: Final = "_.-=+*#@"
_NARROW: Final = 60


class Facts:
    """Labels, each with what it says beside it; below it where there is little room.

    Args:
        facts: Labels and texts.
    """

    def __init__(self, facts: Iterable[tuple[str, RenderableType]]) -> None:
        self._facts = list(facts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < _NARROW:
            for label, text in self._facts:
                if label:
                    yield Text(label, style="bold")
                yield indented(text)
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold", no_wrap=True, min_width=9)
        grid.add_column(overflow="fold")
        for label, text in self._facts:
            grid.add_row(Text(label), text)
        yield grid


class Sparkline:
    """Numbers as a line of small bars, in ASCII where the encoding has no other.

    Args:
        values: 0 or more each.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self._values = values

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        levels = _ASCII_LEVELS if options.ascii_only else _LEVELS
        values = _at_most(self._values, max(1, min(48, options.max_width)))
        top = max(values, default=0.0) or 1.0
        # A span without any is a blank base line; a single one is to be seen.
        yield Text("".join(levels[min(7, -int(-7 * value / top // 1))] for value in values))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = max(1, min(48, len(self._values), options.max_width))
        return Measurement(width, width)


def _at_most(values: Sequence[float], count: int) -> list[float]:
    """Merge neighbours until there are few enough; the highest of them is shown."""
    size = -(-len(values) // count) or 1
    return [max(values[start : start + size]) for start in range(0, len(values), size)]


def indented(content: RenderableType, by: int = 2) -> RenderableType:
    """Move something to the right.

    Args:
        content: What Rich prints.
        by: By how many columns.
    """
    return Padding(content, (0, 0, 0, by), expand=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[Text | str]]) -> Table:
    """Make a table: its first column is text that wraps, the others are numbers.

    Args:
        heads: The columns' names.
        rows: The cells.
    """
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column(Text(heads[0]), overflow="fold", min_width=8)
    for head in heads[1:]:
        grid.add_column(Text(head), justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return grid


def title(text: Text) -> Text:
    """Make a heading."""
    text.stylize("bold underline")
    return text
