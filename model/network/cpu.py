"""Operations of the network in the form that CPUs compute fastest, with the results of torch's own to rounding errors.

GPUs and torch.compile have fast kernels for the plain forms, so `plain_operations` says where those are used.
Legend: B batch, N positions, D channels, H heads, K channels per head, S streams normed at once (queries, keys).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def plain_operations(x: Tensor) -> bool:
    """Returns whether torch's own operations are the fast ones for this tensor: on a GPU, and in torch.compile."""
    return x.device.type != "cpu" or torch.compiler.is_compiling()


def convolve(x_BND: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """Returns the convolution of channel-last input, length kept by zero padding: (B, N, out).

    (B, N, D) is a two-dimensional convolution's channels-last layout, so that nothing is transposed in memory: forward
    and backward take half of the time of `F.conv1d` on transposed input.
    """
    kernel = weight[:, :, None].contiguous(memory_format=torch.channels_last)
    padding = (0, weight.shape[-1] // 2)
    y_BD1N = F.conv2d(x_BND.transpose(1, 2)[:, :, None], kernel, bias, padding=padding, groups=groups)
    return y_BD1N[:, :, 0].transpose(1, 2)


def norm_and_rotate(x_BNSHK: Tensor, weight_SK: Tensor, eps: float, table_NK2: Tensor | None) -> Tensor:
    """Returns `F.rms_norm` over K times the weights, rotated by the table (`layers.rotate`); fp32 inside, x's dtype."""
    result: Tensor = _NormAndRotate.apply(x_BNSHK, weight_SK, eps, table_NK2)  # type: ignore[no-untyped-call]
    return result


def attend_bf16(q_BHNK: Tensor, k_BHNK: Tensor, v_BHNK: Tensor) -> Tensor:
    """Returns softmax attention (B, H, N, K) in bf16, with scores and softmax in fp32, for training.

    It keeps the (B, H, N, N) probabilities for the backward pass, which is then three times as fast as that of
    `F.scaled_dot_product_attention`, and as accurate.
    """
    flat = (part.reshape(-1, *part.shape[-2:]) for part in (q_BHNK, k_BHNK, v_BHNK))
    attended: Tensor = _Attention.apply(*flat)  # type: ignore[no-untyped-call]
    return attended.view(q_BHNK.shape)


class _NormAndRotate(torch.autograd.Function):
    """y = rotate(x / rms(x) * weight). Its backward pass is written out: half as many passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_SK: Tensor, eps: float, table_NK2: Tensor | None) -> Tensor:
        values, channels = x.float(), x.shape[-1]
        squares = torch.linalg.vector_norm(values, dim=-1, keepdim=True).square_()
        inverse_rms = squares.div_(channels).add_(eps).rsqrt_()
        normed = values * inverse_rms
        ctx.save_for_backward(normed, inverse_rms, weight_SK, table_NK2)
        return _turned(normed * weight_SK[:, None], table_NK2, backwards=False).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        normed, inverse_rms, weight_SK, table_NK2 = ctx.saved_tensors
        weighted = _turned(gradient.float(), table_NK2, backwards=True)
        products = weighted * normed
        along = (products @ weight_SK[..., None]).div_(-normed.shape[-1])  # minus the part along x / rms(x)
        of_x = torch.addcmul(weighted.mul_(weight_SK[:, None]), normed, along).mul_(inverse_rms)
        return of_x.to(gradient.dtype), products.sum((0, 1, 3)), None, None


def _turned(x_BNSHK: Tensor, table_NK2: Tensor | None, *, backwards: bool) -> Tensor:
    """Rotates channel pairs as complex numbers, in one pass."""
    if table_NK2 is None:
        return x_BNSHK
    factors = torch.view_as_complex(table_NK2)[:, None, None]
    pairs = torch.view_as_complex(x_BNSHK.contiguous().view(*x_BNSHK.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * (factors.conj() if backwards else factors)).flatten(-2)


class _Attention(torch.autograd.Function):
    """Attention on (B H, N, K) by plain products. Autocast must not turn the scores into bf16."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            scores = torch.bmm(q.float() * q.shape[-1] ** -0.5, k.float().transpose(1, 2))
            probabilities = scores.softmax(-1).to(v.dtype)
            ctx.save_for_backward(q, k, v, probabilities)
            return torch.bmm(probabilities, v)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, probabilities = ctx.saved_tensors
        of_probabilities = torch.bmm(gradient, v.transpose(1, 2))
        of_scores = torch._softmax_backward_data(of_probabilities, probabilities, -1, probabilities.dtype)
        scale = q.shape[-1] ** -0.5
        of_q, of_k = torch.bmm(of_scores, k * scale), torch.bmm(of_scores.transpose(1, 2), q * scale)
        return of_q, of_k, torch.bmm(probabilities.transpose(1, 2), gradient)
