from __future__ import annotations

import asyncio
import os
import types

import pytest

from darkcall import _guard
from darkcall._dark import in_the_dark
from darkcall.runners import _loop_thread


@pytest.fixture(autouse=True)
def _no_loop_stays_set():
    yield
    asyncio.set_event_loop(None)


@pytest.fixture
def left_behind(monkeypatch):
    """Loops that were left behind; their descriptors are closed at the end."""
    loops = []
    monkeypatch.setattr(_loop_thread, "_left_behind", loops)
    yield loops
    for loop in loops:
        loop._closed = False
        loop.close()


def test_a_loop_that_cannot_run_is_left_behind_with_its_descriptors(left_behind):
    loop = asyncio.new_event_loop()

    def fails(timeout=None):
        raise OSError

    selector = loop._selector
    loop._selector = types.SimpleNamespace(select=fails, get_map=selector.get_map)
    faults = _guard.faults.value
    in_the_dark(_loop_thread.run_to_its_end, loop)
    loop._selector = selector

    assert left_behind == [loop]
    assert _guard.faults.value == faults + 1
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(print)
    # None of them was closed.
    for descriptor in (selector.fileno(), loop._ssock.fileno(), loop._csock.fileno()):
        os.fstat(descriptor)


def test_a_loop_that_cannot_be_told_to_be_left_behind_is_closed(monkeypatch):
    class Foreign(asyncio.AbstractEventLoop):
        _closed = property()
        is_ended = False

        def run_forever(self):
            raise OSError

        def close(self):
            self.is_ended = True

    monkeypatch.setattr(_loop_thread, "_left_behind", [])
    loop = Foreign()
    in_the_dark(_loop_thread.run_to_its_end, loop)

    assert loop.is_ended
