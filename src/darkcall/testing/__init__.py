"""The same comparison in tests: before a launch, and after what it found."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from ._capture import capture
from ._mismatch import MismatchError
from ._strict import strict


if TYPE_CHECKING:
    from ._classes import assert_equivalent_classes, equivalence_machine
    from ._equivalence import assert_equivalent, equivalence_test
    from ._from_records import RecordedInputs, from_records
    from ._launched import equivalence_tests

__all__ = [
    "MismatchError",
    "RecordedInputs",
    "assert_equivalent",
    "assert_equivalent_classes",
    "capture",
    "equivalence_machine",
    "equivalence_test",
    "equivalence_tests",
    "from_records",
    "strict",
]

#: Imported at their first use: whoever needs none of them waits for nothing.
_LATER: Final = {
    "RecordedInputs": "._from_records",
    "assert_equivalent": "._equivalence",
    "assert_equivalent_classes": "._classes",
    "equivalence_machine": "._classes",
    "equivalence_test": "._equivalence",
    "equivalence_tests": "._launched",
    "from_records": "._from_records",
}
#: What the extra ``testing`` brings.
_EXTRA: Final = "hypothesis"


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_LATER[name], __name__), name)
    except ModuleNotFoundError as error:
        if error.name != _EXTRA:
            raise
        raise ImportError(
            f'darkcall.testing.{name} needs {error.name}: pip install "darkcall[testing]"',
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
