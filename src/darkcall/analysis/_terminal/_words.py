"""Numbers, times and texts of records, as they are written on the terminal."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any, Final

from rich.text import Text

from darkcall._text import escaped, one_line


#: So many characters of one value are shown.
MAX_VALUE: Final = 600

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_SMALL: Final = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
_LARGE: Final = (
    ("d", _DAY, "h", _HOUR),
    ("h", _HOUR, "min", _MINUTE),
    ("min", _MINUTE, "s", 1),
)
_RATIO_DIGITS: Final = 3


def plain(text: object, style: str = "") -> Text:
    r"""Return any text of a record, to be shown as it is: no markup, no control characters.

    Args:
        text: Any text.
        style: A style of Rich.

    Returns:
        The text, which breaks anywhere rather than being cut off.

    Example:
        >>> plain("[red]\x1b[2J").plain
        '[red]\\x1b[2J'
    """
    return Text(escaped(str(text)), style=style, overflow="fold")


def number(count: int) -> str:
    """Write a count with separators.

    Example:
        >>> number(1234567)
        '1,234,567'
    """
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a count of things.

    Example:
        >>> counted(1, "call"), counted(2000, "call")
        ('1 call', '2,000 calls')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def percent(share: float) -> str:
    """Write a share in percent, to two significant digits or more, never rounded to 0 or to 100.

    Args:
        share: 0 to 1.

    Example:
        >>> percent(0.5), percent(0.00012345), percent(0), percent(0.99999), percent(1)
        ('50.0 %', '0.012 %', '0 %', '99.999 %', '100 %')
    """
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    near = min(share, 1 - share) * 100
    if not near > 0:
        return f"{share * 100:.3g} %"
    digits = max(1, 1 - math.floor(math.log10(near)))
    text = f"{share * 100:.{min(digits, 12)}f}"
    # As few digits as tell it from 100.
    if share > 0.5:
        text = next(
            (
                short
                for fewer in range(1, digits)
                if (short := f"{share * 100:.{fewer}f}") != f"{100:.{fewer}f}"
            ),
            text,
        )
    return f"{text} %"


def span(seconds: float) -> str:
    """Write how long something took, in the unit that fits.

    Args:
        seconds: How long.

    Example:
        >>> span(0.0000123), span(0.25), span(90), span(3 * 86400 + 7200)
        ('12.3 µs', '250 ms', '1 min 30 s', '3 d 2 h')
    """
    if seconds <= 0 or not math.isfinite(seconds):
        return f"{seconds:g} s"
    if seconds < _MINUTE:
        # Less than what is written as 1 of a unit is written in the next smaller one.
        units = (pair for pair in _SMALL if seconds >= pair[1] * 0.9995)
        unit, size = next(units, _SMALL[-1])
        return f"{_significant(seconds / size)} {unit}"
    large, large_size, small, small_size = next(pair for pair in _LARGE if seconds >= pair[1])
    whole, rest = divmod(int(seconds), large_size)
    more = f" {rest // small_size} {small}" if rest // small_size else ""
    return f"{whole:,} {large}{more}"


def times(ratio: float) -> str:
    """Write a ratio.

    Example:
        >>> times(1.5), times(12.34), times(1e7)
        ('1.50', '12.3', '10,000,000')
    """
    return _significant(ratio, zeros=True)


def _significant(value: float, *, zeros: bool = False) -> str:
    if value >= 999.5:
        return f"{value:,.0f}"
    if value <= 0:
        return "0"
    digits = max(0, _RATIO_DIGITS - 1 - math.floor(math.log10(value)))
    text = f"{value:.{min(digits, 6)}f}"
    return text if zeros or "." not in text else text.rstrip("0").rstrip(".")


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


def value(described: Any) -> Text:
    r"""Write one side of a difference, as a record describes it.

    Args:
        described: Plain data; texts with escapes are shown as these.

    Returns:
        JSON in one line, of bounded length.

    Example:
        >>> value({"$": "str", "escaped": r"a\tb"}).plain, value([1, None]).plain
        ('"a\\tb"', '[1, null]')
    """
    if isinstance(described, dict) and isinstance(described.get("escaped"), str):
        line = f'"{described["escaped"]}"'
    else:
        line = json.dumps(described, ensure_ascii=False)
    return Text(one_line(line, MAX_VALUE), overflow="fold")
