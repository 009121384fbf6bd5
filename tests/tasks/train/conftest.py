"""A small network under the name of the demo's, and a workspace with features for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model import config as model_config
from tasks.engine.workspace import Workspace
from tests.model.fakes import TOY, fake_store
from tests.tasks.train.features import write_features


@pytest.fixture
def toy_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(model_config.PRESETS, "tiny", TOY)


@pytest.fixture
def workspace(tmp_path: Path, toy_preset: None) -> Workspace:
    """Features of one-second clips."""
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0))
    return workspace
