"""What darkcall raises, always at decoration or configuration; at call time for tests alone."""

from __future__ import annotations


class DarkcallError(Exception):
    """The base of what darkcall raises on purpose."""


class ConfigurationError(DarkcallError, ValueError):
    """A knob has a value that it cannot take."""


class SignatureMismatchError(DarkcallError, TypeError):
    """A candidate could not take the arguments that the control takes."""


class ForTheCaller(BaseException):
    """Carries what a test asked to have raised out of a call; nobody else raises it.

    Args:
        error: What the caller is to get.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
