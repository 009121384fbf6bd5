"""One place says where real recordings lie; a variable moves it, with the weights beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.real_data import VARIABLE, recordings_folder, tagger_weights


def test_the_variable_names_the_recordings_and_the_weights_lie_beside_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))
    assert recordings_folder() == tmp_path / "data"
    assert tagger_weights().is_relative_to(tmp_path / "weights")


@pytest.mark.parametrize("unset", [True, False])
def test_without_it_they_are_looked_for_beside_the_repository(monkeypatch: pytest.MonkeyPatch, unset: bool) -> None:
    monkeypatch.setenv(VARIABLE, "")
    if unset:
        monkeypatch.delenv(VARIABLE)
    assert recordings_folder() == Path(__file__).parents[3] / "shared" / "data"


def test_nothing_else_names_the_folder() -> None:
    repository = Path(__file__).parents[2]
    files = [path for folder in ("benchmarks", "tests") for path in (repository / folder).rglob("*.py")]
    named = [path for path in files if '"shared"' in path.read_text("utf-8")]
    assert {path.name for path in named} == {"real_data.py", "test_real_data.py"}
