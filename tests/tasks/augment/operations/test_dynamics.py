"""SPEC A5: a trend of the level, the original peak kept within 0.1 dB."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from data_contracts.adverbs import change_of
from tasks.augment.measure import loudness_trend, peak_db
from tasks.augment.operations.dynamics import Dynamics
from tasks.augment.recipe import recipes_for
from tests.tasks.augment.build import CONTEXT, make_context, measured
from tests.tasks.sounds import RATE, strikes, tone


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["crescendo", "decrescendo"]), st.floats(6, 40), st.floats(0.05, 0.99), st.floats(1.0, 4.0))
def test_a5_trend_and_peak(direction: str, span_db: float, peak: float, duration_s: float) -> None:
    sound = tone(duration_s, 440, peak=peak)
    recipe = Dynamics(direction=direction, span_db=span_db)
    shaped = recipe.change(sound, RATE, CONTEXT)
    assert len(shaped) == len(sound)
    assert peak_db(shaped) == pytest.approx(peak_db(sound), abs=0.1)
    sign = 1 if direction == "crescendo" else -1
    # Per 20 ms the change of level is one straight line in dB, span_db from end to end.
    width = RATE // 50
    count = len(sound) // width
    change = [peak_db(shaped[n * width : (n + 1) * width]) - peak_db(sound[:width]) for n in range(count)]
    steps = np.diff(change)
    np.testing.assert_allclose(steps, sign * span_db * width / len(sound), atol=0.25)
    assert loudness_trend(sound, shaped).after_db == pytest.approx(sign * span_db, rel=0.1, abs=1.5)


@pytest.mark.parametrize("direction", ["crescendo", "decrescendo"])
def test_a5_strikes_keep_their_times_and_gain_a_trend(direction: str) -> None:
    sound = strikes(8.0, list(np.arange(0.1, 7.9, 0.5)))
    recipe = Dynamics(direction=direction, span_db=20)
    found = measured(recipe, sound, recipe.change(sound, RATE, CONTEXT))
    assert found["trend_after_db"] is not None and abs(found["trend_after_db"]) > 15
    assert found["gain_trend_db"] == pytest.approx(20 if direction == "crescendo" else -20, abs=0.2)
    assert found["peak_after_db"] == pytest.approx(found["peak_before_db"], abs=0.1)


def test_audio_that_dies_away_cannot_become_a_crescendo() -> None:
    decay = tone(3.0) * np.exp(-2 * np.arange(3 * RATE) / RATE).astype(np.float32)
    recipe = Dynamics(direction="crescendo", span_db=10)
    with pytest.raises(ItemError) as caught:
        measured(recipe, decay, recipe.change(decay, RATE, CONTEXT))
    assert caught.value.reason == "effect_missing"


def test_a_trend_of_the_wrong_size_is_refused() -> None:
    sound = tone(2.0)
    half = Dynamics(direction="crescendo", span_db=10).change(sound, RATE, CONTEXT)
    assert measured(Dynamics(direction="crescendo", span_db=10), sound, half)["trend_share"] == 1.0
    with pytest.raises(ItemError, match=r"trend of the gain in dB is (10|9\.9\d*); wanted \+20 within 1"):
        measured(Dynamics(direction="crescendo", span_db=20), sound, half)


def test_silence_stays_silence() -> None:
    shaped = Dynamics(direction="crescendo", span_db=20).change(np.zeros(2 * RATE, np.float32), RATE, CONTEXT)
    assert len(shaped) == 2 * RATE and not shaped.any()


def test_a_lost_peak_is_refused() -> None:
    sound = tone(2.0)
    recipe = Dynamics(direction="crescendo", span_db=20)
    with pytest.raises(ItemError, match="peak"):
        measured(recipe, sound, recipe.change(sound, RATE, CONTEXT) * np.float32(0.9))


def test_short_audio_and_absurd_spans_are_refused() -> None:
    with pytest.raises(ItemError, match=r"0\.50 s of audio; a crescendo needs 1 s") as caught:
        Dynamics(direction="crescendo", span_db=20).change(tone(0.5), RATE, CONTEXT)
    assert caught.value.reason == "too_short"
    with pytest.raises(ContractError, match=r"outside 3\.\.60"):
        Dynamics(direction="crescendo", span_db=0)
    with pytest.raises(ContractError, match="crescendo nor decrescendo"):
        Dynamics(direction="sideways", span_db=20)
    with pytest.raises(ContractError, match="none of straight, late, early"):
        Dynamics(direction="crescendo", span_db=20, curve="round")


@pytest.mark.parametrize("level", ["crescendo", "decrescendo"])
def test_span_and_curve_are_drawn_from_the_settings_the_same_for_a_seed(level: str) -> None:
    change, context = (
        change_of("loud", level),
        make_context(dynamics_db=(10.0, 20.0), dynamics_curves=("late", "early")),
    )
    drawn = [next(recipes_for(change, seed, RATE, context)) for seed in range(40)]
    assert drawn == [next(recipes_for(change, seed, RATE, context)) for seed in range(40)]
    recipes = [recipe for recipe in drawn if isinstance(recipe, Dynamics)]
    assert len(recipes) == 40 and {recipe.direction for recipe in recipes} == {level}
    spans = [recipe.span_db for recipe in recipes]
    assert 10 <= min(spans) < 12 and 18 < max(spans) <= 20 and len(set(spans)) > 30
    assert {recipe.curve for recipe in recipes} == {"late", "early"}
    fixed = make_context(dynamics_db=12.0, dynamics_curves=("straight",))
    assert list(recipes_for(change, 1, RATE, fixed)) == [Dynamics(direction=level, span_db=12.0)]


@pytest.mark.parametrize(("span_db", "degree"), [(12, "slight"), (15.9, "slight"), (16, "plain"), (24, "strong")])
def test_the_degree_follows_the_span(span_db: float, degree: str) -> None:
    assert Dynamics(direction="crescendo", span_db=span_db).degree() == degree


@pytest.mark.parametrize(("curve", "first_half"), [("straight", 0.5), ("late", 0.25), ("early", 0.75)])
@pytest.mark.parametrize("direction", ["crescendo", "decrescendo"])
def test_a_curve_says_how_much_of_the_change_is_early(direction: str, curve: str, first_half: float) -> None:
    sound = tone(2.0, 440)
    recipe = Dynamics(direction=direction, span_db=20, curve=curve)
    found = measured(recipe, sound, recipe.change(sound, RATE, CONTEXT))
    sign = 1 if direction == "crescendo" else -1
    assert found["gain_trend_db"] == pytest.approx(sign * 20, abs=0.2)
    shaped = recipe.change(sound, RATE, CONTEXT)
    levels = [peak_db(shaped[round(at * RATE) :][: RATE // 100]) for at in (0.0, 0.995, 1.98)]
    assert (levels[1] - levels[0]) / (levels[2] - levels[0]) == pytest.approx(first_half, abs=0.03)


@pytest.mark.parametrize(
    ("times_s", "direction"),
    [([0.1], "crescendo"), ([0.1], "decrescendo"), ([1.9], "crescendo"), (list(np.arange(0.1, 2, 0.2)), "crescendo")],
)
def test_a_single_bark_and_a_clock_that_stops_have_no_trend(times_s: list[float], direction: str) -> None:
    hiss = np.random.default_rng(0).uniform(-1e-3, 1e-3, 4 * RATE).astype(np.float32)
    sound = strikes(4.0, times_s) + hiss
    recipe = Dynamics(direction=direction, span_db=20)
    with pytest.raises(
        ItemError, match=r"share of the length with a \w+ is 0\.?\d*; wanted at least 0\.6667|trend in dB"
    ):
        measured(recipe, sound, recipe.change(sound, RATE, CONTEXT))


def test_a_decrescendo_is_the_mirrored_crescendo() -> None:
    sound = tone(2.0, 400)
    rising = Dynamics(direction="crescendo", span_db=20).change(np.ascontiguousarray(sound[::-1]), RATE, CONTEXT)
    falling = Dynamics(direction="decrescendo", span_db=20).change(sound, RATE, CONTEXT)
    # The gain moves in steps of 5 ms, so the mirror image is one step off.
    np.testing.assert_allclose(falling, rising[::-1], atol=0.01)
