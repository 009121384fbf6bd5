"""SPEC A5: a trend of the level, the original peak kept within 0.1 dB."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from tasks.augment.dynamics import Dynamics, change_dynamics, measure_dynamics
from tasks.augment.measure import loudness_trend_db, peak_db
from tests.tasks.sounds import RATE, strikes, tone


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["crescendo", "decrescendo"]), st.floats(6, 40), st.floats(0.05, 0.99), st.floats(1.0, 4.0))
def test_a5_trend_and_peak(direction: str, span_db: float, peak: float, duration_s: float) -> None:
    sound = tone(duration_s, 440, peak=peak)
    recipe = Dynamics(direction=direction, span_db=span_db)
    shaped = change_dynamics(sound, RATE, recipe)
    assert len(shaped) == len(sound)
    assert peak_db(shaped) == pytest.approx(peak_db(sound), abs=0.1)
    sign = 1 if direction == "crescendo" else -1
    # Per 20 ms the change of level is one straight line in dB, span_db from end to end.
    width = RATE // 50
    count = len(sound) // width
    change = [peak_db(shaped[n * width : (n + 1) * width]) - peak_db(sound[:width]) for n in range(count)]
    steps = np.diff(change)
    np.testing.assert_allclose(steps, sign * span_db * width / len(sound), atol=0.25)
    assert loudness_trend_db(shaped) == pytest.approx(sign * span_db, rel=0.1, abs=1.5)


@pytest.mark.parametrize("direction", ["crescendo", "decrescendo"])
def test_a5_strikes_keep_their_times_and_gain_a_trend(direction: str) -> None:
    sound = strikes(8.0, list(np.arange(0.1, 7.9, 0.5)))
    recipe = Dynamics(direction=direction, span_db=20)
    measured = measure_dynamics(sound, change_dynamics(sound, RATE, recipe), recipe)
    assert measured["trend_after_db"] is not None and abs(measured["trend_after_db"]) > 15
    assert measured["gain_trend_db"] == pytest.approx(20 if direction == "crescendo" else -20, abs=0.2)
    assert measured["peak_after_db"] == pytest.approx(measured["peak_before_db"], abs=0.1)


def test_a_sound_that_dies_away_cannot_become_a_crescendo() -> None:
    decay = tone(3.0) * np.exp(-2 * np.arange(3 * RATE) / RATE).astype(np.float32)
    recipe = Dynamics(direction="crescendo", span_db=10)
    with pytest.raises(ItemError) as caught:
        measure_dynamics(decay, change_dynamics(decay, RATE, recipe), recipe)
    assert caught.value.reason == "effect_missing"


def test_a_trend_of_the_wrong_size_is_refused() -> None:
    sound = tone(2.0)
    half = change_dynamics(sound, RATE, Dynamics(direction="crescendo", span_db=10))
    with pytest.raises(ItemError, match=r"trend of the gain in dB is (10|9\.9\d*); wanted \+20 within 1"):
        measure_dynamics(sound, half, Dynamics(direction="crescendo", span_db=20))


def test_silence_stays_silence() -> None:
    shaped = change_dynamics(np.zeros(2 * RATE, np.float32), RATE, Dynamics(direction="crescendo", span_db=20))
    assert len(shaped) == 2 * RATE and not shaped.any()


def test_a_lost_peak_is_refused() -> None:
    sound = tone(2.0)
    recipe = Dynamics(direction="crescendo", span_db=20)
    with pytest.raises(ItemError, match="peak"):
        measure_dynamics(sound, change_dynamics(sound, RATE, recipe) * np.float32(0.9), recipe)


def test_short_sounds_and_absurd_spans_are_refused() -> None:
    with pytest.raises(ItemError) as caught:
        change_dynamics(tone(0.5), RATE, Dynamics(direction="crescendo", span_db=20))
    assert caught.value.reason == "too_short"
    with pytest.raises(ContractError):
        Dynamics(direction="crescendo", span_db=0)
