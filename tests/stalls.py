"""How scripts of the gauntlet measure stalls of their main thread, as text to begin with."""

from __future__ import annotations


STALLS = """
    import time

    def waited_for_a_core():
        # The system tells for how long the main thread could have run, and was not let.
        try:
            with open("/proc/self/schedstat") as file:
                return int(file.read().split()[1]) / 1e9
        except OSError:
            return 0.0

    class Stalls:
        '''How much later than planned somebody woke, but for the time without a core.'''

        def __init__(self):
            self.seconds = [0.0]

        def begin(self, seconds):
            self.waited = waited_for_a_core()
            self.planned = time.perf_counter() + seconds

        def end(self):
            late = time.perf_counter() - self.planned
            self.seconds.append(late - (waited_for_a_core() - self.waited))

        @property
        def longest(self):
            return max(self.seconds)
"""
