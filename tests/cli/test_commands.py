"""Each command asks the analysis what was typed, and prints the answer and nothing else."""

from __future__ import annotations

import io
import json
import os
import sys
import time
import types
from pathlib import Path

import attrs
import pytest
import typer
from rich.text import Text

from analysis import summaries
from darkcall import ConfigurationError, _cli, _demo, analysis
from darkcall._cli import _out, _reading
from darkcall.analysis._verdict import Verdict


COMMANDS = ["summary", "diff", "judge", "report", "watch", "tail", "replay", "demo"]
JUDGING = [
    *("--launch", "a", "--launch", "b", "--candidate", "v2", "--max-mismatch-rate", "0.01"),
    *("--confidence", "0.99", "--min-calls", "5", "--max-dropped", "0.5"),
    *("--max-latency-ratio", "1.5", "--per", "tenant", "--code", "all"),
]
JUDGED = {
    "launch": ("a", "b"),
    "candidate": "v2",
    "max_mismatch_rate": 0.01,
    "confidence": 0.99,
    "min_calls": 5,
    "max_dropped": 0.5,
    "max_latency_ratio": 1.5,
    "per": "tenant",
    "code": "all",
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def page(monkeypatch):
    pages = types.SimpleNamespace(page_of=lambda summary, judgement: f"<p>{judgement.verdict}ä</p>")
    monkeypatch.setitem(sys.modules, "darkcall.analysis._page", pages)


def test_a_summary_is_asked_for_as_it_was_typed(typed):
    words = [
        *("--launch", "shop.price", "--candidate", "v2", "--by", "tenant", "--by", "country"),
        *("--since", "2023-11-14T22:13:20", "--until", "2023-11-15", "--confidence", "0.9"),
    ]
    status, out, err = typed("summary", "a", "b", *words)

    assert (status, err) == (0, "")
    assert out.startswith("shop.price: v2\n")
    assert typed.asked == [
        (
            ("a", "b"),
            {
                "launch": "shop.price",
                "candidate": "v2",
                "by": ("tenant", "country"),
                "since": 1_700_000_000.0,
                "until": 1_700_006_400.0,
                "confidence": 0.9,
            },
        )
    ]


def test_a_zone_that_is_typed_counts(typed):
    typed("summary", "a", "--since", "2023-11-14T23:13:20+01:00")

    assert typed.asked[0][1]["since"] == 1_700_000_000.0


def test_how_long_ago_is_counted_from_now(typed):
    typed("summary", "a", "--since", "2h")
    ((_, options),) = typed.asked

    assert options["since"] == pytest.approx(time.time() - 7200, abs=60)


def test_differences_are_shown_by_signature_and_at_most_so_many(typed):
    status, out, _ = typed("diff", "a", "--signature", "value", "--limit", "1")

    assert status == 0
    assert "1. $.lines[*].price: value Decimal/float" in out
    assert "1 more kind not shown" in out
    assert "KeyError" not in out


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.READY, 0), (Verdict.NOT_READY, 1), (Verdict.INSUFFICIENT_DATA, 2)],
)
def test_the_exit_status_is_the_verdict(typed, verdict, code):
    typed.judgement = summaries.a_judgement(verdict)
    status, out, err = typed("judge", "a")

    assert (status, err) == (code, "")
    assert out.startswith(f"{verdict}\n")
    assert typed.judged == [{"max_mismatch_rate": 1e-3, "confidence": 0.95, "max_dropped": 0.05}]


@pytest.mark.parametrize("command", [["judge"], ["report", "--html", "-"]])
def test_a_verdict_is_asked_for_as_it_was_typed(typed, page, command):
    typed(*command, "a", *JUDGING)

    assert typed.judged == [JUDGED]
    assert typed.asked == [(("a",), {"by": ("tenant",), "confidence": 0.99})]


@pytest.mark.parametrize("command", ["summary", "diff", "judge"])
def test_json_is_one_document_and_nothing_else(typed, command):
    typed.summary = summaries.a_summary(summaries.a_hostile_candidate())
    status, out, err = typed(command, "a", "--json")
    expected = {
        "summary": typed.summary.to_dict(),
        "judge": typed.judgement.to_dict(),
    }

    found = json.loads(out)
    assert (status, err) == (1 if command == "judge" else 0, "")
    assert out.isascii()
    if command == "diff":
        assert [len(one["groups"]) for one in found["candidates"]] == [2]
    else:
        assert found == json.loads(json.dumps(expected[command]))


