"""Where records go: memory, the log, files and databases.

A sink is any callable that takes a :class:`~darkcall.Record`.  The classes are imported
when they are asked for: whoever writes to the log alone does not load SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from darkcall._rollup import Rollup

    from ._outlet import Sink
    from .jsonl import JsonlSink
    from .log import LogSink
    from .memory import MemorySink
    from .rollup import RollupSink
    from .sqlite import SqliteSink

__all__ = ["JsonlSink", "LogSink", "MemorySink", "Rollup", "RollupSink", "Sink", "SqliteSink"]

_MODULES = {
    "JsonlSink": "jsonl",
    "LogSink": "log",
    "MemorySink": "memory",
    "Rollup": "_fold",
    "RollupSink": "rollup",
    "Sink": "_outlet",
    "SqliteSink": "sqlite",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Only whoever asks for a sink pays for its module.
    import importlib  # noqa: PLC0415

    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
