"""What the small trainings share: the schedule's shape, an average that starts short, means in the log's notes."""

from __future__ import annotations

import pytest
import torch

from tasks.commands.own_training import average_decay, cosine_rate, window_note


def test_the_rate_rises_then_falls_to_a_fiftieth() -> None:
    rates = [cosine_rate(step, peak=0.02, warmup_steps=10, steps=100) for step in range(121)]
    assert rates.index(max(rates)) == 9 and rates[0] == pytest.approx(0.02 / 10, rel=0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[100] == rates[120] == pytest.approx(0.02 / 50)
    assert cosine_rate(0, peak=0.02, warmup_steps=0, steps=100) == 0.02


def test_the_average_is_short_at_first_and_never_longer_than_asked() -> None:
    decays = [average_decay(made, 0.99) for made in range(1, 2000)]
    assert decays == sorted(decays) and decays[0] == pytest.approx(2 / 11) and decays[-1] == 0.99


def test_a_note_has_the_means_of_the_steps() -> None:
    window = [
        {"level": torch.tensor(1.0), "kl": torch.tensor(0.5)},
        {"level": torch.tensor(3.0), "kl": torch.tensor(0.5)},
    ]
    assert window_note(window, 0.123) == "level 2, kl 0.5, 0.12 s/step"
