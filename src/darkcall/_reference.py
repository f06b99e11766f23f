"""Functions by name: ``package.module:function``, here and in another process."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import sys
from typing import Any

from ._errors import ConfigurationError, SignatureMismatchError
from ._text import escaped, qualname_of


_WAY_OUT = "move it to the top level of a module, or give it by name as 'package.module:function'"


def check_reference(reference: str) -> None:
    """Refuse what is not of the form ``pkg.mod:func``.

    Raises:
        ConfigurationError: It is not.
    """
    module, colon, path = reference.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module.split("."), *path.split("."))):
        msg = f"candidate={reference!r} will not do: give a callable or 'package.module:function'"
        raise ConfigurationError(msg)


def imported(reference: str) -> Any:
    """Import what a reference names.

    Args:
        reference: ``package.module:function``, or ``package.module:Class.function``.

    Returns:
        What stands there.

    Raises:
        ImportError: There is no such module.
        AttributeError: There is no such function in it.
    """
    module, _, path = reference.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def why_not_imported(error: BaseException) -> str:
    """Say what an import failed with, and nothing of what is not about names in the code.

    Args:
        error: What it raised.

    Returns:
        The reason.
    """
    if isinstance(error, ImportError | AttributeError | SignatureMismatchError):
        return f"{type(error).__qualname__}: {error}"
    return qualname_of(type(error))


def reference_of(function: Any, *, is_decorated: bool = False) -> str:
    """Name a function so that another process finds it.

    Args:
        function: The function.
        is_decorated: Whether what stands under its name is to be a function that wraps it.

    Returns:
        Its reference, for ``imported``.

    Raises:
        ConfigurationError: Another process would not find it; the message says why.

    Example:
        >>> reference_of(inspect.Signature.bind)
        'inspect:Signature.bind'
    """
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        raise _no_reference(function, f"a {type(function).__qualname__} has no name of its own")
    if "<" in path:
        raise _no_reference(function, "it is made where it is used")
    check_main(f"{module}:{path}")
    names, here = path.split("."), sys.modules.get(module)
    # A class has no name yet while its body runs.
    if hasattr(here, names[0]) and not _is_same(_found(here, names), function, is_decorated):
        raise _no_reference(function, f"{module} has something else under that name")
    return f"{module}:{path}"


def _found(module: Any, path: list[str]) -> Any:
    found = module
    for name in path:
        found = inspect.getattr_static(found, name, None)
    return found


def _is_same(found: Any, function: Any, is_decorated: bool) -> bool:  # noqa: FBT001 -- as above
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
        function = getattr(function, "__func__", function)
    return (getattr(found, "__wrapped__", None) if is_decorated else found) is function


def _no_reference(function: Any, why: str) -> ConfigurationError:
    return _refusal(getattr(function, "__qualname__", type(function).__qualname__), why)


def _refusal(name: str, why: str) -> ConfigurationError:
    msg = f"candidate {escaped(name)} cannot run in another process: {why}; {_WAY_OUT}"
    return ConfigurationError(msg)


def check_main(reference: str) -> None:
    """Refuse a function of the main module if that would do there all that it does here.

    Args:
        reference: The function, by name.

    Raises:
        ConfigurationError: It would.
    """
    module, _, path = reference.partition(":")
    if module != "__main__":
        return
    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None:
        raise _refusal(path, "it stands in no file")
    if not _is_guarded(file):
        raise _refusal(
            path,
            "the main file would run once more there, and has nothing under "
            "if __name__ == '__main__'",
        )


def _is_guarded(file: str) -> bool:
    import pathlib  # noqa: PLC0415 -- slow to import

    try:
        tree = ast.parse(pathlib.Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    tests = [ast.walk(one.test) for one in tree.body if isinstance(one, ast.If)]
    names = [node.id for test in tests for node in test if isinstance(node, ast.Name)]
    return "__name__" in names
