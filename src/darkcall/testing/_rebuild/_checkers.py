"""Names that a module imports for type checkers alone, so that its hints can be resolved."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Iterator


@functools.lru_cache(maxsize=256)
def names_for_checkers(module: str) -> dict[str, Any]:
    """Import what stands under ``if TYPE_CHECKING:`` in a module.

    Args:
        module: The name of a module that is imported.

    Returns:
        What is there by name; what cannot be imported is left out.
    """
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}
    package = getattr(sys.modules[module], "__package__", None)
    return dict(
        pair
        for statement in tree.body
        if isinstance(statement, ast.If) and _is_for_checkers(statement.test)
        for one in statement.body
        for pair in _imported(one, package)
    )


def _is_for_checkers(test: ast.expr) -> bool:
    # typing.TYPE_CHECKING as well.
    return "TYPE_CHECKING" in {getattr(test, "id", None), getattr(test, "attr", None)}


def _imported(statement: ast.stmt, package: str | None) -> Iterator[tuple[str, Any]]:
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return
    for alias in statement.names:
        # Importing runs any code.
        with contextlib.suppress(Exception):
            yield _name_and_value(statement, alias, package)


def _name_and_value(
    statement: ast.Import | ast.ImportFrom, alias: ast.alias, package: str | None
) -> tuple[str, Any]:
    if isinstance(statement, ast.ImportFrom):
        origin = importlib.import_module("." * statement.level + (statement.module or ""), package)
        return alias.asname or alias.name, getattr(origin, alias.name)
    found = importlib.import_module(alias.name)
    if alias.asname:
        return alias.asname, found
    top = alias.name.partition(".")[0]
    return top, sys.modules[top]
