"""The ablations' flow: the given groups replace the stored ones for the table, and are not stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows import ablations as module
from flows.ablations import ablations
from flows.artifacts import artifact_key
from tasks.commands.ablations import job
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import holder_of
from tasks.train.config import TrainConfig


def test_the_table_has_settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(PipelineConfig.load(None, ["train.steps=9", "evaluate.clips=3"]), Workspace(tmp_path))
    seen: list[Any] = []

    def run(config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> str:
        holder = holder_of(workspace.root)
        seen.append((config.train.steps, config.evaluate.clips, holder.what if holder else None))
        return "the table"

    @contextmanager
    def progress(name: str, unit: str, workspace: Workspace) -> Iterator[OnProgress]:
        yield silent

    monkeypatch.setattr(job, "run_ablations", run)
    monkeypatch.setattr(module, "run_progress", progress)
    monkeypatch.setattr(module, "create_markdown_artifact", lambda text, key, description: seen.append((key, text)))
    assert ablations.fn(workspace=str(tmp_path), train=TrainConfig(steps=2)) == "the table"
    assert seen == [
        (2, 3, f"ablations of {tmp_path.name}"),
        (artifact_key(Workspace(tmp_path), "ablations"), "the table"),
    ]
    assert load_stored(Workspace(tmp_path)).train.steps == 9 and holder_of(tmp_path) is None
