"""Whether the verdict is right: mutants of real functions, dark-launched over real inputs.

A mutant differs from its function in one place. Which of them answer differently on the inputs is
found out by calling both; what the analysis says of each is read from the records alone. None that
differs on the inputs may be READY, and none that is equal on them NOT_READY.
"""

from __future__ import annotations

import argparse
import ast
import collections
import colorsys
import fnmatch
import heapq
import itertools
import logging
import sys
import sysconfig
import tempfile
import textwrap
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beside import tables
from beside.mutations import Mutant, differs, mutants_of, what_it_does

from darkcall import configure, dark_launch, flush
from darkcall.analysis import summarise
from darkcall.sinks import JsonlSink


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = [
    "function",
    "mutants",
    "differ: NOT_READY",
    "INSUFFICIENT_DATA",
    "READY (wrong)",
    "equal: READY",
    "INSUFFICIENT_DATA",
    "NOT_READY (wrong)",
    "left out: hang",
]
#: So many clean calls show a rate of at most MAX_RATE; with one difference they do not.
CALLS = 4000
MAX_RATE = 2e-3
#: A mutant that breaks a loop's end may take up the memory; the first input tells most of them.
MUTANTS_AT_A_TIME = 8

STDLIB = Path(sysconfig.get_path("stdlib"))


def _sources() -> list[Path]:
    return sorted(STDLIB.glob("*.py")) + sorted(STDLIB.glob("[a-k]*/*.py"))


def docstrings() -> Iterator[tuple[str]]:
    """Give the docstrings of the standard library as they stand in the files."""
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(node, clean=False)
                if text:
                    yield (text,)


def patterns() -> Iterator[tuple[str]]:
    """Give patterns of file names, made of the names of the files."""
    for path in itertools.cycle(sorted(STDLIB.rglob("*.py"))):
        name = path.name
        yield (f"{name[:3]}*.py",)
        yield (f"*{name[1:2]}?{name[3:]}",)
        yield (f"[{name[0]}-z]*[!{name[-4]}]",)
        yield (f"{path.parent.name}/**/[a-m]{name[1:]}",)


def colours() -> Iterator[tuple[float, float, float]]:
    """Give colours: the bytes of the files, three at a time."""
    for path in _sources():
        text = path.read_bytes()[:600]
        for red, green, blue in zip(text[::3], text[1::3], text[2::3], strict=False):
            yield red / 255, green / 255, blue / 255


def queries() -> Iterator[tuple[str]]:
    """Give query strings: assignments of the files, quoted as browsers do."""
    for path in _sources():
        lines = [line.partition("=") for line in path.read_text("utf-8").splitlines()]
        pairs = [(name.strip(), value.strip()) for name, _, value in lines if name.strip()]
        for index in range(0, len(pairs) - 2, 3):
            text = urllib.parse.urlencode(pairs[index : index + 3])
            yield (text.replace("&", "&&", index % 2),)


def sizes() -> Iterator[tuple[int, list[int]]]:
    """Give how many to take of which sizes: those of the files of a folder, in windows."""
    found = [path.stat().st_size for path in sorted(STDLIB.rglob("*.py"))]
    for start in itertools.cycle(range(len(found))):
        yield start % 7, found[start : start + 5 + start % 11]


FUNCTIONS: dict[Callable[..., Any], Callable[[], Iterator[tuple[Any, ...]]]] = {
    textwrap.dedent: docstrings,
    fnmatch.translate: patterns,
    colorsys.rgb_to_hls: colours,
    urllib.parse.parse_qsl: queries,
    heapq.nsmallest: sizes,
}


def launched(
    name: str, function: Callable[..., Any], mutants: list[Mutant], inputs: list[tuple[Any, ...]]
) -> None:
    """Launch mutants beside their function, on each input."""
    decorated = dark_launch(
        candidate={mutant.name: mutant.function for mutant in mutants},
        name=name,
        when_full="block",
        cpu_budget=None,
    )(function)
    for arguments in inputs:
        what_it_does(decorated, arguments)
    flush(60.0)


def verdicts(records: str, *, calls: int) -> tuple[list[list[str]], list[str]]:
    """Launch all mutants, and hold what the records tell against what is so."""
    rows, wrong = [], []
    for function, inputs_of in FUNCTIONS.items():
        name = f"{function.__module__}.{function.__name__}"
        inputs = list(itertools.islice(inputs_of(), calls))
        assert len(inputs) == calls, f"{name}: {len(inputs)} inputs"
        truth: dict[str, bool] = {"as it is": False}
        mutants = [Mutant("as it is", function, "nothing")]
        hang = 0
        for mutant in mutants_of(function):
            is_different = differs(function, mutant, inputs)
            if is_different is None:
                hang += 1
            else:
                truth[mutant.name] = is_different
                mutants.append(mutant)
        for start in range(0, len(mutants), MUTANTS_AT_A_TIME):
            launched(name, function, mutants[start : start + MUTANTS_AT_A_TIME], inputs)
        judgement = summarise(records, launch=name).judge(max_mismatch_rate=MAX_RATE)
        found = {one.candidate: str(one.verdict) for one in judgement.candidates}
        assert found.keys() == truth.keys(), f"{name}: not each mutant was judged"
        tally = collections.Counter((truth[mutant], found[mutant]) for mutant in truth)
        wrong += [
            f"{name}, {mutant}: {found[mutant]}"
            for mutant in truth
            if found[mutant] == ("READY" if truth[mutant] else "NOT_READY")
        ]
        kinds = [
            (True, "NOT_READY"),
            (True, "INSUFFICIENT_DATA"),
            (True, "READY"),
            (False, "READY"),
            (False, "INSUFFICIENT_DATA"),
            (False, "NOT_READY"),
        ]
        counts = [tally[kind] for kind in kinds]
        rows.append([f"`{name}`", *(str(n) for n in (len(truth) - 1, *counts, hang))])
    return rows, wrong


def main() -> int:
    """Print the table; 1 if a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help="inputs of each function")
    tables.add_option(parser)
    options = parser.parse_args()
    tables.check(options.write, "mutants")
    # That breakers open is the least that wrong mutants do.
    logging.getLogger("darkcall").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as records, configure(sinks=[JsonlSink(records)]):
        rows, wrong = verdicts(records, calls=options.calls)
        flush(60.0)
    text = tables.table(HEAD, rows)
    print(f"{text}\n")
    for line in wrong:
        print(f"wrong: {line}")
    tables.write(options.write, "mutants", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
