"""Real input: the docstrings of the standard library, as they stand in its source."""

from __future__ import annotations

import ast
import gc
import os
import pathlib
import sysconfig
import warnings
from typing import TYPE_CHECKING, Final, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_OURS: Final = frozenset({"site-packages", "dist-packages", "__pycache__"})
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Docstring(NamedTuple):
    """A docstring, and where it stands.

    Attributes:
        place: ``textwrap.py:12``, below the standard library's directory.
        text: The docstring, with its indentation.
    """

    place: str
    text: str


class StandardLibrary:
    """The source files of a standard library; none of them is imported.

    Args:
        root: Its directory; that of the running Python by default.

    Attributes:
        root: Its directory.
        files: How many files were read.
        unparsed: Those that this Python cannot parse, below ``root``.

    Example:
        >>> library = StandardLibrary()
        >>> next(library.docstrings()).place.rpartition(":")[0]
        '__future__.py'
    """

    def __init__(self, root: pathlib.Path | None = None) -> None:
        self.root = root or pathlib.Path(sysconfig.get_path("stdlib"))
        self.files = 0
        self.unparsed: list[str] = []

    def docstrings(self) -> Iterator[Docstring]:
        """Read file after file.

        Yields:
            Each docstring of a module, class or function.
        """
        for path in _source_files(self.root):
            name = path.relative_to(self.root).as_posix()
            self.files += 1
            try:
                module = _parsed(path)
            except (OSError, RecursionError, SyntaxError, ValueError):
                # Test data: files that are wrong on purpose.
                self.unparsed.append(name)
                continue
            for line, text in _docstrings_in(module):
                yield Docstring(f"{name}:{line}", text)


def _source_files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    for directory, directories, files in os.walk(root):
        directories[:] = sorted(set(directories) - _NOT_OURS)
        for file in sorted(files):
            if file.endswith(".py"):
                yield pathlib.Path(directory, file)


def _parsed(path: pathlib.Path) -> ast.Module:
    was_collecting = gc.isenabled()
    # A tree holds no cycles: looking for them takes a quarter of the time.
    gc.disable()
    try:
        with warnings.catch_warnings():
            # Of odd escapes and the like, which are not what this is about.
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    finally:
        if was_collecting:
            gc.enable()


def _docstrings_in(module: ast.Module) -> Iterator[tuple[int, str]]:
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DOCUMENTED):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str(text)), lineno=line), *_]:
                    yield line, text
        # Statements alone: an expression holds no docstring, and is what takes the time.
        for field in ("finalbody", "orelse", "handlers", "cases", "body"):
            nested = getattr(node, field, None)
            if isinstance(nested, list):
                waiting.extend(reversed(nested))
