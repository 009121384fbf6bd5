"""The published codecs once more, as plain functions of a file's tensors: what our modules must compute.

Written without our modules and without weight-norm layers, from the formulas alone. Slow, small inputs only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

Tensors = dict[str, Tensor]


def weight(t: Tensors, name: str) -> Tensor:
    """g * v / |v|, the length over all but the first index."""
    if f"{name}.weight" in t:
        return t[f"{name}.weight"]
    v = t[f"{name}.weight_v"]
    return t[f"{name}.weight_g"] * v / v.flatten(1).norm(dim=1)[:, None, None]


def conv(t: Tensors, name: str, x: Tensor, *, stride: int = 1, dilation: int = 1, pad: int | None = None) -> Tensor:
    w = weight(t, name)
    side = dilation * (w.shape[2] - 1) // 2 if pad is None else pad
    return F.conv1d(x, w, t.get(f"{name}.bias"), stride=stride, dilation=dilation, padding=side)


def up(t: Tensors, name: str, x: Tensor, stride: int) -> Tensor:
    """Transposed convolution of kernel 2 * stride, cut on both sides to exactly x's length times the stride."""
    whole = F.conv_transpose1d(x, weight(t, name), t[f"{name}.bias"], stride=stride)
    left = math.ceil(stride / 2)
    missing = left + x.shape[-1] * stride - whole.shape[-1]
    return F.pad(whole, (0, max(0, missing)))[..., left : left + x.shape[-1] * stride]


def snake(t: Tensors, name: str, x: Tensor) -> Tensor:
    alpha = t[f"{name}.alpha"]
    if f"{name}.beta" in t:
        return x + torch.sin(alpha.exp() * x) ** 2 / t[f"{name}.beta"].exp()
    return x + torch.sin(alpha * x) ** 2 / alpha


def dac_unit(t: Tensors, name: str, x: Tensor, dilation: int) -> Tensor:
    y = conv(t, f"{name}.block.1", snake(t, f"{name}.block.0", x), dilation=dilation)
    return x + conv(t, f"{name}.block.3", snake(t, f"{name}.block.2", y))


def dac_encode(t: Tensors, x: Tensor, rates: tuple[int, ...]) -> Tensor:
    x = conv(t, "encoder.block.0", x)
    for stage, rate in enumerate(rates, start=1):
        name = f"encoder.block.{stage}.block"
        for index, dilation in enumerate((1, 3, 9)):
            x = dac_unit(t, f"{name}.{index}", x, dilation)
        x = conv(t, f"{name}.4", snake(t, f"{name}.3", x), stride=rate, pad=math.ceil(rate / 2))
    last = len(rates) + 1
    return conv(t, f"encoder.block.{last + 1}", snake(t, f"encoder.block.{last}", x))


def dac_vae_decode(t: Tensors, z: Tensor, rates: tuple[int, ...]) -> Tensor:
    x = conv(t, "decoder.model.0", conv(t, "post_quant_conv", z))
    for stage, rate in enumerate(reversed(rates), start=1):
        name = f"decoder.model.{stage}.block"
        x = up(t, f"{name}.1", snake(t, f"{name}.0", x), rate)
        for index, dilation in ((2, 1), (3, 3), (4, 9)):
            x = dac_unit(t, f"{name}.{index}", x, dilation)
    last = len(rates) + 1
    return torch.tanh(conv(t, f"decoder.model.{last + 1}", snake(t, f"decoder.model.{last}", x)))


def meta_decode(t: Tensors, z: Tensor, rates: tuple[int, ...]) -> Tensor:
    """The sound before its watermark: layers 0, 1, 4, 5, 8 of each block, then the first three of `pre`."""
    x = conv(t, "decoder.model.0", conv(t, "quantizer.out_proj", z))
    for stage, rate in enumerate(reversed(rates), start=1):
        name = f"decoder.model.{stage}.block"
        x = up(t, f"{name}.1", snake(t, f"{name}.0", x), rate)
        for index, dilation in ((4, 1), (5, 3), (8, 9)):
            x = dac_unit(t, f"{name}.{index}", x, dilation)
    root = "decoder.wm_model.encoder_block.pre"
    return torch.tanh(conv(t, f"{root}.1", snake(t, f"{root}.0", x)))


