"""What can be typed behind the commands, once for all of them."""

from __future__ import annotations

import pathlib
from typing import Annotated, TypeAlias

import typer

from ._when import when


Records: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="RECORDS",
        help="Directories, files (JSON lines, gzipped or not; SQLite) or globs.",
        show_default=False,
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
]
Since: TypeAlias = Annotated[
    float | None,
    typer.Option(
        parser=when,
        metavar="WHEN",
        help="Only calls from then on: 2026-01-31, 2026-01-31T14:30 (UTC), or 2h (ago).",
    ),
]
Until: TypeAlias = Annotated[
    float | None, typer.Option(parser=when, metavar="WHEN", help="Only calls before then.")
]
Launch: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="Only this launch.")]
Candidate: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this candidate.")
]
By: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="Show parts by this key of the context; may be repeated."),
]


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise typer.BadParameter(f"{value} is not between 0 and 1, as 0.95 is")
    return value


def _rate(value: float) -> float:
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{value} is no share from 0 to 1")
    return value


def _above_0(value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value} is not above 0")
    return value


Confidence: TypeAlias = Annotated[
    float,
    typer.Option(metavar="SHARE", callback=_share, help="The confidence of all bounds."),
]
Launches: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--launch", metavar="NAME", help="Judge this launch, not all; may be repeated."),
]
MaxMismatchRate: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="RATE", callback=_rate, help="What share of the compared calls may differ, above 0."
    ),
]
MinCalls: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="How many calls must have been compared."),
]
MaxDropped: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        callback=_rate,
        help="What share of the chosen calls may say nothing: dropped, skipped, ignored, lost.",
    ),
]
MaxLatencyRatio: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="RATIO",
        callback=_above_0,
        help="How long the candidate may take, as a multiple of the control.",
    ),
]
Per: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Ask the same of each part by this key of the context."),
]
Code: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DIGEST|all",
        help="The candidate's code version to judge: the newest by default, or all together.",
    ),
]
Html: TypeAlias = Annotated[
    str, typer.Option(metavar="FILE", help="Where the page goes; - for standard output.")
]
Interval: TypeAlias = Annotated[
    float,
    typer.Option(metavar="SECONDS", callback=_above_0, help="How often to look, in seconds."),
]
Folder: TypeAlias = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--records",
        metavar="DIR",
        help="Where the records go, as JSON lines; a temporary directory by default.",
    ),
]
