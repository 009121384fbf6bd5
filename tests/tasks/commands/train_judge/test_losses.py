"""The losses equal plain loops, and what is unknown has no part in them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from model.judges.corpus_cnn_network import Said
from tasks.commands.train_judge.batches import Batch
from tasks.commands.train_judge.losses import contrast, event_loss, judge_losses, known_mean

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


@pytest.mark.parametrize(("loss", "expected"), [(functional.l1_loss, 2.0), (functional.mse_loss, 5.0)])
def test_unknown_truths_have_no_part_and_no_gradient(loss: object, expected: float) -> None:
    said = torch.tensor([1.0, 2.0, 9.0], requires_grad=True)
    value = known_mean(loss, said, torch.tensor([0.0, 5.0, NAN]))  # type: ignore[arg-type]
    value.backward()
    assert float(value.detach()) == expected and said.grad is not None and float(said.grad[2]) == 0
    assert float(known_mean(functional.l1_loss, said.detach(), torch.full((3,), NAN))) == 0


def test_all_terms_are_finite_scalars() -> None:
    said = Said(torch.randn(3, 4), torch.randn(3, 5), torch.randn(3, 6), torch.randn(3), torch.randn(3))
    batch = Batch(
        torch.zeros(3, 8), torch.tensor([0, 1, 4]), torch.tensor([0, 0, 1]), torch.full((3, 6), NAN),
        torch.tensor([9.0, NAN, NAN]), torch.full((3,), NAN),
    )  # fmt: skip
    terms = judge_losses(said, batch, 0.1)
    assert list(terms) == ["classes", "contrast", "events", "pitch", "distance"]
    assert all(term.shape == () and bool(term.isfinite()) for term in terms.values())
