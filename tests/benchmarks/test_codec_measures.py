"""Measures of a round trip on audio whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.codec_measures import (
    RATE_HZ,
    envelope,
    latent_use,
    leak_db,
    level_db,
    onset_s,
    quality,
    round_trip,
    si_sdr_db,
)


def noise(scale: float = 0.1, samples: int = RATE_HZ) -> np.ndarray:
    return (scale * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def strike(at_s: float) -> np.ndarray:
    audio_T = np.zeros(RATE_HZ, np.float32)
    start = round(at_s * RATE_HZ)
    audio_T[start:] = noise(0.5)[start:] * np.exp(-np.arange(RATE_HZ - start) / 800)
    return audio_T


class Toy:
    """A codec of one channel whose latent is the mean of each 100 samples."""

    def encode(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = audio.reshape(1, -1, 100).mean(-1, keepdim=True)
        return mean, torch.full_like(mean, 1e-4)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        return latent.repeat_interleave(100, dim=1)[..., 0]


def test_equal_audio_has_no_distance_and_half_the_amplitude_is_six_decibels() -> None:
    audio_T = noise()
    same = quality(audio_T, audio_T)
    assert (same.level_change_db, same.mel_l1, same.mel_db) == (0, 0, 0) and same.si_sdr_db > 60
    half = quality(audio_T, audio_T / 2)
    assert half.level_change_db == pytest.approx(-6.02, abs=0.01)
    assert half.mel_l1 == pytest.approx(np.log10(2), rel=0.05)
    assert half.si_sdr_db > 60


def test_si_sdr_of_a_tenth_of_noise_is_twenty_decibels() -> None:
    rng = np.random.default_rng(1)
    audio_T = noise(1.0)
    assert si_sdr_db(audio_T, audio_T + 0.1 * rng.standard_normal(RATE_HZ)) == pytest.approx(20, abs=0.3)


def test_levels_and_envelopes_are_root_mean_squares() -> None:
    assert level_db(np.full(100, 0.1, np.float32)) == pytest.approx(-20, abs=1e-4)
    assert level_db(np.zeros(100, np.float32)) == -120
    assert np.allclose(envelope(np.repeat([0.1, 0.2], 32).astype(np.float32)), [0.1, 0.2])


@pytest.mark.parametrize("late_ms", [-6, 0, 4, 10])
def test_onsets_move_with_the_audio(late_ms: int) -> None:
    shift_s = onset_s(strike(0.5 + late_ms / 1000), 0.5) - onset_s(strike(0.5), 0.5)
    assert shift_s == pytest.approx(late_ms / 1000, abs=0.0021)


def test_a_leak_is_what_sounds_before_the_strike() -> None:
    clean = strike(0.5)
    leaking = clean.copy()
    leaking[round(0.45 * RATE_HZ) : round(0.47 * RATE_HZ)] += 0.05
    assert leak_db(clean, 0.5) < -60 < -30 < leak_db(leaking, 0.5)


def test_latent_use_counts_channels_that_say_something() -> None:
    use = latent_use(Toy(), [noise(samples=1600)])
    assert (use.channels, use.used) == (1, 1)
    assert use.least_spread == use.greatest_spread > 2 * use.deviation
    constant = latent_use(Toy(), [np.full(1600, 0.3, np.float32)])
    assert constant.used == 0


def test_a_round_trip_has_the_clips_length() -> None:
    made_T = round_trip(Toy(), np.full(800, 0.25, np.float32))
    assert np.allclose(made_T, 0.25) and made_T.shape == (800,)
