"""What the tests of caption stages share: a key for an endpoint, and a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engine.workspace import Workspace


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")
