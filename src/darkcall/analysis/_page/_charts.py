"""Charts as static SVG, coloured by the page: no text in them comes from a record."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import altair as alt
import attrs
import vl_convert

from darkcall._sketch import GAMMA


if TYPE_CHECKING:
    from collections.abc import Sequence

    from darkcall.analysis._findings import Distribution, Point

_WIDTH: Final = 300
_HEIGHT: Final = 170
_MAX_POINTS: Final = 40
_MAX_BINS: Final = 40
#: JavaScript has no dates after the year 9999 that it writes as people do.
_LAST_MOMENT: Final = 253_402_300_799.0
#: From here on a linear axis would hide the narrow end.
_WIDE: Final = 10.0
_NARROW: Final = 5.0

_PERCENT: Final = "format(datum.value * 100, '~g') + ' %'"
_SECONDS: Final = (
    "datum.value < 9.99e-7 ? format(datum.value * 1e9, '~r') + ' ns' : "
    "datum.value < 9.99e-4 ? format(datum.value * 1e6, '~r') + ' µs' : "
    "datum.value < 0.999 ? format(datum.value * 1e3, '~r') + ' ms' : "
    "format(datum.value, ',~r') + ' s'"
)
#: A day where a day begins, else the time of day; a year where one begins.
_MOMENT: Final = (
    "utcFormat(datum.value, '%d%m %H%M') == '0101 0000' ? utcFormat(datum.value, '%Y') : "
    "utcFormat(datum.value, '%H%M') == '0000' ? utcFormat(datum.value, '%-d %b') : "
    "utcFormat(datum.value, '%H:%M:%S') == utcFormat(datum.value, '%H:%M:00') ? "
    "utcFormat(datum.value, '%H:%M') : utcFormat(datum.value, '%H:%M:%S')"
)
_SOLID: Final = [1, 0]
_DASHED: Final = [5, 3]
_DOTTED: Final = [1, 3]
_TIMES: Final = "format(datum.value, '~g') + '\\u00d7'"

# Fixed places and words. Altair gives these no types, and alt.value takes ten times as long.
_x: Any = alt.XValue
_x2: Any = alt.X2Value
_y: Any = alt.YValue
_text: Any = alt.TextValue

# What the page says itself, or what nobody sees.
_NOISE: Final = re.compile(
    r' (?:class|role|aria-[a-z]+|font-family|pointer-events)="[^"]*"| opacity="1"'
    r'|<path [^>]*(?:d=""|d="M0,0h0v0h0Z"|display="none")[^>]*/>'
)
#: In a tag alone: a label says what it says.
_LONG: Final = re.compile(r"(\d+\.\d{2})\d+(?=[^<>]*>)")
_VIEW_BOX: Final = re.compile(r'viewBox="([^"]*)"')


@attrs.frozen
class Drawing:
    """What stands between the tags of an SVG.

    Attributes:
        view_box: Its extent.
        shapes: Its elements: markup that is safe as it is.
    """

    view_box: str
    shapes: str


@attrs.frozen
class Bin:
    """The values within two bounds.

    Attributes:
        low: The lower bound.
        high: The upper bound.
        counts: How many values of each distribution lie between them.
        shares: Their shares of each distribution.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    shares: tuple[float, ...]


def thinned(trend: Sequence[Point]) -> tuple[Point, ...]:
    """Return at most forty points, the first and the last among them, that can be drawn."""
    points = [point for point in trend if 0 <= point.at <= _LAST_MOMENT and point.compared_so_far]
    if len(points) <= _MAX_POINTS:
        return tuple(points)
    step = (len(points) - 1) / (_MAX_POINTS - 1)
    return tuple(points[round(number * step)] for number in range(_MAX_POINTS))


