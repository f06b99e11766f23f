"""A candidate that stands in the main module, which other processes import anew."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from darkcall import ConfigurationError, _candidate, dark_launch, launch_of
from darkcall._reference import reference_of
from darkcall.runners import ProcessRunner


MAIN = """
    import darkcall
    from darkcall import dark_launch, flush
    from darkcall.runners import ProcessRunner
    from darkcall.sinks import MemorySink

    memory = MemorySink()

    class Pair:
        def __init__(self, x):
            self.x = x
        def __eq__(self, other):
            return self.x == other.x

    def candidate(pair):
        return Pair(2 * pair.x)

    @dark_launch(candidate=candidate, runner=ProcessRunner(), sinks=[memory])
    def control(pair):
        return Pair(pair.x + pair.x)

    def main():
        control(Pair(2))
        assert flush(20)
        print([(record.outcome, record.reason) for record in memory.records])
"""


class TestACandidateInTheMainModule:
    def test_it_runs_if_what_the_module_does_stands_under_its_guard(self, run):
        ran = run(MAIN + "    if __name__ == '__main__':\n        main()\n")

        assert ran.stdout == "[('match', None)]\n"

    def test_it_runs_in_a_module_that_was_run_by_name(self, tmp_path):
        (tmp_path / "program.py").write_text(
            textwrap.dedent(MAIN + "    if __name__ == '__main__':\n        main()\n")
        )
        ran = subprocess.run(
            [sys.executable, "-m", "program"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
            },
            capture_output=True,
            text=True,
            check=True,
        )

        assert ran.stdout == "[('match', None)]\n"

    def test_it_is_refused_if_the_module_would_do_all_of_it_again(self, run):
        ran = run(MAIN + "    main()\n", code=1)

        assert "the main file would run once more there" in ran.stderr

    def test_it_is_refused_where_there_is_no_file(self):
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(MAIN) + "main()\n"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert "it stands in no file" in ran.stderr


@pytest.fixture
def run(tmp_path):
    def run(source, code=0):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source), encoding="utf-8")
        ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stderr
        return ran

    return run


def test_the_main_module_is_looked_into_once_for_a_candidate(monkeypatch):
    looked = []
    monkeypatch.setattr(_candidate, "check_main", looked.append)
    runner = ProcessRunner()
    launch = launch_of(dark_launch(candidate="__main__:name", runner=runner)(lambda x: x))
    for _ in range(3):
        assert launch.candidates[0].reference() == "__main__:name"

    assert looked == ["__main__:name"]


@pytest.mark.parametrize("source", [None, "if"])
def test_a_main_module_that_cannot_be_read_is_taken_for_one_that_would_do_it_again(
    monkeypatch, tmp_path, source
):
    main = tmp_path / "main.py"
    if source is not None:
        main.write_text(source)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(main), raising=False)

    def function():
        """Be as if it stood at the top of the main module."""

    function.__module__, function.__qualname__ = "__main__", "function"

    with pytest.raises(ConfigurationError, match="would run once more there"):
        reference_of(function)
