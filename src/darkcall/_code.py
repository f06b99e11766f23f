"""Which version of a function's code runs here: a digest, the same wherever it does.

What it covers, and what it cannot see, is told in
``docs/decisions/0017-what-a-code-version-is.md``.
"""

from __future__ import annotations

import functools
import inspect
import os
import stat
import types
from typing import TYPE_CHECKING, Any, Final

from . import _guard
from ._hash import blake2b


if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST_BYTES: Final = 6
#: A source file that is larger, in bytes, is not looked at.
_MAX_FILE_BYTES: Final = 8 << 20
#: Functions within functions that are followed.
_MAX_FUNCTIONS: Final = 50
_CHANGED_SINCE: Final = b"changed since it was loaded"
_SLOT_TYPES: Final = (types.GetSetDescriptorType, types.MemberDescriptorType)


class CodeVersion:
    """The version of one function's code, found out when it is first asked for.

    Args:
        function: The function; any callable.
        loaded_at: When its module had been loaded at the latest, in seconds since
            1970-01-01 UTC: what stands in a file that changed later is not what runs.

    Attributes:
        is_known: Whether it was found out.
    """

    __slots__ = ("_digest", "_function", "_loaded_at", "is_known")

    def __init__(self, function: Any, loaded_at: float) -> None:
        self._function = function
        self._loaded_at = loaded_at
        self.is_known = False
        self._digest: str | None = None

    @property
    def digest(self) -> str | None:
        """Twelve hexadecimal digits; None where there is no Python code to be had.

        It reads a file, so it is for workers; no code of the function's own runs.
        """
        if not self.is_known:
            try:
                self._digest = digest_of(self._function, self._loaded_at)
            except Exception as error:  # noqa: BLE001 -- it may be any object
                _guard.fault("looking at the code of a function", error)
            self.is_known = True
            # It is to go when nobody else has it.
            self._function = None
        return self._digest


def digest_of(function: Any, loaded_at: float) -> str | None:
    """Digest the code of a function, and the source of the modules in which it stands.

    Args:
        function: The function; any callable.
        loaded_at: When its module had been loaded at the latest, in seconds since
            1970-01-01 UTC.

    Returns:
        Twelve hexadecimal digits; None where there is no Python code to be had.

    Example:
        >>> digest_of(len, 0.0) is None
        True
        >>> len(digest_of(inspect.signature, 4e9))
        12
    """
    functions = list(_functions_of(function))
    if not functions:
        return None
    total = blake2b(digest_size=_DIGEST_BYTES)
    for one in functions:
        total.update(_of_code(one.__code__))
        total.update(_of_file(dict.get(one.__globals__, "__file__"), loaded_at))
    return total.hexdigest()


def _functions_of(function: Any) -> Iterator[types.FunctionType]:
    """Find the Python functions that a call of a callable begins with, each once."""
    waiting, seen = [function], set[int]()
    while waiting and len(seen) < _MAX_FUNCTIONS:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if type(one) is types.FunctionType:
            yield one
        waiting += reversed(_within(one))


def _within(function: Any) -> list[Any]:
    kind = type(function)
    if kind is types.FunctionType:
        wrapped = dict.get(function.__dict__, "__wrapped__")
        # A decorator that does not say what it wraps has it among its variables.
        return [one for one in (wrapped, *_cells_of(function)) if one is not None]
    if kind is types.MethodType:
        return [function.__func__]
    if issubclass(kind, classmethod | staticmethod):
        descriptor = classmethod if issubclass(kind, classmethod) else staticmethod
        return [descriptor.__dict__["__func__"].__get__(function)]
    if issubclass(kind, functools.partial):
        return [functools.partial.__dict__["func"].__get__(function)]
    if issubclass(kind, type):
        return _methods_of(function, "__new__", "__init__")
    wrapped = _wrapped_by(function)
    return [*_methods_of(kind, "__call__"), *([] if wrapped is None else [wrapped])]


def _cells_of(function: types.FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:
            # Not filled yet.
            continue
        if type(content) in (types.FunctionType, types.MethodType):
            found.append(content)
    return found


def _methods_of(kind: type, *names: str) -> list[Any]:
    found = (inspect.getattr_static(kind, name, None) for name in names)
    return [one for one in found if type(one) in (types.FunctionType, staticmethod, classmethod)]


def _wrapped_by(function: Any) -> Any:
    """Give what a wrapper that is no function wraps: ``lru_cache``'s, wrapt's."""
    found = inspect.getattr_static(function, "__wrapped__", None)
    # Of C, which runs nothing of anybody's own.
    return found.__get__(function) if type(found) in _SLOT_TYPES else found


def _of_code(code: types.CodeType) -> bytes:
    """Digest a code object: neither file names nor line numbers, nor what those would change."""
    shape = (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
    )
    digest = blake2b(repr(shape).encode("utf-8", "surrogatepass"))
    digest.update(b"%d:" % len(code.co_code) + code.co_code + code.co_exceptiontable)
    digest.update(_of_constant(code.co_consts))
    return digest.digest()


def _of_constant(constant: Any) -> bytes:
    if isinstance(constant, types.CodeType):
        return _of_code(constant)
    if isinstance(constant, tuple | frozenset):
        parts = [_of_constant(part) for part in constant]
        if isinstance(constant, frozenset):
            # The order of a set of text differs between processes.
            parts.sort()
        text = f"{type(constant).__name__} {len(parts)}".encode()
        return blake2b(b"".join([text, *parts])).digest()
    text = f"{type(constant).__name__} {constant!r}".encode("utf-8", "surrogatepass")
    return blake2b(text).digest()


def _of_file(path: Any, loaded_at: float) -> bytes:
    """Digest a module's source, which holds what a function calls there.

    Returns:
        Nothing where there is no source; what stands for itself where the file has changed
        since it was loaded, so that the one code is not taken for the other.
    """
    if type(path) is not str or not path.endswith((".py", ".pyw")):
        return b""
    try:
        found = os.stat(path)  # noqa: PTH116 -- pathlib is slow to import
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_FILE_BYTES:
            return b""
        if max(found.st_mtime, found.st_ctime) > loaded_at:
            return _CHANGED_SINCE
        with open(path, "rb", opener=_opened) as file:
            source = file.read(_MAX_FILE_BYTES) or b""
    except (OSError, ValueError):
        return b""
    # As it was checked out makes no difference.
    return blake2b(source.replace(b"\r\n", b"\n")).digest()


def _opened(path: str, flags: int) -> int:
    # What stands there may be replaced by a pipe meanwhile, or be a regular file in name alone.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
