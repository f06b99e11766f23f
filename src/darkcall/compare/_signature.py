"""What makes two mismatches the same kind of mismatch."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from darkcall._paths import Step, render, steps_of
from darkcall._text import remembered

from ._names import type_name


if TYPE_CHECKING:
    from collections.abc import Iterable

    from darkcall._model import Difference

MAX_CHARACTERS: Final = 500
_NAME = re.compile(r"[^\W\d][\w-]{0,39}")
_DATA = re.compile(r"[0-9]{4}|^[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*$")
#: Kinds whose sides have types that say what went wrong.
_TYPED: Final = frozenset(
    {
        "exception",
        "extra",
        "missing",
        "not_raised",
        "raised",
        "type",
        "value",
    }
)


def signature_of(differences: Iterable[Difference]) -> str:
    """What makes two mismatches the same kind of mismatch: paths, kinds, types, not values.

    Indexes, and keys that look like data (numbers, identifiers, addresses), become
    ``[*]``; the same difference in many rows counts once. At most 500 characters.

    Example:
        >>> from darkcall.compare import equal
        >>> signature_of(equal({"lines": [{"price": 1}]}, {"lines": [{"price": 1.0}]}))
        '$.lines[*].price type int/float'
        >>> signature_of(equal([1, 2], [2, 3]))
        '$[*] value int'
    """
    kinds = sorted({_kind_of(difference) for difference in differences})
    text = "; ".join(kinds)
    if len(text) <= MAX_CHARACTERS:
        return text
    # Not hash(): it differs from process to process.
    end = f"... {zlib.crc32(text.encode()):08x}"
    return text[: MAX_CHARACTERS - len(end)] + end


def _kind_of(difference: Difference) -> str:
    return f"{_place(difference.path)} {difference.kind} {_types(difference)}".rstrip()


@remembered
def _place(path: str) -> str:
    steps = steps_of(path)
    if steps is not None:
        return _general(steps)
    # Cut, so that nobody knows which keys were data; or of a comparator of the user's own.
    return "(cut)" if path.startswith("$") else f"({path[:100]})"


def _general(steps: tuple[Step, ...]) -> str:
    texts = [render((step,))[1:] if _is_name(step) else "[*]" for step in steps]
    return "$" + "".join(texts)


def _is_name(step: Step) -> bool:
    return isinstance(step, str) and bool(_NAME.fullmatch(step)) and not _DATA.search(step)


def _types(difference: Difference) -> str:
    if difference.kind not in _TYPED:
        return ""
    sides = (type_name(type(difference.control)), type_name(type(difference.candidate)))
    if difference.kind in {"missing", "not_raised"}:
        return sides[0]
    if difference.kind in {"extra", "raised"} or sides[0] == sides[1]:
        return sides[1]
    return "/".join(sides)
