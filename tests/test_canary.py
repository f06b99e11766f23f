"""A secret that is planted in every place is found in no sink, and in no line of the log."""

from __future__ import annotations

import logging
import sqlite3

import pytest

from darkcall import close, dark_launch, flush, launch_of
from darkcall.runners import InlineRunner
from darkcall.sinks import JsonlSink, LogSink, MemorySink, SqliteSink


CANARY = "CANARY-4f1d"


class Account:
    def __init__(self, owner):
        self.owner = owner
        self.password = f"{CANARY}-attribute"


class Unkeepable:
    def __reduce_ex__(self, protocol):
        raise TypeError(f"password={CANARY}-reduce")


def differs(account, token, note):
    return {"owner": "bob", "api_key": f"{CANARY}-value-2", "note": f"secret={CANARY}-text-2"}


def raises(account, token, note):
    raise ValueError(f"login failed, password={CANARY}-message")


def never_ends_in_time(account, token, note):
    raise TimeoutError(f"https://ann:{CANARY}-url@example.org")


@pytest.mark.parametrize("candidate", [differs, raises, never_ends_in_time])
@pytest.mark.parametrize("keep", ["nothing", "differences", "everything"])
def test_a_secret_is_found_in_no_sink(tmp_path, caplog, candidate, keep):
    caplog.set_level(logging.DEBUG)
    memory = MemorySink()
    jsonl, sqlite = JsonlSink(tmp_path / "jsonl"), SqliteSink(tmp_path / "records.sqlite")

    @dark_launch(
        candidate=candidate,
        keep=keep,
        context=lambda *_args: {"tenant": "shop", "session": f"{CANARY}-context"},
        sinks=[memory, jsonl, sqlite, LogSink()],
        runner=InlineRunner(),
        name=f"canary.{candidate.__name__}.{keep}",
    )
    def control(account, token, note):
        return {"owner": "ann", "api_key": f"{CANARY}-value-1", "note": f"secret={CANARY}-text-1"}

    control(Account("ann"), f"{CANARY}-argument", f"Authorization: Bearer {CANARY}-header")
    control(Account("ann"), Unkeepable(), "a skip")
    assert flush()

    assert [record.outcome for record in memory.records][1] == "skipped"
    written = repr(memory.records) + caplog.text + repr(launch_of(control).stats())
    assert CANARY not in written
    assert "ann" in written or keep == "nothing" or candidate is not differs
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()
    database = sqlite3.connect(tmp_path / "records.sqlite")
    assert database.execute("SELECT count(*) FROM records").fetchone() == (2,)
    database.close()
    assert close()
