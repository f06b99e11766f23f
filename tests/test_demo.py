"""The demo tells the truth: about the rewrites, about the calls, and by its exit status."""

from __future__ import annotations

import gc
import io
import itertools
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import darkcall
from darkcall import CandidateStats, Stats, dark_launch, set_enabled
from darkcall.__main__ import main
from darkcall._demo import _account, _cost, _page, _shadow
from darkcall._demo._account import Account, Tally, accounts_of, broken_promises, read_records
from darkcall._demo._docstrings import StandardLibrary
from darkcall._demo._rewrites import dedent_naive, dedent_rewrite
from darkcall._demo._shadow import line_by_line


ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(darkcall.__file__).parents[1])}
ENVIRONMENT.pop("DARKCALL", None)
LIMIT = 1100

TEXTS = st.text(st.sampled_from(" \t\n\r\f\v\x1c\xa0\u2028ab\\"), max_size=40)


def run(*words, **environment):
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **environment},
    )


def records(directory, launch):
    lines = [line for file in directory.glob("*.jsonl") for line in file.read_text().splitlines()]
    read = map(json.loads, lines)
    return [record for record in read if record["launch"] == launch and "kind" not in record]


def lines_of(output):
    return [" ".join(line.split()) for line in output.splitlines()]


@pytest.fixture(scope="module")
def shown_and_recorded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo") / "records"
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        status = main(["demo", "--limit", str(LIMIT), "--records", str(directory)])
    assert status == 0, out.getvalue()
    return out.getvalue(), directory


def test_the_right_candidate_matches_and_the_naive_one_does_not(shown_and_recorded):
    output, directory = shown_and_recorded
    found = {(r["candidate"], r["outcome"]): 0 for r in records(directory, "demo.dedent")}
    for record in records(directory, "demo.dedent"):
        found[record["candidate"], record["outcome"]] += 1

    assert found.keys() == {("naive", "match"), ("naive", "mismatch"), ("rewrite", "match")}
    assert found["rewrite", "match"] == LIMIT
    assert found["naive", "match"] + found["naive", "mismatch"] == LIMIT
    assert "0 failed, 0 dropped, 0 waiting." in " ".join(lines_of(output))
    matches, mismatches = f"{found['naive', 'match']:,}", f"{found['naive', 'mismatch']:,}"
    assert f"naive {matches} {mismatches} 0 0 0 0 0 0" in lines_of(output)
    assert f"rewrite {LIMIT:,} 0 0 0 0 0 0 0" in lines_of(output)


def test_calls_outcomes_and_records_agree(shown_and_recorded):
    output, directory = shown_and_recorded
    timed = len(records(directory, "demo.timed")) // 2
    counted = [(f"{LIMIT:,}", "demo.dedent"), (f"{timed:,}", "demo.timed")]

    for calls, launch in counted:
        for candidate in ("naive", "rewrite"):
            row = f"{launch} {candidate} {calls} {calls} {calls} 0 {calls} {calls} yes"
            assert row in lines_of(output)


def test_an_example_says_where_the_docstring_stands(shown_and_recorded):
    output, _ = shown_and_recorded

    assert "e.g. __future__.py:1, at $[47]: missing" in lines_of(output)


def test_what_is_printed_is_ascii_and_less_than_a_hundred_characters_wide(shown_and_recorded):
    output, directory = shown_and_recorded

    assert output.isascii()
    assert all(len(line) < 100 for line in output.splitlines() if str(directory) not in line)


def test_records_of_an_earlier_run_are_not_counted_again(tmp_path, capsys):
    for _ in range(2):
        assert main(["demo", "--limit", "50", "--records", str(tmp_path)]) == 0

    assert "demo.dedent naive 50 50 50 0 50 50 yes" in lines_of(capsys.readouterr().out)
    assert len(records(tmp_path, "demo.dedent")) == 200


def test_the_demo_is_a_command_of_the_module(tmp_path):
    done = run("-m", "darkcall", "demo", "--limit", "20", TMPDIR=str(tmp_path))

    assert (done.returncode, done.stderr) == (0, "")
    assert "every call is accounted for" in done.stdout
    (directory,) = tmp_path.glob("darkcall-demo-*")
    assert str(directory) in done.stdout
    assert len(records(directory, "demo.dedent")) == 40


def test_the_demo_runs_on_a_single_docstring(tmp_path, capsys):
    # The first one loses its last line in the naive rewrite.
    assert main(["demo", "--limit", "1", "--records", str(tmp_path)]) == 0
    assert "demo.timed rewrite 2 2 2 0 2 2 yes" in lines_of(capsys.readouterr().out)


