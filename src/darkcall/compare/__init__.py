"""Comparing what the control and the candidate returned, or raised."""

from __future__ import annotations

from ._equality import Differences, Equality, equal
from ._errors import Uncomparable
from ._exceptions import same_exception, same_exception_type
from ._plain import plainly_equal
from ._signature import signature_of


__all__ = [
    "Differences",
    "Equality",
    "Uncomparable",
    "equal",
    "plainly_equal",
    "same_exception",
    "same_exception_type",
    "signature_of",
]
