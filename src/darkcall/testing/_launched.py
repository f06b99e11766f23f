"""One property test for each launch of a package."""

from __future__ import annotations

import collections
import importlib
import pkgutil
import sys
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from darkcall._config import launches
from darkcall._errors import ConfigurationError
from darkcall._policy import check_names
from darkcall._signatures import unpartial

from ._equivalence import Tries, made
from ._pair import COMPARED_BY, CompareKnobs


if TYPE_CHECKING:
    from collections.abc import Callable

    import hypothesis

    from darkcall._launch import Launch

    from ._equivalence import Strategy


#: pytest leaves the frames of this module out: what is raised here is about what was given.
__tracebackhide__ = True


def equivalence_tests(
    module: types.ModuleType | str,
    /,
    *,
    given: Mapping[str, Mapping[str, Strategy]] | None = None,
    max_examples: int | None = None,
    settings: hypothesis.settings | None = None,
    **rules: Unpack[CompareKnobs],
) -> Callable[[Launch], None]:
    """Make a test of each launch of a module or package, as ``equivalence_test`` makes of one.

    The package's submodules are imported, all but ``__main__``, so that their launches are there.
    A launch for which there are no strategies fails by itself.

    Args:
        module: A module or package, or its name.
        given: Strategies by launch name and parameter name.
        max_examples: So many inputs are tried for each; as the settings have it by default.
        settings: Settings of hypothesis; the current profile by default.
        **rules: How candidates are compared, as for ``equivalence_test``; for all launches.

    Returns:
        A test that pytest runs once for each launch, under the launch's name.

    Raises:
        ConfigurationError: There is no launch in the module, or none of a name that has
            strategies.
        ImportError: A module cannot be imported, or pytest is not installed.

    Example:
        >>> import sys, types
        >>> from darkcall import dark_launch
        >>> shop = types.ModuleType("shop")
        >>> exec('''
        ... from darkcall import dark_launch
        ... @dark_launch(candidate=lambda prices: sum(prices))
        ... def total(prices: list[int]) -> int:
        ...     return sum(prices)
        ... ''', vars(shop))
        >>> test_launches = equivalence_tests(shop)
        >>> test_launches.pytestmark[0].args[0]
        'launch'
    """
    try:
        import pytest  # noqa: PLC0415 -- the rest does without
    except ModuleNotFoundError as error:
        raise ImportError(
            "equivalence_tests() makes tests of pytest: pip install pytest", name="pytest"
        ) from error
    check_names(rules, "equivalence_tests", known=COMPARED_BY)
    found = _launches_of(_imported(module))
    strategies = _checked({} if given is None else given, found)

    cases = [
        pytest.param(launch, id=name) for name, launch in zip(_ids_of(found), found, strict=True)
    ]

    @pytest.mark.parametrize("launch", cases)
    def test_launches(launch: Launch) -> None:
        tries = Tries(
            given=strategies.get(launch.name), max_examples=max_examples, settings=settings
        )
        made("equivalence_tests", launch, None, tries, rules)()

    test_launches.__module__ = sys._getframe(1).f_globals.get("__name__", __name__)  # noqa: SLF001 -- it stands where it is made
    return test_launches


def _imported(module: types.ModuleType | str) -> types.ModuleType:
    if isinstance(module, str):
        module = importlib.import_module(module)
    if not isinstance(module, types.ModuleType):
        raise ConfigurationError(
            f"equivalence_tests({module!r}): give a module or package, or its name"
        )
    # Each is imported before it is looked into, so that what fails is raised.
    for one in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
        # A main module does what the program does.
        if one.name.rpartition(".")[2] != "__main__":
            importlib.import_module(one.name)
    return module


def _launches_of(module: types.ModuleType) -> list[Launch]:
    found = [one for one in launches() if _is_in(module.__name__, one.control)]
    if not found:
        raise ConfigurationError(
            f"equivalence_tests: no function of {module.__name__!r} is decorated with dark_launch"
        )
    return found


def _is_in(package: str, control: Any) -> bool:
    name = getattr(unpartial(control), "__module__", None) or ""
    return name == package or name.startswith(f"{package}.")


def _ids_of(found: list[Launch]) -> list[str]:
    """Name each; namesakes get a number, which pytest may ask for."""
    times = collections.Counter[str]()
    ids = []
    for launch in found:
        times[launch.name] += 1
        number = times[launch.name]
        ids.append(launch.name if number == 1 else f"{launch.name}-{number}")
    return ids


def _checked(given: Any, found: list[Launch]) -> Mapping[str, Mapping[str, Strategy]]:
    names = [launch.name for launch in found]
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"given={given!r} will not do: {_like(names[0])}")
    for name, strategies in given.items():
        if name not in names:
            raise ConfigurationError(
                f"given: there is no launch {name!r}; the launches are {', '.join(names)}"
            )
        if not isinstance(strategies, Mapping):
            raise ConfigurationError(
                f"given={{{name!r}: {strategies!r}}} will not do: {_like(name)}"
            )
    return given


def _like(name: str) -> str:
    return f"give strategies by launch and parameter, as {{{name!r}: {{'parameter': st....}}}}"
