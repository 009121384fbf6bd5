"""docs/evaluation.md has a row for every column, option and written file, and every kind of bad file."""

from __future__ import annotations

import re

import pytest
import typer.main

from flows.cli import app
from tasks.commands.evaluate import outputs
from tasks.commands.evaluate.problems import KINDS, PROBLEMS
from tasks.evaluate.columns import COLUMNS
from tasks.evaluate.metrics.catalogue import METRICS
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "evaluation.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n?)*)", PAGE, re.MULTILINE))
OF_A_WORKSPACE = ("AdverbCheck", "Material")  # they need its prompts and its training clips


def first_cells(section: str) -> set[str]:
    """Returns what is quoted in the first cells of a section's tables."""
    cells = re.findall(r"^\| (`.*?) \|", SECTIONS[section], re.MULTILINE)
    return {quoted for cell in cells for quoted in re.findall(r"`([^`]*)`", cell)}


@pytest.mark.parametrize("name", [*(one.name for one in COLUMNS), *METRICS])
def test_every_column_is_explained(name: str) -> None:
    begun = any(name.startswith(cell) for cell in first_cells("What the columns mean"))
    assert begun or name.startswith(OF_A_WORKSPACE)


def test_every_option_and_every_kind_of_problem_is_there() -> None:
    command = typer.main.get_command(app).commands["evaluate"]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts}
    said = {cell.split()[0] for cell in first_cells("Options, and bad files")}
    assert {name for name in known if not re.search(rf"{name}\b", PAGE)} == set()
    assert {cell for cell in said if cell.startswith("--")} <= known
    assert {kind for kind in KINDS if f"`{kind}`" not in SECTIONS["Options, and bad files"]} == set()


def test_every_written_file_is_there() -> None:
    written = {outputs.SCORES, outputs.CLIPS, outputs.LATEX, outputs.PAGE, PROBLEMS}
    assert first_cells("What you get") == {*written, "cache/"}
