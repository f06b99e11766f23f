"""The nouns: plain data that the other modules pass around."""

from __future__ import annotations

import enum
import operator
from typing import TYPE_CHECKING, Any, Final

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Outcome(enum.StrEnum):
    """How one candidate fared on one call."""

    MATCH = "match"
    MISMATCH = "mismatch"
    IGNORED = "ignored"
    CANDIDATE_ERROR = "candidate_error"
    TIMEOUT = "timeout"
    UNCOMPARABLE = "uncomparable"
    SKIPPED = "skipped"
    DROPPED = "dropped"


#: With these a candidate does what the control does, as far as the rules ask.
AGREES: Final = (Outcome.MATCH, Outcome.IGNORED)

#: The candidate of the records of a control that ran again.
CONTROL_NAME: Final = "control"


@attrs.frozen(eq=False)
class Call:
    """One call of a launch, as a sampler sees it.

    Attributes:
        launch: The launch's name.
        args: The positional arguments, the caller's own objects: read, never change.
        kwargs: The keyword arguments, likewise.
    """

    launch: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@attrs.frozen(eq=False)
class Observation:
    """What one side did on one call.

    Attributes:
        value: What it returned, after ``normalize``; None if it raised.
        exception: What it raised; None if it returned.
        duration_seconds: How long it took, in seconds.
        cpu_seconds: CPU time of its thread, in seconds, to within 50 microseconds; None where
            not measured.
    """

    value: Any = None
    exception: BaseException | None = None
    duration_seconds: float = 0.0
    cpu_seconds: float | None = None

    @property
    def raised(self) -> bool:
        """Whether it raised instead of returning."""
        return self.exception is not None


class ObservationDraft(Observation):
    """An observation to be filled in, as ``RecordDraft``."""

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


@attrs.frozen(eq=False)
class Difference:
    """One place where two results differ.

    Attributes:
        path: Where, in the path language: ``$.lines[0].price``.
        kind: What differs: ``value``, ``type``, ``missing`` (the candidate lacks it),
            ``extra`` (the control lacks it), ``length``, ``keys``, ``order``, ``dtype``,
            ``shape``, ``exception``, ``message``, ``raised``, ``not_raised``.
        control: The control's side; None where it has none.
        candidate: The candidate's side; None where it has none.
    """

    path: str
    kind: str
    control: Any = None
    candidate: Any = None


@attrs.frozen
class Record:
    """Plain data about one candidate on one call; what sinks receive.

    Every value is made of dicts with text keys, lists, text, numbers, booleans and
    None, within bounds, redacted: ``json.dumps(record.to_dict(), allow_nan=False)``
    always works.

    Attributes:
        call_id: The same for all candidates of one call, unique across processes.
        launch: The launch's name.
        candidate: The candidate's name.
        outcome: An :class:`Outcome`'s value, as text.
        at: When the call began, in seconds since 1970-01-01 UTC.
        host: The name of the machine.
        pid: The process.
        control_seconds: How long the control took.
        reason: Why it was skipped, ignored, dropped or could not be compared.
        waited_seconds: How long the call waited for a worker.
        candidate_seconds: How long the candidate took; None if it did not end in time.
        candidate_cpu_seconds: CPU time the candidate took, to within 50 microseconds and never
            more than ``candidate_seconds``; None where not measured.
        sample_rate: The share of calls that is sampled, 0 to 1; None where unknown.
        signature: What makes two mismatches the same kind of mismatch.
        differences: Where the two differ, each a mapping with ``path``, ``kind``,
            ``control_type``, ``candidate_type`` and, unless nothing is kept,
            ``control`` and ``candidate``.
        stopped: Why the comparison stopped before its end; None if it did not.
        control_raised: ``type`` and ``message`` of what the control raised.
        candidate_raised: Likewise for the candidate.
        context: What the user's ``context`` returned.
        arguments: The call's arguments by parameter, if everything is kept.
        control_value: What the control returned, if everything is kept.
        candidate_value: What the candidate returned, if everything is kept.
        input_digest: A digest of the arguments, if ``digest_inputs`` asks for it: equal for
            equal arguments, in every process.
        confirmation: What both sides did when they ran once more on what differed, if ``confirm``
            asks for it: ``deterministic``, ``flaky_control``, ``flaky_candidate`` or
            ``first_sight``.
        schema: The version of this shape.
    """

    call_id: str
    launch: str
    candidate: str
    outcome: str
    at: float
    host: str
    pid: int
    control_seconds: float
    reason: str | None = None
    waited_seconds: float | None = None
    candidate_seconds: float | None = None
    candidate_cpu_seconds: float | None = None
    sample_rate: float | None = None
    signature: str | None = None
    differences: list[dict[str, Any]] = attrs.field(factory=list)
    stopped: str | None = None
    control_raised: dict[str, Any] | None = None
    candidate_raised: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    arguments: dict[str, Any] | None = None
    control_value: Any = None
    candidate_value: Any = None
    input_digest: str | None = None
    confirmation: str | None = None
    schema: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dict that :mod:`json` can write, without empty fields.

        Example:
            >>> Record("a-0-1", "shop.price", "candidate", "match", 1.5, "h", 7, 0.1).to_dict()
            {'schema': 1, 'call_id': 'a-0-1', 'launch': 'shop.price', 'candidate': 'candidate', \
'outcome': 'match', 'at': 1.5, 'host': 'h', 'pid': 7, 'control_seconds': 0.1}
        """
        returned = self._what_was_returned()
        data = {
            field: value
            for field, value in zip(_FIELDS_IN_ORDER, _values_of(self), strict=True)
            if value is not None or field in returned
        }
        if not self.differences:
            del data["differences"]
        return data

    def _what_was_returned(self) -> list[str]:
        # Where everything is kept, None is what was returned, by whoever returned at all.
        if self.arguments is None or self.candidate_seconds is None:
            return []
        returned = {
            "control_value": self.control_raised is None,
            "candidate_value": self.candidate_raised is None,
        }
        return [field for field, is_returned in returned.items() if is_returned]


_FIELDS_IN_ORDER = (
    "schema",
    *(field.name for field in attrs.fields(Record) if field.name != "schema"),
)
_values_of: Callable[[Record], tuple[Any, ...]] = operator.attrgetter(*_FIELDS_IN_ORDER)


class RecordDraft(Record):
    """A record to be filled in: a frozen class takes seven times as long to fill its fields.

    Made by ``object.__new__``; once it is full, ``__class__`` makes a ``Record`` of it.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


