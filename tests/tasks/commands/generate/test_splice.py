"""SPEC G6: an edit put into the original audio changes nothing outside its window, not even the level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.seams import seam_rank
from tasks.commands.generate.splice import FADE_S, splice
from tests.tasks.sounds import tone

RATE = 8000
LENGTH = 2 * RATE
FADE = round(FADE_S * RATE)
WINDOWS = st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(sorted).filter(lambda w: w[0] < w[1])


def noise(seed: int, peak: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, LENGTH).astype(np.float32)


@settings(deadline=None)
@given(WINDOWS, st.integers(1, 2))
def test_outside_the_window_and_its_fade_every_sample_is_the_originals(window: list[int], channels: int) -> None:
    start, stop = window
    edited = noise(1) if channels == 1 else np.stack([noise(1), noise(2)], axis=1)
    out = splice(edited, noise(0), start, stop, RATE)
    assert out.shape == edited.shape and out.dtype == np.float32
    for sample in (*range(0, max(0, start - FADE), 500), *range(stop + FADE, LENGTH, 500)):
        assert (out[sample] == noise(0)[sample]).all()


@settings(deadline=None)
@given(WINDOWS, st.floats(0.3, 3.0))
def test_an_edit_that_changes_only_the_level_gives_the_original_back(window: list[int], level: float) -> None:
    """What the codec does to the level is undone, wherever there is something outside the window to tell it by."""
    start, stop = window
    if stop - start > LENGTH - RATE // 10:
        return
    original = noise(0)
    np.testing.assert_allclose(splice(level * original, original, start, stop, RATE), original, atol=1e-5)


def test_a_window_over_everything_is_the_edit() -> None:
    np.testing.assert_allclose(splice(noise(1), noise(0), 0, LENGTH, RATE), noise(1), atol=1e-6)


@pytest.mark.parametrize("silent", ["original", "edited"])
def test_silence_around_the_window_tells_no_level(silent: str) -> None:
    original, edited = noise(0), noise(1)
    outside = np.r_[0:4000, 6000:LENGTH]
    (original if silent == "original" else edited)[outside] = 0.0
    assert np.array_equal(splice(edited, original, 4000, 6000, RATE)[4000:6000], edited[4000:6000])


def test_the_level_is_corrected_by_12_db_at_most_and_never_into_clipping() -> None:
    original = noise(0, 0.9)
    quiet = splice(0.01 * noise(1, 0.9), original, 4000, 6000, RATE)
    np.testing.assert_allclose(quiet[4000:6000], 0.04 * noise(1, 0.9)[4000:6000], atol=1e-6)
    edited = 0.4 * noise(1, 0.9)
    edited[5000] = 0.8
    assert splice(edited, original, 4000, 6000, RATE)[4000:6000].max() == pytest.approx(1.0)
    edited[5000] = 1.6  # clipping that was there before is not made worse
    assert splice(edited, original, 4000, 6000, RATE)[5000] == pytest.approx(1.6)


def test_an_original_that_ends_in_the_window_is_no_silence_after_it() -> None:
    out = splice(noise(1), noise(0)[:5000], 4500, LENGTH, RATE)
    assert np.array_equal(out[: 4500 - FADE], noise(0)[: 4500 - FADE]) and np.abs(out[5000:]).max() > 0.1


def test_the_seams_make_no_click() -> None:
    """Two tones of other pitch: cut hard they click, spliced they do not."""
    one, other = tone(2.0, 300.0, RATE), tone(2.0, 437.0, RATE)
    hard = np.concatenate([one[:4003], other[4003:9001], one[9001:]])
    spliced = splice(other, one, 4003, 9001, RATE)
    for at in (4003, 9001):
        assert seam_rank(hard, at, RATE) == 0.0
        ranks = [seam_rank(spliced, place, RATE) for place in range(at - 2 * FADE, at + 2 * FADE, FADE // 2)]
        assert np.abs(np.diff(spliced, 2)).max() < 2 * np.abs(np.diff(other, 2)).max() and max(ranks) > 0.0
