"""The document: templates, and a policy that lets nothing run and nothing load."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from darkcall._text import escaped
from darkcall.analysis import _words

from ._examples import Bounds
from ._sections import (
    MAX_OVERVIEW,
    MAX_SECTIONS,
    WORDS,
    details_of,
    sections_of,
    why_of_all,
)


if TYPE_CHECKING:
    from darkcall.analysis._summary import Summary
    from darkcall.analysis._verdict import Judgement

    from ._charts import Drawing


def document(summary: Summary, judgement: Judgement | None) -> str:
    """Return the page: see :func:`darkcall.analysis._page.page_of`."""
    sections = sections_of(summary, judgement)
    shown = sections[:MAX_SECTIONS]
    bounds = Bounds.for_candidates(len(shown))
    style = _file("page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    verdict = judgement.verdict if judgement else None
    return (
        _environment()
        .get_template("page.html")
        .render(
            # Both are files of this package.
            style=Markup(style),  # noqa: S704
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'",
            summary=summary,
            verdict=verdict,
            headline=WORDS[verdict],
            why=shown[0].why if len(sections) == 1 else why_of_all(sections),
            notes=judgement.notes if judgement else (),
            overview=sections[:MAX_OVERVIEW],
            overview_left_out=max(0, len(sections) - MAX_OVERVIEW),
            sections=[(section, details_of(section, bounds)) for section in shown],
            sections_left_out=len(sections) - len(shown),
            is_alone=len(sections) == 1,
        )
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("counted", "cut", "duration", "figure", "nbytes", "number", "percent"):
        environment.filters[name] = getattr(_words, name)
    environment.filters.update(moment=_moment, shapes=_shapes)
    environment.globals.update(share=_words.share, words=WORDS)
    return environment


def _file(name: str) -> str:
    folder = importlib.resources.files(__package__ or "")
    return folder.joinpath("templates", name).read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    # The last net: no text reaches the page with what cannot be seen, or not be encoded.
    return escaped(value) if type(value) is str else value


def _moment(at: float) -> str:
    # The page says once that all times are UTC: its tables are full of them.
    return _words.moment(at).removesuffix(" UTC")


def _shapes(drawing: Drawing) -> Markup:
    # Drawn by Vega from numbers alone.
    return Markup(drawing.shapes)  # noqa: S704
