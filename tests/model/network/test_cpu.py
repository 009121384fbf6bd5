"""The forms that CPUs compute fastest give what torch's own operations give: values and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.network.blocks import QKV, attend
from model.network.cpu import attend_bf16, convolve, norm_and_rotate, plain_operations
from model.network.layers import rotary_table, rotate

EPS = torch.finfo(torch.float32).eps


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gradients(result: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    weights = noise(*result.shape, seed=99).to(result.dtype)
    return list(torch.autograd.grad(result, inputs, weights))


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float(((found.float() - expected.float()).norm() / expected.float().norm()).detach())


@pytest.mark.parametrize(("groups", "kernel", "bias"), [(1, 1, True), (1, 3, False), (1, 7, True), (4, 31, True)])
@pytest.mark.parametrize("length", [1, 50])
def test_a_channel_last_convolution_equals_torchs_on_transposed_input(
    groups: int, kernel: int, bias: bool, length: int
) -> None:
    x = noise(3, length, 8).requires_grad_()
    weight = noise(12, 8 // groups, kernel, seed=1).requires_grad_()
    shift = noise(12, seed=2).requires_grad_() if bias else None
    inputs = [x, weight] + ([shift] if shift is not None else [])
    found = convolve(x, weight, shift, groups)
    expected = F.conv1d(x.transpose(1, 2), weight, shift, padding=kernel // 2, groups=groups).transpose(1, 2)
    assert found.shape == (3, length, 12)
    assert torch.allclose(found, expected, atol=1e-5)
    for one, other in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_a_channel_last_convolution_leaves_its_result_channel_last() -> None:
    assert convolve(noise(2, 20, 8), noise(8, 8, 3, seed=1), None, 1).is_contiguous()


@pytest.mark.parametrize("rotated", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_norm_with_rotation_equals_rms_norm_then_rotation(rotated: bool, dtype: torch.dtype) -> None:
    projected = noise(2, 9, 3, 4, 8).to(dtype).requires_grad_()
    weights = (1 + 0.3 * noise(2, 8, seed=1)).requires_grad_()
    table = rotary_table(9, 8, 1.5, torch.device("cpu")) if rotated else None
    found = norm_and_rotate(projected[:, :, :2], weights, EPS, table)
    parts = [
        F.rms_norm(projected[:, :, place].float(), (8,), weights[place], EPS) for place in range(2)
    ]  # as torch's own layers do it
    turned = [part if table is None else rotate(part, table) for part in parts]
    expected = torch.stack(turned, 2).to(dtype)
    assert found.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 5e-3
    assert relative_error(found, expected) < tolerance
    for one, other in zip(
        gradients(found, [projected, weights]), gradients(expected, [projected, weights]), strict=True
    ):
        assert relative_error(one, other) < tolerance


def test_a_norm_of_zeros_is_zero_with_finite_gradients() -> None:
    x = torch.zeros(1, 2, 2, 1, 4, requires_grad=True)
    result = norm_and_rotate(x, torch.ones(2, 4), EPS, None)
    assert not bool(result.any())
    assert bool(gradients(result, [x])[0].isfinite().all())


def test_bf16_attention_is_as_near_to_fp32_as_torchs_own() -> None:
    exact = [noise(2, 3, 40, 16, seed=seed).mul(1.5).bfloat16().float().requires_grad_() for seed in range(3)]
    reference = F.scaled_dot_product_attention(*exact)
    expected = gradients(reference, exact)
    errors = []
    for attention in (F.scaled_dot_product_attention, attend_bf16):
        parts = [part.detach().bfloat16().requires_grad_() for part in exact]
        result = attention(*parts)
        assert result.dtype == torch.bfloat16
        found = gradients(result, parts)
        errors.append([relative_error(result, reference), *map(relative_error, found, expected)])
    assert all(mine < 2 * torchs + 1e-3 for torchs, mine in zip(*errors, strict=True))


def test_bf16_attention_keeps_its_scores_in_fp32_under_autocast() -> None:
    parts = [noise(1, 2, 30, 16, seed=seed).bfloat16() for seed in range(3)]
    plain = attend_bf16(*parts)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attend_bf16(*parts), plain)


def test_attention_is_torchs_own_in_fp32_and_without_gradients() -> None:
    for dtype, grad in ((torch.float32, True), (torch.bfloat16, False)):
        parts = [noise(1, 2, 30, 16, seed=seed).to(dtype).requires_grad_(grad) for seed in range(3)]
        with torch.set_grad_enabled(grad):
            expected = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
            assert torch.equal(attend(QKV(*parts)), expected)


def test_only_eager_tensors_on_the_cpu_take_the_cpus_forms() -> None:
    assert not plain_operations(torch.zeros(1))
    assert plain_operations(torch.zeros(1, device="meta"))
    seen = []

    def form(x: Tensor) -> Tensor:
        seen.append(plain_operations(x))
        return x + 1

    torch.compile(form, backend="eager")(torch.zeros(1))
    assert seen[0] is True
