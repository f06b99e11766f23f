"""``darkcall emit``: where tests go, what is said, and how it ends."""

from __future__ import annotations

import concurrent.futures
import io
import os
import sys
import textwrap

import pytest

from darkcall import sinks
from darkcall._cli import _emit
from darkcall.testing import capture


WAYS_OUT = textwrap.dedent(
    """\
    from darkcall import dark_launch

    print("imported")


    def as_float(value):
        return float(value)


    @dark_launch(candidate=as_float)
    def emitted_same(value):
        return value


    MENDED = []


    def mendable(value):
        return value if value in MENDED else float(value)


    @dark_launch(candidate=mendable)
    def emitted_mended(value):
        return value


    @dark_launch(candidate=as_float, name="of its own")
    def emitted_other(value):
        return value
    """
)


@pytest.fixture
def module(tmp_path, monkeypatch, capsys):
    (tmp_path / "an_emitted_shop.py").write_text(WAYS_OUT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    import an_emitted_shop  # noqa: PLC0415 -- it was not there before

    capsys.readouterr()
    yield an_emitted_shop
    del sys.modules["an_emitted_shop"]


def written(folder, *calls):
    with capture(keep="everything") as records:
        for function, value in calls:
            function(value)
    sink = sinks.JsonlSink(folder)
    for record in records:
        sink(record)
    sink.close()


def test_tests_go_to_a_file_and_it_is_said_how_many(typed, module, tmp_path):
    written("records", (module.emitted_same, 1), (module.emitted_same, True))

    status, out, err = typed("emit", "records", "-o", "test_found.py")

    assert (status, err) == (0, "")
    assert out == f"2 tests written to {tmp_path / 'test_found.py'}\n"
    assert "emitted_same(1)" in (tmp_path / "test_found.py").read_text()


@pytest.mark.parametrize(
    ("mended", "told"),
    [
        (
            [1, "x" * 12],
            "1 of 2 tests passes today: test_emitted_mended_when_result_differs_in_type",
        ),
        ([1, "1"], "2 of 2 tests pass today: test_emitted_mended_when_result_differs_in_type, "),
    ],
)
def test_tests_that_pass_today_are_told(typed, module, monkeypatch, mended, told):
    written("records", (module.emitted_mended, 1), (module.emitted_mended, "1"))
    monkeypatch.setattr(module, "MENDED", mended)

    status, out, _ = typed("emit", "records", "-o", "test_found.py")

    assert status == 0
    assert out.splitlines()[1].startswith(told)


def test_of_many_tests_that_pass_today_a_few_are_named(typed, module, monkeypatch):
    values = [1, "1", "2.0", True]
    written("records", *[(module.emitted_mended, value) for value in values])
    monkeypatch.setattr(module, "MENDED", values)
    monkeypatch.setattr(_emit, "_MAX_NAMED", 1)

    _, out, _ = typed("emit", "records", "-o", "test_found.py")

    name = "test_emitted_mended_when_result_differs_in_type"
    assert out.splitlines()[1] == f"3 of 3 tests pass today: {name} and 2 others"


def test_tests_go_to_standard_output_and_nothing_else_does(typed, module, monkeypatch):
    written("records", (module.emitted_same, 1), (module.emitted_other, 1))
    del sys.modules["an_emitted_shop"]
    monkeypatch.setattr(sys, "path", sys.path[1:])

    status, out, err = typed("emit", "records", "--output", "-")

    assert status == 0
    compile(out, "found", "exec")
    assert err == (
        "imported\n"
        "no test of of its own, candidate: $ type int/float (1 call): no function is named like "
        "the launch: --function tells where it is\n"
        "1 test written to standard output\n"
    )


def test_a_function_can_be_told(typed, module):
    written("records", (module.emitted_other, 1))

    told = "an_emitted_shop:emitted_other"
    status, out, _ = typed("emit", "records", "-o", "test_found.py", "--function", told)

    assert status == 0
    assert out.startswith("1 test written")


def test_a_function_that_is_not_there_is_an_error(typed, module):
    written("records", (module.emitted_other, 1))

    status, _, err = typed("emit", "records", "-o", "-", "--function", "an_emitted_shop:no")

    assert status == 3
    assert "an_emitted_shop:no cannot be imported: AttributeError" in err


def test_without_mismatches_nothing_is_written(typed, module, tmp_path):
    written("records", (module.emitted_same, 1.0))

    status, out, err = typed("emit", "records", "-o", "test_found.py")

    assert (status, out, err) == (2, "no tests: no mismatches to write them of, in 1 record\n", "")
    assert not (tmp_path / "test_found.py").exists()


def test_what_cannot_be_written_is_told_and_nothing_is_written(typed, module, tmp_path):
    written("records", (module.emitted_other, 1))

    status, out, _ = typed("emit", "records", "-o", "test_found.py")

    assert status == 2
    assert out.splitlines()[-1] == "no tests: none could be written, in 1 record"
    assert not (tmp_path / "test_found.py").exists()


def test_the_options_narrow_what_is_written(typed, module):
    written("records", (module.emitted_same, 1), (module.emitted_same, True))

    assert "1 test written" in typed("emit", "records", "-o", "-", "--limit", "1")[2]
    same = ("--launch", "an_emitted_shop.emitted_same")
    assert "2 tests written" in typed("emit", "records", "-o", "-", *same)[2]


def test_a_file_of_its_own_is_written_anew(typed, module, tmp_path):
    written("records", (module.emitted_same, 1))
    file = tmp_path / "test_found.py"
    typed("emit", "records", "-o", "test_found.py")
    first = file.read_text()
    file.write_text(f"{first}# more\n")

    assert typed("emit", "records", "-o", "test_found.py")[0] == 0
    assert file.read_text() == first


def test_a_file_of_somebody_else_is_not_overwritten(typed, module, tmp_path):
    written("records", (module.emitted_same, 1))
    (tmp_path / "test_found.py").write_text("# mine\n")

    status, _, err = typed("emit", "records", "-o", "test_found.py")

    assert status == 3
    assert err == (
        "darkcall: --output='test_found.py': darkcall emit did not write that file: "
        "choose another name\n"
    )
    assert (tmp_path / "test_found.py").read_text() == "# mine\n"


@pytest.mark.parametrize("name", ["records", "no/such/folder/test_found.py", "nul\0"])
def test_a_file_that_cannot_be_written_is_an_error(typed, module, name):
    written("records", (module.emitted_same, 1))

    status, _, err = typed("emit", "records", "-o", name)

    assert status == 3
    assert f"--output={name!r} cannot be written: " in err.replace("\\\\", "\\")


def test_a_pipe_is_written_to_and_not_read(typed, module, tmp_path):
    written("records", (module.emitted_same, 1))
    os.mkfifo(tmp_path / "pipe")
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        text = executor.submit((tmp_path / "pipe").read_text)
        assert typed("emit", "records", "-o", "pipe")[0] == 0

    assert "emitted_same(1)" in text.result()


def test_what_is_printed_is_utf_8_whatever_the_encoding_is(typed, module, monkeypatch):
    written("records", (module.emitted_same, "5 µs, é"))
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    typed("emit", "records", "-o", "-")

    assert 'emitted_same("5 µs, é")' in stream.buffer.getvalue().decode()


def test_what_is_printed_needs_no_encoding(typed, module, monkeypatch):
    written("records", (module.emitted_same, "é"))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    typed("emit", "records", "-o", "-")

    assert 'emitted_same("é")' in sys.stdout.getvalue()


def test_a_launch_without_mismatches_is_named(typed, module):
    written("records", (module.emitted_same, 1), (module.emitted_other, 1.0))
    words = ("emit", "records", "-o", "test_found.py", "--launch")

    assert typed(*words, "of its own")[:2] == (
        2,
        "no tests: no mismatches of of its own to write them of, in 2 records\n",
    )


def test_a_launch_that_no_record_is_of_is_an_error_that_names_those_that_there_are(typed, module):
    written("records", (module.emitted_same, 1), (module.emitted_same, 2))

    assert typed("emit", "records", "-o", "test_found.py", "--launch", "typo") == (
        3,
        "",
        "darkcall: no record is of the launch typo; there are 2 of an_emitted_shop.emitted_same\n",
    )
