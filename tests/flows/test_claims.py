"""The claims' flow makes its data, keeps its settings in its workspace, and is found by the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows import claims as module
from flows import cli, run
from flows.artifacts import artifact_key
from flows.claims import claims
from tasks.commands.claims import job
from tasks.config import PipelineConfig, load_stored, shipped_config
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import holder_of
from tasks.pipeline import steps_before


def test_the_flow_makes_the_features_then_tests_the_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def test(config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> str:
        holder = holder_of(workspace.root)
        seen.append((config.train.steps, workspace.root, holder.what if holder else None))
        return "the page"

    @contextmanager
    def progress(name: str, unit: str, workspace: Workspace) -> Iterator[OnProgress]:
        yield silent

    monkeypatch.setattr(job, "run_claims", test)
    monkeypatch.setattr(module, "run_unless_finished", lambda step, config, workspace: seen.append(step.name))
    monkeypatch.setattr(module, "run_progress", progress)
    monkeypatch.setattr(module, "create_markdown_artifact", lambda text, key, description: seen.append((key, text)))
    assert claims.fn(workspace=str(tmp_path), changes=("train.steps=2",)) == "the page"
    data = [step.name for step in steps_before("train")]
    assert seen == [
        *data,
        (2, tmp_path, f"claims of {tmp_path.name}"),
        (artifact_key(Workspace(tmp_path), "claims"), "the page"),
    ]
    stored = load_stored(Workspace(tmp_path))
    shipped = PipelineConfig.load(shipped_config("claims.yaml"))
    assert stored.train.steps == 2 and stored.claims == shipped.claims and stored.ingest == shipped.ingest
    assert holder_of(tmp_path) is None


def test_the_command_runs_it_with_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[PipelineConfig, float]] = []
    monkeypatch.setattr(run, "run_claims_test", lambda config, wait_minutes: seen.append((config, wait_minutes)))
    arguments = ["run", "claims", "claims", "-w", str(tmp_path), "--set", "claims.seeds=[5,6]", "--wait", "3"]
    assert cli.exit_code(arguments) == 0
    ((config, wait_minutes),) = seen
    assert (config.claims.seeds, config.workspace, wait_minutes) == ((5, 6), str(tmp_path), 3)
    assert cli.exit_code([*arguments, "--verify-files"]) == 2