@attrs.frozen
class CandidateStats:
    """The counts of one candidate.

    ``shadowed`` of the launch is the sum of ``outcomes`` and ``pending``, exactly.  For the control
    that runs again (``Stats.noise``) that sum is the calls on which it was to.

    Attributes:
        outcomes: How often each outcome came about, zeros included.
        reasons: How often each reason was given for a skip, a drop and so on.
        pending: Calls that have no outcome yet.
        late: Candidates that ended after their deadline, when nobody waited any longer.
        stuck: Candidates past their deadline that still hold a thread.
        cpu_bound: Runs in this process that took over a millisecond and used the CPU for most
            of that: they delay callers.
    """

    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    pending: int
    late: int
    stuck: int
    cpu_bound: int = 0

    @property
    def shadowed(self) -> int:
        """Calls that it was to run on: the sum of ``outcomes`` and ``pending``."""
        return sum(self.outcomes.values()) + self.pending


@attrs.frozen
class SinkStats:
    """The counts of a sink: ``offered = written + failed + dropped + waiting``, exactly.

    Attributes:
        offered: Records that were made for the sink.
        written: Records that the sink took.
        failed: Records at which the sink raised.
        dropped: Records that came when too much waited already, or too late.
        waiting: Records that the sink has not taken yet.
    """

    offered: int
    written: int
    failed: int
    dropped: int
    waiting: int


@attrs.frozen
class Stats:
    """The counts of a launch: ``calls = off + nested + unsampled + shadowed``, exactly.

    Attributes:
        off: Calls while the launch was switched off or paused.
        nested: Calls made by a candidate, a comparison or a sink.
        unsampled: Calls that the sampler did not choose.
        shadowed: Calls that were chosen; each has one outcome per candidate in the end.
        candidates: The counts of each candidate, by its name.
        sinks: The counts of each sink, by its name, over all launches that share it.
        noise: The counts of the control where it runs again, which ``noise`` asks for; None if it
            never did.  The sums over all candidates leave them out.
    """

    off: int
    nested: int
    unsampled: int
    shadowed: int
    candidates: Mapping[str, CandidateStats]
    sinks: Mapping[str, SinkStats]
    noise: CandidateStats | None = None

    @property
    def calls(self) -> int:
        """All calls."""
        return self.off + self.nested + self.unsampled + self.shadowed

    @property
    def pending(self) -> int:
        """Calls without an outcome yet, over all candidates."""
        return sum(stats.pending for stats in self.candidates.values())

    @property
    def late(self) -> int:
        """Candidates that ended after their deadline, over all candidates."""
        return sum(stats.late for stats in self.candidates.values())

    @property
    def stuck(self) -> int:
        """Candidates past their deadline that hold a thread, over all candidates."""
        return sum(stats.stuck for stats in self.candidates.values())

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How often each outcome came about, over all candidates."""
        return _added_up([stats.outcomes for stats in self.candidates.values()])

    @property
    def reasons(self) -> Mapping[str, int]:
        """How often each reason was given, over all candidates."""
        return _added_up([stats.reasons for stats in self.candidates.values()])


def _added_up(counts: list[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for key, value in count.items():
            total[key] = total.get(key, 0) + value
    return total
