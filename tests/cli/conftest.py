from __future__ import annotations

import pytest

from analysis import summaries
from darkcall import _cli, analysis
from darkcall._cli import _reading
from darkcall.analysis._summary import Summary


class Typed:
    """The command line in this process, with a summary and a verdict made by hand behind it."""

    def __init__(self, capsys):
        self._capsys = capsys
        self.asked = []
        self.judged = []
        self.summary = summaries.a_summary(summaries.a_candidate())
        self.judgement = summaries.a_judgement()

    def summarise(self, *sources, progress=None, **options):
        self.asked.append((sources, options))
        if progress is not None:
            progress(1, 2)
        return self.summary

    def judge(self, **options):
        self.judged.append(options)
        return self.judgement

    def __call__(self, *words):
        status = _cli.main(words)
        told = self._capsys.readouterr()
        return status, told.out, told.err


@pytest.fixture
def typed(monkeypatch, capsys):
    """Type a command: its exit status, and what it printed."""
    command = Typed(capsys)
    monkeypatch.setattr(analysis, "summarise", command.summarise, raising=False)
    monkeypatch.setattr(Summary, "judge", lambda _, **options: command.judge(**options))
    monkeypatch.setattr(_reading, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "80")
    return command