def test_the_demo_fails_where_launches_are_switched_off(tmp_path, capsys):
    with set_enabled(False):
        assert main(["demo", "--limit", "20", "--records", str(tmp_path)]) == 1

    output = " ".join(lines_of(capsys.readouterr().out))
    assert "FAILED: demo.dedent [rewrite]: not every call is accounted for" in output
    assert "made 20, counted 20 (off 20, nested 0, unsampled 0, shadowed 0)" in output
    assert "demo.dedent [rewrite]: matched on 0 of 20 calls, not on all" in output
    assert "demo.dedent [naive]: never mismatched, and is known to be wrong" in output


def test_the_demo_fails_when_the_right_candidate_is_wrong_once(tmp_path, capsys, monkeypatch):
    calls = itertools.count()

    def almost(text):
        return None if next(calls) == 0 else dedent_rewrite(text)

    monkeypatch.setattr(_shadow, "CANDIDATES", {"naive": dedent_naive, "rewrite": almost})
    assert main(["demo", "--limit", "20", "--records", str(tmp_path)]) == 1
    assert "demo.dedent [rewrite]: matched on 19 of 20 calls" in capsys.readouterr().out


def test_the_command_without_words_prints_help(capsys):
    assert main([]) == 2
    assert "demo" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"]])
def test_help_is_printed_on_request(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 0
    assert "usage: darkcall" in capsys.readouterr().out


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_that_is_no_positive_number_is_refused(limit, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--limit", limit])

    assert ended.value.code == 2
    assert "--limit" in capsys.readouterr().err


@given(TEXTS)
def test_the_right_rewrite_is_dedent(text):
    assert dedent_rewrite(text) == textwrap.dedent(text)


@pytest.mark.parametrize("text", ["a\n  \nb", "\ta\n        b", "  a\n"])
def test_the_naive_rewrite_is_wrong_about_blank_lines_tabs_and_the_last_newline(text):
    assert dedent_naive(text) != textwrap.dedent(text)


@given(TEXTS, TEXTS)
def test_two_texts_have_a_difference_where_they_are_not_equal(control, candidate):
    assert bool(list(line_by_line(control, candidate))) == (control != candidate)


@pytest.mark.parametrize(
    ("control", "candidate", "kind"),
    [
        ("a\n", "a\n  ", "blank line"),
        ("a", " a", "indentation"),
        ("a", "b", "text"),
        ("a\nb", "a", "missing"),
        ("a", "a\nb", "extra"),
    ],
)
def test_the_kind_of_a_difference_says_what_went_wrong(control, candidate, kind):
    (difference,) = line_by_line(control, candidate)

    assert difference.kind == kind


def test_docstrings_are_those_that_python_itself_sees(tmp_path):
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "theirs.py").write_text('"""Not ours."""')
    (tmp_path / "data.txt").write_text("no source")
    (tmp_path / "wrong.py").write_text("def :")
    (tmp_path / "null.py").write_bytes(b"\0")
    (tmp_path / "right.py").write_text(
        '"""A module."""\n'
        "if True:\n"
        "    class C:\n"
        '        "A class."\n'
        "        async def f():\n"
        '            """\n\tA function.\n   """\n'
        "else:\n"
        "    def g():\n"
        "        pass\n"
        '    "\\d: no docstring, and an odd escape"\n'
        "try:\n"
        "    pass\n"
        "except ValueError:\n"
        "    def h():\n"
        "        'In a handler.'\n"
        "match 1:\n"
        "    case 1:\n"
        "        def i():\n"
        "            'In a case.'\n"
        "            return lambda: 1\n"
        "def j():\n"
        "    b'bytes are none'\n"
    )
    library = StandardLibrary(tmp_path)

    assert list(library.docstrings()) == [
        ("right.py:1", "A module."),
        ("right.py:4", "A class."),
        ("right.py:6", "\n\tA function.\n   "),
        ("right.py:17", "In a handler."),
        ("right.py:21", "In a case."),
    ]
    assert library.files == 3
    assert sorted(library.unparsed) == ["null.py", "wrong.py"]


def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path):
    (tmp_path / "module.py").write_text("'A module.'")
    library = StandardLibrary(tmp_path)
    code = (
        "import gc, pathlib, sys; from darkcall._demo._docstrings import StandardLibrary;"
        "gc.disable(); assert list(StandardLibrary(pathlib.Path(sys.argv[1])).docstrings());"
        "print(gc.isenabled())"
    )

    assert run("-c", code, str(tmp_path)).stdout == "False\n"
    assert list(library.docstrings())
    assert gc.isenabled()


def account(*, made=1, records=None, matches=1, mismatches=0, candidate="rewrite", pending=0):
    outcomes = {outcome.value: 0 for outcome in darkcall.Outcome}
    outcomes |= {"match": matches, "mismatch": mismatches}
    counts = CandidateStats(outcomes, {}, pending, 0, 0)
    stats = Stats(0, 0, 0, matches + mismatches + pending, {candidate: counts}, {})
    return Account("shop", candidate, made, stats, {"match": 1} if records is None else records)


