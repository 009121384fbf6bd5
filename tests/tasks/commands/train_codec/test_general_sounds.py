"""Procedural audio: finite, bounded, varied, and a function of its generator."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.commands.train_codec.general_sounds import (
    MAKERS,
    RATE_HZ,
    _chirp,
    _clicks,
    _coloured,
    _envelope,
    _harmonic,
    _modes,
    general_sound,
    sound_of,
)


def test_general_audio_is_finite_bounded_and_varied_in_level() -> None:
    rng = np.random.default_rng(0)
    made = [general_sound(8000, rng) for _ in range(60)]
    assert all(audio_T.shape == (8000,) and audio_T.dtype == np.float32 for audio_T in made)
    assert all(np.isfinite(audio_T).all() and np.abs(audio_T).max() <= 1 for audio_T in made)
    peaks_db = [20 * np.log10(np.abs(audio_T).max() + 1e-9) for audio_T in made]
    assert max(peaks_db) <= -0.5 + 1e-3
    assert np.percentile(peaks_db, 90) > -12 and np.percentile(peaks_db, 15) < -20


def test_equal_generators_give_equal_audio() -> None:
    one, two, other = (general_sound(2000, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("length", [500, 4000])
def test_each_kind_is_finite_of_the_asked_length_and_not_constant(maker, length: int) -> None:
    for seed in range(4):
        audio_T = maker(length, np.random.default_rng(seed))
        assert audio_T.shape == (length,)
        assert np.isfinite(audio_T).all()
        assert audio_T.std() > 0


def test_a_sound_of_a_kind_is_its_makers_in_an_envelope() -> None:
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    for kind, maker in MAKERS.items():
        assert np.array_equal(sound_of(kind, 3000, rng), maker(3000, again) * _envelope(3000, again))


def test_envelopes_stay_between_zero_and_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        envelope_T = _envelope(3000, rng)
        assert envelope_T.shape == (3000,)
        assert envelope_T.min() >= 0 and envelope_T.max() <= 1


def test_most_audio_is_one_sound_some_is_a_mixture_and_little_is_silence() -> None:
    rng = np.random.default_rng(5)
    silent = sum(not general_sound(400, rng).any() for _ in range(400))
    assert 2 <= silent <= 30  # three percent


@pytest.mark.parametrize("length", [1, 2, 17])
def test_very_short_audio_is_finite(length: int) -> None:
    for seed in range(30):
        audio_T = general_sound(length, np.random.default_rng(seed))
        assert audio_T.shape == (length,) and np.isfinite(audio_T).all()


def spectrum(audio_T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequencies in Hz and power."""
    return np.fft.rfftfreq(len(audio_T), 1 / RATE_HZ), np.abs(np.fft.rfft(audio_T)) ** 2


def share_within(audio_T: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Returns the share of the power between two frequencies."""
    hz, power = spectrum(audio_T)
    return float(power[(hz >= low_hz) & (hz <= high_hz)].sum() / power.sum())


@pytest.mark.parametrize("seed", range(6))
def test_chirps_and_harmonics_stay_in_the_band_that_the_codec_carries(seed: int) -> None:
    chirp_T = _chirp(16_000, np.random.default_rng(seed))
    harmonic_T = _harmonic(16_000, np.random.default_rng(seed))
    assert share_within(chirp_T, 60, 5_500) > 0.95
    assert share_within(harmonic_T, 40, 7_900) > 0.99
    assert np.abs(chirp_T).max() <= 1.0


@pytest.mark.parametrize("seed", range(6))
def test_a_harmonic_sound_has_its_power_at_multiples_of_its_fundamental(seed: int) -> None:
    """Far fewer bins than those of noise carry most of the power."""
    _, harmonic = spectrum(_harmonic(16_000, np.random.default_rng(seed)))
    _, noise = spectrum(np.random.default_rng(seed).standard_normal(16_000))

    def bins_for(power: np.ndarray) -> int:
        return int(np.searchsorted(np.cumsum(np.sort(power)[::-1]) / power.sum(), 0.8))

    assert bins_for(harmonic) < bins_for(noise) / 5


@pytest.mark.parametrize("seed", range(4))
def test_clicks_are_short_and_there_is_at_least_one(seed: int) -> None:
    clicks_T = _clicks(16_000, np.random.default_rng(seed))
    loud = np.abs(clicks_T) > 0.05 * np.abs(clicks_T).max()
    assert 1 <= loud.sum() < 0.9 * len(clicks_T)


def test_coloured_noise_falls_towards_high_frequencies() -> None:
    falls = []
    for seed in range(12):
        coloured_T = _coloured(16_000, np.random.default_rng(seed))
        falls.append(share_within(coloured_T, 20, 1_000) > 1_000 / 8_000)  # more than white noise has there
    assert sum(falls) >= 10


def test_a_struck_object_rings_after_its_first_strike_and_is_silent_before() -> None:
    for seed in range(8):
        modes_T = _modes(8_000, np.random.default_rng(seed))
        first = int(np.argmax(modes_T != 0))
        assert not modes_T[:first].any()
        assert np.isfinite(modes_T).all() and modes_T[first : first + 400].any()
