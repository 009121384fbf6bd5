"""Toy parts for every test of generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.commands.generate.toys import put_toys, write_files


@pytest.fixture(autouse=True)
def _parts(request, monkeypatch):
    if "real_parts" not in request.fixturenames:
        put_toys(monkeypatch)


@pytest.fixture
def real_parts() -> None:
    """Asks for the embedded codec and encoders instead of the toys."""


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    return write_files(tmp_path_factory.mktemp("generate"))
