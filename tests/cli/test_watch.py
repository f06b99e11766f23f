"""Verdict and summary are shown again when there are more records, and only then."""

from __future__ import annotations

import io
import json
import sys

import pytest

from analysis import summaries
from darkcall._cli import _watch
from darkcall.analysis._verdict import Verdict


@pytest.fixture
def watched(typed, monkeypatch, tmp_path):
    """Watch a directory: do each step while the command waits, and then press Ctrl-C."""
    (tmp_path / "a.jsonl").write_bytes(b"\n")

    def watch(*steps, words=()):
        waiting = iter(steps)

        def pause(seconds):
            assert seconds == 0.25
            try:
                next(waiting)(tmp_path)
            except StopIteration:
                raise KeyboardInterrupt from None

        monkeypatch.setattr(_watch, "pause", pause)
        return typed("watch", str(tmp_path), "--interval", "0.25", *words)

    return watch


def more(directory):
    with (directory / "a.jsonl").open("ab") as file:
        file.write(b"\n")


def nothing(_directory):
    pass


def test_where_nobody_looks_each_change_is_a_line(watched, typed):
    status, out, err = watched(nothing, more, nothing, words=["--per", "tenant"])

    assert (status, err) == (0, "")
    assert len(out.splitlines()) == len(typed.asked) == 2
    assert out.splitlines()[0] == (
        "NOT_READY  shop.price: v2: 1,204 of 998,412 calls differ: at least 0.108 %, and 0.1 % is "
        "allowed."
    )
    assert typed.judged[0]["per"] == "tenant"


def test_a_line_of_a_verdict_that_needs_no_reason_tells_how_many_calls_it_rests_on(watched, typed):
    typed.judgement = summaries.a_judgement(Verdict.READY)
    _, out, _ = watched(nothing)

    assert out == "READY  1,204 of 998,412 compared calls differ\n"


def test_in_json_each_change_is_a_document_of_one_line(watched, typed):
    _, out, _ = watched(more, words=["--json"])

    first, second = map(json.loads, out.splitlines())
    assert first == second
    assert first["judgement"]["verdict"] == "NOT_READY"
    assert first["summary"]["confidence"] == 0.95


def test_on_a_terminal_the_verdict_is_shown_first_and_stays(watched, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    status, _, _ = watched(more)

    shown = terminal.getvalue()
    assert status == 0
    assert 0 <= shown.index("NOT_READY") < shown.index("Latency")


def test_watching_ends_when_nobody_reads_any_more(watched, typed, monkeypatch):
    monkeypatch.setattr(_watch, "say", lambda *_, **__: False)

    assert watched(more, more)[0] == 0
    assert len(typed.asked) == 1
