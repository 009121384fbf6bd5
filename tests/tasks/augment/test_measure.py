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
    gain_span_db,
    loudness_trend,
    octave_slope_db,
    peak_db,
    rms_db,
    t60_s,
)
from tests.tasks.sounds import RATE, strikes, tone


def noise(seed: int, count: int, peak: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, count).astype(np.float32)


def line(position: np.ndarray) -> np.ndarray:
    """Returns the course of a straight trend."""
    return position


def trended(sound: np.ndarray, span_db: float) -> np.ndarray:
    """Returns the audio with a gain that rises by `span_db` from start to end, a line in dB."""
    return (sound * 10 ** (np.linspace(0, span_db, len(sound)) / 20)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40_000), st.floats(0.001, 1.0))
def test_levels_are_those_of_the_plain_formulas(seed: int, count: int, peak: float) -> None:
    sound = noise(seed, count, peak).astype(np.float64)
    assert rms_db(sound.astype(np.float32)) == pytest.approx(10 * np.log10(np.mean(sound**2) + 1e-12), abs=1e-3)
    assert peak_db(sound.astype(np.float32)) == pytest.approx(20 * np.log10(np.max(np.abs(sound)) + 1e-12), abs=1e-3)


@given(st.integers(0, 99), st.floats(-40, 0))
@settings(max_examples=20, deadline=None)
def test_a_gain_moves_both_levels_by_itself(seed: int, gain_db: float) -> None:
    sound = noise(seed, 9000)
    quieter = sound * np.float32(10 ** (gain_db / 20))
    assert rms_db(quieter) - rms_db(sound) == pytest.approx(gain_db, abs=1e-3)
    assert peak_db(quieter) - peak_db(sound) == pytest.approx(gain_db, abs=1e-3)


def test_silence_and_nothing_have_levels_too() -> None:
    for sound in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        assert rms_db(sound) < -100 and peak_db(sound) < -100
        trend = loudness_trend(sound, sound)
        assert (trend.before_db, trend.after_db, trend.rising, trend.falling) == (0, 0, 0, 0)
    assert gain_span_db(np.zeros(0, np.float32), np.zeros(0, np.float32), line) is None


@pytest.mark.parametrize("db_per_octave", [-3.0, 0.0, 2.0])
def test_the_spectral_slope_of_a_filter_is_found(db_per_octave: float) -> None:
    hz = np.linspace(0, RATE / 2, 513)
    gains = 10 ** (db_per_octave * np.log2(np.maximum(hz, 60) / 1000) / 20)
    before = noise(3, 4 * RATE)
    after = signal.fftconvolve(before, signal.firwin2(1023, hz, gains, fs=RATE), "same").astype(np.float32)
    slope = octave_slope_db(before, after, RATE)
    assert slope is not None and slope == pytest.approx(db_per_octave, abs=0.4)


@given(st.floats(-40, 40))
@settings(max_examples=10, deadline=None)
def test_a_change_of_level_alone_has_no_spectral_slope(gain_db: float) -> None:
    sound = noise(1, RATE, 0.01)
    assert octave_slope_db(sound, sound * np.float32(10 ** (gain_db / 20)), RATE) == pytest.approx(0, abs=0.01)


def test_a_tone_has_too_few_octaves_for_a_slope() -> None:
    hum = tone(2.0, 400) * np.hanning(2 * RATE).astype(np.float32)
    assert octave_slope_db(hum, hum, RATE) is None


@settings(max_examples=30, deadline=None)
@given(st.floats(-24, 24), st.integers(0, 99))
def test_the_trend_of_steady_noise_is_the_gain_put_on_it(span_db: float, seed: int) -> None:
    sound = noise(seed, 2 * RATE)
    shaped = trended(sound, span_db)
    trend = loudness_trend(sound, shaped)
    assert trend.after_db == pytest.approx(span_db, abs=0.5 + 0.05 * abs(span_db))
    assert trend.before_db == pytest.approx(0, abs=0.5)
    if abs(span_db) > 6:
        assert (trend.rising, trend.falling) == ((1, 0) if span_db > 0 else (0, 1))
    gain = gain_span_db(sound, shaped, line)
    assert gain is not None and gain == pytest.approx(span_db, abs=0.2)


