"""The generate stage (SPEC G1-G5): batches, settings, and the same files after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ContractError, Generated, read_table
from model.generate import Request
from tasks.config import PipelineConfig
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.evaluate import batch_generator
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.sampling import SamplingSettings
from tasks.pipeline import STEPS
from tasks.steps import step_state
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.oracle import CONFIG, Killed, copy_of, die_after


def table(workspace: Workspace) -> list[Generated]:
    return read_table(workspace.table("generate", "generated"), Generated)


def test_a_batch_has_one_case_group_and_at_most_the_batch_size(prepared: Workspace) -> None:
    items = GenerateStage(CONFIG).items(prepared)
    for item in items:
        cases = item.payload["cases"]
        assert {case["group"] for case in cases} == {item.item_id.rsplit("-batch-", 1)[0]}
        assert 1 <= len(cases) <= CONFIG.batch_size
    names = [case["item_id"] for item in items for case in item.payload["cases"]]
    assert len(names) == len(set(names)) == 5 * CONFIG.clips + 8 * CONFIG.adverb_pairs


def test_only_the_named_case_groups_are_generated(prepared: Workspace) -> None:
    some = GenerateStage(CONFIG, tasks=("fe", "vta")).items(prepared)
    names = ("fe-batch-", "vta-batch-")
    assert some == [item for item in GenerateStage(CONFIG).items(prepared) if item.item_id.startswith(names)]


def test_a_second_checkpoint_adds_items_and_changes_none(prepared: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other weights")
    both = GenerateStage(CONFIG.model_copy(update={"checkpoints": ("trained", str(other))})).items(prepared)
    first = GenerateStage(CONFIG).items(prepared)
    assert both[: len(first)] == first and len(both) == 2 * len(first)
    for one, two in zip(first, both[len(first) :], strict=True):
        assert two.item_id == f"other-{one.item_id}" and two.payload["cases"] == one.payload["cases"]
        assert (one.payload["checkpoint"], two.payload["checkpoint"]) == ("trained", "other")
        assert one.payload["checkpoint_sha256"] != two.payload["checkpoint_sha256"]


def test_the_runs_own_training_may_get_fewer_cases_beside_another(prepared: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other weights")
    limited = CONFIG.model_copy(update={"trained_clips": 1})
    assert GenerateStage(limited).items(prepared) == GenerateStage(CONFIG).items(prepared)  # nothing beside it: all
    both = GenerateStage(limited.model_copy(update={"checkpoints": ("trained", str(other))})).items(prepared)
    count = {
        name: sum(len(item.payload["cases"]) for item in both if item.payload["checkpoint"] == name)
        for name in ("trained", "other")
    }
    assert count == {"trained": 5 + 8, "other": 5 * CONFIG.clips + 8 * CONFIG.adverb_pairs}


def test_another_checkpoint_changes_every_item(prepared: Workspace, tmp_path: Path) -> None:
    other = copy_of(prepared, tmp_path)
    (other.stage("train") / "checkpoint.safetensors").write_bytes(b"other weights")
    before, after = (GenerateStage(CONFIG).items(workspace) for workspace in (prepared, other))
    assert [item.item_id for item in before] == [item.item_id for item in after]
    assert all(a.payload != b.payload for a, b in zip(before, after, strict=True))


def test_before_the_training_is_finished_it_waits(prepared: Workspace, tmp_path: Path) -> None:
    workspace = copy_of(prepared, tmp_path)
    workspace.path("train", "checkpoint.safetensors").unlink()
    with pytest.raises(ContractError, match=r"checkpoint\.safetensors is missing; run the train stage"):
        GenerateStage(CONFIG).items(workspace)
    config = PipelineConfig(evaluate=CONFIG)
    states = {step.name: step_state(step, config, workspace) for step in STEPS}
    assert {states[name].note for name in ("generate", "score", "evaluate")} == {"waiting for an earlier stage"}
    assert states["train"].pending == 1


def test_defaults_are_no_settings_and_changed_ones_are() -> None:
    plain, changed = (
        GenerateStage(EvaluateConfig(sampling=SamplingSettings.model_validate(values))).settings()
        for values in ({}, {"sum_reference": "path"})
    )
    assert "sampling" not in plain and "variant" not in plain
    assert changed == {**plain, "sampling": {"sum_reference": "path"}}
    for precision in ("auto", "bf16"):
        assert GenerateStage(EvaluateConfig(precision=precision)).settings() == {**plain, "precision": precision}
    assert GenerateStage(EvaluateConfig(), variant="m-1").settings() == {**plain, "variant": "m-1"}


def test_a_killed_generation_ends_with_the_same_table(
    prepared: Workspace, oracle: list[Request], scored: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = copy_of(prepared, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(batch_generator, "write_flac", die_after(4, batch_generator.write_flac))
        with pytest.raises(Killed):
            run_stage(GenerateStage(CONFIG), workspace)
    run_stage(GenerateStage(CONFIG), workspace, shard_size=2)
    assert table(workspace) == table(prepared)
    for row in table(workspace):
        assert workspace.path(row.audio_path).read_bytes() == prepared.path(row.audio_path).read_bytes()
