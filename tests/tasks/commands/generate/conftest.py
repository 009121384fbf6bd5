"""Toy codec and encoders for every test of generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.commands.generate.session import InferenceSession
from tests.tasks.commands.generate.toys import put_toys, write_files


@pytest.fixture(autouse=True)
def _toys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_components" not in request.fixturenames:
        put_toys(monkeypatch)


@pytest.fixture
def real_components() -> None:
    """Asks for the embedded codec and encoders instead of the toys."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained checkpoint, videos and audio files."""
    return write_files(tmp_path_factory.mktemp("generate"))


@pytest.fixture
def session(files: Path) -> InferenceSession:
    """The checkpoint with the toys, loaded."""
    return InferenceSession.open(files / "c.safetensors")
