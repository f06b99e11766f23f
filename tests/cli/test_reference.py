"""The reference names all that can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from darkcall._cli._commands import app


PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands


def test_each_command_has_its_section_and_no_other_has_one():
    heads = re.findall("^## ([a-z]+)$", PAGE, re.MULTILINE)

    assert heads == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_all_options_of_its_command_and_no_others(name):
    section = PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    text = re.sub("```.*?```", "", section, flags=re.DOTALL)
    options = {
        option
        for parameter in COMMANDS[name].params
        for option in parameter.opts
        if option.startswith("-") and "help" not in option
    }
    named = set(re.findall(r"`(--?[a-z-]*[a-z])", text))

    assert named - {"-h", "--help"} == options - {"-h"}