def test_a_page_is_written_and_said_where(typed, page, tmp_path):
    path = tmp_path / "out.html"
    path.write_text("an older one")
    status, out, _ = typed("report", "a", "--html", str(path))

    assert (status, path.read_text(encoding="utf-8")) == (0, "<p>NOT_READYä</p>")
    assert out.startswith("NOT_READY\n")
    assert out.endswith(f"written to {path}\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.html"]


def test_a_page_in_the_place_of_a_link_is_written_where_the_link_leads(typed, page, tmp_path):
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    typed("report", "a", "--html", str(tmp_path / "link.html"))

    assert (tmp_path / "link.html").is_symlink()
    assert "NOT_READY" in (tmp_path / "real.html").read_text(encoding="utf-8")


def test_a_page_goes_to_standard_output_alone_if_asked(typed, page):
    assert typed("report", "a", "--html", "-") == (0, "<p>NOT_READYä</p>", "")


def test_a_page_can_be_told_of_in_json(typed, page, tmp_path):
    _, out, _ = typed("report", "a", "--html", str(tmp_path / "p.html"), "--json")

    found = json.loads(out)
    assert found["html"] == str(tmp_path / "p.html")
    assert found["judgement"]["verdict"] == "NOT_READY"


def test_a_device_is_written_to_and_not_replaced(typed, page):
    assert typed("report", "a", "--html", os.devnull)[0] == 0
    assert not os.path.isfile(os.devnull)  # noqa: PTH113 -- as it was


@pytest.mark.parametrize("name", ["", "nowhere/page.html", "."])
def test_a_page_that_cannot_be_written_is_an_error(typed, page, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    status, _, err = typed("report", "a", "--html", name)

    assert status == 3
    assert err.startswith(f"darkcall: --html={name!r} cannot be written: ")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_file_can_have_is_an_error(typed, page):
    assert typed("report", "a", "--html", "a\0b")[0] == 3


def test_a_page_and_json_do_not_share_standard_output(typed, page):
    status, out, err = typed("report", "a", "--html", "-", "--json")

    assert (status, out) == (3, "")
    assert "both want standard output" in err


def a_verdict_on(candidate):
    [judged] = summaries.a_judgement(Verdict.NOT_READY).candidates
    judged = attrs.evolve(judged, launch="demo.dedent", candidate=candidate)
    return summaries.Judgement(verdict=judged.verdict, candidates=(judged,))


def test_the_demo_judges_its_records_and_writes_the_page_beside_them(typed, page, monkeypatch):
    folders = []
    monkeypatch.setattr(_demo, "run", lambda *, records, limit: folders.append(records) or 0)
    typed.judgement = a_verdict_on("naive")
    status, out, _ = typed("demo")
    [folder] = map(Path, folders)

    assert folder.name.startswith("darkcall-demo-")
    assert status == 0
    assert typed.asked[0] == ((str(folder),), {"launch": "demo.dedent"})
    assert "NOT_READY" in out
    (folder / "report.html").unlink()
    folder.rmdir()


def test_the_demo_takes_a_folder_a_limit_and_a_file(typed, page, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(_demo, "run", lambda **options: ran.append(options) or 1)
    typed.judgement = a_verdict_on("naive")
    folder, html = tmp_path / "records", tmp_path / "page.html"
    status, _, _ = typed("demo", "--records", str(folder), "--limit", "5", "--html", str(html))

    assert (status, ran) == (1, [{"records": str(folder), "limit": 5}])
    assert html.exists()


def test_the_demo_fails_where_a_verdict_is_wrong(typed, page, tmp_path, monkeypatch):
    monkeypatch.setattr(_demo, "run", lambda **_: 0)
    typed.judgement = a_verdict_on("rewrite")
    status, out, _ = typed("demo", "--html", str(tmp_path / "page.html"))

    assert status == 1
    assert "demo.dedent [rewrite]: it is NOT_READY, which is wrong" in out


def test_without_a_command_help_is_shown_and_nothing_is_answered(typed):
    status, out, _ = typed()

    assert status == 3
    assert all(f"\n  {command}" in out for command in COMMANDS)


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
def test_help_fits_eighty_columns_and_cuts_nothing(typed, command):
    status, out, err = typed(*command, "--help")

    assert (status, err) == (0, "")
    assert out.startswith(" ".join(["Usage: darkcall", *command]))
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "..." not in out.replace("]...", "").replace("}...", "")


def test_the_version_is_told(typed):
    status, out, _ = typed("--version")

    assert (status, out.split()[0]) == (0, "darkcall")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope"], "No such command 'nope'"),
        (["judge"], "Missing argument 'RECORDS'"),
        (["report", "a"], "Missing option '--html'"),
        (["judge", "a", "--nope"], "No such option"),
        (["judge", "a", "--confidence", "1"], "1.0 is not between 0 and 1"),
        (["judge", "a", "--confidence", "nan"], "nan is not between 0 and 1"),
        (["judge", "a", "--max-dropped", "2"], "2.0 is no share"),
        (["judge", "a", "--max-latency-ratio", "0"], "0.0 is not above 0"),
        (["judge", "a", "--min-calls", "many"], "--min-calls"),
        (["summary", "a", "--since", "soon\x1b[2J"], "is no time"),
        (["summary", "a", "--until", "2026-13-01"], "'2026-13-01' is no time"),
        (["tail", "a", "--outcome", "matched"], "'matched' is none of match, mismatch"),
        (["watch", "a", "--interval", "inf"], "inf is not above 0"),
        (["demo", "--limit", "0"], "--limit"),
    ],
)
def test_what_makes_no_sense_ends_with_three(typed, words, told):
    status, out, err = typed(*words)

    assert (status, out) == (3, "")
    assert told in err
    assert "Traceback" not in err
    assert "\x1b" not in err


