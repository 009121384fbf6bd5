"""The score stage (SPEC E2): its items, what they depend on, and the same table after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ClipScore, Generated, ManifestRow, read_table, write_table
from data_contracts.generation import CASE_GROUPS
from model.generate import Request
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate import score_stage, scorer
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.score_stage import ScoreStage
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.oracle import CONFIG, Killed, copy_of, die_after


@pytest.fixture
def workspace(prepared: Workspace, scored: Scores, tmp_path: Path) -> Workspace:
    """A copy of the workspace with generated audio and without scores."""
    assert scored
    return copy_of(prepared, tmp_path / "copy", "generate", "judge")


def test_an_item_is_a_clip_with_all_its_tasks_or_a_pair(workspace: Workspace) -> None:
    items = ScoreStage(CONFIG).items(workspace)
    for item in items:
        cases = item.payload["cases"]
        if item.item_id.startswith("tta-"):
            assert len(cases) == 2 and {case["pair"] for case in cases} == {item.item_id.removeprefix("tta-")}
        else:
            assert {case["parent_id"] for case in cases} == {item.item_id.removeprefix("clip-")}
            assert [case["group"] for case in cases] == [name for name in CASE_GROUPS if name != "tta"]


def test_an_item_depends_on_every_file_that_it_is_compared_with(workspace: Workspace) -> None:
    for item in ScoreStage(CONFIG).items(workspace):
        hashes = item.payload["compared_sha256"]
        for case in item.payload["cases"]:
            named = {case["parent_id"], case["reference_id"], case["shuffled_id"]} - {None}
            assert named <= set(hashes)
        assert len(item.payload["audio_sha256"]) == len(item.payload["audio"]) == len(item.payload["cases"])


def test_clips_that_were_not_generated_are_left_out(workspace: Workspace) -> None:
    rows = read_table(workspace.table("generate", "generated"), Generated)
    write_table(workspace.table("generate", "generated"), Generated, [row for row in rows if row.task != "fe"])
    groups = {case["group"] for item in ScoreStage(CONFIG).items(workspace) for case in item.payload["cases"]}
    assert groups == set(CASE_GROUPS) - {"fe"}


def test_an_item_depends_on_the_clips_that_materials_are_fitted_on(workspace: Workspace) -> None:
    path = workspace.table("manifest", "manifest")
    test, train = (read_table(path, ManifestRow)[part] for part in (slice(3), slice(3, None)))

    def fitted(**changes: str) -> set[str]:
        changed = [ManifestRow(**(row.to_dict() | {"split": "train"} | changes)) for row in train]
        write_table(path, ManifestRow, [*test, *changed])
        return {item.payload["fitted_sha256"] for item in ScoreStage(CONFIG).items(workspace)}

    keys = [fitted(), fitted(audio_sha256="9" * 64), fitted(attributes_json='{"material":"glass"}')]
    assert [len(key) for key in keys] == [1, 1, 1] and len(set.union(*keys)) == 3


def test_a_case_is_scored_once_with_all_its_checkpoints(workspace: Workspace, oracle: list[Request]) -> None:
    assert oracle is not None
    path = workspace.table("generate", "generated")
    rows = read_table(path, Generated)
    more = [Generated(**(row.to_dict() | {"item_id": f"other-{row.item_id}", "checkpoint": "other"})) for row in rows]
    names = [item.item_id for item in ScoreStage(CONFIG).items(workspace)]
    write_table(path, Generated, [*rows, *more])
    items = ScoreStage(CONFIG).items(workspace)
    assert [item.item_id for item in items] == names
    assert all(set(paths) == {"trained", "other"} for item in items for paths in item.payload["audio"])
    run_stage(ScoreStage(CONFIG), workspace)
    scores = read_table(workspace.table("score", "clip_scores"), ClipScore)
    values = {
        name: {(s.parent_id, s.metric): s.value for s in scores if s.checkpoint == name}
        for name in ("trained", "other")
    }
    assert values["trained"] == values["other"] and values["trained"]  # the files are the same
    assert {s.checkpoint for s in scores if s.system != MODEL} == {None}
    assert len({s.item_id for s in scores}) == len(scores)


def test_only_the_seed_is_a_setting_of_the_scores() -> None:
    assert ScoreStage(EvaluateConfig(seed=3, steps=2)).settings() == {"seed": 3}


def test_without_items_nothing_is_loaded(tmp_path: Path) -> None:
    assert list(ScoreStage(CONFIG).process([], Workspace(tmp_path))) == []


def test_a_killed_scoring_ends_with_the_same_table(
    workspace: Workspace, prepared: Workspace, oracle: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oracle is not None
    with monkeypatch.context() as patch:
        patch.setattr(scorer, "score_clip", die_after(60, scorer.score_clip))
        with pytest.raises(Killed):
            run_stage(ScoreStage(CONFIG), workspace)
    run_stage(ScoreStage(CONFIG), workspace, shard_size=3)
    tables = [read_table(one.table("score", "clip_scores"), ClipScore) for one in (workspace, prepared)]
    assert tables[0] == tables[1] and tables[0]


def test_a_stage_that_is_used_for_another_workspace_opens_that_one(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Workspace] = []

    class Silent:
        @staticmethod
        def open(config: EvaluateConfig, one: Workspace) -> Silent:
            opened.append(one)
            return Silent()

        def score(self, cases: object, audio: object) -> list[ClipScore]:
            return []

    monkeypatch.setattr(score_stage, "Scorer", Silent)
    other, stage = copy_of(workspace, tmp_path / "other", "generate", "judge"), ScoreStage(CONFIG)
    for one in (workspace, workspace, other):
        list(stage.process(stage.items(one)[:1], one))
    assert opened == [workspace, other]