def oobleck_unit(t: Tensors, name: str, x: Tensor, dilation: int) -> Tensor:
    y = conv(t, f"{name}.conv1", snake(t, f"{name}.snake1", x), dilation=dilation)
    return x + conv(t, f"{name}.conv2", snake(t, f"{name}.snake2", y))


def oobleck_encode(t: Tensors, x: Tensor, rates: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    x = conv(t, "encoder.conv1", x)
    for index, rate in enumerate(rates):
        name = f"encoder.block.{index}"
        for number, dilation in enumerate((1, 3, 9), start=1):
            x = oobleck_unit(t, f"{name}.res_unit{number}", x, dilation)
        x = conv(t, f"{name}.conv1", snake(t, f"{name}.snake1", x), stride=rate, pad=math.ceil(rate / 2))
    mean, scale = conv(t, "encoder.conv2", snake(t, "encoder.snake1", x)).chunk(2, dim=1)
    return mean, torch.log1p(scale.exp()) + 1e-4


def oobleck_decode(t: Tensors, z: Tensor, rates: tuple[int, ...]) -> Tensor:
    x = conv(t, "decoder.conv1", z)
    for index, rate in enumerate(reversed(rates)):
        name = f"decoder.block.{index}"
        x = up(t, f"{name}.conv_t1", snake(t, f"{name}.snake1", x), rate)
        for number, dilation in enumerate((1, 3, 9), start=1):
            x = oobleck_unit(t, f"{name}.res_unit{number}", x, dilation)
    return conv(t, "decoder.conv2", snake(t, "decoder.snake1", x))


def mp_conv(t: Tensors, name: str, x: Tensor, gain: Tensor | float = 1.0) -> Tensor:
    """Every row of the weight has length one (up to EDM2's epsilon)."""
    raw = t[f"{name}.weight"]
    fan = raw[0].numel()
    size = raw.flatten(1).norm(dim=1) / math.sqrt(fan) + 1e-4
    rows = raw / size[:, None, None] / math.sqrt(fan)
    return F.conv1d(x, rows * gain, padding=raw.shape[2] // 2)


def unit_pixels(x: Tensor, dim: int = 1) -> Tensor:
    return x / (x.square().mean(dim=dim, keepdim=True).sqrt() + 1e-4)


def mp_add(skip: Tensor, branch: Tensor) -> Tensor:
    return (0.7 * skip + 0.3 * branch) / math.sqrt(0.58)


def mp_silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x) / 0.596


def mp_residual(t: Tensors, name: str, x: Tensor) -> Tensor:
    x = unit_pixels(x)
    y = mp_conv(t, f"{name}.conv2", mp_silu(mp_conv(t, f"{name}.conv1", mp_silu(x))))
    return mp_add(mp_conv(t, f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in t else x, y)


def mp_attention(t: Tensors, name: str, x: Tensor) -> Tensor:
    """One head; channel 3 c + j of `qkv` is channel c of q (j = 0), k (1) or v (2)."""
    qkv = mp_conv(t, f"{name}.qkv", x)
    query, key, value = (unit_pixels(qkv[:, part::3]) for part in range(3))
    scores = torch.einsum("bcq,bck->bqk", query, key) / math.sqrt(x.shape[1])
    mixed = torch.einsum("bqk,bck->bcq", scores.softmax(-1), value)
    return mp_add(x, mp_conv(t, f"{name}.proj_out", mixed))


def mp_middle(t: Tensors, side: str, x: Tensor) -> Tensor:
    x = mp_residual(t, f"{side}.mid.block_1", x)
    return mp_residual(t, f"{side}.mid.block_2", mp_attention(t, f"{side}.mid.attn_1", x))


def mel_encode(t: Tensors, mel: Tensor) -> tuple[Tensor, Tensor]:
    x = mp_conv(t, "encoder.conv_in", (mel - t["data_mean"]) / t["data_std"])
    for level in range(3):
        for block in range(2):
            x = mp_residual(t, f"encoder.down.{level}.block.{block}", x)
        if level == 0:
            x = mp_conv(t, "encoder.down.0.downsample.conv1", x)
            x = mp_conv(t, "encoder.down.0.downsample.conv2", (x[..., ::2] + x[..., 1::2]) / 2)
    x = mp_silu(mp_middle(t, "encoder", x))
    mean, logvar = mp_conv(t, "encoder.conv_out", x, t["encoder.learnable_gain"] + 1).chunk(2, dim=1)
    return mean, torch.exp(logvar.clamp(-30, 20) / 2)


def mel_decode(t: Tensors, z: Tensor) -> Tensor:
    x = mp_middle(t, "decoder", mp_conv(t, "decoder.conv_in", z))
    for level in (2, 1, 0):
        for block in range(3):
            x = mp_residual(t, f"decoder.up.{level}.block.{block}", x)
        if level == 1:
            x = mp_conv(t, "decoder.up.1.upsample.conv", torch.stack([x, x], dim=-1).flatten(2))
    x = mp_conv(t, "decoder.conv_out", mp_silu(x), t["decoder.learnable_gain"] + 1)
    return x * t["data_std"] + t["data_mean"]


def doubled_snake(t: Tensors, name: str, x: Tensor) -> Tensor:
    """Sample by sample: up by 2 with zeros between, low-passed; Snake; low-passed and every second one kept."""
    taps = t[f"{name}.upsample.filter"].flatten()
    padded = F.pad(x, (6, 6), mode="replicate")
    spread = torch.stack([padded, torch.zeros_like(padded)], dim=-1).flatten(2)
    filtered = F.conv1d(spread.flatten(0, 1)[:, None], taps[None, None] * 2, padding=11)[:, 0].reshape(*x.shape[:2], -1)
    start = 12 + 11 - 5 - 1  # the padding's doubled length, the full convolution's lead, the filter's own delay
    up2 = filtered[..., start : start + 2 * x.shape[-1]]
    up2 = up2 + torch.sin(t[f"{name}.act.alpha"].exp()[:, None] * up2) ** 2 / t[f"{name}.act.beta"].exp()[:, None]
    taps = t[f"{name}.downsample.lowpass.filter"].flatten()
    edges = F.pad(up2, (5, 6), mode="replicate")
    return torch.stack([(edges[..., 2 * i : 2 * i + 12] * taps).sum(-1) for i in range(x.shape[-1])], dim=-1)


def bigvgan(t: Tensors, mel: Tensor, rates: tuple[int, ...], *, tanh: bool) -> Tensor:
    x = conv(t, "conv_pre", mel)
    for level, rate in enumerate(rates):
        wide = F.conv_transpose1d(x, weight(t, f"ups.{level}.0"), t[f"ups.{level}.0.bias"], stride=rate)
        x = wide[..., rate // 2 : rate // 2 + rate * x.shape[-1]]
        outs = []
        for number in range(3 * level, 3 * level + 3):
            y = x
            for index, dilation in enumerate((1, 3, 5)):
                name = f"resblocks.{number}"
                z = conv(
                    t,
                    f"{name}.convs1.{index}",
                    doubled_snake(t, f"{name}.activations.{2 * index}", y),
                    dilation=dilation,
                )
                z = doubled_snake(t, f"{name}.activations.{2 * index + 1}", z)
                y = y + conv(t, f"{name}.convs2.{index}", z)
            outs.append(y)
        x = sum(outs[1:], outs[0]) / 3
    x = conv(t, "conv_post", doubled_snake(t, "activation_post", x))
    return torch.tanh(x) if tanh else x.clamp(-1, 1)
