"""The same comparison in tests: before a launch, and after what it found."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from ._capture import capture
from ._mismatch import MismatchError
from ._strict import strict


if TYPE_CHECKING:
    from ._equivalence import assert_equivalent, equivalence_test
    from ._launched import equivalence_tests

__all__ = [
    "MismatchError",
    "assert_equivalent",
    "capture",
    "equivalence_test",
    "equivalence_tests",
    "strict",
]

#: Imported at their first use: whoever needs none of them waits for nothing.
_LATER: Final = {
    "assert_equivalent": "._equivalence",
    "equivalence_test": "._equivalence",
    "equivalence_tests": "._launched",
}
#: What the extra ``testing`` brings.
_EXTRA: Final = ("cattrs", "hypothesis")


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_LATER[name], __name__), name)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise ImportError(
            f'darkcall.testing.{name} needs {error.name}: pip install "darkcall[testing]"',
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
