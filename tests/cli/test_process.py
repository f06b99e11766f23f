"""The command as a process: exit status, pipes, interrupts, and what it loads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import darkcall
from darkcall import __main__
from records import a_record


ENVIRONMENT = {
    name: text
    for name, text in os.environ.items()
    if name not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "DARKCALL")
}
ENVIRONMENT["PYTHONPATH"] = str(Path(darkcall.__file__).parents[1])
DARKCALL = [sys.executable, "-m", "darkcall"]


def run(*words, **environment):
    return subprocess.run(
        [*DARKCALL, *words],
        check=False,
        capture_output=True,
        env={**ENVIRONMENT, **environment},
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    lines = [json.dumps(a_record(number, reason="漢字").to_dict()) for number in range(5000)]
    (path / "a.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_pipe_and_an_encoding_without_the_characters_get_plain_text(directory):
    done = run("tail", str(directory), "-n", "2", PYTHONIOENCODING="ascii", TERM="xterm-256color")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout
    assert done.stdout.count(b"\\u6f22\\u5b57\n") == 2


def test_a_usage_error_ends_with_three_and_a_line(directory):
    done = run("judge", str(directory), "--nope")

    assert (done.returncode, done.stdout) == (3, b"")
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(directory):
    with subprocess.Popen(
        [*DARKCALL, "tail", str(directory), "-n", "5000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert b"shop.price" in process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signal")
def test_an_interrupt_ends_what_follows_without_a_traceback(directory):
    with subprocess.Popen(
        [*DARKCALL, "tail", "-f", str(directory), "-n", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert b"shop.price" in process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.communicate() == (b"", b"")
        assert process.returncode == 0


def test_help_loads_neither_duckdb_nor_rich_nor_what_draws():
    code = (
        "import sys; from darkcall.__main__ import main; main(['judge', '--help']);"
        "print(sorted({'duckdb', 'rich', 'jinja2', 'altair', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env=ENVIRONMENT
    )

    assert done.stdout.splitlines()[-1] == b"[]"


def test_without_typer_the_command_line_says_what_to_install(monkeypatch, capsys):
    forget(monkeypatch)
    monkeypatch.setattr("builtins.__import__", importing_all_but("typer"))

    assert __main__.main(["summary", "a"]) == 3
    told = capsys.readouterr()
    assert told.err == ('darkcall: the command line needs typer: pip install "darkcall[report]"\n')


def test_a_module_of_its_own_that_is_missing_is_no_extra(monkeypatch):
    forget(monkeypatch)
    monkeypatch.setattr("builtins.__import__", importing_all_but("_commands"))

    with pytest.raises(ModuleNotFoundError):
        __main__.main(["summary", "a"])


def forget(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("darkcall._cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(darkcall, "_cli", raising=False)


def importing_all_but(missing):
    import_ = __import__

    def importing(name, *rest, **kwargs):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return import_(name, *rest, **kwargs)

    return importing


HANGING = """
import asyncio, threading
from darkcall import dark_launch

async def hang(x):
    await asyncio.to_thread(threading.Event().wait)

@dark_launch(candidate=hang, timeout=0.01)
async def echo(x):
    return x
"""
HUNG = {"launch": "hanging.echo", "candidate": "candidate"}


def test_a_candidate_that_never_ends_does_not_hold_the_process_after_the_answer(
    tmp_path, monkeypatch
):
    (tmp_path / "hanging.py").write_text(HANGING)
    record = a_record(outcome="mismatch", arguments={"x": 1}).to_dict() | HUNG
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(record)}\n")
    monkeypatch.chdir(tmp_path)

    done = run("replay", "a.jsonl", "hanging:echo")

    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\n1. (timeout)\n" in done.stdout
