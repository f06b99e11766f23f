"""The decorated function that a record is of, by the name of its launch."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from darkcall._decorator import launch_of
from darkcall._errors import ConfigurationError
from darkcall._parameters import Parameters
from darkcall._redact import Redactor
from darkcall._signatures import signature_of
from darkcall._text import one_line

from ._layout import Name
from ._source import is_name


if TYPE_CHECKING:
    from darkcall._launch import Launch

    Kind = Literal["function", "method", "classmethod", "property"]

_REDACTOR: Final = Redactor()
_PROPERTIES: Final = (property, functools.cached_property)


class NotFoundError(Exception):
    """No decorated function is known for a launch."""


@attrs.frozen(eq=False)
class Found:
    """A decorated function, and how to get there.

    Attributes:
        launch: Its launch.
        name: Where it stands.
        kind: How it is called: a ``function`` by its name, which static methods are as well.
    """

    launch: Launch
    name: Name
    kind: Kind

    @property
    def names(self) -> tuple[str, ...]:
        """What its launch is called in records; another name where its file is the main one."""
        name, path = self.launch.name, self.name.path
        is_default = name == f"{self.name.module}.{path}"
        return (name, f"__main__.{path}") if is_default else (name,)

    def is_reached_from(self, kind: type) -> bool:
        """Whether it is what an instance of a class has under its name."""
        own = getattr(kind, self.name.path.rpartition(".")[2], None)
        try:
            return launch_of(own) is self.launch
        except TypeError:
            return False

    @property
    def parameters(self) -> list[inspect.Parameter] | None:
        """The control's; None where they cannot be known."""
        signature = signature_of(self.launch.control)
        return None if signature is None else list(signature.parameters.values())

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call as records do."""
        return Parameters(signature_of(self.launch.control), ()).named(args, kwargs)


def imported(reference: str) -> Found:
    """Import a decorated function.

    Args:
        reference: ``package.module:function``, or ``package.module:Class.function``.

    Returns:
        The function.

    Raises:
        ConfigurationError: It is not there, or not decorated.
    """
    module, colon, path = reference.partition(":")
    if not colon or not _is_dotted(module) or not _is_dotted(path):
        raise ConfigurationError(
            f"{reference!r} is no function: give module:function, as shop.cart:price or "
            "shop.cart:Cart.price"
        )
    try:
        return _found(importlib.import_module(module), Name(module, path))
    except NotFoundError as error:
        raise ConfigurationError(str(error)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- importing runs the user's code, a skip too
        is_elsewhere = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(
            f"{error.name}."
        )
        where = "; run this in the folder where it is, or set PYTHONPATH" if is_elsewhere else ""
        raise ConfigurationError(f"{reference} cannot be imported: {_said(error)}{where}") from None


def by_name(launch: str) -> Found:
    """Find the decorated function whose launch was given no name of its own.

    Args:
        launch: The launch's name, ``module.qualname``.

    Returns:
        The function.

    Raises:
        NotFoundError: There is none; the message says what to do.
    """
    if launch.startswith("__main__."):
        raise NotFoundError("its file was the main one: --function tells where it is")
    try:
        found = _by_name(launch)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- as above
        raise NotFoundError(f"{_said(error)}; --function tells where it is") from None
    if found is None or found.launch.name != launch:
        top, dot, _ = launch.partition(".")
        # Such as a package in a folder like ``src`` that is not installed.
        is_missing = bool(dot) and is_name(top) and top not in sys.modules
        where = f", and there is no module {top} here (PYTHONPATH?)" if is_missing else ""
        raise NotFoundError(
            f"no function is named like the launch{where}: --function tells where it is"
        )
    return found


def _by_name(launch: str) -> Found | None:
    parts = launch.split(".")
    if not _is_dotted(launch):
        return None
    for end in range(len(parts) - 1, 0, -1):
        module, path = ".".join(parts[:end]), ".".join(parts[end:])
        try:
            owner = importlib.import_module(module)
        except ModuleNotFoundError as error:
            # Something else that is missing is another matter.
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            continue
        return _found(owner, Name(module, path))
    return None


def _found(module: Any, name: Name) -> Found:
    *path, last = name.path.split(".")
    owner = functools.reduce(getattr, path, module)
    function = getattr(owner, last)
    if isinstance(function, types.MethodType) and not isinstance(owner, type):
        raise NotFoundError(f"{name.path} is bound to an instance: name it as Class.{last}")
    try:
        launch = launch_of(function)
    except TypeError:
        raise NotFoundError(
            f"{name.module}:{name.path} is not decorated with dark_launch"
        ) from None
    return Found(launch, name, _kind_of(owner, last))


def _kind_of(owner: Any, name: str) -> Kind:
    if not isinstance(owner, type):
        return "function"
    held = inspect.getattr_static(owner, name)
    if isinstance(held, _PROPERTIES):
        return "property"
    if isinstance(held, classmethod):
        return "classmethod"
    # A callable object in a class is called without an instance; a partial, too, though it has a
    # __get__ from Python 3.13 on: one that warns.
    control = launch_of(held).control
    is_called_alone = isinstance(held, staticmethod) or isinstance(control, functools.partial)
    is_bound = not is_called_alone and hasattr(type(control), "__get__")
    return "method" if is_bound else "function"


def _is_dotted(text: str) -> bool:
    return all(is_name(part) for part in text.split("."))


def _said(error: BaseException) -> str:
    if isinstance(error, NotFoundError):
        return one_line(str(error), 200)
    # It gets into the file of tests.
    return one_line(_REDACTOR.text(f"{type(error).__name__}: {error}"), 200)
