"""Numbers, times and names as people read them: in sentences, on the terminal and on the page."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

from darkcall._text import escaped, one_line


_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_SMALL: Final = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
_LARGE: Final = (
    ("d", _DAY, "h", _HOUR),
    ("h", _HOUR, "min", _MINUTE),
    ("min", _MINUTE, "s", 1),
)
_SIZES: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_MAX_DIGITS: Final = 12


def number(count: int) -> str:
    """Write a count with separators.

    Example:
        >>> number(1234567)
        '1,234,567'
    """
    return f"{count:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a count of things.

    Example:
        >>> counted(1, "call"), counted(12_000, "call"), counted(2, "process", "processes")
        ('1 call', '12,000 calls', '2 processes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def figure(value: float) -> str:
    """Write a number to three digits that count, without an exponent where that can be read.

    Example:
        >>> figure(0.00123456), figure(1234.5), figure(2.0), figure(1.5e-9)
        ('0.00123', '1,234', '2', '1.5e-09')
    """
    size = abs(value)
    if not math.isfinite(value) or 0 < size < 1e-6:
        return f"{value:.3g}"
    if size >= 999.5:
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(size)) if size else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def percent(share: float | None) -> str:
    """Write a share in percent, never rounded to 0 or to 100.

    Args:
        share: 0 to 1; None for one that is not known.

    Example:
        >>> percent(0.5), percent(0.00012345), percent(0), percent(0.99999), percent(1)
        ('50 %', '0.0123 %', '0 %', '99.999 %', '100 %')
        >>> percent(None), percent(3e-9)
        ('-', '3e-07 %')
    """
    if share is None:
        return "-"
    text = figure(100 * share)
    digits = 1
    while share < 1 and float(text) == 100 and digits < _MAX_DIGITS:
        digits += 1
        text = f"{100 * share:.{digits}f}"
    return f"{text} %"


def share(part: int, whole: int) -> str:
    """Write what share of a whole a part is.

    Example:
        >>> share(1, 8), share(0, 0)
        ('12.5 %', '-')
    """
    return percent(part / whole if whole else None)


def duration(seconds: float) -> str:
    """Write how long something took, in the unit that fits.

    Example:
        >>> duration(0.0000123), duration(0.25), duration(90), duration(3 * 86400 + 7200)
        ('12.3 µs', '250 ms', '1 min 30 s', '3 d 2 h')
    """
    if seconds <= 0 or not math.isfinite(seconds):
        return f"{seconds:g} s"
    if seconds < _MINUTE:
        # Less than what is written as 1 of a unit is written in the next smaller one.
        units = (pair for pair in _SMALL if seconds >= pair[1] * 0.9995)
        unit, size = next(units, _SMALL[-1])
        return f"{figure(seconds / size)} {unit}"
    large, large_size, small, small_size = next(pair for pair in _LARGE if seconds >= pair[1])
    whole, rest = divmod(int(seconds), large_size)
    more = f" {rest // small_size} {small}" if rest // small_size else ""
    return f"{whole:,} {large}{more}"


def nbytes(size: int) -> str:
    """Write a size in bytes.

    Example:
        >>> nbytes(512), nbytes(12_300_000)
        ('512 bytes', '12.3 MB')
    """
    for name, unit in _SIZES:
        if size >= unit:
            return f"{figure(size / unit)} {name}"
    return counted(size, "byte")


def moment(at: float) -> str:
    """Write a time in UTC: records come from machines in many zones, and are read in others.

    Args:
        at: Seconds since 1970-01-01 UTC.

    Example:
        >>> moment(1_700_000_000), moment(1e300)
        ('2023-11-14 22:13:20 UTC', '1e+300 s after 1970')
    """
    try:
        when = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s after 1970"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def period(first: float, last: float) -> str:
    """Write from when to when.

    Example:
        >>> period(1_700_000_000, 1_700_003_600)
        '2023-11-14 22:13:20 to 23:13:20 UTC'
        >>> period(1_700_000_000, 1_700_000_000)
        '2023-11-14 22:13:20 UTC'
    """
    begin, end = moment(first), moment(last)
    if begin == end:
        return begin
    day = len("2023-11-14 ")
    if begin[:day] == end[:day]:
        end = end[day:]
    return f"{begin.removesuffix(' UTC')} to {end}"


def named(names: list[str], most: int = 3) -> str:
    """List names, the first few of them.

    Example:
        >>> named(["a", "b", "c", "d"], most=2)
        "'a', 'b' and 2 more"
    """
    shown = ", ".join(f"'{one_line(name, 100)}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def cut(text: Any, limit: int = 120) -> str:
    r"""Write a text of bounded length, with what would be invisible as escapes.

    Example:
        >>> cut("a\u202eb\n"), cut("abcdef", 4), cut(None)
        ('a\\u202eb\\n', 'abcd…', 'None')
    """
    line = str(text)
    shown = escaped(line[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
