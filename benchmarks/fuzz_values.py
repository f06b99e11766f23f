"""Have atheris, a coverage-guided fuzzer, choose the hostile values of the gauntlet.

In an environment of its own, as atheris has no wheel for each CPython:

    pip install atheris hypothesis attrs wrapt numpy pytest
    PYTHONPATH=src:tests python benchmarks/fuzz_values.py -max_total_time=300

It ends with status 0 and the number of runs, or at the first value that escapes, hangs
or takes too much memory: the plan of it is printed, and its bytes are kept in ``crash-*``.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

import atheris


with atheris.instrument_imports(include=["darkcall"]):
    import darkcall._describe
    import darkcall._gate
    import darkcall.compare
    import darkcall.sinks
    from gauntlet.test_hostile_values import Host, fuzzing

if __name__ == "__main__":
    folder = tempfile.TemporaryDirectory()
    # Candidates that raise, many times in a row, are what is tried here.
    darkcall._gate.BREAKER_FAILURES = sys.maxsize  # noqa: SLF001
    host = Host(pathlib.Path(folder.name))
    atheris.Setup(sys.argv, fuzzing(host).hypothesis.fuzz_one_input)
    atheris.Fuzz()
