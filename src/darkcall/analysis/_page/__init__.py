"""A summary as one HTML file that needs nothing else: to be sent, kept and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darkcall._errors import ConfigurationError


if TYPE_CHECKING:
    from darkcall.analysis._summary import Summary
    from darkcall.analysis._verdict import Judgement

__all__ = ["page_of"]


def page_of(summary: Summary, judgement: Judgement | None = None) -> str:
    """Return the page that shows a summary, and the verdict on it.

    The page loads nothing, runs no script, and is the same text for the same summary.  It can be
    written as UTF-8, whatever the records hold, and stays below 2 MB: what is left out for
    that is said where it would stand.

    Args:
        summary: What the records tell.
        judgement: The verdict; None shows the figures alone.

    Returns:
        The HTML document.

    Raises:
        ConfigurationError: What the extra ``report`` brings is not installed.
    """
    try:
        from ._document import document  # noqa: PLC0415 -- needs an extra
    except ModuleNotFoundError as missing:
        if missing.name not in {"altair", "jinja2", "markupsafe", "vl_convert"}:
            raise
        raise ConfigurationError(
            f'a page needs {missing.name}, which is not installed: pip install "darkcall[report]"'
        ) from missing
    return document(summary, judgement)
