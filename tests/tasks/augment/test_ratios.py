"""SPEC A3: the pitch and time ratios are right wherever they are given, and None where the audio does not show them."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.augment.ratios import pitch_ratio, time_ratio
from tests.tasks.sounds import strikes, tone

RATE = 44_100


def written(samples: np.ndarray) -> np.ndarray:
    """Returns samples as a 16-bit file gives them back."""
    return (np.round(np.clip(samples, -1, 1) * 32767) / 32768).astype(np.float32)


def played(sound: np.ndarray, factor: float) -> np.ndarray:
    return written(soxr.resample(sound, RATE * factor, RATE))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.7, 1.3), st.integers(0, 99), st.floats(0.02, 0.5), st.floats(0.6, 6.0))
def test_white_noise_shows_its_pitch_ratio(factor: float, seed: int, peak: float, duration_s: float) -> None:
    noise = np.random.default_rng(seed).uniform(-peak, peak, round(duration_s * RATE)).astype(np.float32)
    ratio = pitch_ratio(noise, played(noise, factor), RATE)
    assert ratio is not None and ratio == pytest.approx(factor, rel=0.004)
    assert time_ratio(noise, played(noise, factor), RATE) is None  # it is steady


@settings(max_examples=10, deadline=None)
@given(st.floats(0.7, 1.3), st.floats(150, 5000), st.floats(0.8, 4.0))
def test_a_tone_shows_its_pitch_ratio(factor: float, hz: float, duration_s: float) -> None:
    sound = tone(duration_s, hz, RATE)
    ratio = pitch_ratio(sound, played(sound, factor), RATE)
    assert ratio is not None and ratio == pytest.approx(factor, rel=0.006)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.7, 1.3), st.lists(st.floats(0.05, 3.8), min_size=4, max_size=8, unique_by=lambda s: round(s * 4)))
def test_strikes_show_pitch_and_time_ratio(factor: float, times_s: list[float]) -> None:
    sound = strikes(4.0, sorted(times_s), rate_hz=RATE)
    after = played(sound, factor)
    pitch, time = pitch_ratio(sound, after, RATE), time_ratio(sound, after, RATE)
    assert pitch is not None and pitch == pytest.approx(factor, rel=0.006)
    assert time is None or time == pytest.approx(factor, rel=0.03)


def test_time_without_pitch_and_pitch_without_time_are_told_apart() -> None:
    times = [0.1, 0.5, 1.3, 1.6, 2.9, 3.4]
    sound = strikes(4.0, times, rate_hz=RATE)
    slower = strikes(4.0 / 0.7, [time_s / 0.7 for time_s in times], rate_hz=RATE)  # the same strikes, later
    ratio = time_ratio(sound, slower, RATE)
    assert ratio is not None and ratio == pytest.approx(0.7, rel=0.03)
    assert pitch_ratio(sound, slower, RATE) is None or pitch_ratio(sound, slower, RATE) == pytest.approx(1, rel=0.01)


def test_unrelated_audio_and_silence_show_no_ratio() -> None:
    first, second = (np.random.default_rng(n).uniform(-0.5, 0.5, 2 * RATE).astype(np.float32) for n in (1, 2))
    assert pitch_ratio(first, second, RATE) is None
    silence = np.zeros(2 * RATE, np.float32)
    assert pitch_ratio(silence, silence, RATE) is None and time_ratio(silence, silence, RATE) is None
    assert pitch_ratio(first[:100], first[:100], RATE) is None
