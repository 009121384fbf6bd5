"""A finished stage is known as up to date from markers alone, and only while nothing that it depends on has changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.engine import run_stage
from tasks.engine.inputs import all_whole, remember_inputs, up_to_date
from tasks.engine.marker import marker_path, renew_times
from tasks.engine.workspace import Workspace
from tests.flows.steps import First, Second
from tests.tasks.engine.tiny import TinyRow

KNOWN = {"settings": {"a": 1}}


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path)
    run_stage(First(), space)
    run_stage(Second(bad=(3,)), space)
    return space


def known(space: Workspace, **changed: int) -> bool:
    return up_to_date(space, "second", ["first"], {**KNOWN, **changed}) is not None


def test_the_summary_is_returned_once_the_inputs_are_remembered(space: Workspace) -> None:
    assert not known(space)
    remember_inputs(space, "second", ["first"], KNOWN)
    found = up_to_date(space, "second", ["first"], KNOWN)
    assert found is not None and (found.done, found.quarantined, found.new) == (39, 1, 0)
    assert not known(space, other=2)
    assert up_to_date(space, "second", ["first"], None) is None
    before = marker_path(space, "second").read_bytes()
    remember_inputs(space, "second", ["first"], KNOWN)
    assert marker_path(space, "second").read_bytes() == before


def damaged(space: Workspace) -> None:
    space.table("second", TinyRow.TABLE).write_bytes(b"no table")


def input_gone(space: Workspace) -> None:
    space.table("first", TinyRow.TABLE).unlink()


def input_changed(space: Workspace) -> None:
    run_stage(First(factor=9), space)


def input_unfinished(space: Workspace) -> None:
    marker_path(space, "first").unlink()


def marker_changed(space: Workspace) -> None:
    content = json.loads(marker_path(space, "second").read_text())
    content["summary"]["done"] = 40
    marker_path(space, "second").write_text(json.dumps(content))


def marker_broken(space: Workspace) -> None:
    marker_path(space, "second").write_text('{"inputs": 1}')


def file_forgotten(space: Workspace) -> None:
    content = json.loads(marker_path(space, "second").read_text())
    content["files"].popitem()
    marker_path(space, "second").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [damaged, input_gone, input_changed, input_unfinished, marker_changed, marker_broken, file_forgotten],
)
def test_any_change_is_noticed(change: Callable[[Workspace], None], space: Workspace) -> None:
    remember_inputs(space, "second", ["first"], KNOWN)
    assert known(space)
    change(space)
    assert not known(space)


def test_another_time_of_an_equal_file_changes_nothing(space: Workspace) -> None:
    remember_inputs(space, "second", ["first"], KNOWN)
    for stage in ("first", "second"):
        os.utime(space.table(stage, TinyRow.TABLE), (1, 1))
    assert known(space)
    renew_times(Second(bad=(3,)), space)
    assert known(space)


def test_a_run_that_makes_its_stage_again_forgets_the_inputs(space: Workspace) -> None:
    remember_inputs(space, "second", ["first"], KNOWN)
    run_stage(Second(bad=(3,), factor=5), space)
    assert not known(space)


def test_stages_are_whole_with_their_markers_and_files(space: Workspace) -> None:
    assert all_whole(space, ["first", "second"]) and all_whole(space, [])
    assert not all_whole(space, ["first", "third"])
    damaged(space)
    assert not all_whole(space, ["first", "second"])
