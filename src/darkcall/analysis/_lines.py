"""Records in a file of lines, of which none is read whole that is too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darkcall._storage import MAX_LINE_BYTES

from ._counts import kind_of
from ._record import NoRecordError, parsed


if TYPE_CHECKING:
    import collections
    import io
    from collections.abc import Iterator

    from ._counts import Kind
    from ._record import Reason

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"


def records_in(
    file: io.BufferedIOBase,
    skipped: collections.Counter[Reason],
    others: collections.Counter[Kind],
) -> Iterator[dict[str, Any]]:
    """Give the records of a file, and count the lines that hold none.

    Args:
        file: A file, at its beginning.
        skipped: Where to count what is nothing of darkcall's.
        others: Where to count totals and rollups.

    Raises:
        OSError: The file cannot be read to its end.
    """
    bom = _BOM
    for line in lines_in(file):
        text = line.removeprefix(bom).strip(_BLANK)
        bom = b""
        if len(line) > MAX_LINE_BYTES:
            skipped["too_long"] += 1
        elif text:
            try:
                data = parsed(text)
                kind = kind_of(data)
            except NoRecordError as no:
                is_torn = no.reason == "not_json" and not line.endswith(b"\n")
                skipped["torn" if is_torn else no.reason] += 1
            else:
                if kind == "record":
                    yield data
                else:
                    others[kind] += 1


def lines_in(file: io.BufferedIOBase) -> Iterator[bytes]:
    """Give each line; of one that is too long, a byte more than is allowed."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
        if len(line) <= MAX_LINE_BYTES and not line.endswith(b"\n"):
            # The end, for now: what a writer adds meanwhile would seem a line of its own.
            return
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
