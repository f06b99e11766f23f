"""Recorded inputs against the code as it is now: where it is found, and how the answer looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.text import Text

from darkcall._config import set_enabled
from darkcall.analysis._described import shown
from darkcall.analysis._terminal._layout import Facts, indented, title
from darkcall.analysis._terminal._words import plain
from darkcall.analysis._words import counted, number
from darkcall.testing._found import imported
from darkcall.testing._message import difference_lines
from darkcall.testing._replay import replay
from darkcall.testing._replayed import Answer

from ._here import import_from_here
from ._out import kept_for_the_answer, say, say_json


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from darkcall.testing._replayed import CandidateReplay, Replay, SignatureReplay

#: What ``replay`` ends with.
EXIT_CODES: Final = {Answer.FIXED: 0, Answer.NOT_FIXED: 1, Answer.UNKNOWN: 2}
_STYLES: Final = {
    Answer.FIXED: "bold green",
    Answer.NOT_FIXED: "bold red",
    Answer.UNKNOWN: "bold yellow",
}
_MAX_CHARACTERS: Final = 300
_MAX_REASON: Final = 500
_MAX_REASONS: Final = 20


def replay_records(
    records: Sequence[str],
    function: str,
    *,
    candidate: str | None,
    outcomes: Sequence[str] | None,
    limit: int,
    as_json: bool,
) -> int:
    """Run recorded inputs, and say what became of them.

    Args:
        records: Where the records are.
        function: What is decorated: ``module:function``.
        candidate: Only records of this candidate.
        outcomes: Records of these outcomes; None for mismatches and candidate errors.
        limit: At most so many signatures for each candidate.
        as_json: Whether to say it in JSON.

    Returns:
        The exit status.

    Raises:
        ConfigurationError: There is no such function, it is no launch, or no record is of it.
    """
    import_from_here()
    # What the code prints is not the answer, and what it calls is nothing to record.
    with kept_for_the_answer(), set_enabled(False):
        launch = imported(function).launch
        chosen: dict[str, Any] = {"outcomes": outcomes} if outcomes else {}
        found = replay(records, launch, candidate=candidate, **chosen)
    if as_json:
        say_json(found.to_dict(limit=limit))
    else:
        say(Group(*_blocks(found, limit)))
    return EXIT_CODES[found.answer]


def _blocks(found: Replay, limit: int) -> Iterator[RenderableType]:
    yield Text(found.answer.value, style=_STYLES[found.answer])
    for one in found.candidates:
        yield Text()
        yield from _candidate(found.launch, one, limit)
    if not found.candidates:
        yield Text()
        yield plain(f"{found.launch}: no record of such an outcome or candidate")
    yield from _left_out(found)
    notes = list(_notes(found))
    if notes:
        yield Text()
        yield from map(Text, notes)


def _candidate(launch: str, one: CandidateReplay, limit: int) -> Iterator[RenderableType]:
    yield title(Text.assemble(plain(launch), ": ", plain(one.name), overflow="fold"))
    inputs = counted(one.inputs, "different one")
    facts = [
        ("inputs", Text(f"{inputs}, of {counted(one.calls, 'recorded call')}")),
        ("fixed", Text(number(one.fixed))),
        ("remains", Text(number(one.remains))),
        ("new", Text(number(one.new))),
    ]
    if one.agrees:
        facts.insert(2, ("matches", Text(f"{number(one.agrees)}, as recorded")))
    yield Facts(facts)
    for place, found in enumerate(one.signatures[:limit], start=1):
        yield Text()
        head = Text.assemble((f"{place}. ", "bold"), plain(found.signature, "bold red"))
        head.overflow = "fold"
        yield head
        yield indented(Group(*_signature(found)), 3)
    hidden = len(one.signatures[limit:])
    if hidden:
        yield Text()
        yield Text(f"{counted(hidden, 'more signature')} not shown", style="dim")


def _signature(one: SignatureReplay) -> Iterator[RenderableType]:
    count = f"{counted(one.inputs, 'input')}, {counted(one.calls, 'recorded call')}; {one.outcome}"
    yield Text(f"remains: {count}" if not one.is_new else f"new: {count}")
    if one.is_new:
        yield plain(f"recorded as: {', '.join(one.recorded)}"[:_MAX_REASON])
    arguments = [f"{name}={shown(node, _MAX_CHARACTERS)}" for name, node in one.arguments.items()]
    yield plain(f"called with: {', '.join(arguments)}")
    for side, raised in (("control", one.control_raised), ("candidate", one.candidate_raised)):
        if raised is not None:
            yield plain(f"{side} raised {raised['type']}: {raised['message']}")
    yield from map(plain, difference_lines(one.differences))


def _left_out(found: Replay) -> Iterator[RenderableType]:
    if not found.left_out:
        return
    yield Text()
    yield title(Text(f"{counted(sum(found.left_out.values()), 'input')} not judged"))
    reasons = list(found.left_out.items())
    yield Facts(
        (f"{count:>7,}", plain(reason[:_MAX_REASON])) for reason, count in reasons[:_MAX_REASONS]
    )
    if len(reasons) > _MAX_REASONS:
        yield Text(f"{counted(len(reasons) - _MAX_REASONS, 'more reason')} not shown", style="dim")


def _notes(found: Replay) -> Iterator[str]:
    if found.changed_controls:
        inputs = counted(found.changed_controls, "input")
        yield f"The control does something else than was recorded on {inputs}."
    if found.passed_over:
        yield f"{counted(found.passed_over, 'record')} of other launches passed over."
    if found.rollups:
        yield f"{counted(found.rollups, 'rollup')} not replayed: what they count has no inputs."
    if found.unread:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.unread.items())
        yield f"Not read: {reasons}."