def failing(error):
    def summarise(*_sources, **_options):
        raise error

    return summarise


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ConfigurationError("source='a'\x1b"), 3, "darkcall: source='a'\\x1b\n"),
        (OSError(28, "No space left", "a"), 3, "darkcall: a: No space left\n"),
        (OSError("odd"), 3, "darkcall: standard output: odd\n"),
        (KeyboardInterrupt(), 130, ""),
        (RuntimeError("Query interrupted"), 130, ""),
        (
            ModuleNotFoundError("none", name="duckdb"),
            3,
            'darkcall: this needs duckdb: pip install "darkcall[report]"\n',
        ),
    ],
)
def test_what_fails_is_told_in_one_line(typed, monkeypatch, error, status, told):
    monkeypatch.setattr(analysis, "summarise", failing(error))

    assert typed("judge", "a") == (status, "", told)


def test_an_interrupt_before_a_command_runs_is_one_too(typed, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_cli, "app", interrupted)

    assert typed("judge", "a") == (130, "", "")


def test_what_nobody_expected_says_where_it_was_and_is_no_verdict(typed, monkeypatch):
    monkeypatch.setattr(analysis, "summarise", failing(RuntimeError("oh")))
    status, out, err = typed("judge", "a")

    assert (status, out) == (3, "")
    assert err.startswith("darkcall: test_commands.py:")
    assert err.endswith(": unexpected RuntimeError: oh\n")


def test_a_usage_error_of_no_command_is_told_too(typed, monkeypatch):
    monkeypatch.setattr(_cli, "app", failing(typer.BadParameter("so not")))

    assert typed("judge", "a") == (3, "", "darkcall: Invalid value: so not\n")


def test_an_error_is_no_verdict_where_nobody_can_be_told(typed, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)

    assert typed("judge")[0] == 3


def test_whoever_waits_at_a_terminal_sees_a_bar(typed, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert typed("summary", "a")[0] == 0
    assert "reading" in terminal.getvalue()


def test_whoever_does_not_wait_long_sees_none(typed, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(_reading, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert typed("summary", "a")[0] == 0
    assert terminal.getvalue() == ""


def test_a_reader_that_has_gone_is_no_error(monkeypatch):
    class Gone(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    assert _out.write("text") is False


def test_characters_that_the_encoding_has_not_are_escaped(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    assert _out.write("12 µs, 漢")
    assert stream.buffer.getvalue() == b"12 us, \\u6f22"


def test_on_a_terminal_there_is_colour_and_without_it_there_is_none(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for environment, has_colour in (({}, True), ({"NO_COLOR": "1"}, False)):
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        _out.say(Text("red", style="red"))
        assert ("\x1b[31m" in terminal.getvalue()) is has_colour


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, type("Own", (BaseException,), {})])
def test_what_nobody_expects_is_no_verdict(typed, monkeypatch, kind):
    def fail(*_args, **_options):
        raise kind

    monkeypatch.setattr(analysis, "summarise", fail)
    status, _, err = typed("judge", "records")

    assert status == 3
    assert f"unexpected {kind.__name__}" in err
