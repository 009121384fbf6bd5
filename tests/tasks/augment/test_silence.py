"""SPEC A2: silence goes at both ends and stays inside."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts import ItemError
from tasks.augment.silence import TrimSilence, trim_silence
from tests.tasks.sounds import RATE, tone

pytestmark = pytest.mark.tools
RECIPE = TrimSilence(threshold_db=-60)


@pytest.mark.parametrize(
    ("lead_s", "tail_s", "pause_s"), [(0, 0, 1.0), (0.7, 0, 0.05), (0, 1.2, 0.3), (0.3, 0.01, 1.0)]
)
def test_a2_ends_go_and_the_pause_inside_stays(lead_s: float, tail_s: float, pause_s: float) -> None:
    parts = [np.zeros(round(lead_s * RATE)), tone(0.4)[5:], np.zeros(round(pause_s * RATE)), tone(0.4)[5:-5]]
    sound = np.concatenate([*parts, np.zeros(round(tail_s * RATE))]).astype(np.float32)
    trimmed = trim_silence(sound, RATE, RECIPE)
    inside = np.concatenate(parts[1:]).astype(np.float32)
    assert trimmed.offset_s == pytest.approx(lead_s, abs=1e-3)
    assert len(trimmed.samples_T) / RATE == pytest.approx(len(inside) / RATE, abs=2e-3)
    start = round(trimmed.offset_s * RATE)
    np.testing.assert_array_equal(trimmed.samples_T, sound[start : start + len(trimmed.samples_T)])


def test_a2_noise_below_the_threshold_counts_as_silence() -> None:
    hiss = 1e-4 * np.random.default_rng(0).uniform(-1, 1, RATE)
    sound = np.concatenate([hiss, tone(0.5)[3:], hiss]).astype(np.float32)
    assert trim_silence(sound, RATE, RECIPE).offset_s == pytest.approx(1.0, abs=1e-3)


def test_silence_stays_out() -> None:
    with pytest.raises(ItemError) as caught:
        trim_silence(np.zeros(RATE, np.float32), RATE, RECIPE)
    assert caught.value.reason == "silent"


def test_a_sound_without_silence_is_unchanged() -> None:
    sound = tone(0.5)[3:-3]
    trimmed = trim_silence(sound, RATE, RECIPE)
    assert trimmed.offset_s < 1e-3 and abs(len(trimmed.samples_T) - len(sound)) <= 3
