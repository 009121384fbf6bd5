"""SPEC A3: playback rate in five levels; duration x factor and pitch obey the law."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from data_contracts.adverbs import changes_for
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.plan import recipes_for
from tasks.augment.speed import Played, Speed, change_speed, measure_speed, play
from tests.tasks.sounds import RATE, sine_hz, strikes, tone


def test_a3_five_levels_exactly() -> None:
    factors = {
        "fast": {"very_fast": 1.3, "fast": None, "medium": 0.7},
        "slow": {"medium": 1.3, "slow": None, "very_slow": 0.7},
    }
    config = AugmentConfig()
    bank = RoomBank(config=config, dataset_version="1")
    for side, levels in factors.items():
        assert [change.level for change in changes_for(side)] == list(levels)
        for change in changes_for(side):
            (recipe,) = recipes_for(change, 1, RATE, config, bank)
            assert (recipe.factor if isinstance(recipe, Speed) else None) == levels[change.level]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.7, 1.3), st.floats(0.3, 3.0), st.floats(200, 2500), st.sampled_from([11_025, 16_000, 44_100]))
def test_a3_duration_times_factor_and_pitch(factor: float, duration_s: float, hz: float, rate: int) -> None:
    sound = tone(duration_s, hz, rate)
    played = change_speed(sound, rate, Speed(factor=factor))
    assert len(played) / rate * factor == pytest.approx(len(sound) / rate, abs=1e-3)
    assert sine_hz(played, rate) / sine_hz(sound, rate) == pytest.approx(factor, rel=0.01)
    assert np.max(np.abs(played)) < 1.0


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a3_equals_resampling(factor: float) -> None:
    rng = np.random.default_rng(3)
    noise = soxr.resample(rng.uniform(-0.4, 0.4, RATE // 2), RATE // 2, RATE)
    played = change_speed(noise.astype(np.float32), RATE, Speed(factor=factor))
    expected = soxr.resample(noise, RATE * factor, RATE)
    count = min(len(played), len(expected)) - 400
    error = played[400:count] - expected[400:count]
    assert np.std(error) < 0.02 * np.std(expected)


@pytest.mark.parametrize("sound", [tone(2.0, 700), strikes(3.0, [0.1, 0.8, 1.9])])
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_the_effect_is_measured(sound: np.ndarray, factor: float) -> None:
    recipe = Speed(factor=factor)
    played = play(sound, RATE, recipe, max_s=8.0)
    measured = measure_speed(sound, played.samples_T, RATE, recipe, played)
    assert measured["duration_ratio"] == pytest.approx(1 / factor, rel=1e-3)
    assert measured["pitch_ratio"] == pytest.approx(factor, rel=0.02)


def test_d2_a_slowed_sound_is_cut_and_no_more_is_played_than_stays() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 8 * RATE).astype(np.float32)
    recipe = Speed(factor=0.7)
    played = play(sound, RATE, recipe, max_s=8.0)
    assert len(played.samples_T) == 8 * RATE and played.source_length < 5.7 * RATE
    whole = change_speed(sound, RATE, recipe)[: 8 * RATE]
    np.testing.assert_allclose(played.samples_T, whole, atol=1e-5)
    measured = measure_speed(sound, played.samples_T, RATE, recipe, played)
    assert measured["pitch_ratio"] == pytest.approx(0.7, rel=0.005)  # of the written part, against what it came from


def length(samples: np.ndarray, source: np.ndarray) -> Played:
    return Played(samples_T=samples, source_length=len(source), played_length=len(samples))


def test_a_change_that_did_not_happen_is_refused() -> None:
    sound, recipe = strikes(3.0, [0.1, 0.8, 1.1, 1.9, 2.5]), Speed(factor=1.3)
    with pytest.raises(ItemError, match=r"duration error in s is 0\.6923; wanted at most 0\.001"):
        measure_speed(sound, sound, RATE, recipe, length(sound, sound))
    pitched = change_speed(sound, RATE, recipe)
    stretched = tone(3.0 / 1.3, 700)
    with pytest.raises(ItemError, match=r"pitch ratio is 0\.99\d*; wanted 1\.3 within 2%"):
        measure_speed(tone(3.0, 700), stretched, RATE, recipe, length(stretched, tone(3.0, 700)))
    reversed_in_time = np.ascontiguousarray(pitched[::-1])  # right length, right spectrum, wrong events
    measured = measure_speed(sound, reversed_in_time, RATE, recipe, length(reversed_in_time, sound))
    assert measured["time_ratio"] is None


def test_right_pitch_and_length_at_the_wrong_tempo_is_refused() -> None:
    times = [0.1, 0.5, 1.3, 1.6, 2.9, 3.4]
    sound, recipe = strikes(4.0, times), Speed(factor=1.3)
    wrong = change_speed(strikes(4.0, [0.8 * time_s for time_s in times]), RATE, recipe)
    with pytest.raises(ItemError, match=r"time ratio is 1\.6"):
        measure_speed(sound, wrong, RATE, recipe, length(wrong, sound))


@pytest.mark.tools
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_the_other_reading_keeps_the_pitch(factor: float) -> None:
    sound = strikes(4.0, [0.1, 0.5, 1.3, 1.6, 2.9, 3.4])
    recipe = Speed(factor=factor, keeps_pitch=True)
    played = play(sound, RATE, recipe, max_s=8.0)
    measured = measure_speed(sound, played.samples_T, RATE, recipe, played)
    assert measured["pitch_ratio"] == pytest.approx(1.0, rel=0.01)
    assert measured["time_ratio"] == pytest.approx(factor, rel=0.03)


def test_silence_stays_silence() -> None:
    assert not change_speed(np.zeros(RATE, np.float32), RATE, Speed(factor=1.3)).any()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.7, 1.3), st.floats(0.2, 1.5))
def test_a2_an_inner_pause_stays_and_scales(factor: float, pause_s: float) -> None:
    sound = np.concatenate([tone(0.5), np.zeros(round(pause_s * RATE)), tone(0.5)]).astype(np.float32)
    quiet = np.abs(change_speed(sound, RATE, Speed(factor=factor))) < 1e-3
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(int), [0]])))
    longest_s = np.max(edges[1::2] - edges[::2]) / RATE
    assert longest_s == pytest.approx(pause_s / factor, abs=0.01)


def test_a_full_scale_sound_is_not_clipped() -> None:
    square = np.sign(tone(1.0, 100)) * np.float32(0.999)
    played = change_speed(square, RATE, Speed(factor=1.3))
    assert np.max(np.abs(played)) < 1.0
    assert np.sum(np.abs(played) > 0.9985) < 100  # clipping would flatten every half wave


@pytest.mark.parametrize("factor", [0.0, -1.0, 9.0])
def test_absurd_factors_are_refused(factor: float) -> None:
    with pytest.raises(ContractError):
        Speed(factor=factor)
