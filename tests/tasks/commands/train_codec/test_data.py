"""Training segments: a function of seed and step, in range, from the corpus and from general audio."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tasks.commands.train_codec.data import Segments
from tests.tasks.commands.train_codec.tiny import HOP, MEL, with_settings


@pytest.fixture(scope="module")
def segments() -> Segments:
    return Segments.render(MEL, HOP)


def test_batches_depend_on_seed_and_step_only(segments: Segments) -> None:
    batch = segments.batch(5)
    assert torch.equal(batch, Segments.render(MEL, HOP).batch(5))
    assert not torch.equal(batch, segments.batch(6))
    other = Segments(segments.scenes, MEL.model_copy(update={"seed": 1}), segments.length)
    assert not torch.equal(batch, other.batch(5))


def test_batches_are_float32_segments_within_full_scale(segments: Segments) -> None:
    for step in range(-3, 40):
        batch = segments.batch(step)
        assert batch.shape == (MEL.optimiser.batch_size, MEL.optimiser.segment_frames * HOP)
        assert batch.dtype == torch.float32
        assert bool(batch.isfinite().all()) and float(batch.abs().max()) <= 1.0


def test_a_share_of_one_draws_scenes_alone_and_of_zero_none(segments: Segments) -> None:
    silent = np.zeros_like(segments.scenes)
    all_scenes, no_scene = (
        Segments(silent, MEL.model_copy(update={"corpus_share": share}), segments.length) for share in (1.0, 0.0)
    )
    assert all(float(all_scenes.batch(step).abs().max()) == 0 for step in range(4))
    assert float(no_scene.batch(0).abs().max()) > 0


def test_scenes_differ_from_those_of_another_corpus_seed(segments: Segments) -> None:
    other = Segments.render(MEL.model_copy(update={"corpus_seed": 5}), HOP)
    assert other.scenes.shape == segments.scenes.shape
    assert not np.array_equal(other.scenes, segments.scenes)


def test_segments_start_at_different_places(segments: Segments) -> None:
    config = MEL.model_copy(update={"corpus_share": 1.0})
    config = with_settings(config, batch_size=6)
    batch = Segments(segments.scenes, config, segments.length).batch(1)
    assert len({row.numpy().tobytes() for row in batch}) == 6
