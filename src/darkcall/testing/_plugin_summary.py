"""What the end of a test run says of launches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from darkcall._model import Outcome
from darkcall._text import one_line

from ._plugin_account import FAILS_A_TEST, Account


if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MAX_KINDS: Final = 10
_MAX_REASONS: Final = 10
_MAX_NAMES: Final = 10
_MAX_CANDIDATES: Final = 100
_MAX_NAME: Final = 240
_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


def summary_lines(
    account: Account, names: Collection[str], marked: Collection[str] = ()
) -> Iterator[str]:
    """Tell what tests saw.

    Args:
        account: What they saw.
        names: The names of all launches.
        marked: The names that ``may_mismatch`` had, in tests that ran.

    Returns:
        Lines without their ends.
    """
    if not account.outcomes:
        yield "no call of a launch was shadowed"
    yield from _count_lines(account)
    yield from _kind_lines(account)
    yield from _reason_lines(account)
    reached = {launch for launch, _, _ in account.outcomes}
    unreached = set(names) - reached
    if unreached:
        yield f"no call was shadowed of: {_listed(unreached)}"
    idle = _idle(account, marked)
    unknown = idle - reached - set(names)
    if unknown:
        yield f"may_mismatch names what is no launch: {_listed(unknown)}"
    if idle - unknown:
        yield f"may_mismatch names what did not differ: {_listed(idle - unknown)}"


def is_worth_a_word(account: Account, marked: Collection[str]) -> bool:
    """Whether there is more to tell than that all candidates did what they were to do.

    Args:
        account: What tests saw.
        marked: The names that ``may_mismatch`` had, in tests that ran.
    """
    return bool(account.kinds or account.reasons or _idle(account, marked))


def _idle(account: Account, marked: Collection[str]) -> set[str]:
    differed = {launch for launch, _, outcome in account.outcomes if outcome in FAILS_A_TEST}
    return set(marked) - differed


def _count_lines(account: Account) -> Iterator[str]:
    candidates = sorted({key[:2] for key in account.outcomes})
    for launch, candidate in candidates[:_MAX_CANDIDATES]:
        counts = {name: account.outcomes[launch, candidate, name] for name in _OUTCOMES}
        each = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        calls = sum(counts.values())
        noun = "call" if calls == 1 else "calls"
        yield f"{_full_name(launch, candidate)}: {calls} {noun}: {each}"
    if len(candidates) > _MAX_CANDIDATES:
        yield f"and {len(candidates) - _MAX_CANDIDATES} more candidates"


def _kind_lines(account: Account) -> Iterator[str]:
    # First what nobody allowed, then what is most frequent.
    kinds = sorted(
        account.kinds.items(), key=lambda pair: (pair[1].allowed - pair[1].count, -pair[1].count)
    )
    for (launch, candidate, outcome, _), kind in kinds[:_MAX_KINDS]:
        allowed = f" ({kind.allowed} allowed by may_mismatch)" if kind.allowed else ""
        name, test = _full_name(launch, candidate), one_line(kind.test, _MAX_NAME)
        yield f"{kind.count} {outcome}{allowed}: {name} in {test}: {kind.text}"
    if len(kinds) > _MAX_KINDS:
        yield f"and {len(kinds) - _MAX_KINDS} more kinds of difference"


def _reason_lines(account: Account) -> Iterator[str]:
    reasons = account.reasons.most_common()
    for (launch, candidate, outcome, reason), count in reasons[:_MAX_REASONS]:
        yield f"{count} {outcome}: {_full_name(launch, candidate)}: {one_line(reason)}"
    if len(reasons) > _MAX_REASONS:
        yield f"and {len(reasons) - _MAX_REASONS} more reasons"


def _full_name(launch: str, candidate: str) -> str:
    return f"{one_line(launch, _MAX_NAME)} [{one_line(candidate, _MAX_NAME)}]"


def _listed(names: Collection[str]) -> str:
    shown = [one_line(name, _MAX_NAME) for name in sorted(names)[:_MAX_NAMES]]
    left = len(names) - len(shown)
    return ", ".join(shown) + (f", and {left} more" if left else "")
