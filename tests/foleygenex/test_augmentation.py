"""One recording changed as in a run: by a file or an array, the same for a seed, the effect measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foleygenex
from foleygenex.augmentation import EFFECTS
from tasks.augment.ends import prepare_source
from tasks.augment.make import make_change
from tests.tasks.augment.build import make_context
from tests.tasks.sounds import RATE, strikes, write_wav

STRIKES = strikes(2.0, [0.1 + 0.25 * n for n in range(8)])
AUDIO = foleygenex.Audio(samples=STRIKES, rate_hz=RATE)
FEW_ROOMS = {"rooms": 2}


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_is_measured_and_the_same_for_a_seed(effect: str) -> None:
    first, second = (foleygenex.augment(AUDIO, effect, seed=3, settings=FEW_ROOMS) for _ in range(2))
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.rate_hz == RATE and first.samples.ndim == 1 and first.description.endswith(".")
    assert first.measured and first.recipe == second.recipe


def test_effects_are_those_of_the_table() -> None:
    assert set(EFFECTS) == {"faster", "slower", "far", "crescendo", "decrescendo"}


def test_speed_distance_and_trend_are_heard() -> None:
    faster = foleygenex.augment(AUDIO, "faster")
    slower = foleygenex.augment(AUDIO, "slower")
    assert slower.duration_s / faster.duration_s == pytest.approx(1.3 / 0.7, rel=1e-3)
    far = foleygenex.augment(AUDIO, "far", settings=FEW_ROOMS)
    assert np.square(far.samples).mean() < 0.5 * np.square(STRIKES).mean()
    growing = foleygenex.augment(AUDIO, "crescendo").samples
    half = len(growing) // 2
    assert np.square(growing[half:]).mean() > 4 * np.square(growing[:half]).mean()


def test_a_file_is_changed_as_its_samples_are_and_as_in_a_run(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", STRIKES, subtype="FLOAT")
    by_file, by_array = foleygenex.augment(path, "slower"), foleygenex.augment(AUDIO, "slower")
    np.testing.assert_array_equal(by_file.samples, by_array.samples)
    context = make_context()
    trimmed_T = prepare_source(STRIKES, RATE, context.config).samples_T
    _, made = make_change(EFFECTS["slower"], trimmed_T, RATE, 0, context)
    np.testing.assert_array_equal(made.samples_T, by_file.samples)


def test_settings_are_those_of_the_stage() -> None:
    strong, weak = (
        foleygenex.augment(AUDIO, "crescendo", settings={"dynamics_db": decibels}).measured["gain_trend_db"]
        for decibels in (30, 10)
    )
    assert strong - weak == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("samples", "effect", "settings", "words"),
    [
        (STRIKES, "louder", {}, "effect 'louder' is unknown; choose one of faster, slower, far"),
        (STRIKES, "far", {"far": 3}, "far: unknown setting; did you mean far_m"),
        (STRIKES, "far", {"far_m": 1}, "far_m.*greater than 2"),
        (np.zeros(RATE, np.float32), "faster", {}, "no sample is over -60 dBFS"),
        (STRIKES[round(0.1 * RATE) : round(0.2 * RATE)], "faster", {}, "0.25 s are needed"),
        (np.full(RATE, np.nan, np.float32), "faster", {}, "NaN"),
    ],
)
def test_what_cannot_be_changed_is_said(samples: Any, effect: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(foleygenex.FoleyGenExError, match=words):
        foleygenex.augment(foleygenex.Audio(samples=samples, rate_hz=RATE), effect, settings=settings)


def test_audio_over_full_scale_is_lowered_as_in_a_run() -> None:
    """An MP3 decodes to 1.24 at times: its crescendo keeps the peak, and its speed levels are equally loud."""
    over = foleygenex.Audio(samples=1.4 / np.abs(STRIKES).max() * STRIKES, rate_hz=RATE)
    assert np.abs(foleygenex.augment(over, "crescendo").samples).max() > 0.98
    levels = [np.sqrt(np.square(foleygenex.augment(over, effect).samples).mean()) for effect in ("faster", "slower")]
    assert levels[0] == pytest.approx(levels[1], rel=0.05)
