"""The same comparison in tests: before a launch, and after what it found."""

from __future__ import annotations

from ._capture import capture
from ._mismatch import MismatchError
from ._strict import strict


__all__ = ["MismatchError", "capture", "strict"]
