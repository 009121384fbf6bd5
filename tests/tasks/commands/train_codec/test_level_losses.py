"""Losses of log-mel levels: zero for equal ones, what each term sees, and finite gradients."""

from __future__ import annotations

import pytest
import torch

from tasks.commands.train_codec.level_losses import attacks, level_losses


def levels(*shape: int, seed: int = 0) -> torch.Tensor:
    return -2 + 0.5 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equal_levels_cost_nothing_and_a_constant_offset_costs_itself_in_every_term() -> None:
    real = levels(2, 16, 32)
    same, louder = level_losses(real, real), level_losses(real, real + 0.1)
    assert (float(same.level), float(same.loud), float(same.power), float(same.attack)) == (0, 0, 0, 0)
    for term in (louder.level, louder.loud, louder.power):
        assert float(term) == pytest.approx(0.1, rel=1e-4)


def test_errors_far_below_the_loudest_band_do_not_count_as_loud() -> None:
    real = torch.full((1, 8, 16), -4.5)
    real[..., 3] = -1.0
    made = real.clone()
    made[..., 8:] -= 0.3
    losses = level_losses(real, made)
    assert float(losses.loud) == 0 and float(losses.level) == pytest.approx(0.15)


def test_the_power_term_is_least_at_the_power_of_noise_not_at_its_median() -> None:
    """Levels of a noise scatter; a flat answer at their median is 1.6 dB (0.08 decades) too quiet."""
    power = torch.empty(1, 400, 64).exponential_(generator=torch.Generator().manual_seed(0))
    real = 0.5 * power.log10() - 2
    median, mean_power = real.median(), 0.5 * power.mean().log10() - 2
    assert float(mean_power - median) == pytest.approx(0.08, abs=0.01)
    at = {name: level_losses(real, torch.full_like(real, float(v))) for name, v in (("m", median), ("p", mean_power))}
    assert float(at["m"].level) < float(at["p"].level)
    assert float(at["p"].power) < float(at["m"].power)


def test_attacks_are_the_frames_around_a_sudden_rise_of_most_bands() -> None:
    level = torch.full((2, 20, 16), -4.0)
    level[0, 10:] = -2.0
    level[1, 10:, 0] = -1.0  # one band alone
    weights = attacks(level)
    assert weights[0].nonzero().flatten().tolist() == [8, 9, 10, 11, 12]
    assert float(weights[1].max()) < 0.2
    assert float(attacks(level.flip(1))[0, :8].max()) == 0  # a sound that ends is none


def test_the_attack_term_counts_only_errors_near_attacks() -> None:
    real = torch.full((1, 20, 16), -4.0)
    real[:, 10:] = -2.0
    near, far = real.clone(), real.clone()
    near[:, 9] += 0.5
    far[:, 3] += 0.5
    assert float(level_losses(real, near).attack) == pytest.approx(0.1)  # one of the five frames
    assert float(level_losses(real, far).attack) == 0


def test_gradients_are_finite_far_outside_the_range_of_levels() -> None:
    real = levels(1, 8, 16)
    made = torch.tensor([-60.0, 60.0]).repeat(64).reshape(1, 8, 16).requires_grad_(True)
    losses = level_losses(real, made)
    (losses.level + losses.loud + losses.power + losses.attack).backward()
    assert bool(made.grad.isfinite().all())
