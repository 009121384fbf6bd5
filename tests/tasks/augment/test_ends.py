"""The ends of audio: no DC offset, no silence, and no click where a recording or a change was cut through audio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from data_contracts.adverbs import CHANGES, Change, change_of
from tasks.augment.ends import exactly, faded_in, faded_out, first_seconds, prepare_source
from tasks.augment.make import make_audio
from tasks.augment.recipe import recipes_for
from tests.tasks.augment.build import CONTEXT, make_context
from tests.tasks.sounds import RATE, strikes, tone

CONFIG = CONTEXT.config
STEP = 1 / 32768
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.side} to {change.level}")


def noise(duration_s: float, seed: int = 0, peak: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, round(duration_s * RATE)).astype(np.float32)


def prepared(samples: np.ndarray) -> np.ndarray:
    return prepare_source(samples, RATE, CONFIG).samples_T


def end_to_peak(samples: np.ndarray) -> float:
    """Returns the larger of the first and the last sample, against the peak."""
    return float(max(abs(samples[0]), abs(samples[-1])) / np.max(np.abs(samples)))


@each_change
@pytest.mark.parametrize("duration_s", [3.0, 12.0])
def test_no_file_begins_or_ends_with_a_click(change: Change, duration_s: float) -> None:
    """Noise that a recording, or the limit of 8 s, cuts at full level begins and ends at zero."""
    made = make_audio(next(recipes_for(change, 7, RATE, CONTEXT)), prepared(noise(duration_s)), RATE, CONTEXT)
    assert end_to_peak(made.samples_T) <= 0.005
    if duration_s < 8 and change.operation == "distance":
        return  # the tail of the room is inaudible where it ends
    last = made.samples_T[-round(0.03 * RATE) :]
    halves = [float(np.sqrt(np.mean(np.square(half)))) for half in np.split(last, 2)]
    assert halves[1] < 0.5 * halves[0]


def test_a_far_tail_that_is_cut_falls_to_zero() -> None:
    source = prepared(strikes(2.5, [0.1, 1.0, 1.9]))
    context = make_context(max_s=2.0)
    recipe = next(recipes_for(change_of("near", "far"), 7, RATE, context))
    uncut_T = recipe.change(source[: 2 * RATE], RATE, context)
    made = make_audio(recipe, source, RATE, context)
    assert len(made.samples_T) == 2 * RATE < len(uncut_T)
    assert abs(made.samples_T[-1]) <= STEP < np.max(np.abs(uncut_T[2 * RATE - 50 : 2 * RATE]))


def test_audio_between_silences_is_not_touched() -> None:
    """A recorded attack is not a cut, however sudden it is."""
    square = np.sign(tone(1.0, 100.3)) * np.float32(0.5)
    padded = np.concatenate([np.zeros(RATE // 10), square[1:-1], np.zeros(RATE // 10)]).astype(np.float32)
    np.testing.assert_array_equal(prepared(padded), square[1:-1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.booleans(), st.booleans())
def test_only_ends_without_silence_are_faded(seed: int, lead: bool, tail: bool) -> None:
    sound = noise(0.5, seed)
    whole = np.concatenate([np.zeros(lead * 100), sound, np.zeros(tail * 100)]).astype(np.float32)
    kept = prepared(whole)
    fades_in, fades_out = round(0.005 * RATE), round(0.03 * RATE)
    inside = slice(fades_in + 2, -fades_out - 2)
    start = int(np.flatnonzero(np.abs(sound) > 1e-3)[0])
    np.testing.assert_array_equal(kept[inside], sound[start:][: len(kept)][inside])
    assert (abs(kept[0]) < 1e-6) is not lead
    assert (abs(kept[-1]) < 1e-3) is not tail


def test_a_zero_crossing_at_the_end_is_still_a_cut() -> None:
    sound = noise(1.0)
    sound[[0, -1]] = 0.0  # under the threshold, so the trim takes these two samples
    kept = prepared(sound)
    assert end_to_peak(kept) < 1e-3


@given(st.floats(0.06, 1.0), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_fades_rise_and_fall_once_and_leave_the_rest(duration_s: float, seed: int) -> None:
    ones = np.ones(round(duration_s * RATE), np.float32)
    for faded, fade_s in ((faded_out(ones, RATE)[::-1], 0.03), (faded_in(ones, RATE), 0.005)):
        count = round(fade_s * RATE)
        assert faded[0] < 1e-4 and (np.diff(faded[:count]) >= 0).all() and (faded[count:] == 1).all()
    sound = noise(duration_s, seed)
    assert np.max(np.abs(faded_in(sound, RATE))) <= np.max(np.abs(sound))
    np.testing.assert_array_equal(sound, noise(duration_s, seed))  # a copy was faded


def test_a_cut_in_a_pause_takes_the_pause_along() -> None:
    sound = np.concatenate([tone(1.0)[3:-3], np.zeros(RATE), tone(1.0)]).astype(np.float32)
    kept = first_seconds(sound, RATE, 1.5, -60)
    assert len(kept) == pytest.approx(RATE, abs=10)
    np.testing.assert_array_equal(kept, sound[: len(kept)])
    assert first_seconds(sound, RATE, 9.0, -60) is sound


@each_change
def test_a_recording_with_an_offset_gives_what_it_gives_without(change: Change) -> None:
    sound = np.pad(strikes(3.0, [0.3, 0.9, 1.5, 2.1, 2.6]), RATE // 2)
    recipe = next(recipes_for(change, 7, RATE, CONTEXT))
    plain, shifted = (make_audio(recipe, prepared(one), RATE, CONTEXT) for one in (sound, sound + np.float32(0.125)))
    assert abs(len(plain.samples_T) - len(shifted.samples_T)) <= 2
    count = min(len(plain.samples_T), len(shifted.samples_T))
    np.testing.assert_allclose(plain.samples_T[:count], shifted.samples_T[:count], atol=3 * STEP)


@pytest.mark.parametrize("backend", ["fast", pytest.param("tool", marks=pytest.mark.tools)])
@pytest.mark.parametrize("level", [0.0, 0.3, -1.0])
def test_an_offset_alone_is_silence(level: float, backend: str) -> None:
    constant = np.full(RATE, level, np.float32)
    dithered = constant + noise(1.0, peak=STEP)
    for samples in (constant, dithered):
        with pytest.raises(ItemError) as caught:
            prepare_source(samples, RATE, make_context(backend=backend).config)
        assert caught.value.reason == "silent"


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 2.0), st.floats(0.05, 1.0), st.integers(0, 99))
def test_an_exact_cut_has_its_length_and_no_click(duration_s: float, share: float, seed: int) -> None:
    sound = noise(duration_s, seed)
    length = max(1, round(share * len(sound)))
    kept = exactly(sound, length, RATE)
    assert len(kept) == length and abs(kept[-1]) <= 0.005
    faded = min(length, round(0.03 * RATE))
    np.testing.assert_array_equal(kept[: length - faded], sound[: length - faded])
    with pytest.raises(ValueError, match=f"{len(sound)} samples cannot be cut to {len(sound) + 1}"):
        exactly(sound, len(sound) + 1, RATE)


def test_what_begins_right_before_a_cut_leaves_no_silence_at_the_end() -> None:
    sound = np.zeros(2 * RATE, np.float32)
    sound[: RATE // 4] = noise(0.25)
    cut = round(1.5 * RATE)
    sound[cut - 2 :] = 0.1
    kept = first_seconds(sound, RATE, 1.5, -60)
    assert np.array_equal(kept, sound[: RATE // 4])
    sound[cut - RATE // 10 :] = 0.1
    assert len(first_seconds(sound, RATE, 1.5, -60)) == cut
