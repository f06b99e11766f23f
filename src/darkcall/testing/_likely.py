"""Values that a function's code makes a difference for, mixed into what its hints tell.

Of all integers, hypothesis hits the one at which a price changes once in a thousand examples; of
all texts, it makes none that has the separators a parser looks for.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hypothesis import strategies as st

from ._likely_times import likely_times


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ._constants import Constants

    Strategy: TypeAlias = st.SearchStrategy[Any]

#: Longer texts take long to make, and are no more telling.
_MAX_SIZE: Final = 100
#: Integers beyond have no neighbours among floats.
_MAX_FLOAT: Final = 2**53
#: So many that texts with several separators are common.
_MIN_PIECES: Final = 6
#: From here on, characters stand for the texts of the code, each for one: so a text of them is
#: drawn at once, and shrinks as any text.
_STAND_INS: Final = 0xE000
#: Names that are as good as any.
_LETTERS: Final = "aA "


def likely_values(constants: Constants) -> dict[type, Strategy]:
    """Make strategies that give the constants, their neighbours, and what is made of them.

    Args:
        constants: Those of the code that is tested.

    Returns:
        Strategies by the type of what they give; none if there are no constants.
    """
    likely: dict[type, Strategy] = {}
    # What something is compared with is what most depends on.
    numbers = [*constants.numbers, *constants.limits, *constants.limits]
    makers: dict[type, Callable[[Any], Sequence[Any]]]
    makers = {int: _integers, float: _floats, Decimal: _decimals}
    for kind, neighbours in makers.items():
        values = [near for number in numbers for near in neighbours(number)]
        if values:
            # So often that several parameters are at their limits at once.
            likely[kind] = st.one_of(_often(st.sampled_from(sorted(values, key=_simplicity)), 3))
    wholes = {near for number in numbers for near in _integers(number)}
    likely |= likely_times(sorted(wholes, key=_simplicity))
    if constants.bytestrings:
        pieces = st.sampled_from(sorted(constants.bytestrings, key=len)) | st.binary(max_size=1)
        likely[bytes] = st.lists(pieces, min_size=1).map(b"".join)
    if constants.numbers or constants.texts:
        likely[str] = _texts(constants)
    return likely


def _often(strategy: Strategy, times: int) -> list[Strategy]:
    """Have a strategy several times: of one and the same, one_of takes but one."""
    return [strategy.map(lambda value: value) for _ in range(times)]


def _simplicity(number: Any) -> tuple[Any, bool]:
    """Have what shrinks end at what hypothesis itself holds for simple."""
    return abs(number), number < 0


def _integers(number: Any) -> list[int]:
    whole = math.floor(number)
    return [whole - 1, whole, whole + 1] if whole == number else [whole, whole + 1]


def _floats(number: Any) -> list[float]:
    if abs(number) > _MAX_FLOAT:
        return []
    value = float(number)
    return [
        value,
        *(math.nextafter(value, end) for end in (-math.inf, math.inf)),
        *map(float, _integers(number)),
    ]


def _decimals(number: Any) -> list[Decimal]:
    value = Decimal(str(number))
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    return [value - step, value, value + step]


def _texts(constants: Constants) -> Strategy:
    near = {near for number in constants.numbers for near in _integers(number)}
    digits = {"0", "1", *(str(number) for number in near if 0 <= number <= 9)}
    # Of a few characters: to be among them matters.
    spelled = {character for text in constants.texts if len(text) > 3 for character in text}
    fillers = ["".join(sorted(digits)), _LETTERS, "".join(sorted(spelled))]
    branches = [_composed(constants.texts, fill) for fill in fillers if fill]
    if constants.texts:
        branches.append(st.sampled_from(_shortest_first(constants.texts)))
    names = [name for name in constants.names if len(name) > 1]
    if names:
        branches += _often(st.sampled_from(_shortest_first(names)), 3)
    limits = {near for number in constants.limits for near in _integers(number)}
    sizes = [size for size in sorted(limits) if _MIN_PIECES <= size <= _MAX_SIZE]
    if sizes:
        branches += _often(st.sampled_from(sizes).flatmap(_of_size("".join(fillers))), 2)
    return st.one_of(branches)


def _of_size(alphabet: str) -> Callable[[int], Strategy]:
    characters = sorted(set(alphabet))
    return lambda size: st.text(characters, min_size=size, max_size=size)


def _shortest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (len(text), text))


def _composed(texts: Sequence[str], fill: str) -> Strategy:
    """Make texts of other texts, in the order of those, with other characters in between.

    Code that reads a text mostly looks for what is further left, or further out, first.
    """
    meant = {chr(_STAND_INS + place): text for place, text in enumerate(texts)}

    def compose(drawn: str) -> str:
        in_order = iter(sorted(one for one in drawn if one in meant))
        return "".join(meant[next(in_order)] if one in meant else one for one in drawn)

    return st.text(sorted({*fill, *meant}), min_size=_MIN_PIECES).map(compose)
