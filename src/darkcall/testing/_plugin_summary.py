"""What the end of a test run says of launches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from darkcall._model import Outcome
from darkcall._text import one_line


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._plugin_account import Account

_MAX_KINDS: Final = 10
_MAX_REASONS: Final = 10
_MAX_NAMES: Final = 10
_MAX_CANDIDATES: Final = 100
_MAX_NAME: Final = 240
_OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


def summary_lines(account: Account, names: Iterable[str]) -> Iterator[str]:
    """Tell what tests saw.

    Args:
        account: What they saw.
        names: The names of all launches.

    Returns:
        Lines without their ends.
    """
    if not account.outcomes:
        yield "no call of a launch was shadowed"
    yield from _count_lines(account)
    yield from _kind_lines(account)
    yield from _reason_lines(account)
    reached = {launch for launch, _, _ in account.outcomes}
    unreached = sorted(set(names) - reached)
    if unreached:
        shown = [one_line(name, _MAX_NAME) for name in unreached[:_MAX_NAMES]]
        yield f"no call was shadowed of: {', '.join(shown)}{_and_more(unreached, _MAX_NAMES)}"


def is_worth_a_word(account: Account) -> bool:
    """Whether there is more to tell than that all candidates did what they were to do.

    Args:
        account: What tests saw.
    """
    return bool(account.kinds or account.reasons)


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


def _and_more(names: list[str], most: int) -> str:
    return f", and {len(names) - most} more" if len(names) > most else ""
