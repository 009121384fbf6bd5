"""The network of `corpus-cnn`: shapes for any length, event frames of 40 ms, and a pitch between the bands."""

from __future__ import annotations

import pytest
import torch

from model.judges.corpus_cnn_levels import PITCH_BANDS, RATE_HZ, RelativeLevels, pitch_place
from model.judges.corpus_cnn_network import EVENT_FRAME_S, CorpusCNN, CorpusCNNConfig, log2_pitch, rises


@pytest.fixture(scope="module")
def network() -> CorpusCNN:
    return CorpusCNN(CorpusCNNConfig(classes=3, width=2, frame_dim=4, embedding_dim=5)).eval()


@pytest.mark.parametrize("seconds", [0.5, 0.77, 2.0])
def test_all_it_says_has_its_shape(network: CorpusCNN, seconds: float) -> None:
    audio = torch.randn(2, round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(0))
    said = network(RelativeLevels()(audio))
    assert said.embedding_BD.shape == (2, 5) and said.logits_BL.shape == (2, 3)
    assert said.log_events_BE.shape == (2, -(-round(seconds * 100) // round(EVENT_FRAME_S * 100)))
    assert said.pitch_BP.shape == (2, PITCH_BANDS) and said.log2_distance_B.shape == (2,)
    assert all(value.isfinite().all() and value.dtype == torch.float32 for value in said)


def test_before_any_training_it_expects_few_events(network: CorpusCNN) -> None:
    audio = torch.randn(1, 2 * RATE_HZ, generator=torch.Generator().manual_seed(0))
    assert 0.2 < float(network(RelativeLevels()(audio)).log_events_BE.detach().exp().sum()) < 30


def test_a_pitch_lies_between_likely_bands_and_far_bands_have_no_part() -> None:
    logits = torch.full((3, PITCH_BANDS), -30.0)
    logits[0, 40] = 0
    logits[1, 40] = logits[1, 41] = 0
    logits[2, 40], logits[2, 60] = 0, -0.01  # an octave's rival, nearly as likely
    assert torch.allclose(pitch_place(log2_pitch(logits)), torch.tensor([40.0, 40.5, 40.0]), atol=1e-3)
    assert torch.allclose(log2_pitch(logits + 7), log2_pitch(logits), atol=1e-5), "only differences of logits matter"
    edges = torch.full((2, PITCH_BANDS), -30.0)
    edges[0, 0] = edges[1, -1] = 0
    assert torch.allclose(pitch_place(log2_pitch(edges)), torch.tensor([0.0, PITCH_BANDS - 1.0]), atol=1e-3)


def test_rises_equal_a_plain_loop_and_a_fall_is_none() -> None:
    mel = torch.randn(2, 1, 3, 10, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    found = rises(mel)
    for one, band, event in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(3)).tolist():
        level = [-1.0, -1.0, *mel[one, 0, band].tolist()]
        steps = [level[frame + 2] - level[frame] for frame in range(4 * event, min(10, 4 * event + 4))]
        assert float(found[one, band, event]) == pytest.approx(max(0.0, *steps), abs=1e-6)
    assert not rises(torch.linspace(-1, -1.5, 12).expand(1, 1, 2, 12)).any()
