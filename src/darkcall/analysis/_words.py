"""How figures stand in sentences."""

from __future__ import annotations

from darkcall._text import one_line


def counted(number: int, noun: str) -> str:
    """Say how many there are.

    Example:
        >>> counted(1, "call"), counted(12_000, "call")
        ('1 call', '12,000 calls')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Write a share as a percentage of three digits.

    Example:
        >>> percent(0.001), percent(0.123456), percent(1.0), percent(3e-9)
        ('0.1 %', '12.3 %', '100 %', '3e-07 %')
    """
    return f"{100.0 * share:.3g} %"


def named(names: list[str], most: int = 3) -> str:
    """List names, the first few of them.

    Example:
        >>> named(["a", "b", "c", "d"], most=2)
        "'a', 'b' and 2 more"
    """
    shown = ", ".join(f"'{one_line(name, 100)}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
