"""Values that a function's code makes a difference for, mixed into what its hints tell.

Of all integers, hypothesis hits the one at which a price changes once in a thousand examples; of
all texts, it makes none that has the separators a parser looks for.
"""

from __future__ import annotations

import collections
import inspect
import itertools
import math
import types
import typing
from collections import abc
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from hypothesis import strategies as st


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._constants import Constants

    Strategy: typing.TypeAlias = st.SearchStrategy[Any]
    Likely: typing.TypeAlias = Mapping[type, Strategy]

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
_NAMES_WEIGH: Final = 3
_LETTERS: Final = "aA "


def likely_values(constants: Constants) -> dict[type, Strategy]:
    """Make strategies that give the constants, their neighbours, and what is made of them.

    Args:
        constants: Those of the code that is tested.

    Returns:
        Strategies by the type of what they give; none if there are no constants.
    """
    likely: dict[type, Strategy] = {}
    if constants.numbers:
        # What is compared is what most depends on.
        compared = [one for one in constants.compared if not isinstance(one, str)]
        numbers = [*constants.numbers, *compared, *compared]
        for kind, near in ((int, _integers), (float, _floats), (Decimal, _decimals)):
            values = sorted(itertools.chain.from_iterable(map(near, numbers)), key=_simplicity)
            if values:
                likely[kind] = st.sampled_from(values)
    if constants.numbers or constants.texts:
        likely[str] = _texts(constants)
    return likely


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
    integers = sorted({near for number in constants.numbers for near in _integers(number)})
    digits = {*"01", *(str(number) for number in integers if 0 <= number <= 9)}
    long = {character for text in constants.texts if len(text) > 3 for character in text}
    fillers = [fill for fill in ("".join(sorted(digits)), _LETTERS, "".join(sorted(long))) if fill]
    branches = [_composed(constants.texts, fill) for fill in fillers]
    if constants.texts:
        branches.append(st.sampled_from(_shortest_first(constants.texts)))
    # Nothing else of a parser's separators would be left, so those do not count as names.
    names = [one for one in constants.compared if isinstance(one, str) and len(one) > 1]
    if names:
        branches += [st.sampled_from(_shortest_first(names)).map(str) for _ in range(_NAMES_WEIGH)]
    compared = [one for one in constants.compared if not isinstance(one, str)]
    limits = {near for number in compared or constants.numbers for near in _integers(number)}
    sizes = [size for size in sorted(limits) if 1 < size <= _MAX_SIZE]
    if sizes:
        alphabet = sorted({*"".join(fillers)})
        branches += [
            st.sampled_from(sizes).flatmap(
                lambda size: st.text(alphabet, min_size=size, max_size=size)
            )
            for _ in range(2)
        ]
    return st.one_of(branches)


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


def enriched(hint: Any, likely: Likely) -> Any:
    """Have a type hint tell values that are likely to matter, too.

    Hints inside of it do, as do those of the fields of classes.  What somebody registered a
    strategy for gives what that strategy gives, and nothing else.

    Args:
        hint: Any type hint.
        likely: Strategies by type.

    Returns:
        A hint for ``hypothesis.strategies.from_type``.
    """
    return _enriched(hint, likely, ()) if likely else hint


def _enriched(hint: Any, likely: Likely, inside: tuple[Any, ...]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in likely:
        known = st.from_type(hint)
        return Annotated[hint, known | likely[hint]] if repr(known) == _OWN[hint] else hint
    if origin in {typing.Union, types.UnionType}:
        return typing.Union[tuple(_enriched(one, likely, inside) for one in arguments)]  # noqa: UP007 -- made of what is there
    if origin in _CONTAINERS and arguments:
        own = [one if one is ... else _enriched(one, likely, inside) for one in arguments]
        return origin[tuple(own)]
    if isinstance(hint, type) and origin is None and hint not in inside:
        return _enriched_class(hint, likely, (*inside, hint))
    return hint


#: Their arguments are of what they hold.
_CONTAINERS: Final = frozenset(
    (list, tuple, set, frozenset, dict, collections.defaultdict, collections.deque)
    + (abc.Iterable, abc.Iterator, abc.Collection, abc.Sequence, abc.MutableSequence)
    + (abc.Set, abc.MutableSet, abc.Mapping, abc.MutableMapping)
)
#: What hypothesis gives for a type for which nobody registered anything.
_OWN: Final[Mapping[type, str]] = {
    int: "integers()",
    float: "floats()",
    str: "text()",
    Decimal: "decimals()",
}


def _enriched_class(hint: type, likely: Likely, inside: tuple[Any, ...]) -> Any:
    """Make instances of likely values, if hypothesis makes them of their fields' hints, too."""
    try:
        hints = typing.get_type_hints(hint.__init__, include_extras=True)  # type: ignore[misc]  # it is only looked at
        parameters = inspect.signature(hint).parameters.values()
        fields = [(one.name, one.default, hints[one.name]) for one in parameters]
        plain = {name: _with(default, st.from_type(own)) for name, default, own in fields}
        if not fields or repr(st.from_type(hint)) != repr(st.builds(hint, **plain)):
            return hint
    except Exception:  # noqa: BLE001 -- what it is that cannot be resolved is said without this
        return hint
    own = {
        name: _with(default, st.from_type(_enriched(own, likely, inside)))
        for name, default, own in fields
    }
    return Annotated[hint, st.builds(hint, **own)]


def _with(default: Any, strategy: Strategy) -> Strategy:
    return strategy if default is inspect.Parameter.empty else st.just(default) | strategy
