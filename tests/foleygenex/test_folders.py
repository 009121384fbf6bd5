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
    asked = {"events_s": {"a": (0.3, 0.8)}, "judges": ["none"], "allow": ["no-events"]}
    found = foleygenex.score_folders(str(tmp_path / "made"), tmp_path / "truth", **asked)
    assert isinstance(found, foleygenex.FolderScores)
    assert set(found.clips) == set(found.clips_of("shuffled pairing")) == {"a", "b"}
    assert found.summary()["EventF1@100ms"] == 1.0 and found.summary("silence")["EventF1@100ms"] == 0.0
    assert "EventF1@100ms" in found.clips["a"] and "EventF1@100ms" not in found.clips["b"]
    assert found.shuffled_summary()["OnsetSyncAcc"] <= found.summary()["OnsetSyncAcc"] == 1.0
    assert "not asked for" in found.why_empty()["FD_VGG"]
    with pytest.raises(foleygenex.UsageError, match="'nosie' was not scored; there are made, truth, shuffled pairing"):
        found.summary("nosie")
    with pytest.raises(foleygenex.UsageError, match="'nosie' was not scored"):
        found.clips_of("nosie")
    assert (tmp_path / "out" / "index.html") in found.write(tmp_path / "out")
    systems = {"cfg=4.5": tmp_path / "made", "y": tmp_path / "truth"}
    both = foleygenex.score_folders(systems, tmp_path / "truth", **asked)
    assert both.systems == ("cfg=4.5", "y") and both.summary("cfg=4.5") == both.summary("y")
    with pytest.raises(foleygenex.UsageError, match="no folder of generated audio"):
        foleygenex.score_folders({}, tmp_path / "truth")
    with pytest.raises(foleygenex.FoleyGenExError, match="1 extra-events in events"):
        foleygenex.score_folders(tmp_path / "made", tmp_path / "truth", **(asked | {"events_s": {"c": [1.0]}}))
    with pytest.raises(foleygenex.UsageError, match="not a folder"):
        foleygenex.score_folders(tmp_path / "none", tmp_path / "truth")


def test_several_folders_of_a_name_are_its_seeds(tmp_path: Path) -> None:
    for folder, shift in (("one", 0.0), ("two", 0.3), ("truth", 0.0)):
        for name in ("a", "b"):
            write_wav(tmp_path / folder / f"{name}.wav", bursts((0.2 + shift, 0.8), duration_s=1.0))
    made = {"x": [tmp_path / "one", tmp_path / "two"]}
    found = foleygenex.score_folders(made, tmp_path / "truth", judges=["none"])
    single = [foleygenex.score_folders(folder, tmp_path / "truth", judges=["none"]) for folder in made["x"]]
    assert found.systems == ("x",)
    for metric in ("OnsetSyncAP", "OnsetSyncAcc"):
        each = [one.summary()[metric] for one in single]
        assert found.summary()[metric] == pytest.approx(sum(each) / 2)
        assert found.clips["a"][metric] == pytest.approx(sum(one.clips["a"][metric] for one in single) / 2)
    with pytest.raises(foleygenex.UsageError, match="a system has no folder"):
        foleygenex.score_folders({"x": []}, tmp_path / "truth", judges=["none"])
