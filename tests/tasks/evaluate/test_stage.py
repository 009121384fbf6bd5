"""The evaluate step: its inputs, and the table that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ClipScore, ContractError, ManifestRow, Score, read_table, write_table
from tasks.engine import is_stage_finished, run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate.stage import EvaluateStage
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.oracle import CONFIG, copy_of, manifest


@pytest.fixture
def workspace(prepared: Workspace, scored: Scores, tmp_path: Path) -> Workspace:
    assert scored
    return copy_of(prepared, tmp_path / "copy", "generate", "judge", "score")


def test_the_table_is_written_once_and_holds_every_task(workspace: Workspace, scored: Scores) -> None:
    summary = run_stage(EvaluateStage(config=CONFIG), workspace)
    rows = read_table(workspace.table("evaluate", "scores"), Score)
    assert summary.rows == len(rows)
    assert {(s.task, s.metric, s.system): s for s in rows if s.value is not None} == scored
    assert is_stage_finished(EvaluateStage(config=CONFIG), workspace)
    assert run_stage(EvaluateStage(config=CONFIG), workspace).new == 0


@pytest.mark.parametrize("stage", ["score", "generate", "manifest"])
def test_a_missing_table_is_named_with_its_stage(workspace: Workspace, stage: str) -> None:
    names = {"score": "clip_scores", "generate": "generated", "manifest": "manifest"}
    workspace.table(stage, names[stage]).unlink()
    with pytest.raises(ContractError, match=f"{names[stage]}.parquet is missing; run the {stage} stage"):
        EvaluateStage(config=CONFIG).payload(workspace)


def test_changed_scores_and_changed_groups_make_the_table_again(workspace: Workspace) -> None:
    run_stage(EvaluateStage(config=CONFIG), workspace)
    path = workspace.table("score", "clip_scores")
    write_table(path, ClipScore, read_table(path, ClipScore)[:-1])
    assert not is_stage_finished(EvaluateStage(config=CONFIG), workspace)
    run_stage(EvaluateStage(config=CONFIG), workspace)
    one_group = [ManifestRow(**(row.to_dict() | {"group_id": "all"})) for row in manifest(workspace)]
    write_table(workspace.table("manifest", "manifest"), ManifestRow, one_group)
    assert not is_stage_finished(EvaluateStage(config=CONFIG), workspace)
    run_stage(EvaluateStage(config=CONFIG), workspace)
    rows = read_table(workspace.table("evaluate", "scores"), Score)
    assert {row.n_groups for row in rows if row.value is not None} == {1} and all(row.ci_low is None for row in rows)
