"""What a sink's options may be; said where the sink is made, not at the first record."""

from __future__ import annotations

from darkcall._errors import ConfigurationError


def whole_number(name: str, value: object, *, least: int) -> int:
    """Return ``value`` if it is a whole number of at least ``least``.

    Raises:
        ConfigurationError: It is anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ConfigurationError(f"{name}={value!r} must be a whole number of at least {least}")


def flag(name: str, value: object) -> bool:
    """Return ``value`` if it is True or False.

    Raises:
        ConfigurationError: It is anything else.
    """
    if isinstance(value, bool):
        return value
    raise ConfigurationError(f"{name}={value!r} must be True or False")
