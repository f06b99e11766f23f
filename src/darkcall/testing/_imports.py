"""What a written test imports, and what each of it is called there."""

from __future__ import annotations

import builtins
import pathlib
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from ._layout import Layout, Name


if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._layout import Node

#: What these are called is theirs: modules are imported as such, the others stand in each test.
_MODULES: Final = frozenset({"asyncio", "contextlib", "pytest"})
#: What stands under these names in a test file, pytest calls or reads.
_PYTESTS: Final = frozenset(
    {
        *("setup_module", "teardown_module", "setUpModule", "tearDownModule"),
        *("setup_function", "teardown_function"),
        *("pytest_generate_tests", "pytest_plugins", "pytestmark"),
    }
)
#: What compares in each test.
STRICT: Final = Name("darkcall.testing", "strict")
_WIDTH: Final = 88


class Imports:
    """The imports of one file, which grow with what is written.

    Example:
        >>> imports = Imports()
        >>> imports.called(Name("shop", "Cart.Line")), imports.called(Name("shop", "list"))
        ('Cart.Line', '_shop_list')
        >>> print("".join(imports.code()))
        from darkcall.testing import strict
        from shop import Cart
        from shop import list as _shop_list
        <BLANKLINE>
    """

    def __init__(self) -> None:
        self._local: dict[tuple[str, str], str] = {}
        self._taken = {*dir(builtins), *_MODULES, *_PYTESTS, "instance"}
        self.called(STRICT)

    def copy(self) -> Imports:
        """Give imports that grow apart from these."""
        copy = Imports()
        copy._local = dict(self._local)
        copy._taken = set(self._taken)
        return copy

    def called(self, name: Name) -> str:
        """Tell what something is called, and import it.

        Args:
            name: What it is.
        """
        if name.module == "builtins":
            return name.path
        if name.module in _MODULES:
            self._local[name.module, ""] = name.module
            return f"{name.module}.{name.path}"
        top, dot, rest = name.path.partition(".")
        local = self._local.get((name.module, top))
        if local is None:
            local = self._local[name.module, top] = self._free(name.module, top)
            self._taken.add(local)
        return f"{local}{dot}{rest}"

    def _free(self, module: str, name: str) -> str:
        # What begins like that, pytest would take for a test.
        if name not in self._taken and not name.lower().startswith("test"):
            return name
        alias = stem = f"_{module.rpartition('.')[2]}_{name}"
        number = 2
        while alias in self._taken:
            alias, number = f"{stem}_{number}", number + 1
        return alias

    def layout(self) -> Layout:
        """Give what lays out code that stands below these imports."""
        return Layout(self.called)

    def evaluated(self, node: Node, **names: Any) -> Any:
        """Evaluate code with nothing but these imports, and a few names.

        Args:
            node: The code.
            **names: What else there is.

        Returns:
            Its value.

        Raises:
            Exception: Whatever importing or making the value raises.
        """
        code = self.layout().flat(node)
        namespace: dict[str, Any] = {}
        exec("".join(self.code()), namespace)  # noqa: S102 -- what is written is to be proved
        return eval(code, {**namespace, **names})  # noqa: S307 -- as above

    def code(self) -> Iterator[str]:
        """Write the imports, in the order in which import sorters leave them."""
        lines: dict[tuple[Any, ...], str] = {}
        for module, names in self._by_module().items():
            # Modules as such come first.
            place = _section_of(module), module not in _MODULES, _natural(module), module
            if module in _MODULES:
                lines[place] = f"import {module}\n"
                continue
            own = sorted((name for name, local in names if name == local), key=_by_case)
            if own:
                lines[*place, _by_case(own[0])] = _from(module, own)
            for name, local in names:
                if name != local:
                    lines[*place, _by_case(name)] = _from(module, [f"{name} as {local}"])
        section = None
        for place in sorted(lines):
            if section not in (None, place[0]):
                yield "\n"
            section = place[0]
            yield lines[place]

    def _by_module(self) -> dict[str, list[tuple[str, str]]]:
        modules: dict[str, list[tuple[str, str]]] = {}
        for (module, name), local in self._local.items():
            modules.setdefault(module, []).append((name, local))
        return modules


def _section_of(module: str) -> int:
    """Tell the standard library, what is installed and what is of this project apart."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return 0
    places = [pathlib.Path(folder, name) for folder in (".", "src") for name in (top, f"{top}.py")]
    return 2 if any(place.exists() for place in places) else 1


def _from(module: str, parts: list[str]) -> str:
    line = f"from {module} import {', '.join(parts)}\n"
    if len(line) <= _WIDTH + 1:
        return line
    inside = "".join(f"    {part},\n" for part in parts)
    return f"from {module} import (\n{inside})\n"


def _by_case(name: str) -> tuple[Any, ...]:
    # Constants, classes, the rest.
    is_constant = len(name) > 1 and name.isupper()
    return not is_constant, not name[:1].isupper(), _natural(name), name


def _natural(text: str) -> tuple[tuple[bool, Any], ...]:
    parts = re.split("([0-9]+)", text.lower())
    return tuple((not part.isdigit(), int(part) if part.isdigit() else part) for part in parts)
