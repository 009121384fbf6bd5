"""Judges that refuse clips, systems and clips without a value, missing captions and videos: n and the reason say it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.judges.protocols import Outputs
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.page import render
from tasks.commands.evaluate.terminal import text
from tasks.evaluate import judging
from tasks.evaluate.metrics.set_baselines import OTHER_HALF
from tests.tasks.commands.evaluate.conftest import OURS, TRUTH, options, table, write
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import RATE_HZ

pytestmark = pytest.mark.usefixtures("judge")


def test_a_judge_that_refuses_a_clip_says_so_with_a_smaller_n(folder: Path, tmp_path: Path) -> None:
    """Sounds under 0.2 s are refused by the fake judge: one clip of five is so short."""
    for name in ("truth", "a"):
        write(tmp_path / name, {**TRUTH, "clip0": TRUTH["clip0"][: RATE_HZ // 10]})
    systems = {"a": tmp_path / "a"}
    changes = {"reference": tmp_path / "truth", "cache": tmp_path / "c", "allowed": frozenset({"silent"})}
    result = evaluate_folders(options(folder, systems=systems, **changes))
    cells = table(result)
    assert cells[f"KL-{OURS}", "a"].n == cells[f"FD-{OURS}", "a"].n == 4 and cells["level_dbfs", "a"].n == 5


def test_a_judge_that_refuses_every_clip_says_why_in_each_of_its_columns(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions are given, so what is missing is not the captions."""
    fake = FakeJudge(name="laion-clap", kinds=frozenset({"audio", "text"}))
    own = FakeJudge()
    monkeypatch.setattr(
        "model.judges.JUDGES", {OURS: lambda path, device: own, "laion-clap": lambda path, device: fake}
    )
    monkeypatch.setattr(judging, "JUDGES", {OURS: None, "laion-clap": None})
    asked = options(folder, cache=tmp_path / "cache", captions=folder / "captions.csv", seconds=0.15)
    cells = table(evaluate_folders(asked))
    for metric in ("FD", f"FD-{OURS} at half n", "FD-inf", "KAD", "KL", "IS", "likeness"):
        name = metric if " at " in metric else f"{metric}-{OURS}"
        assert cells[name, "a"].why_empty == f"not computed: judge {OURS}: a sound is shorter than 0.2 s", name
        assert (name, OTHER_HALF) not in cells
    assert cells["CLAP_T", "a"].why_empty == "not computed: judge laion-clap: a sound is shorter than 0.2 s"


def test_clips_are_counted_where_a_judge_gives_several_rows_of_each(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Patches(FakeJudge):
        def _said(self, sound: torch.Tensor) -> Outputs:
            halves = [super(Patches, self)._said(half)["embedding"] for half in sound.chunk(2)]
            return {"embedding": torch.stack(halves)}

    fake = Patches(name="vggish")
    monkeypatch.setattr("model.judges.JUDGES", {"vggish": lambda path, device: fake})
    monkeypatch.setattr(judging, "JUDGES", {"vggish": None})
    found = evaluate_folders(options(folder, cache=tmp_path / "cache"))
    assert {one.n for one in found.comparisons if one.metric in ("FD_VGG", "KAD_VGG")} == {5}
    distance, half = table(found)["FD_VGG", "a"], table(found)["FD_VGG at half n", "a"]
    assert (distance.n, distance.n_reference, half.n, half.n_reference) == (5, 5, 2, 3)


def test_a_system_without_any_value_does_not_empty_the_other_systems_cells(folder: Path, tmp_path: Path) -> None:
    """Silence has no loudness, and no event of it is matched: the other system's values stand, and a row says why."""
    systems = {"a": folder / "a", "quiet": write(tmp_path / "quiet", {name: 0 * x for name, x in TRUTH.items()})}
    asked = options(folder, systems=systems, cache=tmp_path / "cache", events=folder / "events.csv")
    result = evaluate_folders(replace(asked, allowed=frozenset({"silent"})))
    alone = evaluate_folders(replace(asked, systems={"a": folder / "a"}))
    for metric in ("lufs", "EventOffset_s"):
        assert table(result)[metric, "a"].value == table(alone)[metric, "a"].value
        empty = table(result)[metric, "quiet"]
        assert (empty.value, empty.n, empty.why_empty) == (None, 0, "not computed: undefined for every clip")
    assert {"lufs of quiet", "EventOffset_s of quiet"} <= set(result.why_empty()[empty.why_empty])
    assert "lufs of quiet" in text(result) and "lufs of quiet" in render(result)


def test_what_needs_captions_or_videos_says_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeJudge(name="pe-av", kinds=frozenset({"audio", "video", "text"}))
    monkeypatch.setattr("model.judges.JUDGES", {"pe-av": lambda path, device: fake})
    monkeypatch.setattr(judging, "JUDGES", {"pe-av": None})
    without = table(evaluate_folders(options(folder, cache=tmp_path / "cache")))
    for metric in ("PE-AV", "PE-AV_T"):
        assert without[metric, "a"].why_empty == "not computed: needs --video or --captions"
    assert fake.heard == []  # a judge that can give nothing is not asked
    asked = options(folder, cache=tmp_path / "cache", captions=folder / "captions.csv")
    with_captions = table(evaluate_folders(asked))
    assert with_captions["PE-AV_T", "a"].n == 5
    assert with_captions["PE-AV", "a"].why_empty == "not computed: needs --video"
