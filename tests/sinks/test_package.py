from __future__ import annotations

import pytest

from darkcall import sinks


def test_every_public_name_is_there():
    for name in sinks.__all__:
        assert getattr(sinks, name) is not None
        assert name in dir(sinks)
    assert sinks.__all__ == sorted(sinks.__all__)


def test_any_other_name_is_not():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sinks.nothing


def test_a_sink_is_loaded_when_it_is_asked_for(run_script):
    printed = run_script(
        """
for module in [name for name in sys.modules if name.startswith("darkcall")]:
    del sys.modules[module]
def loaded():
    names = ["log", "jsonl", "sqlite"]
    print(*[name for name in names if f"darkcall.sinks.{name}" in sys.modules], "-")
from darkcall import sinks
sinks.MemorySink
loaded()
sinks.LogSink
loaded()
"""
    )
    assert printed == ["-", "log", "-"]
