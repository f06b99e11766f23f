"""A proxy for controls that a plain function cannot stand for."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import wrapt


if TYPE_CHECKING:
    from collections.abc import Callable

    from ._launch import Launch


class DarkProxy(wrapt.ObjectProxy[Any]):
    """Is the control in all but its call; binds as a method where the control does.

    Args:
        launch: The control's launch.
        dark: What is called in the control's place.
    """

    def __init__(self, launch: Launch, dark: Callable[..., Any]) -> None:
        super().__init__(launch.control)
        self._self_launch = launch
        self._self_dark = dark

    @property
    def __darkcall_launch__(self) -> Launch:
        """The launch, where ``launch_of`` looks for it."""
        launch: Launch = self._self_launch
        return launch

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the control, and the candidates in the dark."""
        return self._self_dark(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a method, if the control does."""
        bind = getattr(type(self.__wrapped__), "__get__", None)
        if instance is None or bind is None or bind(self.__wrapped__, instance, owner) is (
            self.__wrapped__
        ):
            return self
        return types.MethodType(self, instance)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the control: a launch belongs to its process."""
        return _itself, (self.__wrapped__,)

    def __copy__(self) -> DarkProxy:
        """Copy nothing: as with a function, the copy is the function itself."""
        return self

    def __deepcopy__(self, memo: Any) -> DarkProxy:
        """Copy nothing: as with a function, the copy is the function itself."""
        return self


def _itself(control: Any) -> Any:
    return control

