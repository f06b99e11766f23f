"""A proxy for controls that a plain function cannot stand for."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import wrapt


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._launch import Launch


class DarkProxy(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 takes none
    """Is the control in all but its call; binds as a method where the control does.

    Args:
        launch: The control's launch.
        dark: What is called in the control's place.
        method: Its twin that is called when it is bound, if it can be.
    """

    def __init__(
        self, launch: Launch, dark: Callable[..., Any], method: DarkProxy | None = None
    ) -> None:
        super().__init__(launch.control)
        self._self_launch = launch
        self._self_dark = dark
        self._self_method = method

    @property
    def __darkcall_launch__(self) -> Launch:
        """The launch, where ``launch_of`` looks for it."""
        launch: Launch = self._self_launch
        return launch

    @property
    def __call__(self) -> Callable[..., Any]:
        """Call the control, and the candidates in the dark."""
        # A property, for frameworks that ask whether this is a coroutine function.
        dark: Callable[..., Any] = self._self_dark
        return dark

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a method, if the control does."""
        bind = getattr(type(self.__wrapped__), "__get__", None)
        if (
            instance is None
            or bind is None
            or bind(self.__wrapped__, instance, owner) is (self.__wrapped__)
        ):
            return self
        method: Any = self._self_method
        return types.MethodType(method, instance)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the name, as with a function; the control if it is not found by one."""
        name = getattr(self, "__qualname__", None)
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for attribute in (name or "").split("."):
            found = getattr(found, attribute, None)
        return name if found is self else (_itself, (self.__wrapped__,))

    def __copy__(self) -> DarkProxy:
        """Copy nothing: as with a function, the copy is the function itself."""
        return self

    def __deepcopy__(self, memo: Any) -> DarkProxy:
        """Copy nothing: as with a function, the copy is the function itself."""
        return self


def _itself(control: Any) -> Any:
    return control
