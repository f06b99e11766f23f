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
import inspect
import itertools
import logging
import signal
import sys
import sysconfig
import tempfile
import textwrap
import urllib.parse
from copy import deepcopy as copy_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from beside import tables

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
#: A call of a mutant that takes longer is one that hangs, in seconds.
HANGS_AFTER = 1.0
#: A mutant that breaks a loop's end may take up the memory; the first input tells most of them.
MUTANTS_AT_A_TIME = 8

STDLIB = Path(sysconfig.get_path("stdlib"))


class Mutant(NamedTuple):
    """One function with one thing changed."""

    name: str
    function: Callable[..., Any]


# What is changed: an operator of a comparison, of arithmetic or of logic, a condition, a constant,
# a statement that is left out.
COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Div,
}


def changed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give what may stand in a node's place, each with the name of the operator."""
    copy: Any = copy_of(node)
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in COMPARISONS:
            copy.ops[0] = COMPARISONS[type(operator)]()
            yield "comparison", copy
        case ast.BinOp(op=operator) if type(operator) in ARITHMETIC:
            copy.op = ARITHMETIC[type(operator)]()
            yield "arithmetic", copy
        case ast.BoolOp(op=operator):
            copy.op = ast.And() if isinstance(operator, ast.Or) else ast.Or()
            yield "logic", copy
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield "constant", ast.Constant(value + "x" if value else "x")
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "negation", operand
        case ast.If() | ast.While():
            copy.test = ast.UnaryOp(ast.Not(), copy.test)
            yield "condition", copy
        case ast.Assign() | ast.AugAssign() | ast.Expr():
            yield "statement", ast.Pass()


class _At(ast.NodeTransformer):
    def __init__(self, place: int, number: int) -> None:
        self._left = place
        self._number = number

    def visit(self, node: ast.AST) -> ast.AST:
        self._left -= 1
        if self._left == -1:
            return list(changed(node))[self._number][1]
        return self.generic_visit(node)


def mutants_of(function: Callable[..., Any]) -> Iterator[Mutant]:
    """Make each mutant of a function, one after the other."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    if ast.get_docstring(definition):
        del definition.body[0]
    source = ast.unparse(definition)
    for place, node in enumerate(_in_order(ast.parse(source))):
        for number, (operator, _) in enumerate(changed(node)):
            mutated = _At(place, number).visit(ast.parse(source))
            code = compile(
                ast.fix_missing_locations(mutated), function.__code__.co_filename, "exec"
            )
            namespace = dict(vars(sys.modules[function.__module__]))
            exec(code, namespace)
            line = getattr(node, "lineno", 0)
            yield Mutant(f"{operator} in line {line} ({place})", namespace[function.__name__])


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _in_order(child)


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


class HangsError(Exception):
    """A mutant does not come back."""


def what_it_does(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, object]:
    """Call a function, and give what it returned or raised."""
    try:
        return "returned", function(*arguments)
    except HangsError:
        raise
    except Exception as error:  # noqa: BLE001 -- a mutant raises anything
        return "raised", (type(error), str(error))


def differs(
    function: Callable[..., Any], mutant: Mutant, inputs: list[tuple[Any, ...]]
) -> bool | None:
    """Tell whether a mutant answers differently on any input; None if it hangs on one."""

    def hangs(*_: object) -> None:
        raise HangsError

    before = signal.signal(signal.SIGALRM, hangs)
    try:
        found = False
        for arguments in inputs:
            signal.setitimer(signal.ITIMER_REAL, HANGS_AFTER)
            found |= what_it_does(function, arguments) != what_it_does(mutant.function, arguments)
    except (HangsError, MemoryError):
        return None
    else:
        return found
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
        mutants = [Mutant("as it is", function)]
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
