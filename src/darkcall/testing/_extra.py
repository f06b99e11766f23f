"""What comes with the extra ``testing``."""

from __future__ import annotations

import importlib
from typing import Any


def hypothesis_for(caller: str) -> Any:
    """Import hypothesis, which is slow.

    Args:
        caller: Who needs it.

    Returns:
        The module, with its ``strategies``.

    Raises:
        ImportError: It is not installed; the message says how to get it.
    """
    return _imported("hypothesis.strategies", "hypothesis", caller)


def pytest_for(caller: str) -> Any:
    """Import pytest; takes, gives and raises what ``hypothesis_for`` does."""
    return _imported("pytest", "pytest", caller)


def _imported(module: str, package: str, caller: str) -> Any:
    try:
        importlib.import_module(module)
    except ImportError as error:
        extra = "darkcall[testing]" if package == "hypothesis" else package
        raise ImportError(
            f'{caller} needs {package}: pip install "{extra}"', name=error.name
        ) from error
    return importlib.import_module(package)
