"""Folders scored from Python: paths as text, the result's names."""

from __future__ import annotations

from pathlib import Path

import pytest

import foleygenex
from tests.tasks.evaluate.sounds import bursts
from tests.tasks.sounds import write_wav


def test_folders_are_scored_by_their_paths(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        audio = bursts((0.3 + 0.2 * number, 0.8), duration_s=1.0, seed=number)
        for folder in ("made", "truth"):
            write_wav(tmp_path / folder / f"{name}.wav", audio)
    found = foleygenex.score_folders(str(tmp_path / "made"), tmp_path / "truth", events_s={"a": (0.3, 0.8)})
    assert isinstance(found, foleygenex.FolderScores) and set(found.clips) == set(found.shuffled) == {"a", "b"}
    assert found.summary()["EventF1@100ms"] == 1.0
    with pytest.raises(foleygenex.UsageError, match="not a folder"):
        foleygenex.score_folders(tmp_path / "none", tmp_path / "truth")
