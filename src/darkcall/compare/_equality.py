"""``equal`` and the rules that it can be given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from darkcall._errors import ConfigurationError
from darkcall._model import Difference
from darkcall._paths import Pattern, PatternSet, State, parse

from ._errors import Uncomparable
from ._plain import plain_differences, plainly_equal
from ._unordered import unordered
from ._walk import Budget, EnoughError, OutOfBoundsError, Walk


if TYPE_CHECKING:
    from ._walk import Handler, Where

_NODES: Final = 2_000_000
_SECONDS: Final = 5.0

Judge: TypeAlias = Callable[[Any, Any], bool]


class Differences(list[Difference]):
    """What a comparison found; empty if the two values are equal.

    Attributes:
        stopped: Why not everything is listed that differs; None if everything is.
    """

    __slots__ = ("stopped",)

    def __init__(self, found: list[Difference], stopped: str | None = None) -> None:
        super().__init__(found)
        self.stopped = stopped


@attrs.frozen(kw_only=True, repr=False)
class Equality:
    """What counts as equal; :data:`equal` is the default one.

    Each rule is a method that returns a new equality, so rules combine and an equality
    can be shared. Calling it compares two values.

    Example:
        >>> from darkcall.compare import equal
        >>> [difference.path for difference in equal({"a": [1, 2]}, {"a": [1, 3]})]
        ['$.a[1]']
        >>> nearly = equal.within(rel=1e-9).ignoring("$.quoted_at").unordered("$.lines")
        >>> nearly({"lines": [1, 2], "total": 0.3}, {"lines": [2, 1], "total": 0.1 + 0.2})
        []
    """

    rel: float = 0.0
    abs: float = 0.0
    loose: bool = False
    ignored: tuple[Pattern, ...] = ()
    orderless: tuple[Pattern, ...] = ()
    judges: tuple[tuple[Pattern, Judge], ...] = ()
    max_nodes: int = _NODES
    max_differences: int = 50
    max_seconds: float = _SECONDS
    patterns: PatternSet = attrs.field(init=False, eq=False)
    is_simple: bool = attrs.field(init=False, eq=False)

    @patterns.default
    def _all_patterns(self) -> PatternSet:
        judged = (pattern for pattern, _ in self.judges)
        return PatternSet([*self.ignored, *judged, *self.orderless])

    @is_simple.default
    def _has_no_rules(self) -> bool:
        rules = (self.rel, self.abs, self.loose, self.ignored, self.orderless, self.judges)
        return not any(rules) and self.max_nodes >= _NODES and self.max_seconds >= _SECONDS

    def __call__(self, control: Any, candidate: Any) -> Differences:
        """Compare two values.

        Args:
            control: What the control returned.
            candidate: What the candidate returned.

        Returns:
            A list of differences, empty if the two are equal.

        Raises:
            Uncomparable: If nobody can say whether they are equal.
        """
        if self.is_simple:
            found = plain_differences(control, candidate, most=self.max_differences - 1)
            if found is not None:
                return Differences(found)
        elif not self.judges and plainly_equal(control, candidate):
            return Differences([])
        walk = Walk(self, Budget(self), limit=self.max_differences)
        stopped = None
        try:
            walk.run(control, candidate, None, self.patterns.start)
        except EnoughError:
            stopped = f"after {self.max_differences} differences"
        except OutOfBoundsError as bound:
            stopped = str(bound)
            if not walk.differences:
                message = f"stopped {stopped}, with no difference found until then"
                raise Uncomparable(message) from None
        notes = walk.notes if stopped is None else [*walk.notes, stopped]
        return Differences(walk.differences, "; ".join(notes[:5]) or None)

    def within(self, *, rel: float = 0.0, abs: float = 0.0) -> Equality:  # noqa: A002 (as in math.isclose)
        """Let floats, decimals, complex numbers and arrays of them differ a little.

        Whole numbers stay exact. Two numbers are equal if they are no further apart than
        ``rel`` times the larger of them, or than ``abs``, as in :func:`math.isclose`.

        Args:
            rel: The share of the larger number, 0 or more.
            abs: The distance, in the unit of the numbers, 0 or more.

        Example:
            >>> Equality().within(abs=0.005)(9.99, 9.994)
            []
        """
        if rel == 0 == abs:
            message = "within() takes rel, abs or both, such as within(rel=1e-9)"
            raise ConfigurationError(message)
        for name, value in (("rel", rel), ("abs", abs)):
            _check_number(f"within({name}=...)", value, "0 or more, such as 1e-9", at_least=0)
        return attrs.evolve(self, rel=float(rel), abs=float(abs))

    def ignoring(self, *paths: str) -> Equality:
        """Leave places out, with all that lies in them, whether or not both sides have them.

        Args:
            paths: Paths such as ``$.quoted_at``, ``$.lines[*].id`` or a bare ``request_id``.

        Example:
            >>> Equality().ignoring("id")({"id": 1, "rows": [{"id": 2}]}, {"rows": [{}]})
            []
        """
        return attrs.evolve(self, ignored=(*self.ignored, *_parsed("ignoring", paths)))

    def unordered(self, *paths: str) -> Equality:
        """Compare the sequences at these places whatever their order.

        How often an item occurs counts. The order of an ``OrderedDict`` is left out, too.

        Args:
            paths: Where the sequences are; ``$`` for the value itself.

        Example:
            >>> Equality().unordered("$")([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}])
            []
        """
        return attrs.evolve(self, orderless=(*self.orderless, *_parsed("unordered", paths)))

    def by(self, path: str, function: Judge) -> Equality:
        """Let a function say what is equal at a place.

        Args:
            path: Where.
            function: Takes the control's and the candidate's side; true if they are equal.

        Example:
            >>> def same_letters(control, candidate):
            ...     return control.casefold() == candidate.casefold()
            >>> Equality().by("$.name", same_letters)({"name": "ADA"}, {"name": "Ada"})
            []
        """
        if not callable(function):
            message = (
                f"by({path!r}, ...) takes a function of the control's and the candidate's side "
                f"that says whether they are equal, not {type(function).__qualname__}"
            )
            raise ConfigurationError(message)
        return attrs.evolve(self, judges=(*self.judges, (parse(path), function)))

    def loosely_typed(self) -> Equality:
        """Let types differ where the values say the same.

        ``1`` is ``1.0`` and ``Decimal("1.00")``, a list is a tuple, a mapping is any other
        mapping, a set a frozenset, an instant the same instant in another zone, a text
        subclass or a text enum the text. ``True`` is still not ``1``, nor ``"1"``.

        Example:
            >>> Equality().loosely_typed()({"lines": [1, 2.0]}, {"lines": (1.0, 2)})
            []
        """
        return attrs.evolve(self, loose=True)

    def bounded(
        self,
        *,
        nodes: int | None = None,
        differences: int | None = None,
        seconds: float | None = None,
    ) -> Equality:
        """Change what a comparison may cost.

        A comparison that comes to a bound says so in ``stopped``. If it has found no
        difference until then it raises :class:`Uncomparable`: not having looked must not
        look like agreement.

        Args:
            nodes: How many values may be looked at; 2 million by default.  A container
                or an object counts as ten, for it is remembered.
            differences: How many differences are listed; 50 by default.
            seconds: How long it may take, in seconds; 5 by default. Checked between
                values: an ``==`` that hangs cannot be interrupted.
        """
        changes: dict[str, Any] = {}
        for name, value in (("nodes", nodes), ("differences", differences)):
            if value is None:
                continue
            if type(value) is not int or value < 1:
                message = f"bounded({name}=...) takes a whole number of 1 or more, not {value!r}"
                raise ConfigurationError(message)
            changes[f"max_{name}"] = value
        if seconds is not None:
            _check_number("bounded(seconds=...)", seconds, "more than 0", at_least=1e-9)
            changes["max_seconds"] = float(seconds)
        return attrs.evolve(self, **changes)

    def ignores(self, state: State) -> bool:
        """Whether a place is left out."""
        return bool(state.matched) and state.matched[0] < len(self.ignored)

    @property
    def tolerant(self) -> bool:
        """Whether numbers may differ a little."""
        return self.rel > 0 or self.abs > 0

    def handler_at(self, state: State) -> Handler:
        """How to compare at a place that a rule means."""
        if self.ignores(state):
            return _ignored
        for index in state.matched:
            judge = index - len(self.ignored)
            if judge < len(self.judges):
                return _judged_by(self.judges[judge][1])
        return unordered

    def __repr__(self) -> str:
        rules = ["equal"]
        if self.rel or self.abs:
            rules.append(f"within(rel={self.rel:g}, abs={self.abs:g})")
        for name, patterns in (("ignoring", self.ignored), ("unordered", self.orderless)):
            if patterns:
                rules.append(f"{name}({', '.join(repr(pattern.text) for pattern in patterns)})")
        rules += [f"by({pattern.text!r}, ...)" for pattern, _ in self.judges]
        if self.loose:
            rules.append("loosely_typed()")
        return ".".join(rules)


def _parsed(rule: str, paths: tuple[str, ...]) -> list[Pattern]:
    if not paths:
        message = f'{rule}() takes at least one path, such as {rule}("$.lines")'
        raise ConfigurationError(message)
    return [parse(path) for path in paths]


def _check_number(knob: str, value: float, allowed: str, *, at_least: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not at_least <= value < math.inf:
        message = f"{knob} takes a number, {allowed}, not {value!r}"
        raise ConfigurationError(message)


def _ignored(walk: Walk, _control: Any, _candidate: Any, _where: Where, _state: State) -> None:
    walk.forgiven += 1


def _judged_by(judge: Judge) -> Handler:
    def compare(walk: Walk, control: Any, candidate: Any, where: Where, _state: State) -> None:
        walk.budget.spend(1)
        if judge(control, candidate):
            walk.forgiven += 1
        else:
            walk.differ(where, "value", control, candidate)

    return compare


equal = Equality()
