"""The measures behind every refusal: right on audio whose numbers are known, and equal to plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from tasks.augment.measure import (
    direct_to_reverberant_db,
    effect_missing,
    gain_trend_db,
    loudness_trend_db,
    octave_slope_db,
    peak_db,
    rms_db,
    t60_s,
)
from tests.tasks.sounds import RATE, strikes, tone


def noise(seed: int, count: int, peak: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, count).astype(np.float32)


def trended(sound: np.ndarray, span_db: float) -> np.ndarray:
    """Returns the audio with a gain that rises by `span_db` from start to end, a line in dB."""
    return (sound * 10 ** (np.linspace(0, span_db, len(sound)) / 20)).astype(np.float32)


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 40_000), st.floats(0.001, 1.0))
def test_levels_are_those_of_the_plain_formulas(seed: int, count: int, peak: float) -> None:
    sound = noise(seed, count, peak).astype(np.float64)
    assert rms_db(sound.astype(np.float32)) == pytest.approx(10 * np.log10(np.mean(sound**2) + 1e-12), abs=1e-3)
    assert peak_db(sound.astype(np.float32)) == pytest.approx(20 * np.log10(np.max(np.abs(sound)) + 1e-12), abs=1e-3)


@given(st.integers(0, 99), st.floats(-40, 0))
@settings(max_examples=20)
def test_a_gain_moves_both_levels_by_itself(seed: int, gain_db: float) -> None:
    sound = noise(seed, 9000)
    quieter = sound * np.float32(10 ** (gain_db / 20))
    assert rms_db(quieter) - rms_db(sound) == pytest.approx(gain_db, abs=1e-3)
    assert peak_db(quieter) - peak_db(sound) == pytest.approx(gain_db, abs=1e-3)


def test_silence_and_nothing_have_levels_too() -> None:
    for sound in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        assert rms_db(sound) < -100 and peak_db(sound) < -100
        assert loudness_trend_db(sound) == pytest.approx(0, abs=1e-9)
    assert gain_trend_db(np.zeros(0, np.float32), np.zeros(0, np.float32)) is None


@pytest.mark.parametrize("db_per_octave", [-3.0, 0.0, 2.0])
def test_the_spectral_slope_of_a_filter_is_found(db_per_octave: float) -> None:
    hz = np.linspace(0, RATE / 2, 513)
    gains = 10 ** (db_per_octave * np.log2(np.maximum(hz, 60) / 1000) / 20)
    before = noise(3, 4 * RATE)
    after = signal.fftconvolve(before, signal.firwin2(1023, hz, gains, fs=RATE), "same").astype(np.float32)
    slope = octave_slope_db(before, after, RATE)
    assert slope is not None and slope == pytest.approx(db_per_octave, abs=0.4)


@given(st.floats(-40, 40))
@settings(max_examples=10)
def test_a_change_of_level_alone_has_no_spectral_slope(gain_db: float) -> None:
    sound = noise(1, RATE, 0.01)
    assert octave_slope_db(sound, sound * np.float32(10 ** (gain_db / 20)), RATE) == pytest.approx(0, abs=0.01)


def test_a_tone_has_too_few_octaves_for_a_slope() -> None:
    hum = tone(2.0, 400) * np.hanning(2 * RATE).astype(np.float32)
    assert octave_slope_db(hum, hum, RATE) is None


@settings(max_examples=30)
@given(st.floats(-24, 24), st.integers(0, 99))
def test_the_trend_of_steady_noise_is_the_gain_put_on_it(span_db: float, seed: int) -> None:
    sound = noise(seed, 2 * RATE)
    shaped = trended(sound, span_db)
    assert loudness_trend_db(shaped) == pytest.approx(span_db, abs=0.5 + 0.05 * abs(span_db))
    gain = gain_trend_db(sound, shaped)
    assert gain is not None and gain == pytest.approx(span_db, abs=0.2)


@given(st.floats(-20, 20))
@settings(max_examples=10)
def test_reversing_audio_reverses_its_trend(span_db: float) -> None:
    sound = trended(strikes(4.0, list(np.arange(0.05, 3.8, 0.2))), span_db)
    backwards = np.ascontiguousarray(sound[::-1])
    assert loudness_trend_db(backwards) == pytest.approx(-loudness_trend_db(sound), abs=0.05)


def test_one_event_has_no_trend_and_no_number_is_beyond_60_db() -> None:
    single = np.zeros(RATE, np.float32)
    single[100:200] = 0.5
    assert loudness_trend_db(single) == 0.0
    assert abs(loudness_trend_db(trended(noise(2, RATE), 300))) <= 60


def test_the_gain_is_not_measured_where_16_bits_blur_it() -> None:
    faint = noise(4, RATE, 1e-4)
    assert gain_trend_db(faint, faint) is None
    half = np.concatenate([noise(4, RATE), np.zeros(RATE, np.float32)])
    assert gain_trend_db(half, trended(half, 12)) == pytest.approx(12, abs=0.5)  # by its first half alone


def test_the_direct_sound_against_the_rest_is_the_ratio_of_their_energies() -> None:
    response = np.zeros(RATE, np.float32)
    response[500] = 1.0
    response[4000:4100] = 0.1
    assert direct_to_reverberant_db(response, 500, RATE) == pytest.approx(0.0, abs=0.01)  # 1 against 100 x 0.01
    response[4000:4100] *= np.float32(10**0.5)
    assert direct_to_reverberant_db(response, 500, RATE) == pytest.approx(-10.0, abs=0.01)


@pytest.mark.parametrize("seconds", [0.3, 0.6, 0.9])
def test_the_t60_of_an_exponential_decay_is_found(seconds: float) -> None:
    t = np.arange(2 * RATE) / RATE
    response = np.random.default_rng(0).standard_normal(len(t)) * 10 ** (-3 * t / seconds)
    assert t60_s(response.astype(np.float32), RATE) == pytest.approx(seconds, rel=0.1)


def test_a_missing_effect_states_what_was_found_and_what_was_wanted() -> None:
    error = effect_missing("pitch ratio", 1.23456, "1.3 within 2%")
    assert (error.reason, error.message) == ("effect_missing", "pitch ratio is 1.235; wanted 1.3 within 2%")
