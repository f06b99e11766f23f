from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from darkcall import _guard


@pytest.fixture(autouse=True)
def _nothing_said_before():
    _guard.reset()
    yield
    while any(thread.name == "darkcall-log" for thread in threading.enumerate()):
        time.sleep(0.001)
    _guard.reset()


@pytest.fixture
def lines(caplog):
    """What is logged within a moment."""
    caplog.set_level(logging.DEBUG, logger="darkcall")

    def wait_for(text):
        give_up = time.monotonic() + 5
        while time.monotonic() < give_up:
            found = [message for message in caplog.messages if text in message]
            if found:
                return found
            time.sleep(0.005)
        return []

    return wait_for


@pytest.fixture
def run_script(tmp_path):
    """Run a script in an interpreter of its own, and return what it printed."""

    def run(script, *arguments, timeout=30):
        path = tmp_path / "script.py"
        path.write_text(PREAMBLE + script)
        done = subprocess.run(
            [sys.executable, str(path), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.fixture
def start_script(tmp_path):
    """Start a script in an interpreter of its own; it is killed at the end."""
    started = []

    def start(script, *arguments):
        path = tmp_path / f"script{len(started)}.py"
        path.write_text(PREAMBLE + script)
        process = subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


PREAMBLE = """
import os, sys, threading, time
from darkcall._model import Record
from darkcall.sinks import JsonlSink, SqliteSink
from darkcall.sinks._outlet import Outlet
from darkcall.sinks._together import close_all

def a_record(number=0, outcome="match", **fields):
    return Record(f"call-{number}", "shop.price", "v2", outcome, 1.5, "web", 7, 0.1, **fields)
"""
