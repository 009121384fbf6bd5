"""Folders of short sounds, and a fake judge in place of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import Score
from tasks.commands.evaluate.options import EvaluateOptions
from tasks.commands.evaluate.result import Evaluation
from tasks.media.samples import Samples
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

OURS = "corpus-cnn"
EVENTS = {f"clip{number}": (0.2 + 0.03 * number, 0.6 - 0.02 * number) for number in range(5)}
TRUTH = {name: bursts(times, duration_s=1.0, seed=number) for number, (name, times) in enumerate(EVENTS.items())}


def write(folder: Path, audio: Mapping[str, Samples], suffix: str = ".wav", rate_hz: int = RATE_HZ) -> Path:
    """Writes sounds (T,) or (T, C) into a folder and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in audio.items():
        sf.write(folder / f"{name}{suffix}", samples, rate_hz, subtype="FLOAT" if suffix == ".wav" else "PCM_24")
    return folder


def noisy(audio: Mapping[str, Samples], level: float = 0.05) -> dict[str, Samples]:
    """Returns the sounds with white noise."""
    return {
        name: (samples + noise(len(samples) / RATE_HZ, level, seed=number)).astype(np.float32)
        for number, (name, samples) in enumerate(audio.items())
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """System a is the truth at another level, system b has noise; events are known."""
    root = tmp_path_factory.mktemp("folders")
    write(root / "truth", TRUTH)
    write(root / "a", {name: 0.5 * samples for name, samples in TRUTH.items()}, ".flac")
    write(root / "b", noisy(TRUTH))
    rows = [f"{name},{time}" for name, times in EVENTS.items() for time in times]
    (root / "events.csv").write_text("\n".join(["name,time_s", *rows, ""]))
    rows = [f"{name},a {name},{'even' if number % 2 == 0 else 'odd'}" for number, name in enumerate(TRUTH)]
    (root / "captions.csv").write_text("\n".join(["name,caption,kind", *rows, ""]))
    return root


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    """The only judge there is, under the name of the project's own."""
    fake = FakeJudge()
    monkeypatch.setattr("model.judges.JUDGES", {OURS: lambda path, device: fake})
    monkeypatch.setattr("tasks.evaluate.judging.JUDGES", {OURS: None})
    return fake


def options(folder: Path, **changes: object) -> EvaluateOptions:
    """Returns options for `folder/a` and `folder/b` against `folder/truth`."""
    given: dict[str, object] = {
        "systems": {"a": folder / "a", "b": folder / "b"},
        "reference": folder / "truth",
        "cache": folder / "cache",
        "device": "cpu",
    }
    return EvaluateOptions(**{**given, **changes})  # type: ignore[arg-type]


def table(found: Evaluation, task: str = "all") -> dict[tuple[str, str], Score]:
    return {(score.metric, score.system): score for score in found.scores if score.task == task}


def value(found: Evaluation, metric: str, system: str) -> float:
    score = table(found)[metric, system].value
    assert score is not None
    return score
