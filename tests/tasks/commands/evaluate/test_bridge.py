"""A checkout beside an evaluation: how much it hears, where it writes, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate import bridge
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.options import EvaluateOptions
from tasks.commands.evaluate.result import Evaluation
from tasks.evaluate.av_benchmark.checkout import Checkout
from tasks.evaluate.av_benchmark.scores import CacheScores
from tests.tasks.commands.evaluate.conftest import TRUTH, options, write
from tests.tasks.evaluate.sounds import RATE_HZ

pytestmark = pytest.mark.usefixtures("judge")
SHORTER_S = 0.05  # a file that is so much shorter is not called short


def scored(folder: Path, suffix: str = ".wav") -> tuple[EvaluateOptions, Evaluation]:
    """Two clips; what the system made is a little shorter than the reference."""
    truth = {name: TRUTH[name] for name in ("clip0", "clip1")}
    cut = {name: samples[: -round(SHORTER_S * RATE_HZ)] for name, samples in truth.items()}
    write(folder / "truth", truth)
    asked = options(folder, systems={"../a": write(folder / "a", cut, suffix)}, judges=("none",))
    return asked, evaluate_folders(asked)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, float]]:
    """What a checkout that has no program is asked for: where it writes, how many seconds it hears."""
    asked: list[tuple[Path, float]] = []

    def evaluate(self: Checkout, made: Path, true: Path, out: Path, *, seconds: float, **_: object) -> dict[str, float]:
        asked.append((out, seconds))
        return {"FD-VGG": 2.0}

    monkeypatch.setattr(Checkout, "require", lambda self: None)
    monkeypatch.setattr(Checkout, "evaluate", evaluate)
    monkeypatch.setattr(bridge, "cache_scores", lambda made, true: CacheScores(values={"FD-VGG": 2.5}))
    return asked


def test_a_checkout_hears_no_more_than_the_shortest_file_has(tmp_path: Path, places: list[tuple[Path, float]]) -> None:
    """Where all files are shorter than it was told, av-benchmark never ends."""
    asked, found = scored(tmp_path)
    (run,) = bridge.run_checkout(Checkout(folder=tmp_path, python=tmp_path), found, asked, tmp_path / "out")
    ((place, seconds),) = places
    assert seconds == pytest.approx(1.0 - SHORTER_S)
    assert place.parent == tmp_path / "out" / "av-benchmark-run"  # not where --write-av-caches writes
    assert "2.5" in run.text() and "0.5" in run.text()


def test_audio_that_it_does_not_read_is_refused(tmp_path: Path, places: list[tuple[Path, float]]) -> None:
    asked, found = scored(tmp_path, suffix=".aiff")
    with pytest.raises(UsageError, match=r"clip0\.aiff is not read by av-benchmark, only \.flac and \.wav are"):
        bridge.run_checkout(Checkout(folder=tmp_path, python=tmp_path), found, asked, tmp_path / "out")
    assert not places


def test_numbers_from_caches_are_written_below_the_folder_whatever_a_system_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "cache_scores", lambda made, true, *, paired: CacheScores(values={"FD-VGG": 2.5}))
    said = bridge.score_caches({"../../a": tmp_path, "a": tmp_path}, tmp_path, tmp_path / "out", paired=True)
    written = sorted((tmp_path / "out").rglob("output_metrics.json"))
    assert len(written) == 2 and all(path.parent.parent == tmp_path / "out" for path in written)
    assert all(str(path) in said for path in written)
