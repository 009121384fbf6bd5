"""Procedural audio: finite, bounded, varied, and a function of its generator."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.commands.train_codec.general_sounds import _MAKERS, _envelope, general_sound


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


@pytest.mark.parametrize("maker", set(_MAKERS), ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("length", [500, 4000])
def test_each_kind_is_finite_of_the_asked_length_and_not_constant(maker, length: int) -> None:
    for seed in range(4):
        audio_T = maker(length, np.random.default_rng(seed))
        assert audio_T.shape == (length,)
        assert np.isfinite(audio_T).all()
        assert audio_T.std() > 0


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
