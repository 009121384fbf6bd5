"""Settings of generation and scoring: the paper's values are the defaults (SPEC G7)."""

from __future__ import annotations

import pytest

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


def test_settings_survive_json() -> None:
    config = EvaluateConfig.model_validate({"clips": 3, "sampling": {"mask_surrogate": False}})
    assert EvaluateConfig.model_validate(config.model_dump(mode="json")) == config
