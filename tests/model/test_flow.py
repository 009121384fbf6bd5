"""Laws of the flow: path ends, the masked loss, the sampler (SPEC M10, M11, G7)."""

from __future__ import annotations

import pytest
import torch

from model.flow import euler, guided, interpolate, rescaled, sample_timesteps, with_fresh_noise


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


def estimates(share: float, *, t: float = 0.3, scale: float = 4.5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns the guided, the conditional and the rescaled estimate of the data (2, 20, 3); the first 5 are given."""
    g = torch.Generator().manual_seed(3)
    x, conditional, null = (torch.randn(2, 20, 3, generator=g) for _ in range(3))
    times, plain = torch.full((2,), t), guided(conditional, null, scale)
    made = rescaled(plain, conditional, x, times, MASK, share=share)
    return x + (1 - t) * plain, x + (1 - t) * conditional, x + (1 - t) * made


MASK = (torch.arange(20) >= 5).expand(2, 20)


def test_g7_rescale_zero_is_the_plain_formula_and_one_has_the_conditional_size():
    plain, conditional, unchanged = estimates(0.0)
    assert torch.allclose(unchanged, plain, atol=1e-5)
    sizes = [one[:, 5:].square().mean((1, 2)).sqrt() for one in (plain, conditional, estimates(1.0)[2])]
    assert bool((sizes[0] > 1.5 * sizes[1]).all())
    assert torch.allclose(sizes[2], sizes[1], atol=1e-5)


def test_g7_rescale_keeps_the_guided_direction_and_half_of_it_lies_between():
    plain, _, half = estimates(0.5)
    factor = (half / plain).flatten(1)
    assert torch.allclose(factor, factor[:, :1].expand_as(factor), atol=1e-3)
    full = (estimates(1.0)[2] / plain).flatten(1)[:, 0]
    assert torch.allclose(factor[:, 0], 0.5 + 0.5 * full, atol=1e-3)


def test_g7_rescale_keeps_the_level_of_a_constant():
    """Both estimates constant: MMAudio's formula multiplies the level, full rescale returns the conditional one."""
    x, t = torch.zeros(1, 6, 2), torch.tensor([0.5])
    mask = torch.ones(1, 6, dtype=torch.bool)
    level = torch.full((1, 6, 2), 2.0)
    louder = guided(level, torch.zeros_like(level), 4.5)
    assert torch.allclose(x + 0.5 * louder, 4.5 * 0.5 * level)
    assert torch.allclose(rescaled(louder, level, x, t, mask, share=1.0), level)


def test_g7_rescale_leaves_the_end_of_the_path_and_equal_branches_alone():
    x, v = torch.randn(2, 20, 3), torch.randn(2, 20, 3)
    assert torch.allclose(rescaled(v, v, x, torch.tensor([0.2, 0.9]), MASK, share=1.0), v, atol=1e-5)
    assert torch.equal(rescaled(v, 3 * v, x, torch.ones(2), MASK, share=1.0), v)


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


@pytest.mark.parametrize("deviation", [0.1, 0.58, 0.9, 1.0])
@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_g6_inverted_noise_of_few_steps_is_filled_up_to_unit_deviation(share, deviation):
    g = torch.Generator().manual_seed(0)
    inverted, noise = deviation * torch.randn(2, 200, 64, generator=g), torch.randn(2, 200, 64, generator=g)
    known = torch.ones(2, 200, dtype=torch.bool)
    mixed = with_fresh_noise(inverted, noise, known, share=share)
    assert torch.allclose(mixed.std(dim=(1, 2)), torch.ones(2), atol=0.02)
    assert torch.equal(mixed[:1], with_fresh_noise(inverted[:1], noise[:1], known[:1], share=share))


def test_g6_the_share_of_fresh_noise_is_the_least_and_none_is_none():
    g = torch.Generator().manual_seed(1)
    inverted, noise = 1.4 * torch.randn(1, 50, 4, generator=g), torch.randn(1, 50, 4, generator=g)
    known = torch.ones(1, 50, dtype=torch.bool)
    assert torch.allclose(with_fresh_noise(inverted, noise, known, share=0.6), 0.6 * noise + 0.8 * inverted, atol=1e-6)
    assert torch.equal(with_fresh_noise(inverted, noise, known, share=0.0), inverted)
    assert torch.allclose(with_fresh_noise(inverted, noise, known, share=1.0), noise)


def test_g6_frames_without_data_do_not_count_for_the_deviation():
    g = torch.Generator().manual_seed(2)
    inverted, noise = torch.randn(1, 100, 8, generator=g), torch.randn(1, 100, 8, generator=g)
    inverted[:, 50:] = 0.0
    known = torch.arange(100)[None] < 50
    short = with_fresh_noise(inverted[:, :50], noise[:, :50], known[:, :50], share=0.5)
    assert torch.allclose(with_fresh_noise(inverted, noise, known, share=0.5)[:, :50], short, atol=1e-6)
    nothing = with_fresh_noise(torch.zeros_like(inverted), noise, torch.zeros_like(known), share=0.5)
    assert torch.allclose(nothing, noise)
