"""Batches: the step alone decides them, no object of the test is in one, events lie in the frames they fall into."""

from __future__ import annotations

import pytest
import torch

from model.judges.corpus_cnn_levels import RATE_HZ, RelativeLevels
from model.judges.corpus_cnn_network import EVENT_FRAME_S, CorpusCNN, CorpusCNNConfig
from tasks.commands.train_judge.batches import Batches, corpus, event_map, frame_count
from tasks.corpus.scene import STRIKE
from tests.tasks.commands.train_judge.tiny import TINY


@pytest.fixture(scope="module")
def batches() -> Batches:
    return Batches.draw(TINY)


def test_a_batch_follows_from_the_step(batches: Batches) -> None:
    one, again, other = batches.batch(1), Batches.draw(TINY).batch(1), batches.batch(2)
    for first, second in zip(one, again, strict=True):
        assert torch.equal(first.nan_to_num(-9), second.nan_to_num(-9))
    assert one.audio_BT.shape == (6, RATE_HZ) and other.audio_BT.shape == (6, RATE_HZ // 2)


def test_no_object_of_the_test_is_trained_on(batches: Batches) -> None:
    scenes = corpus(TINY)
    splits = {scene.group_id: scene.split for scene in scenes}
    assert {"train", "test"} <= set(splits.values()) and len(scenes) == TINY.corpus_scenes
    assert {splits[scene.group_id] for pair in batches.order for scene in pair} == {"train"}


def test_both_scenes_of_an_object_share_an_identity_and_only_strikes_have_a_pitch(batches: Batches) -> None:
    batch = batches.batch(0)
    assert batch.identity_B[0] == batch.identity_B[1] and batch.label_B[0] == batch.label_B[1]
    first = batches.order[0][0].kind == STRIKE
    assert bool(batch.log2_pitch_B[0].isnan()) is not first
    assert bool(batch.events_BE[-1].isnan().all()), "nothing is known of a general sound's events"


def test_an_object_is_heard_in_two_steps_in_a_row(batches: Batches) -> None:
    one, two = batches.batch(0), batches.batch(1)
    assert torch.equal(one.label_B[2:4], two.label_B[0:2])
    assert torch.equal(one.log2_pitch_B[2:4].nan_to_num(), two.log2_pitch_B[0:2].nan_to_num())


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.03, 8.0])
def test_frames_are_counted_as_the_network_makes_them(seconds: float) -> None:
    length = round(seconds * RATE_HZ)
    network = CorpusCNN(CorpusCNNConfig(classes=2, width=2, frame_dim=4, embedding_dim=3)).eval()
    audio = torch.sin(torch.arange(length) / 5)[None]
    assert network(RelativeLevels()(audio)).log_events_BE.shape[1] == frame_count(length)


def test_each_event_counts_once_and_lies_where_it_is() -> None:
    times = (0.0, 3 * EVENT_FRAME_S, 4.25 * EVENT_FRAME_S, 9.9 * EVENT_FRAME_S)
    events = event_map(times, 10)
    assert float(events.sum()) == pytest.approx(4)
    assert torch.allclose(events, torch.tensor([1, 0, 0, 1, 0.75, 0.25, 0, 0, 0, 1.0]), atol=1e-5)
    assert not event_map((), 4).any() and bool(event_map(None, 4).isnan().all())
