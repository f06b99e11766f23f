"""Which recorded input of a kind its test calls the function with: one that fails today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._model import AGREES

from ._kinds import is_flaky
from ._rebuild import NotRebuiltError, Rebuilder
from ._source import NotWrittenError
from ._today import NotJudgedError, Today
from ._written import body_of


if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._found import Found
    from ._imports import Imports
    from ._kinds import Kind
    from ._written import Body

#: So many are written, of which the shortest is taken.
_MAX_WRITTEN: Final = 8
#: Which is better: one that fails, one of which nobody knows, one that passes.
_RANKS: Final = {True: 0, None: 1, False: 2}


@attrs.frozen(eq=False)
class Choice:
    """An input, as a test.

    Attributes:
        body: The body of the test.
        record: The record that the input is of.
        differs: Whether the candidate differs on it today; None if that could not be found out.
        agreeing: On how many inputs of the kind it does not differ today.
        tried: How many inputs of the kind were run.
    """

    body: Body
    record: Mapping[str, Any]
    differs: bool | None
    agreeing: int
    tried: int


class Chooser:
    """Runs recorded inputs of a launch on the code as it is today, and chooses.

    Args:
        found: The function.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._rebuilder = Rebuilder(found.launch.control)
        self._today = Today(found.launch)

    def chosen(self, kind: Kind, imports: Imports) -> Choice:
        """Choose the input of a kind that is smallest among those that differ today.

        Args:
            kind: The kind.
            imports: What is imported already.

        Returns:
            The choice: if none differs one of which that could not be found out, or at last one
            that does not differ.

        Raises:
            NotWrittenError: No test can be written of any; the message says why.
        """
        if kind.candidate not in [one.name for one in self._found.launch.candidates]:
            raise NotWrittenError("the launch has no such candidate today")
        written: dict[bool | None, list[tuple[Body, dict[str, Any]]]]
        written = {state: [] for state in _RANKS}
        reasons: list[str] = []
        seen: list[bool | None] = []
        for record in kind.records:
            try:
                differs, raised = self._run(kind.candidate, record)
                seen.append(differs)
                if len(written[differs]) < _MAX_WRITTEN:
                    # Made anew: what ran may have changed them, if they are shared.
                    arguments = self._rebuilder.of_record(record)
                    today = {**record, "control_raised": raised}
                    body = body_of(self._found, arguments, today, imports, kind.candidate)
                    written[differs].append((body, record))
            except (NotRebuiltError, NotWrittenError) as error:
                reasons.append(str(error))
            if len(written[True]) == _MAX_WRITTEN:
                break
        for differs, tests in sorted(written.items(), key=lambda pair: _RANKS[pair[0]]):
            if tests:
                body, record = min(tests, key=lambda one: (is_flaky(one[1]), one[0].size))
                return Choice(body, record, differs, seen.count(False), len(seen))
        raise NotWrittenError(reasons[0])

    def _run(
        self, candidate: str, record: Mapping[str, Any]
    ) -> tuple[bool | None, Mapping[str, Any] | None]:
        """Tell whether the candidate differs today, and what the control raises."""
        arguments = self._rebuilder.of_record(record)
        raised = record.get("control_raised")
        try:
            outcome, comparison = self._today.run(candidate, *self._rebuilder.call(arguments))
        except NotJudgedError:
            return None, raised
        if comparison is None:
            # It took too long.
            return None, raised
        return outcome not in AGREES, self._today.control_raised(comparison)
