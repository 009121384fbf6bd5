"""The losses equal plain loops, and what is unknown has no part in them."""

from __future__ import annotations

import math

import pytest
import torch

from model.judges.corpus_cnn_levels import PITCH_BANDS, place_pitch
from model.judges.corpus_cnn_network import CorpusCNNOutput, log2_pitch
from tasks.commands.train_judge.batches import Batch
from tasks.commands.train_judge.losses import (
    allowed_errors,
    contrast,
    event_loss,
    judge_losses,
    known_mean,
    pitch_loss,
)

NAN = math.nan


def test_the_contrast_equals_a_plain_loop() -> None:
    embedding = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    identity = [0, 0, 1, 2, 1, 1]
    unit = embedding / embedding.norm(dim=1, keepdim=True)
    losses = []
    for one in range(6):
        others = [other for other in range(6) if other != one]
        whole = sum(math.exp(float(unit[one] @ unit[other]) / 0.2) for other in others)
        partners = [other for other in others if identity[other] == identity[one]]
        if partners:
            shares = [math.log(math.exp(float(unit[one] @ unit[other]) / 0.2) / whole) for other in partners]
            losses.append(-sum(shares) / len(partners))
    assert float(contrast(embedding, torch.tensor(identity), 0.2)) == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_without_a_pair_there_is_no_contrast_and_its_gradient_is_finite() -> None:
    embedding = torch.randn(3, 4, requires_grad=True)
    loss = contrast(embedding, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0 and embedding.grad is not None and bool(embedding.grad.isfinite().all())


def test_likeness_to_the_own_object_lowers_the_contrast() -> None:
    apart = torch.eye(4)
    together = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]])
    identity = torch.tensor([0, 0, 1, 1])
    assert float(contrast(together, identity, 0.1)) < 0.01 < float(contrast(apart, identity, 0.1))


def test_the_event_loss_is_least_at_the_true_rate_and_skips_unknown_rows() -> None:
    events = torch.tensor([[1.0, 0.0, 2.0], [NAN, NAN, NAN]])
    right = torch.log(events.nan_to_num() + 1e-4)
    best = float(event_loss(right, events))
    for change in (-0.5, 0.5):
        assert float(event_loss(right + change, events)) > best
    plain = sum(math.exp(x) - y * x for x, y in zip(right[0].tolist(), events[0].tolist(), strict=True)) / 3
    assert best == pytest.approx(plain, abs=1e-6)
    assert float(event_loss(right[1:], events[1:])) == 0


def test_a_count_is_off_in_units_of_one_event_or_a_tenth_of_many() -> None:
    true = torch.tensor([5.0, 5.0, 30.0, 30.0, 0.0])
    errors = allowed_errors(true + torch.tensor([0.0, 1.0, 3.0, -6.0, 2.0]), true)
    assert torch.allclose(errors, torch.tensor([0.0, 0.5, 0.5, 1.5, 1.5])), "up to one unit half the square"


def test_the_pitch_loss_equals_a_plain_loop_and_is_least_at_the_truth() -> None:
    logits = torch.randn(3, PITCH_BANDS, generator=torch.Generator().manual_seed(0))
    places = [12.0, 40.25, PITCH_BANDS + 5.0]  # above the highest band: it is the highest
    losses = pitch_loss(logits, place_pitch(torch.tensor(places)))
    for row, place, loss in zip(logits, places, losses, strict=True):
        low = min(int(place), PITCH_BANDS - 2)
        share = min(1.0, place - low)
        likely = row.log_softmax(0)
        plain = -((1 - share) * float(likely[low]) + share * float(likely[low + 1]))
        assert float(loss) == pytest.approx(plain, abs=1e-3)
    truth = torch.full((1, PITCH_BANDS), -20.0)
    truth[0, 40], truth[0, 41] = math.log(0.75), math.log(0.25)
    pitch = place_pitch(torch.tensor([40.25]))
    assert float(log2_pitch(truth)) == pytest.approx(float(pitch), abs=1e-4)
    assert float(pitch_loss(truth, pitch)) < float(pitch_loss(truth.roll(1, 1), pitch)) - 1


@pytest.mark.parametrize(("power", "expected"), [(1, 2.0), (2, 5.0)])
def test_unknown_truths_have_no_part_and_no_gradient(power: int, expected: float) -> None:
    def loss(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        return (said - true).abs() ** power

    said = torch.tensor([1.0, 2.0, 9.0], requires_grad=True)
    value = known_mean(loss, said, torch.tensor([0.0, 5.0, NAN]))
    value.backward()
    assert float(value.detach()) == expected and said.grad is not None and float(said.grad[2]) == 0
    assert float(known_mean(loss, said.detach(), torch.full((3,), NAN))) == 0


def test_all_terms_are_finite_scalars() -> None:
    sizes = ((3, 4), (3, 5), (3, 6), (3, PITCH_BANDS), (3,))
    said = CorpusCNNOutput(*map(torch.randn, sizes))
    batch = Batch(
        torch.zeros(3, 8), torch.tensor([0, 1, 4]), torch.tensor([0, 0, 1]), torch.full((3, 6), NAN),
        torch.tensor([9.0, NAN, NAN]), torch.full((3,), NAN),
    )  # fmt: skip
    terms = judge_losses(said, batch, 0.1)
    assert list(terms) == ["classes", "contrast", "events", "count", "pitch", "distance"]
    assert all(term.shape == () and bool(term.isfinite()) for term in terms.values())
