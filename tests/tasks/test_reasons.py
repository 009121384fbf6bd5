"""`status` says why a finished stage would run again: which setting, which input, which version, which choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_contracts import Clip, write_table
from flows.status import status_text
from tasks import reasons
from tasks.config import PipelineConfig, store
from tasks.engine.choices import FILE
from tasks.engine.workspace import Workspace, read_json, write_json
from tasks.mine.stage import MineStage
from tasks.pipeline import find_step
from tasks.reasons import reason
from tasks.steps import run_step
from tests.tasks.rows import clip_row

MINE = find_step("mine")


def config(**values: Any) -> PipelineConfig:
    return PipelineConfig.model_validate({"mine": {"parser": "rules"}, "llm": {"backend": "rules"}, **values})


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "w")
    write_clips(space, "A dog barks loudly")
    assert reason(MINE, config(), space) == ""  # it has not run
    run_step(MINE, config(), space)
    store(config(), space)
    return space


def write_clips(space: Workspace, caption: str) -> None:
    write_table(space.table("ingest", "clips"), Clip, [clip_row("a", caption=caption)])


def test_nothing_is_said_of_a_stage_that_is_as_it_was(space: Workspace) -> None:
    assert reason(MINE, config(), space) == ""
    assert reason(MINE, config(train={"steps": 3}, workers=7), space) == ""  # not this stage's settings


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mine": {"parser": "spacy"}}, "mine.parser rules -> spacy"),
        ({"dataset_version": "2"}, "dataset_version 1 -> 2"),
        ({"mine": {"parser": "rules", "splits": ["train", "val"]}}, 'mine.splits ["train"] -> ["train","val"]'),
    ],
)
def test_a_changed_setting_is_named_with_its_values(space: Workspace, changed: dict[str, Any], said: str) -> None:
    assert reason(MINE, config(**changed), space) == said


def test_what_auto_would_be_here_is_said(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.language.parse.has_parser", lambda: True)
    assert reason(MINE, config(mine={"parser": "auto"}), space) == "mine.parser rules -> auto (spacy here)"
    write_json(space.path(FILE), {"mine.parser": {"value": "rules", "reason": "it was so"}})
    assert reason(MINE, config(mine={"parser": "auto"}), space) == ""  # the workspace has chosen


def test_another_version_and_another_release_are_said(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MineStage, "version", 99)
    assert reason(MINE, config(), space) == f"version {MineStage.version - 96} -> 99 of the stage"
    monkeypatch.undo()
    made = read_json(space.path("mine", reasons.FILE))
    write_json(space.path("mine", reasons.FILE), {**made, "code": "another"})
    assert reason(MINE, config(), space) == "another release of the code"


def test_another_input_table_is_named(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {"ingest/clips.parquet": "1"}
    monkeypatch.setattr(reasons, "_tables", lambda *_: tables)
    reasons.remember(MINE, config(), space, MineStage.version)
    tables["ingest/clips.parquet"] = "2"
    assert reason(MINE, config(), space) == "ingest/clips.parquet is another"
    tables["augment/augmented.parquet"] = "3"
    assert reason(MINE, config(), space).startswith("augment/augmented.parquet is new or gone, ")


def test_many_changes_are_counted(space: Workspace) -> None:
    before = reasons._read(MINE, space)
    assert before is not None
    now = before.model_copy(update={"settings": {f"mine.s{n}": "1" for n in range(9)}})
    assert len(list(reasons._changes(before, now))) == 12
    write_json(space.path("mine", reasons.FILE), now.model_dump())
    assert reason(MINE, config(), space).endswith(", 8 more")


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1}'])
def test_a_damaged_record_says_nothing(space: Workspace, content: str) -> None:
    space.path("mine", reasons.FILE).write_text(content)
    assert reason(MINE, config(mine={"parser": "spacy"}), space) == ""


def test_status_says_it(space: Workspace) -> None:
    store(config(mine={"parser": "rules", "splits": ["train", "val"]}), space)
    write_clips(space, "A dog barks quietly")
    (line,) = [line for line in status_text(space.root).splitlines() if line.startswith("mine")]
    assert 'process 1: mine.splits ["train"] -> ["train","val"]' in line
