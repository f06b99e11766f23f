"""Mutants of a function, and which of them some inputs tell apart.

A mutant differs from its function in one place: an operator of a comparison, of arithmetic or of
logic, a condition, a constant, a statement that is left out.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import signal
import sys
import textwrap
from copy import deepcopy as copy_of
from typing import TYPE_CHECKING, Any, NamedTuple


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A call of a mutant that takes longer is one that hangs, in seconds.
HANGS_AFTER = 1.0


class Mutant(NamedTuple):
    """One function with one thing changed."""

    name: str
    function: Callable[..., Any]
    change: str


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
            change = f"{_shown(node)} -> {_shown(list(changed(node))[number][1])}"
            name = f"{operator} in line {line} ({place})"
            yield Mutant(name, namespace[function.__name__], change)


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    return ast.unparse(node)


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from _in_order(child)


class HangsError(BaseException):
    """A mutant does not come back: what else it raises is an answer."""


@contextlib.contextmanager
def time_limit() -> Iterator[Callable[[float], None]]:
    """Give a function that sets by when, in seconds from then on, it has to be called again."""

    def hangs(*_: object) -> None:
        raise HangsError

    def limit(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.signal(signal.SIGALRM, hangs)
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def what_it_does(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, object]:
    """Call a function, and give what it returned or raised."""
    try:
        return "returned", function(*arguments)
    except Exception as error:  # noqa: BLE001 -- a mutant raises anything
        return "raised", (type(error), str(error))


def differs(
    function: Callable[..., Any], mutant: Mutant, inputs: list[tuple[Any, ...]]
) -> bool | None:
    """Tell whether a mutant answers differently on any input; None if it hangs on one."""
    found = False
    try:
        with time_limit() as limit:
            for arguments in inputs:
                limit(HANGS_AFTER)
                answer = what_it_does(function, arguments)
                found |= answer != what_it_does(mutant.function, arguments)
    except (HangsError, MemoryError):
        return None
    return found
