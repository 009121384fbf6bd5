"""A run's parameters, its name, and the settings that it stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_contracts import UsageError
from flows import runs
from flows.runs import given_fields, pipeline_settings, run_name
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig


def stored(folder: Path, *overrides: str) -> Workspace:
    space = Workspace(folder)
    store(PipelineConfig.load(None, list(overrides)), space)
    return space


def test_a_pipeline_run_without_settings_uses_what_the_workspace_has_stored(tmp_path: Path) -> None:
    stored(tmp_path, "train.steps=9", "mine.parser=rules")
    found = pipeline_settings(str(tmp_path), "", None, ["workers=5"])
    assert (found.train.steps, found.mine.parser, found.workers, found.workspace) == (9, "rules", 5, str(tmp_path))


def test_a_file_or_a_config_replaces_what_is_stored(tmp_path: Path) -> None:
    stored(tmp_path / "w", "train.steps=9")
    path = tmp_path / "c.yaml"
    path.write_text(f"workspace: {tmp_path / 'w'}\nmine: {{parser: rules}}\n")
    for config_file, config in ((str(path), None), ("", PipelineConfig.load(path))):
        found = pipeline_settings("", config_file, config, ["train.seed=3"])
        assert (found.train.steps, found.mine.parser, found.train.seed) == (TrainConfig().steps, "rules", 3)
        assert found.workspace == str(tmp_path / "w")
    assert pipeline_settings(str(tmp_path / "other"), str(path), None, []).workspace == str(tmp_path / "other")
    assert pipeline_settings(str(tmp_path), "paper", None, []).train.preset == "large_44k"


def test_contradictions_and_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="both given"):
        pipeline_settings("", "demo", PipelineConfig(), [])
    for config in (None, PipelineConfig()):
        with pytest.raises(UsageError, match=r"train\.stepz"):
            pipeline_settings(str(tmp_path), "", config, ["train.stepz=3"])


def test_a_stage_keeps_the_stored_settings_that_are_not_given(tmp_path: Path) -> None:
    space = stored(tmp_path, "train.steps=9", "train.masks.span_low=0.7", "mine.parser=rules")
    given = given_fields("train", TrainConfig.model_validate({"lr": 0.5, "masks": {"drop_text": 0.2}}))
    found = load_stored(space, given, ["mine.splits=[test]"])
    assert (found.train.lr, found.train.steps) == (0.5, 9)
    assert (found.train.masks.drop_text, found.train.masks.span_low) == (0.2, 0.7)
    assert (found.mine.parser, found.mine.splits) == ("rules", ("test",))
    assert given_fields("train", None) == given_fields(None, None) == {}


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"workspace": "/data/run1", "retry": False}, "mine of run1"),
        ({"workspace": "/data/run1", "retry": True}, "mine of run1, quarantine again"),
        ({"workspace": "", "config": PipelineConfig(workspace="/data/run2")}, "mine of run2"),
        ({"workspace": "", "config": None}, "mine of workspace"),
    ],
)
def test_a_run_is_named_after_its_stage_and_workspace(
    parameters: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs.runtime.flow_run, "flow_name", "mine", raising=False)
    monkeypatch.setattr(runs.runtime.flow_run, "parameters", parameters, raising=False)
    assert run_name() == name
