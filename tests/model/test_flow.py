"""Laws of the flow: path ends, the masked loss, the sampler (SPEC M10, M11, G7)."""

from __future__ import annotations

import pytest
import torch

from model.flow import euler, guided, interpolate, sample_timesteps


def test_m11_path_starts_at_noise_and_ends_at_data():
    x0, x1 = torch.randn(3, 5, 2), torch.randn(3, 5, 2)
    assert torch.equal(interpolate(x0, x1, torch.zeros(3)), x0)
    assert torch.equal(interpolate(x0, x1, torch.ones(3)), x1)
    assert torch.allclose(interpolate(x0, x1, torch.full((3,), 0.25)), 0.25 * x1 + 0.75 * x0)


def test_t1_times_are_logit_normal():
    t = sample_timesteps(50_000, torch.Generator().manual_seed(0))
    quantiles = torch.quantile(t, torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9]))
    assert torch.allclose(quantiles, torch.tensor([0.22, 0.34, 0.50, 0.66, 0.78]), atol=0.01)


def test_t1_times_follow_their_location_and_spread():
    t = sample_timesteps(50_000, torch.Generator().manual_seed(0), location=-1.5, spread=1.5)
    logits = torch.logit(t)
    assert float(logits.mean()) == pytest.approx(-1.5, abs=0.03)
    assert float(logits.std()) == pytest.approx(1.5, abs=0.03)


def test_g7_scale_one_is_the_conditional_velocity():
    a, b = torch.randn(4), torch.randn(4)
    assert torch.allclose(guided(a, b, 1.0), a)
    assert torch.allclose(guided(a, b, 4.5), b + 4.5 * (a - b), atol=1e-5)


def test_euler_is_exact_on_straight_paths_and_inverts_them():
    x0, x1 = torch.randn(2, 3, 2), torch.randn(2, 3, 2)
    end = euler(lambda x, t: x1 - x0, x0, steps=25)
    assert torch.allclose(end, x1, atol=1e-5)
    assert torch.allclose(euler(lambda x, t: x1 - x0, end, steps=25, start=1.0, stop=0.0), x0, atol=1e-5)


def test_euler_evaluates_at_the_left_ends_and_constrains_before_each_step_and_at_the_end():
    seen, held = [], []

    def velocity(x, t):
        seen.append(float(t[0]))
        return torch.zeros_like(x)

    def constrain(x, t):
        held.append(t)
        return x + 1 if t == 1.0 else x

    end = euler(velocity, torch.zeros(1, 1, 1), steps=4, constrain=constrain)
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert held == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert float(end) == 1.0
