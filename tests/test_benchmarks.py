"""The benchmarks that are scripts still run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


FAULTS = Path(__file__).parents[1] / "benchmarks" / "faults.py"


def faults(*arguments):
    command = [sys.executable, FAULTS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_one_fault_strikes_every_library():
    ran = faults("--only", "i")
    assert ran.returncode == 0, ran.stderr
    head, _, row = (line.strip("| ").split(" | ") for line in ran.stdout.splitlines()[-3:])
    cells = dict(zip(head[-4:], row[-4:], strict=True))
    assert cells["darkcall"] == "no"
    assert cells["ThreadPoolExecutor"] == "yes"
    assert cells["sentry-sdk"] in {"no", "not installed"}
    assert cells["OpenTelemetry"] in {"no", "not installed"}


def test_a_fault_that_there_is_not_is_refused():
    ran = faults("--only", "i,z")
    assert ran.returncode == 2
    assert "there is no fault 'z': choose from a,b,c" in ran.stderr
