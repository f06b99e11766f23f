"""The commands, and what each hands on."""

import pathlib
import tempfile
from typing import Annotated, Final

import typer

from . import _options as options
from ._reading import Question, judged, summarised


#: What ``judge`` ends with: what asks a machine is answered by number.
EXIT_CODES: Final = {"READY": 0, "NOT_READY": 1, "INSUFFICIENT_DATA": 2}
_NOTHING_ASKED: Final = 3

app = typer.Typer(
    name="darkcall",
    help="Dark launches for Python functions: what the records tell.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 -- as Typer calls it
    if asked:
        import importlib.metadata  # noqa: PLC0415

        from ._out import write  # noqa: PLC0415 -- Rich takes its time; help does not need it

        write(f"darkcall {importlib.metadata.version('darkcall')}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version, and end."
        ),
    ] = False,
) -> int:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    return _NOTHING_ASKED


@app.command()
def summary(
    records: options.Records,
    *,
    launch: options.Launch = None,
    candidate: options.Candidate = None,
    by: options.By = None,
    since: options.Since = None,
    until: options.Until = None,
    confidence: options.Confidence = 0.95,
    as_json: options.Json = False,
) -> int:
    """Show what was recorded: coverage, outcomes, differences, latency."""
    found = summarised(
        records,
        launch=launch,
        candidate=candidate,
        by=tuple(by or ()),
        since=since,
        until=until,
        confidence=confidence,
    )
    from ._out import say, say_json  # noqa: PLC0415 -- as above

    if as_json:
        say_json(found.to_dict())
    else:
        from darkcall.analysis._terminal import render_summary  # noqa: PLC0415 -- as above

        say(render_summary(found))
    return 0


@app.command()
def diff(
    records: options.Records,
    *,
    launch: options.Launch = None,
    candidate: options.Candidate = None,
    since: options.Since = None,
    until: options.Until = None,
    signature: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only differences with this text in their signature."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many kinds for each candidate.")
    ] = 10,
    as_json: options.Json = False,
) -> int:
    """Show in what ways candidates differ, with examples side by side."""
    found = summarised(records, launch=launch, candidate=candidate, since=since, until=until)
    from darkcall.analysis._terminal import groups_to_dict, render_groups  # noqa: PLC0415 -- as above

    from ._out import say, say_json  # noqa: PLC0415 -- as above

    if as_json:
        say_json(groups_to_dict(found, signature=signature, limit=limit))
    else:
        say(render_groups(found, signature=signature, limit=limit))
    return 0


@app.command()
def judge(
    records: options.Records,
    *,
    launch: options.Launches = None,
    candidate: options.Candidate = None,
    max_mismatch_rate: options.MaxMismatchRate = 1e-3,
    confidence: options.Confidence = 0.95,
    min_calls: options.MinCalls = None,
    max_dropped: options.MaxDropped = 0.05,
    max_latency_ratio: options.MaxLatencyRatio = None,
    per: options.Per = None,
    code: options.Code = None,
    as_json: options.Json = False,
) -> int:
    """Say whether it is safe to switch.

    Ends with 0 for READY, 1 for NOT_READY, 2 for INSUFFICIENT_DATA, and 3 after an error.
    """
    question = Question(
        launches=tuple(launch) if launch else None,
        candidate=candidate,
        max_mismatch_rate=max_mismatch_rate,
        confidence=confidence,
        min_calls=min_calls,
        max_dropped=max_dropped,
        max_latency_ratio=max_latency_ratio,
        per=per,
        code=code,
    )
    _, judgement = judged(records, question)
    from ._out import say, say_json  # noqa: PLC0415 -- as above

    if as_json:
        say_json(judgement.to_dict())
    else:
        from darkcall.analysis._terminal import render_judgement  # noqa: PLC0415 -- as above

        say(render_judgement(judgement))
    return EXIT_CODES[judgement.verdict]


@app.command()
def report(
    records: options.Records,
    *,
    html: options.Html,
    launch: options.Launches = None,
    candidate: options.Candidate = None,
    max_mismatch_rate: options.MaxMismatchRate = 1e-3,
    confidence: options.Confidence = 0.95,
    min_calls: options.MinCalls = None,
    max_dropped: options.MaxDropped = 0.05,
    max_latency_ratio: options.MaxLatencyRatio = None,
    per: options.Per = None,
    code: options.Code = None,
    as_json: options.Json = False,
) -> int:
    """Write a page to send: verdict, figures and examples.

    It is one HTML file, without scripts, that needs no network.
    """
    question = Question(
        launches=tuple(launch) if launch else None,
        candidate=candidate,
        max_mismatch_rate=max_mismatch_rate,
        confidence=confidence,
        min_calls=min_calls,
        max_dropped=max_dropped,
        max_latency_ratio=max_latency_ratio,
        per=per,
        code=code,
    )
    if html == "-" and as_json:
        raise typer.BadParameter("--html - and --json both want standard output")
    from ._report import show_page  # noqa: PLC0415 -- as above

    show_page(*judged(records, question), html=html, as_json=as_json)
    return 0


