"""Attributes of a clip (SPEC A1, E2): units, invariances, and the edge cases of silence and short clips."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate.attributes import Attributes, centroid_hz, late_db, level_db, measure, onset_rate_hz, slope_db_per_s
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise, scene_audio, scene_with, strike_scenes

SCENE = strike_scenes(1)[0]


def ramped(samples: np.ndarray, span_db: float) -> np.ndarray:
    """Returns the samples with a gain that rises by `span_db` from start to end."""
    return (samples * 10 ** (np.linspace(-max(span_db, 0), min(span_db, 0), len(samples)) / 20)).astype(np.float32)


def test_noise_has_its_level_no_trend_and_the_middle_of_its_band_as_centroid() -> None:
    assert level_db(noise(level=0.1), RATE_HZ) == pytest.approx(-20, abs=0.2)
    assert slope_db_per_s(noise(), RATE_HZ, []) == pytest.approx(0, abs=0.05)
    assert centroid_hz(noise(), RATE_HZ) == pytest.approx(RATE_HZ / 4, rel=0.02)


@pytest.mark.parametrize("hz", [250.0, 1000.0, 5000.0])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_the_centroid_of_a_tone_is_its_frequency(hz: float, rate_hz: int) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(rate_hz) / rate_hz).astype(np.float32)
    assert centroid_hz(tone, rate_hz) == pytest.approx(hz, rel=0.05)


@pytest.mark.parametrize("gap_s", [0.2, 0.25, 0.5, 1.0])
def test_regular_events_have_the_rate_of_their_gap(gap_s: float) -> None:
    assert measure(bursts(np.arange(0.2, 7.8, gap_s)), RATE_HZ).onset_rate_hz == pytest.approx(1 / gap_s, rel=0.03)


def test_a_pause_does_not_lower_the_rate_and_two_events_are_counted() -> None:
    assert onset_rate_hz([0, 0.5, 1.0, 4.0, 4.5], 8.0) == 2.0
    assert onset_rate_hz([1.0, 5.0], 8.0) == 0.25
    assert onset_rate_hz([], 8.0) == 0.0


def test_the_level_is_that_of_the_audible_part() -> None:
    half = np.concatenate([noise(4.0), np.zeros(4 * RATE_HZ, np.float32)])
    assert level_db(half, RATE_HZ) == pytest.approx(level_db(noise(4.0), RATE_HZ), abs=0.5)


@pytest.mark.parametrize("gain_db", [-10.0, -6.0, 6.0])
def test_a_gain_changes_the_level_by_itself_and_nothing_else(gain_db: float) -> None:
    audio = scene_audio(scene_with(SCENE))
    before, after = measure(audio, RATE_HZ), measure((audio * 10 ** (gain_db / 20)).astype(np.float32), RATE_HZ)
    assert after.level_db - before.level_db == pytest.approx(gain_db, abs=0.01)
    for name in ("onset_rate_hz", "centroid_hz", "late_db", "slope_db_per_s"):  # an onset may move by 10 ms
        assert getattr(after, name) == pytest.approx(
            getattr(before, name), rel=1e-3, abs=0.2
        )  # an onset may move by 10 ms


@pytest.mark.parametrize("rate_hz", [0.8, 1.5, 4.2])
def test_a_ramp_gives_the_slope_it_was_made_with(rate_hz: float) -> None:
    audio = scene_audio(scene_with(SCENE, rate_hz=rate_hz))
    assert measure(ramped(audio, 20), RATE_HZ).slope_db_per_s == pytest.approx(2.5, abs=1.0)
    assert measure(ramped(audio, -20), RATE_HZ).slope_db_per_s == pytest.approx(-2.5, abs=1.0)


def test_late_energy_grows_with_the_decay_time_and_needs_onsets() -> None:
    times = [0.5, 1.5, 2.5]
    values = [late_db(bursts(times, decay_s=decay), RATE_HZ, times) for decay in (0.03, 0.1, 0.2)]
    assert values == sorted(values) and values[0] < values[-1] - 6
    assert late_db(noise(), RATE_HZ, []) == 0.0
    assert np.isfinite(late_db(noise(1.0), RATE_HZ, [0.0, 0.99]))  # windows past both ends


@pytest.mark.parametrize("length", [8 * RATE_HZ, RATE_HZ // 10, 10])
def test_silence_of_any_length_has_finite_attributes(length: int) -> None:
    assert measure(np.zeros(length, np.float32), RATE_HZ) == Attributes(
        onset_rate_hz=0.0, level_db=-80.0, centroid_hz=0.0, late_db=0.0, slope_db_per_s=0.0
    )
