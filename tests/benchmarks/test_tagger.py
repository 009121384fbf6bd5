"""The tagger: its embedding ignores the level, and with the published weights it knows what it hears."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.real_data import tagger_weights
from benchmarks.tagger import Tagger, _kaldi_bank

WEIGHTS = tagger_weights()

STEADY_NOISES = {283, 285, 288, 289, 293, 294, 295, 296, 513, 514, 515, 520, 521}
"""AudioSet's classes of wind, water, steam and noise."""


def test_mel_filters_are_triangles_that_peak_at_one() -> None:
    bank = _kaldi_bank()
    assert bank.shape == (128, 513) and bool((bank >= 0).all()) and float(bank.max()) <= 1
    assert bool((bank.argmax(1).diff() >= 0).all())


@pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"the published tagger's weights are not in {WEIGHTS}")
def test_the_embedding_ignores_the_level_and_noise_is_noise() -> None:
    tagger = Tagger(WEIGHTS)
    noise_T = (0.1 * np.random.default_rng(0).standard_normal(48_000)).astype(np.float32)
    tone_T = (0.1 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)).astype(np.float32)
    loud, quiet, tone = (tagger.embedding(audio_T, 16_000) for audio_T in (noise_T, 0.01 * noise_T, tone_T))
    assert loud.shape == (384,)
    assert np.allclose(loud, quiet, atol=1e-2)
    cosine = float(loud @ tone / (np.linalg.norm(loud) * np.linalg.norm(tone)))
    assert cosine < 0.9
    scores = tagger.scores(noise_T, 16_000)
    assert scores.shape == (527,)
    assert int(scores.argmax()) in STEADY_NOISES