@app.command()
def watch(
    records: options.Records,
    *,
    interval: options.Interval = 2.0,
    launch: options.Launches = None,
    candidate: options.Candidate = None,
    max_mismatch_rate: options.MaxMismatchRate = 1e-3,
    confidence: options.Confidence = 0.95,
    min_calls: options.MinCalls = None,
    max_dropped: options.MaxDropped = 0.05,
    max_latency_ratio: options.MaxLatencyRatio = None,
    per: options.Per = None,
    code: options.Code = None,
    as_json: options.Json = False,
) -> int:
    """Show verdict and summary while records come in, until Ctrl-C."""
    question = Question(
        launches=tuple(launch) if launch else None,
        candidate=candidate,
        max_mismatch_rate=max_mismatch_rate,
        confidence=confidence,
        min_calls=min_calls,
        max_dropped=max_dropped,
        max_latency_ratio=max_latency_ratio,
        per=per,
        code=code,
    )
    from ._watch import watch_records  # noqa: PLC0415 -- as above

    watch_records(records, question, interval=interval, as_json=as_json)
    return 0


@app.command()
def tail(
    records: options.Records,
    *,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=0, help="So many of the last records.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new ones, until Ctrl-C.")
    ] = False,
    outcome: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME", help="Only these, as mismatch; may be repeated."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each record as one line of JSON.")
    ] = False,
) -> int:
    """Show the last records, and new ones as they come in."""
    from ._tail import tail_records  # noqa: PLC0415 -- as above

    tail_records(records, lines=lines, follows=follow, outcomes=outcome, as_json=as_json)
    return 0


@app.command()
def replay(
    records: options.Records,
    function: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION",
            help="What is decorated: module:function, or module:Class.method.",
            show_default=False,
        ),
    ],
    *,
    candidate: options.Candidate = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OUTCOME",
            help="Calls of this outcome, not mismatch and candidate_error; may be repeated.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many signatures for each candidate.")
    ] = 10,
    as_json: options.Json = False,
) -> int:
    """Run recorded inputs through the code as it is now.

    Says which differences are fixed, which remain and which are new. Ends with 0 if all are fixed,
    1 if a candidate differs, 2 if an input could not be judged, and 3 after an error.
    """
    from ._replay import replay_records  # noqa: PLC0415 -- as above

    return replay_records(
        records, function, candidate=candidate, outcomes=outcome, limit=limit, as_json=as_json
    )


@app.command()
def emit(
    records: options.Records,
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the tests go; - for standard output."
        ),
    ],
    launch: options.Launch = None,
    function: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="A function whose launch has a name of its own; may be repeated.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="At most so many tests, of the most frequent kinds."),
    ] = None,
) -> int:
    """Write tests of recorded mismatches, one for each kind.

    They fail until the candidate does what the control does: both run on recorded inputs, to find
    some on which they differ today. It takes records that were kept with keep="everything". Ends
    with 0 if tests were written, and 2 if there was nothing to write.
    """
    from ._emit import emit_tests  # noqa: PLC0415 -- as above

    return emit_tests(records, output, launch=launch, functions=function or [], limit=limit)


@app.command()
def demo(
    *,
    records: options.Folder = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Take only the first N docstrings, not all."),
    ] = None,
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where the page goes; beside the records by default."),
    ] = None,
) -> int:
    """Show a dark launch of textwrap.dedent on real input.

    Two rewrites of it run in the dark, over every docstring of the standard library, and are
    judged. Ends with 1 if a call is not accounted for, or a verdict is wrong.
    """
    from darkcall._demo import LAUNCH, run, wrong_verdicts  # noqa: PLC0415 -- as above

    from ._out import write  # noqa: PLC0415 -- as above
    from ._report import show_page  # noqa: PLC0415 -- as above

    folder = records or pathlib.Path(tempfile.mkdtemp(prefix="darkcall-demo-"))
    status = run(records=str(folder), limit=limit)
    summary = summarised([str(folder)], launch=LAUNCH)
    judgement = summary.judge()
    show_page(summary, judgement, html=html or str(folder / "report.html"))
    wrong = wrong_verdicts(judgement)
    write("".join(f"{sentence}\n" for sentence in wrong))
    return 1 if wrong else status
