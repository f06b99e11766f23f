from __future__ import annotations

import os

import pytest

from darkcall import _dark


def test_a_child_that_comes_back_from_what_forked_it_ends(monkeypatch):
    class Ended(BaseException):
        pass

    def end(code):
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)

    def fork(*, fails=False):
        _dark.after_fork()
        if fails:
            raise ValueError

    with pytest.raises(Ended, match="0"):
        _dark.in_this_process(fork)
    with pytest.raises(Ended, match="0"):
        _dark.in_this_process(lambda: fork(fails=True))


def test_who_forks_nothing_comes_back():
    assert _dark.in_this_process(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        _dark.in_this_process(lambda: 1 / 0)
