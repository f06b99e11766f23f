"""A decorator over a ThreadPoolExecutor, as one writes it in ten minutes."""

from __future__ import annotations

import functools
import time
from concurrent.futures import ThreadPoolExecutor

from .pieces import control, do, note_done


def compared_with(candidate, pool, note):
    def compare(args, result):
        if candidate(*args) == result:
            note()

    def decorate(function):
        @functools.wraps(function)
        def decorated(*args):
            result = function(*args)
            pool.submit(compare, args, result)
            return result

        return decorated

    return decorate


class Library:
    def __init__(self, host):
        self._pool = ThreadPoolExecutor(max_workers=2)
        note = functools.partial(note_done, host.folder)
        self.hand_over = compared_with(do, self._pool, note)(control)

    def flush(self, seconds):
        # It has no flush: what is submitted last is begun last.
        last = self._pool.submit(time.sleep, 0.1)
        last.exception(seconds)

    def lost_and_told(self):
        return 0

    def verdict(self):
        return "nobody is told"
