"""darkcall, with its defaults and a sink that writes to disk; the candidate is the work."""

from __future__ import annotations

from darkcall import configure, dark_launch, flush, launch_of
from darkcall.sinks import JsonlSink

from .pieces import control, do


class Library:
    def __init__(self, host):
        configure(sinks=[JsonlSink(host.folder / "records")])
        # How long to wait for a candidate is the user's to say; 5 s by default.
        knobs = {"timeout": 0.5} if host.fault == "f" else {}
        self.hand_over = dark_launch(candidate=do, name="host", **knobs)(control)

    def flush(self, seconds):
        flush(seconds)

    def lost_and_told(self):
        stats = launch_of(self.hand_over).stats()
        lost = stats.calls - stats.outcomes["match"] - stats.pending
        return lost + sum(sink.dropped + sink.failed for sink in stats.sinks.values())

    def verdict(self):
        outcomes = launch_of(self.hand_over).stats().outcomes
        return ", ".join(f"counted as {name}" for name, count in outcomes.items() if count)