def bins_of(*distributions: Distribution) -> tuple[Bin, ...]:
    """Return at most forty bins, equally wide on a logarithmic scale, that hold all values."""
    indexes = sorted({index for each in distributions for index in each.counts})
    if not indexes:
        return ()
    first, last = indexes[0], indexes[-1]
    width = math.ceil((last - first + 1) / _MAX_BINS)
    sums = [[0] * ((last - first) // width + 1) for _ in distributions]
    for row, each in zip(sums, distributions, strict=True):
        for index, count in each.counts.items():
            row[(index - first) // width] += count
    return tuple(
        Bin(
            low=GAMMA ** (first + number * width - 1),
            high=GAMMA ** (first + (number + 1) * width - 1),
            counts=counts,
            shares=tuple(
                count / each.count if each.count else 0.0
                for count, each in zip(counts, distributions, strict=True)
            ),
        )
        for number, counts in enumerate(zip(*sums, strict=True))
    )


def rate_chart(points: Sequence[Point], limit: float | None) -> Drawing | None:
    """Draw the rate of differences and its bounds, from the first call on.

    Args:
        points: As :func:`thinned` returns them.
        limit: The rate that is allowed; None if none was asked about.

    Returns:
        The drawing; None if there is nothing to be seen in it.
    """
    if len(points) < 2:
        return None
    limits = [limit] if limit else []
    seen = [value for point in points for value in (_rate_of(point), point.low) if value > 0]
    highs = [max(point.high, 1e-12) for point in points]
    lowest, highest = min([*highs, *seen, *limits]), max([*highs, *limits])
    is_log = highest / lowest > _WIDE
    if is_log:
        floor = 10.0 ** math.floor(math.log10(lowest))
        ticks = _decades(floor, highest)
        scale = alt.Scale(type="log", domain=[floor, highest], nice=False)
    else:
        floor, ticks = 0.0, None
        scale = alt.Scale(domain=[0.0, highest])
    data = [
        {
            "at": point.at * 1000,
            # None is a gap: a logarithmic axis has no zero.
            "rate": rate if (rate := _rate_of(point)) >= floor and (rate or not is_log) else None,
            "low": max(point.low, floor),
            "bound": point.low if point.low >= floor and (point.low or not is_log) else None,
            "high": max(point.high, floor),
        }
        for point in points
    ]
    x = alt.X(
        "at:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False),
        axis=alt.Axis(
            tickCount=4, grid=False, labelFlush=True, labelOverlap=True, labelExpr=_MOMENT
        ),
    )
    axis = alt.Axis(labelExpr=_PERCENT, values=ticks or alt.Undefined, tickCount=4)
    y = alt.Y("high:Q", title=None, scale=scale, axis=axis)
    base = alt.Chart()
    layers: list[alt.Chart] = [
        base.mark_area(fill="var(--candidate)", fillOpacity=0.16).encode(
            x=x, y=y, y2=alt.Y2("low:Q")
        ),
        base.mark_line(stroke="var(--candidate)", strokeWidth=1.2, strokeDash=_DASHED).encode(
            x=x, y=y
        ),
        base.mark_line(stroke="var(--candidate)", strokeWidth=1.2, strokeDash=_DASHED).encode(
            x=x, y=alt.Y("bound:Q")
        ),
        base.mark_line(stroke="var(--candidate)", strokeWidth=2).encode(x=x, y=alt.Y("rate:Q")),
    ]
    if limit:
        line = alt.Chart(alt.InlineData(values=[{"limit": limit}]))
        layers.append(
            line.mark_rule(stroke="var(--text)", strokeDash=_DOTTED).encode(y=alt.Y("limit:Q"))
        )
    legend = [
        ("rate", "var(--candidate)", _SOLID),
        ("its bounds", "var(--candidate)", _DASHED),
        *([("limit", "var(--text)", _DOTTED)] if limit else []),
    ]
    return _drawn([*layers, *_legend(legend)], data)


def distribution_chart(bins: Sequence[Bin], *, is_ratio: bool = False) -> Drawing | None:
    """Draw how values are distributed, on a logarithmic scale.

    Args:
        bins: Of the control's and the candidate's seconds; of the ratio alone.
        is_ratio: Whether they are of the ratio.

    Returns:
        The drawing; None if there is nothing to be seen in it.
    """
    if not bins:
        return None
    low, high = bins[0].low, bins[-1].high
    if is_ratio:
        low, high = min(low, 0.8), max(high, 1.25)
    if high / low < _NARROW:
        # Wide enough for an axis to have labels.
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(_NARROW), middle * math.sqrt(_NARROW)
    x = alt.X(
        "x:Q",
        title=None,
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(
            values=_ticks(low, high),
            labelExpr=_TIMES if is_ratio else _SECONDS,
            grid=False,
            labelOverlap=True,
        ),
    )
    sides = ["candidate"] if is_ratio else ["control", "candidate"]
    layers: list[alt.Chart] = []
    nothing = dict.fromkeys(sides, 0.0)
    outline = [
        {"x": bins[0].low, **nothing},
        *({"x": each.low, **dict(zip(sides, each.shares, strict=True))} for each in bins),
        {"x": bins[-1].high, **nothing},
    ]
    base = alt.Chart()
    for number, side in enumerate(sides):
        y = alt.Y(f"{side}:Q", title=None, axis=alt.Axis(labelExpr=_PERCENT, tickCount=4))
        colour = f"var(--{side})"
        layers += [
            base.mark_area(interpolate="step-after", fill=colour, fillOpacity=0.14).encode(
                x=x, y=y
            ),
            base.mark_line(
                interpolate="step-after",
                stroke=colour,
                strokeWidth=1.6,
                strokeDash=_DASHED if number else _SOLID,
            ).encode(x=x, y=y),
        ]
    if is_ratio:
        rule = alt.Chart(alt.InlineData(values=[{"x": 1.0}]))
        layers += [
            rule.mark_rule(stroke="var(--text)", strokeDash=_DOTTED).encode(x=x),
            _side(rule, x, "right", "faster"),
            _side(rule, x, "left", "slower"),
        ]
    else:
        layers += _legend(
            [
                ("control", "var(--control)", _SOLID),
                ("candidate", "var(--candidate)", _DASHED),
            ]
        )
    return _drawn(layers, outline)


def _rate_of(point: Point) -> float:
    return point.failed_so_far / point.compared_so_far


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high) + 1e-9)
    step = math.ceil((last - first + 1) / 5)
    return [10.0**power for power in range(first, last + 1, step)]


def _ticks(low: float, high: float) -> list[float]:
    decades = _decades(low, high)
    within = [tick for tick in decades if low <= tick <= high]
    if len(within) >= 3:
        return within
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    finer = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    return [tick for tick in finer if low <= tick <= high]


def _legend(entries: Sequence[tuple[str, str, list[int]]]) -> list[alt.Chart]:
    """Return a row above the chart, where it hides nothing."""
    one = alt.Chart(alt.InlineData(values=[{}]))
    layers: list[alt.Chart] = []
    left = 0
    for text, colour, dash in entries:
        layers += [
            one.mark_rule(stroke=colour, strokeWidth=2, strokeDash=dash).encode(
                x=_x(left), x2=_x2(left + 20), y=_y(-14)
            ),
            one.mark_text(align="left", baseline="middle", fill=colour).encode(
                x=_x(left + 26), y=_y(-14), text=_text(text)
            ),
        ]
        left += 44 + 7 * len(text)
    return layers


def _side(rule: alt.Chart, x: alt.X, align: Literal["left", "right"], text: str) -> alt.Chart:
    dx = 5 if align == "left" else -5
    label: alt.Chart = rule.mark_text(align=align, baseline="top", dx=dx, dy=-20).encode(
        x=x, y=_y(0), text=_text(text)
    )
    return label


def _drawn(layers: Sequence[alt.Chart], data: list[dict[str, Any]]) -> Drawing:
    whole: Any = (
        alt.layer(*layers, data=alt.InlineData(values=data))
        .properties(width=_WIDTH, height=_HEIGHT)
        .configure(
            background="transparent",
            padding={"left": 4, "right": 10, "top": 24, "bottom": 4},
            aria=False,
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--muted)",
            labelFontSize=12,
            gridColor="var(--line)",
            domainColor="var(--line-strong)",
            tickColor="var(--line-strong)",
            labelPadding=5,
        )
        .configure_axisY(domain=False, ticks=False)
        .configure_text(fontSize=12, fill="var(--text)")
    )
    # Not validated: the calls above are type-checked, and it takes as long as the drawing.
    svg = vl_convert.vegalite_to_svg(whole.to_dict(validate=False))
    shapes = svg.partition(">")[2].removesuffix("</svg>")
    return Drawing(_VIEW_BOX.findall(svg)[0], _LONG.sub(r"\1", _NOISE.sub("", shapes)))
