"""A line in the log for each kind of trouble, at a limited rate."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from darkcall._errors import ConfigurationError
from darkcall._text import one_line

from ._checks import whole_number


if TYPE_CHECKING:
    from darkcall._model import Record

LOGGED = frozenset({"mismatch", "candidate_error", "timeout", "uncomparable"})

#: Trouble of the same kind is logged at most once in so many seconds.
REPEAT_SECONDS = 60.0
MAX_KINDS = 1_000
MAX_TEXT = 200

_Kind = tuple[str, str, str, str | None]


class LogSink:
    """Log a line for a mismatch, a candidate's error, a timeout and what cannot be compared.

    The same kind of trouble (launch, candidate, outcome, signature) is logged once a
    minute.  Each line says how many were not logged since the one before; so does a last
    line at :func:`darkcall.flush`.  Matches are not logged.  No handler is added: where
    logging is not configured, Python prints the lines to standard error.

    Args:
        logger: Where to log; the logger ``darkcall`` by default.
        level: The level of the lines.
        max_per_minute: How many lines are logged within a minute, over all kinds.

    Raises:
        ConfigurationError: An option has a value that it cannot take.

    Example:
        >>> import logging, sys
        >>> from darkcall._model import Record
        >>> logger = logging.Logger("shop")
        >>> logger.addHandler(logging.StreamHandler(sys.stdout))
        >>> sink = LogSink(logger)
        >>> sink(Record("c-1", "shop.price", "v2", "mismatch", 1.5, "h", 7, 0.1, signature="ab"))
        mismatch launch=shop.price candidate=v2 signature=ab call_id=c-1
    """

    takes_rollups = False

    def __init__(
        self,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger] | None = None,
        *,
        level: int = logging.WARNING,
        max_per_minute: int = 60,
    ) -> None:
        if not isinstance(logger, logging.Logger | logging.LoggerAdapter | None):
            raise ConfigurationError(
                f"logger={logger!r} must be a logger: logging.getLogger({logger!r})"
                if isinstance(logger, str)
                else f"logger={logger!r} must be a logger of the logging module"
            )
        self._logger = logging.getLogger("darkcall") if logger is None else logger
        self._level = whole_number("level", level, least=1)
        self._max_per_minute = whole_number("max_per_minute", max_per_minute, least=1)
        self._last: dict[_Kind, float] = {}
        self._suppressed = 0
        self._minute_began = float("-inf")
        self._lines_this_minute = 0

    def __call__(self, record: Record) -> None:
        """Log a record, or count that it was not logged."""
        if record.outcome not in LOGGED:
            return
        if self._is_too_much(record, time.monotonic()):
            self._suppressed += 1
            return
        suppressed, self._suppressed = self._suppressed, 0
        self._logger.log(self._level, "%s%s", _line_for(record), _said_of(suppressed))

    def flush(self, timeout_seconds: float) -> None:  # noqa: ARG002, what every flush takes
        """Log how many lines were not logged since the last one, if any."""
        suppressed, self._suppressed = self._suppressed, 0
        if suppressed:
            self._logger.log(self._level, "%d more lines were not logged", suppressed)

    def close(self) -> None:
        """Log how many lines were not logged since the last one, if any."""
        self.flush(0.0)

    def _is_too_much(self, record: Record, now: float) -> bool:
        if now - self._minute_began >= 60.0:
            self._minute_began = now
            self._lines_this_minute = 0
        kind = (record.launch, record.candidate, record.outcome, record.signature)
        last = self._last.get(kind)
        if last is not None and now - last < REPEAT_SECONDS:
            return True
        if self._lines_this_minute >= self._max_per_minute:
            return True
        if len(self._last) >= MAX_KINDS:
            self._last.clear()
        self._last[kind] = now
        self._lines_this_minute += 1
        return False

    def __repr__(self) -> str:
        return f"<LogSink {one_line(self._logger.name, MAX_TEXT)}>"


def _line_for(record: Record) -> str:
    # A signature holds the user's keys: none may forge a second line.
    fields = {
        "launch": record.launch,
        "candidate": record.candidate,
        "signature": record.signature,
        "reason": record.reason,
        "call_id": record.call_id,
    }
    words = [
        f"{name}={one_line(text, MAX_TEXT)}" for name, text in fields.items() if text is not None
    ]
    return " ".join([record.outcome, *words])


def _said_of(suppressed: int) -> str:
    return f" ({suppressed} more lines were not logged)" if suppressed else ""
