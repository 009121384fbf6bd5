"""A comparison has exactly the table's clips, whatever else the folders hold, and says settings in place of options."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_contracts import UsageError
from tasks.commands.paper_tables.comparing import Compared, Comparer, said, truth_values
from tests.tasks.commands.paper_tables.conftest import config, sounds, write_sounds
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import RATE_HZ

NAMES = ("x", "y", "z")


def compared(folder: Path, **changes: Any) -> Compared:
    """Returns a comparison of system `s` with the truth over two clips of three."""
    truth = {name: write_sounds(folder / "truth", sounds(NAMES)) / f"{name}.wav" for name in NAMES}
    made = {name: write_sounds(folder / "made", sounds(NAMES, noise_level=0.1)) / f"{name}.wav" for name in NAMES}
    given: dict[str, Any] = {
        "name": "table 6, all",
        "metrics": ("KL_PANNs", "CLAP_T"),
        "truth": {name: truth[name] for name in NAMES[:2]},
        "systems": {"s": [made]},
        "captions": {"x": "a dog", "y": ""},
        "groups": {},
    }
    return Compared(**{**given, **changes})


def comparer(folder: Path, **changes: Any) -> Comparer:
    return Comparer(config=config(folder, 6, **changes), folder=folder / "table-6", cache=folder / "cache")


def test_only_the_clips_that_have_a_caption_entry_are_compared(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    values, evaluation = comparer(tmp_path).compare(compared(tmp_path))
    assert [clip.name for clip in evaluation.clips] == ["x", "y"]
    assert values["s", "KL_PANNs"].n == 2
    assert values["s", "CLAP_T"].n == 1, "an empty caption is none"
    assert set(values) == {("s", "KL_PANNs"), ("s", "CLAP_T")}


def test_links_of_an_earlier_comparison_are_gone(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    asked = compared(tmp_path)
    comparer(tmp_path).compare(asked)
    _, evaluation = comparer(tmp_path).compare(asked.of(["x"], asked.name))
    assert [clip.name for clip in evaluation.clips] == ["x"]
    assert all(path.is_symlink() for path in (tmp_path / "table-6").rglob("*.wav"))
    assert {path.name for path in (tmp_path / "made").iterdir()} == {f"{name}.wav" for name in NAMES}


def test_a_part_of_a_comparison_has_that_part_of_everything(tmp_path: Path) -> None:
    part = compared(tmp_path, videos={"x": Path("x.mp4"), "y": Path("y.mp4")}).of(["y", "other"], "part")
    assert (part.name, set(part.truth), set(part.videos), set(part.captions)) == ("part", {"y"}, {"y"}, {"y"})
    assert [set(run) for run in part.systems["s"]] == [{"y"}]


def test_a_run_without_any_clip_is_named(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    asked = compared(tmp_path)
    runs = [asked.systems["s"][0], {"other": Path("other.wav")}]
    with pytest.raises(UsageError, match=r"evaluate\.systems\.s, run 2: there is none of the 2 clips of table 6, all"):
        comparer(tmp_path).compare(compared(tmp_path, systems={"s": runs}))


def test_silent_clips_of_a_system_are_scored_and_named(
    tmp_path: Path, judges: dict[str, FakeJudge], caplog: pytest.LogCaptureFixture
) -> None:
    made = write_sounds(tmp_path / "weak", {**sounds(NAMES[:1]), "y": np.zeros(4 * RATE_HZ, np.float32)})
    asked = compared(tmp_path, systems={"s": [{name: made / f"{name}.wav" for name in NAMES[:2]}]})
    with caplog.at_level(logging.WARNING):
        values, _ = comparer(tmp_path).compare(asked)
    assert values["s", "KL_PANNs"].n == 2
    assert "evaluate.systems.s: 1 clip silent" in caplog.text and "y" in caplog.text


def test_judges_are_those_that_are_set_else_all_that_are_there(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    assert comparer(tmp_path).judges == ("auto",)
    assert comparer(tmp_path, judges=["corpus-cnn"]).judges == ("auto",), "Prefect passes every setting, also defaults"
    values, _ = comparer(tmp_path, judges=["panns"]).compare(compared(tmp_path))
    assert values["s", "KL_PANNs"].value is not None
    assert values["s", "CLAP_T"].why == "not computed: judge laion-clap was not asked for"


def test_values_of_the_true_audio_are_by_clip(tmp_path: Path, judges: dict[str, FakeJudge]) -> None:
    _, evaluation = comparer(tmp_path).compare(compared(tmp_path))
    assert truth_values(evaluation, "KL_PANNs") == {"x": 0.0, "y": 0.0}
    assert truth_values(evaluation, "IB-score") == {}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("needs --video", "needs evaluate.test_set.video"),
        ("needs --captions", "needs evaluate.test_set.captions"),
        ("name it: --judges pe-av", "name it: evaluate.judges=[auto, pe-av]"),
        ("too few clips", "too few clips"),
    ],
)
def test_reasons_name_settings(reason: str, expected: str) -> None:
    assert said(reason) == expected
