"""Settings of generation and scoring: the paper's values are the defaults (SPEC G7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.config import PipelineConfig
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.score_stage import ScoreStage


def test_g7_the_papers_sampling_is_the_default() -> None:
    assert (EvaluateConfig().steps, EvaluateConfig().cfg_scale) == (25, 4.5)


def test_enough_clips_and_pairs_are_scored_by_default_for_a_statement() -> None:
    assert EvaluateConfig().clips >= 48 and EvaluateConfig().adverb_pairs >= 48
    with pytest.raises(ValueError, match="checkpoints"):
        EvaluateConfig(checkpoints=())


def test_settings_that_only_move_work_change_no_stage() -> None:
    plain, moved = EvaluateConfig(), EvaluateConfig(batch_size=3)
    assert GenerateStage(plain).settings() == GenerateStage(moved).settings()
    assert ScoreStage(plain).settings() == ScoreStage(moved).settings()


def test_paths_count_from_the_configs_folder_as_a_worker_runs_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(
        "evaluate:\n  checkpoints: [trained, builtin, old/c.safetensors]\n"
        "  judges: [embedded, 'panns:cnn14.pth, vggish', 'passt:/w/p.pt']\n"
    )
    evaluate = PipelineConfig.load(tmp_path / "run.yaml").evaluate
    assert evaluate.checkpoints == ("trained", "builtin", f"{tmp_path}/old/c.safetensors")
    assert evaluate.judges == ("embedded", f"panns:{tmp_path}/cnn14.pth,vggish", "passt:/w/p.pt")
    (tmp_path / "run.yaml").write_text("evaluate: {judges: 'panns:cnn14.pth'}\n")
    assert PipelineConfig.load(tmp_path / "run.yaml").evaluate.judges == (f"panns:{tmp_path}/cnn14.pth",)


@pytest.mark.parametrize("wrong", ["checkpoints: [1]", "judges: [1]", "judges: {a: b}", "judges:"])
def test_values_without_paths_are_left_to_the_settings_own_check(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(f"evaluate:\n  {wrong}\n")
    with pytest.raises(UsageError, match=r"evaluate\.(checkpoints|judges)"):
        PipelineConfig.load(tmp_path / "run.yaml")


def test_settings_survive_json() -> None:
    config = EvaluateConfig.model_validate({"clips": 3, "sampling": {"mask_surrogate": False}})
    assert EvaluateConfig.model_validate(config.model_dump(mode="json")) == config
