"""The table of generation tasks agrees with itself, with the names in type annotations and with the manual."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from data_contracts.generation import FILE_INPUTS, TASKS, Condition, Input, TaskName
from tests.conftest import REPOSITORY

INPUT_OF: dict[Condition, set[Input]] = {
    "text": {"text"},
    "clip": {"video"},
    "sync": {"video"},
    "reference": {"reference_audio"},
    "reference_sync": {"reference_video", "surrogate"},
    "original": {"original"},
    "window": {"window"},
}
"""Which inputs a condition is made from; fe may take its reference, and an edit its original, from the video."""


def test_every_name_of_the_types_is_in_the_table() -> None:
    assert set(TASKS) == set(get_args(TaskName))
    assert set(INPUT_OF) == set(get_args(Condition))
    assert set.union(*INPUT_OF.values()) == set(get_args(Input)) > set(FILE_INPUTS)


@pytest.mark.parametrize("name", TASKS)
def test_the_inputs_of_a_task_are_those_its_conditions_are_made_from(name: str) -> None:
    task = TASKS[name]
    assert not set(task.needs) & set(task.may_use) and not set(task.inputs) & set(task.optional)
    used = {source for condition in get_args(Condition) if task.uses(condition) for source in INPUT_OF[condition]}
    assert used - {"window"} == {source for source in get_args(Input) if task.takes(source)} - {"window"}
    assert not task.uses("window") or task.takes("window")


@pytest.mark.parametrize("name", TASKS)
def test_an_input_that_must_be_given_feeds_a_condition_that_is_needed(name: str) -> None:
    needed = set().union(*(INPUT_OF[condition] for condition in TASKS[name].needs))
    assert set(TASKS[name].inputs) <= needed


def test_reference_and_its_video_belong_together() -> None:
    for task in TASKS.values():
        assert not task.uses("reference_sync") or task.uses("reference")
        assert not task.uses("clip") or task.uses("sync")


@pytest.mark.parametrize("name", TASKS)
def test_title_and_help_are_one_line_for_people(name: str) -> None:
    task = TASKS[name]
    assert task.help.endswith(".") and "\n" not in task.help and name not in task.help.split()
    assert [one.title for one in TASKS.values()].count(task.title) == 1


def test_the_manual_lists_every_task_with_its_inputs() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|([^|]*)\|([^|]*)\|", (REPOSITORY / "docs" / "generate.md").read_text(), re.M)
    assert {name for name, _, _ in rows} == set(TASKS)
    for name, *cells in rows:
        named = {option.replace("-", "_") for option in re.findall(r"--([a-z-]+)", " ".join(cells))}
        assert named == {source for source in get_args(Input) if TASKS[name].takes(source)}, name
