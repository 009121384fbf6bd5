"""SPEC A3: playback rate in five levels; duration x factor and pitch obey the law."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from tasks.augment.config import AugmentConfig
from tasks.augment.plan import Change, changes_for, make_recipe
from tasks.augment.speed import LEVELS, Speed, change_speed, measure_speed
from tests.tasks.sounds import RATE, sine_hz, strikes, tone

pytestmark = pytest.mark.tools


def test_a3_five_levels_exactly() -> None:
    assert LEVELS == {
        "fast": {"very_fast": 1.3, "fast": None, "medium": 0.7},
        "slow": {"medium": 1.3, "slow": None, "very_slow": 0.7},
    }
    config = AugmentConfig()
    for side, levels in LEVELS.items():
        for change in changes_for("speed", side):
            recipe = make_recipe(change, side, 1, config)
            assert (recipe.factor if isinstance(recipe, Speed) else None) == levels[change.level]
    assert Change(operation="original", level="slow") in changes_for("speed", "slow")


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([0.7, 1.3]), st.floats(0.3, 3.0), st.floats(200, 2500), st.sampled_from([11_025, 16_000, 44_100])
)
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
    measured = measure_speed(sound, change_speed(sound, RATE, recipe), RATE, recipe)
    assert measured["duration_ratio"] == pytest.approx(1 / factor, rel=1e-3)
    assert measured["pitch_ratio"] == pytest.approx(factor, rel=0.02)


def test_a_change_that_did_not_happen_is_refused() -> None:
    sound = strikes(3.0, [0.1, 0.8, 1.9])
    recipe = Speed(factor=1.3)
    stretched = tone(3.0 / 1.3, 700)
    for wrong in (sound, stretched):
        with pytest.raises(ItemError) as caught:
            measure_speed(tone(3.0, 700) if wrong is stretched else sound, wrong, RATE, recipe)
        assert caught.value.reason == "effect_missing"


def test_a_full_scale_sound_is_not_clipped() -> None:
    square = np.sign(tone(1.0, 100)) * np.float32(0.999)
    played = change_speed(square, RATE, Speed(factor=1.3))
    assert np.max(np.abs(played)) < 1.0
    assert np.sum(np.abs(played) > 0.9985) < 100  # clipping would flatten every half wave


@pytest.mark.parametrize("factor", [0.0, -1.0, 9.0])
def test_absurd_factors_are_refused(factor: float) -> None:
    with pytest.raises(ContractError):
        Speed(factor=factor)