def test_nothing_is_broken_when_all_sides_agree():
    assert list(broken_promises([account()])) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"made": 2},
        {"records": {}},
        {"records": {"match": 2}},
        {"records": {"mismatch": 1}},
        {"matches": 0, "pending": 1, "records": {}},
    ],
)
def test_a_count_that_one_side_alone_has_is_told(changed):
    broken = " ".join(broken_promises([account(**changed)]))

    assert "shop [rewrite]: not every call is accounted for" in broken


def test_a_dropped_call_needs_no_record():
    launched = dark_launch(candidate={"rewrite": str.strip}, name="shop", cpu_budget=1e-9)(
        str.strip
    )
    for _ in range(50):
        launched(" a ")
        darkcall.flush()
    (found,) = accounts_of({launched: 50}, Tally())

    assert found.counts.outcomes["dropped"] > 0
    assert "dropped" not in found.recorded


def mismatch(signature, candidate="naive", **fields):
    differences = [{"path": "$[0]", "kind": "text", "control": "a", "candidate": "b"}]
    return {
        "launch": "shop",
        "candidate": candidate,
        "outcome": "mismatch",
        "signature": signature,
        "differences": differences,
        **fields,
    }


def printed(show):
    out = io.StringIO()
    show(_page.Page(out))
    return out.getvalue()


def test_mismatches_are_shown_by_signature_the_most_frequent_first():
    tally = Tally()
    for number in range(9):
        for _ in range(number + 1):
            tally.add(mismatch(f"kind {number}"))
    shown = printed(lambda page: page.show_mismatches("shop", tally))

    heads = [line for line in lines_of(shown) if "kind" in line]
    assert heads == [f"{number + 1} naive kind {number}" for number in range(8, 2, -1)]
    assert "6 of 3 more signatures" in lines_of(shown)


def test_where_nothing_mismatches_none_is_shown():
    assert "none" in lines_of(printed(lambda page: page.show_mismatches("shop", Tally())))


def test_an_example_shows_control_characters_and_is_bounded():
    tally = Tally()
    sides = {"control": {"$": "str", "escaped": "\\ta"}, "candidate": "\x1b" * 500}
    differences = [{"path": "$[0]", "kind": "text", **sides}]
    tally.add(mismatch("kind", differences=differences, context={"docstring": "a.py:1\n"}))
    shown = printed(lambda page: page.show_mismatches("shop", tally))

    assert "control '\\ta'" in lines_of(shown)
    assert "e.g. a.py:1\\n, at $[0]: text" in lines_of(shown)
    assert "\x1b" not in shown
    assert all(len(line) < 100 for line in shown.splitlines())


def test_a_side_that_has_nothing_there_is_shown_as_nothing():
    assert _page.shown(None) == "nothing"


def test_only_some_of_the_files_that_do_not_parse_are_named():
    def shown(count):
        library = StandardLibrary(Path("lib"))
        library.unparsed = [f"{number}.py" for number in range(count)]
        return lines_of(printed(lambda page: page.show_input(library, 1, 0.0)))

    assert not any("do not parse" in line for line in shown(0))
    assert shown(5)[-1] == "4.py"
    assert shown(8)[-2:] == ["4.py", "and 3 more"]


def test_the_caller_s_loss_is_the_decorated_call_s_time_less_the_bare_one_s():
    called = []

    def bare(text):
        called.append(("bare", text))
        return text

    def decorated(text):
        called.append(("decorated", text))
        return text

    cost = _cost.lost_by_the_caller(bare, decorated, ["a", "b"], burst=1)

    assert called == [("bare", "a"), ("decorated", "a"), ("decorated", "b"), ("bare", "b")]
    assert cost.lost == [d - b for d, b in zip(cost.decorated, cost.bare, strict=True)]


def test_the_spread_of_times_is_their_median_and_quantiles():
    times = [number / 1e6 for number in range(101)]
    shown = printed(lambda page: page.show_costs({"idle": _cost.Cost(times, times, times)}))

    assert "idle 101 bare 50.0 25.0 75.0 99.0" in lines_of(shown)


def test_files_of_records_are_read_line_by_line(tmp_path):
    file = tmp_path / "darkcall-a.jsonl"
    file.write_text("".join(f"{json.dumps(mismatch('kind'))}\n" for _ in range(3)))
    tally = read_records(_account.new_files(tmp_path, older=()))

    assert tally.outcomes == {("shop", "naive", "mismatch"): 3}
    assert _account.new_files(tmp_path, older=[file]) == frozenset()


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=str)
def test_an_example_runs_as_it_stands(example):
    done = run("-W", "error", str(example))

    assert (done.returncode, done.stderr) == (0, "")
    assert "mismatch" in done.stdout
