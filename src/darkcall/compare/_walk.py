"""The walk down two values at once: bounded, without recursion, every place labelled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from darkcall._model import Difference
from darkcall._paths import State, render, step_of

from ._dispatch import handler_for, loose_handler_for
from ._errors import Uncomparable, steps_to, uncomparable
from ._leaves import EXACT, number
from ._names import type_name
from ._objects import Attributes


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._equality import Equality

    #: A place: the place it lies in, and the key, index or attribute that leads there.
    Where: TypeAlias = tuple["Where", Any] | None
    Child: TypeAlias = tuple[Any, Any, Any]
    Handler: TypeAlias = Callable[["Walk", Any, Any, Where, State], Iterable[Child] | None]

_ANY_INDEX: Final = (1 << 63) - 1
#: A pair that holds others is remembered, and kept alive: it costs as much as so many numbers.
_PAIR_NODES: Final = 10
#: Each level above the one that is looked at is kept open: a value may be endless.
_MAX_LEVELS: Final = 50_000


class OutOfBoundsError(Exception):
    """The walk came to the end of its bounds; the text says which."""


class EnoughError(Exception):
    """As many differences as were asked for have been found."""


class Budget:
    """What a comparison may still cost, over all of its walks."""

    __slots__ = ("_deadline", "_rules", "nodes_left")

    def __init__(self, rules: Equality) -> None:
        self._rules = rules
        self.nodes_left = rules.max_nodes
        self._deadline = time.monotonic() + rules.max_seconds

    def spend(self, nodes: int) -> None:
        """Count values that are looked at; raises when the bounds are reached."""
        self.nodes_left -= nodes
        if self.nodes_left < 0:
            message = f"after {self._rules.max_nodes} values"
            raise OutOfBoundsError(message)
        if time.monotonic() > self._deadline:
            message = f"after {self._rules.max_seconds:g} seconds"
            raise OutOfBoundsError(message)


class Walk:
    """One walk down two values.

    Attributes:
        rules: What counts as equal.
        budget: What it may cost.
        differences: What was found.
        notes: What was left out, as text.
        forgiven: How often a rule made equal what ``==`` may say is not.
        nowhere: Where no rule means any place.
    """

    __slots__ = (
        "_handlers",
        "_limit",
        "_seen",
        "budget",
        "differences",
        "forgiven",
        "notes",
        "nowhere",
        "rules",
    )

    def __init__(self, rules: Equality, budget: Budget, limit: int) -> None:
        self.rules = rules
        self.budget = budget
        self.differences: list[Difference] = []
        self.notes: list[str] = []
        self.forgiven = 0
        self._limit = limit
        self.nowhere = rules.patterns.nowhere
        self._handlers: dict[int, tuple[type, Handler]] = {}
        self._seen: dict[tuple[int, int, State], tuple[Any, Any]] = {}

    def run(self, control: Any, candidate: Any, where: Where, state: State) -> None:
        """Compare two values and all that they hold."""
        here = where
        value = control
        frames: list[tuple[Iterator[Child], Where, State]] = []
        try:
            children = self._compare(control, candidate, where, state)
            if children is not None:
                frames.append((iter(children), where, state))
            while frames:
                inside, around, above = frames[-1]
                here = around
                for step, value, other in inside:
                    here = (around, step)
                    state = self.below(above, step)
                    children = self._compare(value, other, here, state)
                    if children is not None:
                        _refuse_another_level_below(frames)
                        frames.append((iter(children), here, state))
                        break
                else:
                    frames.pop()
        except (Uncomparable, OutOfBoundsError, EnoughError):
            raise
        except Exception as error:
            reason = f"comparing it raised {type_name(type(error))}"
            raise uncomparable(here, value, reason) from error

    def _compare(self, x: Any, y: Any, where: Where, state: State) -> Iterable[Child] | None:
        """Compare two values, and return the pairs that they hold."""
        if state.matched:
            return self.rules.handler_at(state)(self, x, y, where, state)
        return self.visit(x, y, where, state)

    def visit(self, x: Any, y: Any, where: Where, state: State) -> Iterable[Child] | None:
        """Compare two values whose place no rule means."""
        if x is y and not self.sees_all(state):
            return None
        kind = type(x)
        if kind is not type(y):
            return self._unlike(x, y, where, state)
        if kind in EXACT:
            if x != y:
                number(self, x, y, where) if kind is float else self.differ(where, "value", x, y)
            return None
        return self._like(x, y, where, state)

    def _unlike(self, x: Any, y: Any, where: Where, state: State) -> Iterable[Child] | None:
        handler = loose_handler_for(type(x), type(y)) if self.rules.loose else None
        if handler is None:
            self.differ(where, "type", x, y)
            return None
        self.forgiven += 1
        return self._once(handler, x, y, where, state)

    def _like(self, x: Any, y: Any, where: Where, state: State) -> Iterable[Child] | None:
        return self._once(self.handler_for(type(x)), x, y, where, state)

    def handler_for(self, kind: type) -> Handler:
        """How to compare two values of a type."""
        known = self._handlers.get(id(kind))
        if known is None:
            known = self._handlers[id(kind)] = (kind, handler_for(kind))
        return known[1]

    def layout(self, kind: type) -> Attributes | None:
        """The attributes of a type whose values are compared by them alone."""
        handler = self.handler_for(kind)
        return handler if isinstance(handler, Attributes) else None

    def sees_all(self, state: State) -> bool:
        """Whether a function may have to judge something further down, even if it is equal."""
        return state.live and bool(self.rules.judges)

    def below(self, state: State, step: Any) -> State:
        """The state one step down."""
        return state.step(step_of(step)) if state.live else self.nowhere

    def below_any_index(self, state: State) -> State:
        """The state one step down, by an index that no rule names."""
        return self.below(state, _ANY_INDEX)

    def _once(
        self, handler: Handler, x: Any, y: Any, where: Where, state: State
    ) -> Iterable[Child] | None:
        """Compare a pair the first time that it comes up, so that cycles end.

        Seen values are kept alive: an id must not come to mean something else.
        """
        pair = (id(x), id(y), state)
        if pair in self._seen:
            return None
        self._seen[pair] = (x, y)
        self.budget.spend(_PAIR_NODES)
        return handler(self, x, y, where, state)

    def differ(self, where: Where, kind: str, control: Any = None, candidate: Any = None) -> None:
        """Take down a difference; raises when there are enough of them."""
        path = render(steps_to(where)) if self._limit > 1 else ""
        self.differences.append(Difference(path, kind, control, candidate))
        if len(self.differences) >= self._limit:
            raise EnoughError

    def one_sided(self, where: Where, state: State, step: Any, kind: str, value: Any) -> None:
        """Take down what only one side has, unless it is ignored."""
        below = self.below(state, step)
        if self.rules.ignores(below):
            self.forgiven += 1
        elif kind == "missing":
            self.differ((where, step), kind, control=value)
        else:
            self.differ((where, step), kind, candidate=value)

    def agree(self, control: Any, candidate: Any, state: State) -> bool:
        """Whether two values below this walk are equal by its rules."""
        walk = Walk(self.rules, self.budget, limit=1)
        try:
            walk.run(control, candidate, None, state)
        except EnoughError:
            return False
        return True


def _refuse_another_level_below(frames: list[Any]) -> None:
    if len(frames) >= _MAX_LEVELS:
        message = f"{_MAX_LEVELS} levels down"
        raise OutOfBoundsError(message)
