"""Table 5's subfolders, and the likeness of audio of different length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.commands.paper_tables.comparing import Comparer
from tasks.commands.paper_tables.extension import LikenessScorer, folder_of
from tests.tasks.commands.paper_tables.conftest import config, sounds, write_sounds
from tests.tasks.evaluate.fake_judges import FakeJudge


def test_conditions_name_a_folder() -> None:
    assert folder_of(("Vt", "Text", "Ar", "Vr")) == "Vt+Text+Ar+Vr"
    assert folder_of(()) == ""


@pytest.fixture
def comparer(tmp_path: Path) -> Comparer:
    return Comparer(config=config(tmp_path, 5), folder=tmp_path / "table-5", cache=tmp_path / "cache")


def test_likeness_is_one_for_the_same_audio_and_counts_the_clips_that_all_systems_have(
    tmp_path: Path, comparer: Comparer, judges: dict[str, FakeJudge]
) -> None:
    folder = write_sounds(tmp_path / "a", sounds(("x", "y", "z")))
    files = {name: folder / f"{name}.wav" for name in ("x", "y", "z")}
    other = write_sounds(tmp_path / "b", sounds(("x", "y", "z"), duration_s=2.0, noise_level=0.3))
    noisy = {name: other / f"{name}.wav" for name in ("x", "y")}
    found = LikenessScorer(comparer).score({"same": [files], "noisy": [noisy], "both": [files, files]}, files, {})
    assert found["same"].value == pytest.approx(1.0)
    assert found["noisy"].value is not None
    assert found["noisy"].value < 1
    assert {one.n for one in found.values()} == {2}
    assert (found["both"].runs, found["both"].sd) == (2, 0.0)


def test_likeness_without_weights_says_why(tmp_path: Path, comparer: Comparer) -> None:
    files = {"x": write_sounds(tmp_path / "a", sounds(("x",))) / "x.wav"}
    found = LikenessScorer(comparer).score({"s": [files]}, files, {})
    assert found["s"].value is None
    assert "laion-clap weights absent" in (found["s"].why or "")


def test_likeness_is_not_computed_by_a_judge_that_was_not_asked(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    settings = config(tmp_path, 5, judges=["vggish"])
    comparer = Comparer(config=settings, folder=tmp_path / "table-5", cache=tmp_path / "cache")
    files = {"x": write_sounds(tmp_path / "a", sounds(("x",))) / "x.wav"}
    found = LikenessScorer(comparer).score({"s": [files]}, files, {})
    assert found["s"].why == "not computed: judge laion-clap was not asked for"
    assert not judges["laion-clap"].heard
