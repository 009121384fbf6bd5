"""SPEC A3: playback rate; duration x factor and pitch follow the factor exactly."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from data_contracts.adverbs import changes_for
from tasks.augment.operations.original import Original
from tasks.augment.operations.speed import Speed
from tasks.augment.recipe import recipes_for
from tests.tasks.augment.build import CONTEXT, make_context, measured
from tests.tasks.sounds import RATE, sine_hz, strikes, tone


@pytest.mark.parametrize(
    ("side", "faster", "slower"), [("fast", "very_fast", "medium"), ("slow", "medium", "very_slow")]
)
def test_a3_five_levels_exactly(side: str, faster: str, slower: str) -> None:
    made = {change.level: list(recipes_for(change, 1, RATE, CONTEXT)) for change in changes_for(side)}
    assert made == {faster: [Speed(factor=1.3)], side: [Original()], slower: [Speed(factor=0.7)]}


def test_a3_the_tempo_reading_is_a_setting() -> None:
    (recipe,) = recipes_for(changes_for("fast")[0], 1, RATE, make_context(speed_method="tempo"))
    assert recipe == Speed(factor=1.3, keeps_pitch=True)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.7, 1.3), st.floats(0.3, 3.0), st.floats(200, 2500), st.sampled_from([11_025, 16_000, 44_100]))
def test_a3_duration_times_factor_and_pitch(factor: float, duration_s: float, hz: float, rate: int) -> None:
    sound = tone(duration_s, hz, rate)
    played = Speed(factor=factor).change(sound, rate, CONTEXT)
    assert len(played) / rate * factor == pytest.approx(len(sound) / rate, abs=1e-3)
    assert sine_hz(played, rate) / sine_hz(sound, rate) == pytest.approx(factor, rel=0.01)
    assert np.max(np.abs(played)) < 1.0


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a3_equals_resampling(factor: float) -> None:
    rng = np.random.default_rng(3)
    noise = soxr.resample(rng.uniform(-0.4, 0.4, RATE // 2), RATE // 2, RATE)
    played = Speed(factor=factor).change(noise.astype(np.float32), RATE, CONTEXT)
    expected = soxr.resample(noise, RATE * factor, RATE)
    count = min(len(played), len(expected)) - 400
    error = played[400:count] - expected[400:count]
    assert np.std(error) < 0.02 * np.std(expected)


@pytest.mark.parametrize("sound", [tone(2.0, 700), strikes(3.0, [0.1, 0.8, 1.9])])
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_the_effect_is_measured(sound: np.ndarray, factor: float) -> None:
    recipe = Speed(factor=factor)
    applied = recipe.apply(sound, RATE, CONTEXT)
    found = recipe.measure(applied, applied.samples_T, RATE, CONTEXT)
    assert found["duration_ratio"] == pytest.approx(1 / factor, rel=1e-3)
    assert found["pitch_ratio"] == pytest.approx(factor, rel=0.02)


def test_d2_slowed_audio_is_cut_and_no_more_is_played_than_is_kept() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 8 * RATE).astype(np.float32)
    recipe = Speed(factor=0.7)
    applied = recipe.apply(sound, RATE, CONTEXT)
    assert len(applied.samples_T) == 8 * RATE and len(applied.source_T) < 5.7 * RATE
    whole = recipe.change(sound, RATE, CONTEXT)[: 8 * RATE]
    np.testing.assert_allclose(applied.samples_T[: -RATE // 20], whole[: -RATE // 20], atol=1e-5)  # then it fades
    found = recipe.measure(applied, applied.samples_T, RATE, CONTEXT)
    assert found["pitch_ratio"] == pytest.approx(0.7, rel=0.005)  # of the written part, against what it came from


def test_silence_that_the_cut_leaves_at_the_end_goes() -> None:
    sound = np.concatenate([tone(2.0), np.zeros(3 * RATE), tone(0.5)]).astype(np.float32)
    recipe = Speed(factor=0.7)
    applied = recipe.apply(sound, RATE, make_context(max_s=5.0))  # cut within the pause, which ends at 7.1 s
    assert len(applied.samples_T) / RATE == pytest.approx(2.0 / 0.7, abs=0.01)
    assert len(recipe.apply(sound, RATE, CONTEXT).samples_T) / RATE == pytest.approx(5.5 / 0.7, abs=1e-3)


@given(st.floats(0.25, 4.0), st.lists(st.floats(0, 8), max_size=5))
def test_events_move_by_the_factor(factor: float, times_s: list[float]) -> None:
    moved = Speed(factor=factor).move_events(times_s)
    np.testing.assert_allclose(np.multiply(moved, factor), times_s, atol=1e-9)


def test_a_change_that_did_not_happen_is_refused() -> None:
    sound, recipe = strikes(3.0, [0.1, 0.8, 1.1, 1.9, 2.5]), Speed(factor=1.3)
    with pytest.raises(ItemError, match=r"duration error in s is 0\.6923; wanted at most 0\.001") as caught:
        measured(recipe, sound, sound)
    assert caught.value.reason == "effect_missing"
    with pytest.raises(ItemError, match=r"pitch ratio is 0\.99\d*; wanted 1\.3 within 2%"):
        measured(recipe, tone(3.0, 700), tone(3.0 / 1.3, 700))
    reversed_in_time = np.ascontiguousarray(recipe.change(sound, RATE, CONTEXT)[::-1])
    assert measured(recipe, sound, reversed_in_time)["time_ratio"] is None  # right length and spectrum, wrong events


def test_right_pitch_and_length_at_the_wrong_tempo_is_refused() -> None:
    times = [0.1, 0.5, 1.3, 1.6, 2.9, 3.4]
    sound, recipe = strikes(4.0, times), Speed(factor=1.3)
    wrong = recipe.change(strikes(4.0, [0.8 * time_s for time_s in times]), RATE, CONTEXT)
    with pytest.raises(ItemError, match=r"time ratio is 1\.6"):
        measured(recipe, sound, wrong)


@pytest.mark.tools
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_tempo_keeps_the_pitch(factor: float) -> None:
    sound = strikes(4.0, [0.1, 0.5, 1.3, 1.6, 2.9, 3.4])
    recipe = Speed(factor=factor, keeps_pitch=True)
    applied = recipe.apply(sound, RATE, CONTEXT)
    found = recipe.measure(applied, applied.samples_T, RATE, CONTEXT)
    assert found["pitch_ratio"] == pytest.approx(1.0, rel=0.01)
    assert found["time_ratio"] == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize(("keeps", "words"), [(False, "pitch and length change"), (True, "the pitch stays")])
def test_the_description_includes_what_happens_to_the_pitch(keeps: bool, words: str) -> None:
    description = Speed(factor=1.3, keeps_pitch=keeps).describe()
    assert words in description and "1.3 times" in description


def test_silence_stays_silence() -> None:
    assert not Speed(factor=1.3).change(np.zeros(RATE, np.float32), RATE, CONTEXT).any()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.7, 1.3), st.floats(0.2, 1.5))
def test_a2_an_inner_pause_stays_and_scales(factor: float, pause_s: float) -> None:
    sound = np.concatenate([tone(0.5), np.zeros(round(pause_s * RATE)), tone(0.5)]).astype(np.float32)
    quiet = np.abs(Speed(factor=factor).change(sound, RATE, CONTEXT)) < 1e-3
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(int), [0]])))
    longest_s = np.max(edges[1::2] - edges[::2]) / RATE
    assert longest_s == pytest.approx(pause_s / factor, abs=0.01)


def test_full_scale_audio_is_not_clipped() -> None:
    square = np.sign(tone(1.0, 100)) * np.float32(0.999)
    played = Speed(factor=1.3).change(square, RATE, CONTEXT)
    assert np.max(np.abs(played)) < 1.0
    assert np.sum(np.abs(played) > 0.9985) < 100  # clipping would flatten every half wave


@pytest.mark.parametrize("factor", [0.0, -1.0, 9.0])
def test_absurd_factors_are_refused(factor: float) -> None:
    with pytest.raises(ContractError, match=r"outside 0\.25\.\.4\.0"):
        Speed(factor=factor)
