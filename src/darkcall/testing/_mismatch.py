"""``MismatchError``: what a test fails with where a candidate differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from darkcall._model import Record


class MismatchError(AssertionError):
    """A candidate did not do what its control did.

    Its message is of bounded length, and what is a secret by the launch's ``redact`` is hidden in
    it.  It can be pickled, so that it passes from one process to another.

    Attributes:
        differences: Where the two differ: mappings of the shape that a record's ``differences``
            have; of all candidates that differ.  Empty if none could be compared.

    Example:
        >>> from darkcall import dark_launch
        >>> from darkcall.testing import strict
        >>> @dark_launch(candidate=lambda x: x + x + 1)
        ... def double(x):
        ...     return 2 * x
        >>> try:
        ...     with strict():
        ...         double(4)
        ... except MismatchError as error:
        ...     [(one["path"], one["control"], one["candidate"]) for one in error.differences]
        [('$', 8, 9)]
    """

    # Where it is imported from, for whoever reads it in a traceback.
    __module__ = "darkcall.testing"

    differences: tuple[Mapping[str, Any], ...]

    def __init__(self, message: str, differences: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        # Kept among the attributes: those are pickled, arguments beyond the message would be shown.
        self.differences = tuple(differences)


def mismatch_of(records: Sequence[Record]) -> MismatchError:
    """Make the error of a call from its records.

    Args:
        records: Those of the candidates that did not do what the control did, one at least.

    Returns:
        The error, not raised.
    """
    # Imported when needed: what shows values takes its time, and most calls agree.
    from ._message import message_of  # noqa: PLC0415

    differences = [difference for record in records for difference in record.differences]
    return MismatchError(message_of(records), differences)
