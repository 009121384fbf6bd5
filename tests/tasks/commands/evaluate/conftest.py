"""Folders of short sounds, and a fake judge in place of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tasks.commands.evaluate.options import EvaluateOptions
from tasks.media.samples import Samples
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

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


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    """The only judge there is, under the name of the project's own."""
    fake = FakeJudge()
    monkeypatch.setattr("model.judges.JUDGES", {"corpus-cnn": lambda path, device: fake})
    monkeypatch.setattr("tasks.evaluate.judging.JUDGES", {"corpus-cnn": None})
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
