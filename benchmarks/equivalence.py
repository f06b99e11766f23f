"""How many wrong rewrites ``assert_equivalent`` finds by itself: mutants of functions with hints.

A mutant differs from its function in one place.  Which of them any input tells apart is found out
with inputs made by hand: all of a small domain, and twenty thousand of a strategy that knows what
the function is about.  What is measured is told nothing but the type hints: its default settings,
no database, some seeds.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis
from beside import tables
from beside.inputs import BRUTE_FORCE, STRATEGIES
from beside.later_inputs import LATER_STRATEGIES
from beside.mutations import (
    HANGS_AFTER,
    HangsError,
    Mutant,
    mutants_of,
    time_limit,
    what_it_does,
)

from darkcall.testing import MismatchError, equivalence_test


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from beside.inputs import Arguments

ALL_STRATEGIES = {**STRATEGIES, **LATER_STRATEGIES}
HEAD = ["function", "mutants", "equal", "hang", "to be found"]
LONG_RUN = 20_000
SEEDS = 3
EXAMPLES = (100, 200)
#: A whole test of a mutant takes less.
TEST_HANGS_AFTER = 30.0
#: The share of mutants that are to be found with the first number of examples.
WANTED = 0.95


class Subject(NamedTuple):
    """A function, and its mutants by what inputs made by hand show."""

    function: Callable[..., Any]
    to_be_found: list[Mutant]
    equal: list[Mutant]
    hang: list[Mutant]


def inputs_of(function: Callable[..., Any], count: int) -> list[tuple[Arguments]]:
    """Give inputs made by hand, each as a tuple of one."""
    brute_force = BRUTE_FORCE.get(function, tuple)()
    made: list[tuple[Arguments]] = [(arguments,) for arguments in brute_force]
    # What tells most mutants apart is not all at one end.
    random.Random(0).shuffle(made)

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(ALL_STRATEGIES[function])
    def long_run(arguments: Arguments) -> None:
        made.append((arguments,))

    long_run()
    return made


def answering(function: Callable[..., Any]) -> Callable[[Arguments], str]:
    """Have a function take its arguments by name, and show what it returns: types count."""
    return lambda arguments: repr(function(**arguments))


def subject_of(function: Callable[..., Any], count: int, mutants: int | None) -> Subject:
    """Find out which mutants of a function any input tells apart."""
    inputs = inputs_of(function, count)
    answers = [what_it_does(answering(function), arguments) for arguments in inputs]
    subject = Subject(function, [], [], [])
    for mutant in _sample(list(mutants_of(function)), mutants):
        mutated = answering(mutant.function)
        try:
            with time_limit() as limit:
                for arguments, answer in zip(inputs, answers, strict=True):
                    limit(HANGS_AFTER)
                    if what_it_does(mutated, arguments) != answer:
                        subject.to_be_found.append(mutant)
                        break
                else:
                    subject.equal.append(mutant)
        except (HangsError, MemoryError):
            subject.hang.append(mutant)
    return subject


def _sample(mutants: list[Mutant], count: int | None) -> list[Mutant]:
    return mutants if count is None else random.Random(0).sample(mutants, count)


def is_found(function: Callable[..., Any], mutant: Mutant, seed: int, examples: int) -> bool:
    """Tell whether a test that knows the hints alone fails for a mutant; if it hangs, it does."""
    # An answer is enough: the smallest input is not looked for.
    settings = hypothesis.settings(
        max_examples=examples, database=None, phases=[hypothesis.Phase.generate]
    )
    test = equivalence_test(function, mutant.function, settings=settings)
    try:
        with time_limit() as limit:
            limit(TEST_HANGS_AFTER)
            hypothesis.seed(seed)(test)()
    except (MismatchError, HangsError):
        return True
    return False


def shares(found: Sequence[int], total: int) -> str:
    """Show a share, and between what it is from seed to seed."""
    low, high = min(found) / total, max(found) / total
    return f"{statistics.mean(found) / total:.1%} ({low:.1%} to {high:.1%})"


class Group:
    """Functions together: how many mutants there are, and how many of them each seed finds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.counts = [0] * 4
        self._found = [[0] * options.seeds for _ in options.examples]

    def add(self, subject: Subject, found: list[list[int]]) -> None:
        """Add a function's mutants."""
        to_be_found, equal, hang = map(len, subject[1:])
        sizes = [to_be_found + equal + hang, equal, hang, to_be_found]
        self.counts = [sum(both) for both in zip(self.counts, sizes, strict=True)]
        self._found = [
            [sum(both) for both in zip(*rows, strict=True)]
            for rows in zip(self._found, found, strict=True)
        ]

    @property
    def share(self) -> float:
        """The share that is found with the first number of examples."""
        return statistics.mean(self._found[0]) / self.counts[-1]

    def row(self, name: str) -> list[str]:
        """Give the row of a table."""
        return [
            name,
            *map(str, self.counts),
            *(shares(row, self.counts[-1]) for row in self._found),
        ]


def main() -> int:
    """Print the table; 1 if too few are found."""
    names = {function.__name__: function for function in ALL_STRATEGIES}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=names, nargs="+", default=list(names), metavar="FUNCTION")
    parser.add_argument("--mutants", type=int, help="so many of each function; default: all")
    parser.add_argument("--long-run", type=int, default=LONG_RUN, help="inputs made by hand")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--examples", type=int, nargs="+", default=EXAMPLES)
    tables.add_option(parser)
    options = parser.parse_args()
    tables.check(options.write, "equivalence")

    rows = []
    told, missed = [], []
    groups = {"all": Group(options), "those written later": Group(options)}
    for name in options.only:
        function = names[name]
        subject = subject_of(function, options.long_run, options.mutants)
        told += [f"{name}: {mutant.change} ({mutant.name})" for mutant in subject.equal]
        found = [[0] * options.seeds for _ in options.examples]
        for (place, examples), mutant in itertools.product(
            enumerate(options.examples), subject.to_be_found
        ):
            for seed in range(options.seeds):
                if is_found(function, mutant, seed, examples):
                    found[place][seed] += 1
                elif place == 0:
                    missed.append(f"{name}: {mutant.change} ({mutant.name})")
        alone = Group(options)
        alone.add(subject, found)
        rows.append(alone.row(f"`{name}`"))
        groups["all"].add(subject, found)
        if function in LATER_STRATEGIES:
            groups["those written later"].add(subject, found)
    rows += [group.row(name) for name, group in groups.items() if group.counts[-1]]
    head = [*HEAD, *(f"found with {examples:,} examples" for examples in options.examples)]
    text = tables.table(head, rows)
    equal = "\n".join(f"- {line}" for line in told)
    text += f"\n\nNo input tells these apart from their functions:\n\n{equal}"
    print(text)
    for line in sorted(set(missed), key=lambda one: -missed.count(one)):
        print(f"missed {missed.count(line)} of {options.seeds}: {line}")
    tables.write(options.write, "equivalence", text)
    return int(groups["all"].share < WANTED)


if __name__ == "__main__":
    sys.exit(main())
