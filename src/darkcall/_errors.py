"""What darkcall raises, always at decoration or configuration, never at call time."""

from __future__ import annotations


class DarkcallError(Exception):
    """The base of what darkcall raises on purpose."""


class ConfigurationError(DarkcallError, ValueError):
    """A knob has a value that it cannot take."""


class SignatureMismatchError(DarkcallError, TypeError):
    """A candidate could not take the arguments that the control takes."""