@given(st.floats(-20, 20), st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_the_trend_of_the_result_is_the_own_one_plus_that_of_the_gain(span_db: float, seed: int) -> None:
    """Whatever the audio does by itself: which parts count is decided by the source alone."""
    rng = np.random.default_rng(seed)
    sound = strikes(6.0, sorted(rng.uniform(0, 5.8, 20)), peak=0.5) + noise(seed, 6 * RATE, 1e-3)
    trend = loudness_trend(sound, trended(sound, span_db))
    assert trend.after_db - trend.before_db == pytest.approx(span_db, abs=0.4)


@given(st.floats(-20, 20))
@settings(max_examples=10, deadline=None)
def test_reversing_audio_reverses_its_trend(span_db: float) -> None:
    sound = strikes(4.0, list(np.arange(0.05, 3.8, 0.2)))[: 4 * RATE // 48 * 48]  # the same parts from either end
    shaped = trended(sound, span_db)
    forwards = loudness_trend(sound, shaped)
    backwards = loudness_trend(*(np.ascontiguousarray(one[::-1]) for one in (sound, shaped)))
    assert backwards.after_db == pytest.approx(-forwards.after_db, abs=0.05)
    assert (backwards.rising, backwards.falling) == pytest.approx((forwards.falling, forwards.rising), abs=0.07)


@pytest.mark.parametrize("share", [0.3, 0.45, 0.8, 1.0])
def test_the_share_that_rises_ends_where_the_audio_does(share: float) -> None:
    """A clock that stops, above its own faint noise, grows only until then."""
    ticks = strikes(6.0, list(np.arange(0.05, 6.0 * share - 0.15, 0.25))) + noise(1, 6 * RATE, 1e-3)
    rising = loudness_trend(ticks, trended(ticks, 20)).rising
    assert rising < 2 / 3 if share < 0.5 else rising >= 2 / 3


def test_a_trend_that_turns_back_rises_and_falls_for_half_of_its_length() -> None:
    sound = noise(3, 4 * RATE)
    hump = sound * (10 ** (-np.abs(np.linspace(-20, 20, len(sound))) / 20)).astype(np.float32)
    trend = loudness_trend(sound, hump)
    assert trend.after_db == pytest.approx(0, abs=1)
    assert trend.rising == pytest.approx(0.5, abs=0.1) and trend.falling == pytest.approx(0.5, abs=0.1)


def test_one_event_has_no_trend() -> None:
    single = np.zeros(RATE, np.float32)
    single[100:200] = 0.5
    assert loudness_trend(single, single).after_db == 0.0


def test_the_span_of_a_curved_gain_is_found_along_its_course() -> None:
    sound = noise(4, 2 * RATE)
    position = np.linspace(0, 1, len(sound))
    late = (sound * 10 ** (15 * position**2 / 20)).astype(np.float32)
    assert gain_span_db(sound, late, np.square) == pytest.approx(15, abs=0.1)
    half = np.concatenate([sound[:RATE], np.zeros(RATE, np.float32)])
    shaped = (half * 10 ** (15 * position**2 / 20)).astype(np.float32)
    assert gain_span_db(half, shaped, np.square) == pytest.approx(15, abs=0.1)  # by its first half alone
    wrong = gain_span_db(half, shaped, line)
    assert wrong is not None and abs(wrong - 15) > 5


def test_the_gain_is_not_measured_where_16_bits_blur_it() -> None:
    faint = noise(4, RATE, 1e-4)
    assert gain_span_db(faint, faint, line) is None
    half = np.concatenate([noise(4, RATE), np.zeros(RATE, np.float32)])
    assert gain_span_db(half, trended(half, 12), line) == pytest.approx(12, abs=0.5)


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
