"""The docs name every knob, and link only to what is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import attrs
import pytest

import darkcall
from darkcall import _budget, _gate, analysis, sinks, testing
from darkcall._policy import CLOSE_SECONDS, KNOBS, SETTINGS, Knobs, Policy, Settings
from darkcall.compare import equal, same_exception


ROOT = Path(__file__).parents[1]
KNOBS_PAGE = ROOT / "docs" / "reference" / "knobs.md"
API_PAGE = ROOT / "docs" / "reference" / "api.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OBJECTS = {"equal": equal, "same_exception": same_exception}

ROW = re.compile(r"^\| `(\w+)` \| .* \| .*\| `([^`]*)` \|$", re.MULTILINE)
SECTION = re.compile(r"^### (\w+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def documented_defaults():
    return {
        name: OBJECTS[default] if default in OBJECTS else ast.literal_eval(default)
        for name, default in ROW.findall(KNOBS_PAGE.read_text("utf-8"))
    }


def anchors_of(page):
    headings = HEADING.findall(FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


def test_the_table_of_knobs_names_each_knob_once():
    rows = [name for name, _ in ROW.findall(KNOBS_PAGE.read_text("utf-8"))]

    assert sorted(rows) == sorted(SETTINGS)


def test_the_table_of_knobs_tells_the_defaults():
    defaults = {field.name: field.default for field in attrs.fields(Policy) if field.init}

    assert documented_defaults() == {**defaults, "close_timeout": CLOSE_SECONDS}


def test_each_knob_has_a_section_of_its_own():
    sections = SECTION.findall(KNOBS_PAGE.read_text("utf-8"))

    assert sorted(sections) == sorted(SETTINGS)


def test_the_types_of_knobs_name_each_knob():
    assert sorted(Knobs.__annotations__) == sorted(KNOBS)
    assert sorted(Settings.__annotations__) == sorted(SETTINGS)


@pytest.mark.parametrize(
    "name", [*darkcall.__all__, *analysis.__all__, *sinks.__all__, *testing.__all__]
)
def test_the_reference_names_each_public_name(name):
    assert re.search(rf"`(?:darkcall\.)?{name}\b", API_PAGE.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_leads_somewhere(page):
    for target in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors_of(there), target


@pytest.mark.parametrize(
    "page",
    [ROOT / "docs" / "concepts.md", ROOT / "docs" / "decisions" / "0006-breaker-and-budget.md"],
    ids=lambda page: page.stem,
)
def test_the_docs_tell_the_constants_of_the_breaker(page):
    text = page.read_text("utf-8")

    assert f"{_gate.BREAKER_FAILURES} errors or timeouts in a row" in text
    assert f"every {_gate.BREAKER_SECONDS:g} seconds" in text
    assert _budget.BUDGET_SECONDS == 10.0
    assert "ten seconds" in text


def test_the_docs_tell_how_long_an_exit_takes():
    assert CLOSE_SECONDS == 2.0
    assert "up to two seconds" in (ROOT / "docs" / "concepts.md").read_text("utf-8")
