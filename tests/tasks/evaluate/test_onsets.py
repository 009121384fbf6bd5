"""The onset detector behind EventF1: it finds the corpus's true events, and none where nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate.events import event_f1
from tasks.evaluate.onsets import detect_onsets
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise, scene_audio, strike_scenes


def test_e2_the_true_sounds_of_the_corpus_score_above_095_at_50_ms() -> None:
    scores = [
        event_f1(scene.event_times_s, detect_onsets(scene_audio(scene), RATE_HZ), 0.05) for scene in strike_scenes(20)
    ]
    assert np.mean(scores) > 0.95


@pytest.mark.parametrize("level", [0.5, 0.05, 0.003])
@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_bursts_are_found_at_any_level_and_rate(level: float, rate_hz: int) -> None:
    times = [0.4, 0.9, 1.15, 3.0, 5.5, 7.7]
    found = detect_onsets(bursts(times, level=level, rate_hz=rate_hz), rate_hz)
    np.testing.assert_allclose(found, times, atol=0.015)


def test_nothing_happens_in_silence_noise_and_a_steady_tone() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(8 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    for sound in (np.zeros(8 * RATE_HZ, np.float32), tone, np.zeros(10, np.float32), noise(level=1e-5)):
        assert detect_onsets(sound, RATE_HZ) == []
    assert sum(len(detect_onsets(noise(seed=seed), RATE_HZ)) for seed in range(6)) <= 1


def test_scaling_a_sound_does_not_move_its_onsets() -> None:
    sound = scene_audio(strike_scenes(1)[0])
    assert detect_onsets(sound, RATE_HZ) == detect_onsets(sound * np.float32(0.5), RATE_HZ)
