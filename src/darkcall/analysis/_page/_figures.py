"""Numbers and times as people read them; texts as they can stand on a page."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

from darkcall._text import escaped


_UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SPANS: Final = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_THOUSAND: Final = 1000.0


def count(number: int) -> str:
    """Write a count.

    Example:
        >>> count(1234567)
        '1,234,567'
    """
    return f"{number:,}"


def counted(number: int, one: str, many: str = "") -> str:
    """Write a count with its noun.

    Example:
        >>> counted(1, "call"), counted(2000, "call"), counted(2, "process", "processes")
        ('1 call', '2,000 calls', '2 processes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(number: float) -> str:
    """Write a number with three digits that count, without an exponent where that is readable.

    Example:
        >>> plain(0.00123456), plain(1234.5), plain(2.0), plain(1.5e-9)
        ('0.00123', '1,234', '2', '1.5e-09')
    """
    if not math.isfinite(number):
        return str(number)
    if abs(number) >= _THOUSAND:
        return f"{number:,.0f}"
    if number and abs(number) < 1e-6:
        return f"{number:.3g}"
    digits = 2 if not number else max(0, 2 - math.floor(math.log10(abs(number))))
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rate(share: float | None) -> str:
    """Write a share of one in percent.

    Example:
        >>> rate(0.000312), rate(1.0), rate(0.0), rate(None)
        ('0.0312 %', '100 %', '0 %', '-')
    """
    return "-" if share is None else f"{plain(share * 100)} %"


def share(part: int, whole: int) -> str:
    """Write what share of a whole a part is.

    Example:
        >>> share(1, 8), share(0, 0)
        ('12.5 %', '-')
    """
    return rate(part / whole) if whole else "-"


def seconds(duration: float) -> str:
    """Write a duration.

    Example:
        >>> seconds(0.00123), seconds(75.0), seconds(0.0)
        ('1.23 ms', '75 s', '0 s')
    """
    for size, unit in _UNITS:
        if abs(duration) >= size:
            return f"{plain(duration / size)} {unit}"
    return "0 s"


def span(first: float, last: float) -> str:
    """Write how long a span of time is.

    Example:
        >>> span(0.0, 7200.0), span(5.0, 5.0)
        ('2 hours', 'under a second')
    """
    for size, unit in _SPANS:
        if last - first >= size:
            length = (last - first) / size
            text = plain(length) if length >= 100 else f"{length:.1f}".removesuffix(".0")
            return f"{text} {unit.removesuffix('s') if text == '1' else unit}"
    return "under a second"


def nbytes(size: int) -> str:
    """Write a size in bytes.

    Example:
        >>> nbytes(512), nbytes(12_300_000)
        ('512 bytes', '12.3 MB')
    """
    for unit, name in _SIZES:
        if size >= unit:
            return f"{plain(size / unit)} {name}"
    return counted(size, "byte")


def moment(at: float) -> str:
    """Write a moment, given in seconds since 1970-01-01 UTC.

    Example:
        >>> moment(1_700_000_000.25), moment(1e18)
        ('2023-11-14 22:13:20', '1e+18 s after 1970')
    """
    try:
        then = dt.datetime.fromtimestamp(at, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return f"{at:.6g} s after 1970"
    return f"{then:%Y-%m-%d %H:%M:%S}"


def cut(text: Any, limit: int = 120) -> str:
    r"""Write a text of bounded length, with what would be invisible as escapes.

    Example:
        >>> cut("a\u202eb\n"), cut("abcdef", 4), cut(None)
        ('a\\u202eb\\n', 'abcd…', 'None')
    """
    line = str(text)
    shown = escaped(line[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
