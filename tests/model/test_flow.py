"""Laws of the flow: path ends, the masked loss, the sampler (SPEC M10, M11, G7)."""

from __future__ import annotations

import pytest
import torch

from model.flow import euler, frame_errors, guided, interpolate, masked_mean, sample_timesteps


def test_m11_path_starts_at_noise_and_ends_at_data():
    x0, x1 = torch.randn(3, 5, 2), torch.randn(3, 5, 2)
    assert torch.equal(interpolate(x0, x1, torch.zeros(3)), x0)
    assert torch.equal(interpolate(x0, x1, torch.ones(3)), x1)
    assert torch.allclose(interpolate(x0, x1, torch.full((3,), 0.25)), 0.25 * x1 + 0.75 * x0)


def test_m10_loss_equals_a_plain_loop():
    torch.manual_seed(0)
    v, x0, x1 = (torch.randn(3, 7, 4) for _ in range(3))
    mask = torch.rand(3, 7) < 0.6
    total, count = 0.0, 0
    for b in range(3):
        for n in range(7):
            if mask[b, n]:
                total += sum((float(v[b, n, f]) - float(x1[b, n, f] - x0[b, n, f])) ** 2 for f in range(4)) / 4
                count += 1
    assert float(masked_mean(frame_errors(v, x0, x1), mask)) == pytest.approx(total / count, rel=1e-5)


def test_m10_context_frames_get_no_gradient():
    v = torch.zeros(1, 4, 2, requires_grad=True)
    mask = torch.tensor([[True, False, True, False]])
    masked_mean(frame_errors(v, torch.randn(1, 4, 2), torch.randn(1, 4, 2)), mask).backward()
    assert float(v.grad[0, ~mask[0]].abs().sum()) == 0.0
    assert float(v.grad[0, mask[0]].abs().min()) > 0.0


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


def test_euler_visits_the_left_ends_and_holds_at_the_end():
    seen, held = [], []

    def velocity(x, t):
        seen.append(float(t[0]))
        return torch.zeros_like(x)

    def hold(x, t):
        held.append(t)
        return x + 1 if t == 1.0 else x

    end = euler(velocity, torch.zeros(1, 1, 1), steps=4, hold=hold)
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert held == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert float(end) == 1.0
