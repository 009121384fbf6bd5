"""A run's parameters, its name, and the settings that it stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_contracts import UsageError
from flows import runs
from flows.runs import given_fields, pipeline_settings, run_name, running_in
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire, holder_of
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


@pytest.fixture
def root_run(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Sets the id of the flow run that everything belongs to."""

    def set_id(name: str | None) -> None:
        monkeypatch.setattr(runs.runtime.flow_run, "root_flow_run_id", name, raising=False)

    set_id(None)
    return set_id


def members(space: Workspace) -> int:
    return len(list(space.root.glob(".run/members/*.lock")))


def test_a_run_stores_its_settings_once_nobody_else_can(tmp_path: Path, root_run: Callable[[str | None], None]) -> None:
    space = Workspace(tmp_path)

    def settings() -> PipelineConfig:
        assert members(space) == 1, "settings are read before the workspace is acquired"
        return PipelineConfig.load(None, ["train.steps=7"])

    with running_in(space, "train of w", settings) as config:
        assert config.train.steps == load_stored(space).train.steps == 7
        assert holder_of(tmp_path).what == "train of w"
    assert members(space) == 0 and holder_of(tmp_path) is None


def test_a_stage_of_the_run_in_the_same_process_changes_settings_and_acquires_nothing(
    tmp_path: Path, root_run: Callable[[str | None], None]
) -> None:
    space = Workspace(tmp_path)
    with running_in(space, "pipeline of w", PipelineConfig):
        with running_in(space, "mine of w", lambda: load_stored(space, overrides=["workers=5"])) as inner:
            assert (inner.workers, members(space), holder_of(tmp_path).what) == (5, 1, "pipeline of w")
        assert load_stored(space).workers == 5
        with running_in(Workspace(tmp_path / "other"), "mine of other", PipelineConfig):  # that one is acquired
            assert holder_of(tmp_path / "other").what == "mine of other"


def test_a_stage_on_a_pool_shares_the_workspace_by_its_root_run_and_another_run_is_refused(
    tmp_path: Path, root_run: Callable[[str | None], None]
) -> None:
    space = Workspace(tmp_path)
    with acquire(tmp_path, "pipeline of w", run="night"):  # as another process has it
        with pytest.raises(UsageError, match="in use by pipeline of w"), running_in(space, "mine of w", PipelineConfig):
            pytest.fail("two runs use one workspace")
        assert not (tmp_path / "config.yaml").exists()
        root_run("night")
        with running_in(space, "train of w", PipelineConfig):
            assert members(space) == 2
        assert members(space) == 1 and holder_of(tmp_path).what == "pipeline of w"


def test_settings_that_cannot_be_used_leave_the_workspace_free_and_as_it_was(
    tmp_path: Path, root_run: Callable[[str | None], None]
) -> None:
    space = stored(tmp_path, "train.steps=9")
    with (
        pytest.raises(UsageError, match=r"train\.stepz"),
        running_in(space, "train of w", lambda: load_stored(space, overrides=["train.stepz=1"])),
    ):
        pytest.fail("a run without settings")
    assert load_stored(space).train.steps == 9 and holder_of(tmp_path) is None
