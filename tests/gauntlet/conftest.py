"""What the gauntlet runs in: processes of their own, as a host of darkcall's would be."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from gauntlet.counting import run_and_count


@dataclasses.dataclass(frozen=True)
class Ran:
    """What became of a process."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def answer(self):
        """The JSON that it printed last."""
        return json.loads(self.stdout.splitlines()[-1])


@pytest.fixture
def measured_exit(measured):
    """Hold the seconds of an exit to the default of ``close_timeout`` and a second."""
    return functools.partial(measured, at_most=3.0)


@pytest.fixture
def environment():
    """Make the environment of a process, of which coverage traces the lines.

    It is not to do so where it would be what fails: to trace takes longer than what is
    timed, above all in 200 children; it saves at the exit, beside candidates that compute; and
    its lock stays locked when a signal handler raises in the tracer.
    """

    def make(*, traced=True, **variables):
        untraced = {} if traced else {"COVERAGE_PROCESS_CONFIG": ""}
        return {**os.environ, **untraced, **variables}

    return make


@pytest.fixture
def run_script(tmp_path, environment):
    """Run a script in an interpreter of its own; its arguments are texts or paths."""

    def run(source, *arguments, timeout=50, code=0, traced=True, **variables):
        script = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        script.write_text(textwrap.dedent(source), encoding="utf-8")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", script, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment(traced=traced, **variables),
        )
        ran = Ran(done.returncode, done.stdout, done.stderr, time.perf_counter() - began)
        assert ran.code == code, ran.stderr
        return ran

    return run


@pytest.fixture
def run(run_script, tmp_path):
    """Run a script, and account for its calls."""
    return lambda source: run_and_count(run_script, source, tmp_path)
