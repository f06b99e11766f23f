"""Values without parts: numbers, dates, and what only ``==`` knows about."""

from __future__ import annotations

import cmath
import math
import sys
from typing import TYPE_CHECKING, Any

from ._names import derives_from


if TYPE_CHECKING:
    from darkcall._paths import State

    from ._walk import Walk, Where

#: Builtin types whose ``==`` says all there is to say when both sides have the type.
EXACT = frozenset({str, int, float, bool, bytes, type(None), type(...)})


def is_number(kind: type) -> bool:
    """Whether values of the type are numbers; a truth value is none."""
    if issubclass(kind, int | float | complex):
        return kind is not bool
    return (
        derives_from(kind, "decimal", "Decimal")
        or derives_from(kind, "fractions", "Fraction")
        or derives_from(kind, "numpy", "number")
    )


def number(
    walk: Walk, control: Any, candidate: Any, where: Where, _state: State | None = None
) -> None:
    """Compare two numbers, of one type or of two."""
    rel, abs_ = walk.rules.rel, walk.rules.abs
    if type(control) is float is type(candidate) and math.isclose(
        control, candidate, rel_tol=rel, abs_tol=abs_
    ):
        # There may be millions of floats, all a little off: no more is asked of them.
        walk.forgiven += 1
        return
    if _both_nan(control, candidate):
        walk.forgiven += 1
    elif _is_nan(control) or _is_nan(candidate):
        walk.differ(where, "value", control, candidate)
    elif control == candidate:
        walk.forgiven += type(control) is not type(candidate)
    elif _close(control, candidate, rel, abs_):
        walk.forgiven += 1
    else:
        walk.differ(where, "value", control, candidate)


def _both_nan(control: Any, candidate: Any) -> bool:
    return _is_nan(control) and _is_nan(candidate)


def _is_nan(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    if derives_from(type(value), "decimal", "Decimal"):
        # A signaling NaN raises when it is compared.
        return bool(value.is_nan())
    return False


def _close(control: Any, candidate: Any, rel: float, abs_: float) -> bool:
    kinds = (type(control), type(candidate))
    if all(issubclass(kind, int) for kind in kinds):
        return False
    if any(issubclass(kind, complex) for kind in kinds):
        return _complex_close(complex(control), complex(candidate), rel, abs_)
    decimals = [derives_from(kind, "decimal", "Decimal") for kind in kinds]
    if all(decimals):
        return bool(rel or abs_) and _decimals_close(control, candidate, rel, abs_)
    try:
        # Decimal("0.1") is not the number 0.1, but the nearest that a float can say.
        return math.isclose(float(control), float(candidate), rel_tol=rel, abs_tol=abs_)
    except OverflowError:
        return False


def _complex_close(control: complex, candidate: complex, rel: float, abs_: float) -> bool:
    parts = ((control.real, candidate.real), (control.imag, candidate.imag))
    if all(x == y or _both_nan(x, y) for x, y in parts):
        return True
    return cmath.isclose(control, candidate, rel_tol=rel, abs_tol=abs_)


def _decimals_close(control: Any, candidate: Any, rel: float, abs_: float) -> bool:
    decimal = sys.modules["decimal"]
    if not (control.is_finite() and candidate.is_finite()):
        return False
    # A context of our own: the thread's may round to few digits, or raise.
    context = decimal.Context(prec=60, traps=[])
    apart = context.abs(context.subtract(control, candidate))
    largest = max(context.abs(control), context.abs(candidate))
    allowed = max(
        context.multiply(decimal.Decimal(repr(rel)), largest), decimal.Decimal(repr(abs_))
    )
    return bool(apart <= allowed)


def time(
    walk: Walk, control: Any, candidate: Any, where: Where, _state: State | None = None
) -> None:
    """Compare two times or dates with times: what they read, and how far from UTC."""
    # Two zones that are equal but not identical make == say no within a repeated hour.
    same_reading = control.replace(tzinfo=None) == candidate.replace(tzinfo=None)
    if same_reading and control.utcoffset() == candidate.utcoffset():
        return
    if walk.rules.loose and control == candidate:
        walk.forgiven += 1
        return
    walk.differ(where, "value", control, candidate)


def opaque(
    walk: Walk, control: Any, candidate: Any, where: Where, _state: State | None = None
) -> None:
    """Compare by ``==`` alone."""
    if not says_equal(control, candidate):
        walk.differ(where, "value", control, candidate)


def base_value(walk: Walk, control: Any, candidate: Any, where: Where, _state: State) -> None:
    """Compare values of subclasses of a basic type by what the basic type holds."""
    if is_number(type(control)):
        number(walk, control, candidate, where)
        return
    base = next(base for base in (str, bytes, bytearray, memoryview) if isinstance(control, base))
    if base.__eq__(control, candidate) is not True:
        walk.differ(where, "value", control, candidate)


def says_equal(control: Any, candidate: Any) -> bool | None:
    """What ``==`` says; None if its answer is no truth value."""
    answer = control == candidate
    if type(answer) is bool:
        return answer
    numpy_bool = getattr(sys.modules.get("numpy"), "bool_", None)
    return bool(answer) if type(answer) is numpy_bool else None
