"""Transformer blocks: one stream alone (fused), or audio, video and text in joint attention. Source: SPEC M1, M9.

Parameter names and layouts are MMAudio's, so that its checkpoints load: qkv rows are interleaved (head, channel,
q|k|v), and the block's `linear1` is the attention's output projection.
Legend: B batch, N audio frames, R distinct rows of the frame condition, V video frames, L text tokens, D width,
H heads, K channels per head.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from model.network.cpu import attend_bf16, norm_and_rotate, plain_operations
from model.network.layers import ChannelLastConv1d, GatedMLP, linear_or_conv, modulate, rotate


class QKV(NamedTuple):
    """Queries, keys and values, each (B, H, N, K)."""

    q: Tensor
    k: Tensor
    v: Tensor


class Attention(nn.Module):
    """The projection to queries, keys and values with RMS-normed q and k; attention itself has no weights."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = nn.RMSNorm(width // heads)
        self.k_norm = nn.RMSNorm(width // heads)

    def forward(self, x_BND: Tensor, rotary_NK2: Tensor | None) -> QKV:
        """Returns q, k, v; positions are rotated in unless `rotary_NK2` is None (text has none)."""
        projected = self._project(x_BND)
        q, k, v = projected.unbind(2)
        if plain_operations(x_BND):
            q, k = self.q_norm(q.float()), self.k_norm(k.float())  # in fp32 under autocast too, as are the rotations
            if rotary_NK2 is not None:
                q, k = rotate(q, rotary_NK2), rotate(k, rotary_NK2)
        else:
            weights_SK = torch.stack([self.q_norm.weight, self.k_norm.weight])
            eps = torch.finfo(torch.float32).eps  # RMSNorm's own
            q, k = norm_and_rotate(projected[:, :, :2], weights_SK, eps, rotary_NK2).unbind(2)
        return QKV(*(part.to(v.dtype).transpose(1, 2) for part in (q, k, v)))

    def _project(self, x_BND: Tensor) -> Tensor:
        """Returns (B, N, 3, H, K). Reordering the small weight is cheaper than slicing interleaved activations."""
        batch, length, width = x_BND.shape
        weight = self.qkv.weight.view(width, 3, width).transpose(0, 1).reshape(3 * width, width)
        bias = self.qkv.bias.view(width, 3).T.reshape(3 * width)
        return F.linear(x_BND, weight, bias).view(batch, length, 3, self.heads, -1)


class FrameCondition(NamedTuple):
    """The frame-aligned condition by its distinct rows (B, R, D), R < N, and which of them each frame has (B, N).

    Without `row_BN` there is one row per frame. Synchronisation features are fewer than audio frames and are repeated
    (SPEC M8), so layers that work on each row alone run on the distinct rows, and their output is then spread.
    """

    rows_BRD: Tensor
    row_BN: Tensor | None = None

    def spread(self, values_BRX: Tensor) -> Tensor:
        """Returns (B, N, X): each frame's row of `values_BRX`."""
        if self.row_BN is None:
            return values_BRX
        batch, rows, _ = values_BRX.shape
        first_B1 = torch.arange(batch, device=values_BRX.device)[:, None] * rows
        flat = values_BRX.flatten(0, 1).index_select(0, (self.row_BN + first_B1).flatten())
        return flat.view(batch, self.row_BN.shape[1], -1)


def attend(qkv: QKV) -> Tensor:
    """Returns softmax attention over all positions, heads merged: (B, N, D)."""
    training_in_bf16 = qkv.q.dtype == torch.bfloat16 and torch.is_grad_enabled()
    if training_in_bf16 and not plain_operations(qkv.q):
        return attend_bf16(*qkv).transpose(1, 2).flatten(2)
    return F.scaled_dot_product_attention(*qkv).transpose(1, 2).flatten(2)


class StreamBlock(nn.Module):
    """One stream's layers before and after attention.

    A `pre_only` stream gives keys and values to attention and ends there (the last joint block's video, text).
    """

    def __init__(self, width: int, heads: int, hidden: int, kernel: int, *, pre_only: bool = False) -> None:
        super().__init__()
        self.pre_only = pre_only
        self.width = width
        self.attn = Attention(width, heads)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, (2 if pre_only else 6) * width))
        if not pre_only:
            self.linear1 = linear_or_conv(width, width, kernel)
            self.ffn = GatedMLP(width, hidden, kernel)

    def pre_attention(
        self, x_BND: Tensor, c: FrameCondition, rotary_NK2: Tensor | None
    ) -> tuple[QKV, tuple[Tensor, ...]]:
        """Returns q, k, v and the modulation for after attention; `c` may have one row for all positions."""
        modulation = c.spread(self.adaLN_modulation(c.rows_BRD))
        shift, scale, *rest = modulation.chunk(2 if self.pre_only else 6, dim=-1)
        normed = F.layer_norm(x_BND, (self.width,))
        return self.attn(modulate(normed, shift, scale), rotary_NK2), tuple(rest)

    def post_attention(self, x_BND: Tensor, attended_BND: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        """Returns the stream after output projection and feed-forward, both gated; a pre_only stream is unchanged."""
        if self.pre_only:
            return x_BND
        gate_attention, shift, scale, gate_ffn = modulation
        x_BND = x_BND + self.linear1(attended_BND) * gate_attention
        normed = F.layer_norm(x_BND, (self.width,))
        return x_BND + self.ffn(modulate(normed, shift, scale)) * gate_ffn


class FusedBlock(StreamBlock):
    """A block on the audio stream alone, conditioned frame by frame."""

    def forward(self, x_BND: Tensor, extended: FrameCondition, rotary_NK2: Tensor) -> Tensor:
        """Returns (B, N, D)."""
        qkv, modulation = self.pre_attention(x_BND, extended, rotary_NK2)
        return self.post_attention(x_BND, attend(qkv), modulation)


class Streams(NamedTuple):
    """The three token streams: latent (B, N, D), clip (B, V, D), text (B, L, D)."""

    latent: Tensor
    clip: Tensor
    text: Tensor


class Rotary(NamedTuple):
    """Rotation tables of the streams that have positions; clip positions are scaled to audio frames."""

    latent_NK2: Tensor
    clip_VK2: Tensor


class JointBlock(nn.Module):
    """Three streams, one attention over all their tokens in the order latent, clip, text."""

    def __init__(self, width: int, heads: int, hidden: int, kernel: int, *, last: bool) -> None:
        super().__init__()
        self.latent_block = StreamBlock(width, heads, hidden, kernel)
        self.clip_block = StreamBlock(width, heads, hidden, kernel, pre_only=last)
        self.text_block = StreamBlock(width, heads, hidden, 1, pre_only=last)

    def forward(self, x: Streams, global_B1D: Tensor, extended: FrameCondition, rotary: Rotary) -> Streams:
        """Returns the streams; audio is conditioned frame by frame, video and text by the global condition."""
        latent, latent_mod = self.latent_block.pre_attention(x.latent, extended, rotary.latent_NK2)
        clip, clip_mod = self.clip_block.pre_attention(x.clip, FrameCondition(global_B1D), rotary.clip_VK2)
        text, text_mod = self.text_block.pre_attention(x.text, FrameCondition(global_B1D), None)
        joined = QKV(*(torch.cat(parts, dim=2) for parts in zip(latent, clip, text, strict=True)))
        lengths = [x.latent.shape[1], x.clip.shape[1], x.text.shape[1]]
        for_latent, for_clip, for_text = torch.split(attend(joined), lengths, dim=1)
        return Streams(
            self.latent_block.post_attention(x.latent, for_latent, latent_mod),
            self.clip_block.post_attention(x.clip, for_clip, clip_mod),
            self.text_block.post_attention(x.text, for_text, text_mod),
        )


class FinalLayer(nn.Module):
    """adaLN from the *global* condition (MMAudio's checkpoints need it), then a convolution to the latent channels."""

    def __init__(self, width: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.width = width
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.conv = ChannelLastConv1d(width, channels, kernel)

    def forward(self, x_BND: Tensor, global_B1D: Tensor) -> Tensor:
        """Returns the velocity (B, N, F)."""
        shift, scale = self.adaLN_modulation(global_B1D).chunk(2, dim=-1)
        velocity: Tensor = self.conv(modulate(F.layer_norm(x_BND, (self.width,)), shift, scale))
        return velocity
