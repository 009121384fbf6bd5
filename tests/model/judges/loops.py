"""Layers by plain sums and loops, over tensors under their published names: what the judges are compared with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Tensors = dict[str, Tensor]


def part(t: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in t.items() if name.startswith(prefix)}


def linear(t: Tensors, name: str, x: Tensor) -> Tensor:
    return x @ t[f"{name}.weight"].T + t.get(f"{name}.bias", torch.zeros(()))


def layer_norm(t: Tensors, name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
    mean, var = x.mean(dim=-1, keepdim=True), x.var(dim=-1, keepdim=True, unbiased=False)
    return (x - mean) / (var + eps).sqrt() * t[f"{name}.weight"] + t[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def mlp(t: Tensors, first: str, second: str, x: Tensor) -> Tensor:
    """Two linear layers with a GELU between them."""
    return linear(t, second, gelu(linear(t, first, x)))


def attention(query_ND: Tensor, key_MD: Tensor, value_MD: Tensor, wide: int = 64, *, causal: bool = False) -> Tensor:
    """(N, D): one query and one head of `wide` numbers at a time, over all keys or those up to the query's place."""
    rows = []
    for place, one in enumerate(query_ND):
        seen = place + 1 if causal else len(key_MD)
        heads = []
        for start in range(0, len(one), wide):
            own = slice(start, start + wide)
            scores = key_MD[:seen, own] @ one[own] / math.sqrt(wide)
            heads.append(scores.softmax(0) @ value_MD[:seen, own])
        rows.append(torch.cat(heads))
    return torch.stack(rows)


def batch_norm(t: Tensors, name: str, x: Tensor, dim: int) -> Tensor:
    """In evaluation mode, over a channel dimension."""
    shape = [-1 if index == dim else 1 for index in range(x.ndim)]
    mean, var, weight, bias = (
        t[f"{name}.{part}"].reshape(shape) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def convolved(weight: Tensor, maps: Tensor) -> Tensor:
    """3 x 3 with zeros around, as a sum over nine shifts."""
    _, height, width = maps.shape
    wide = torch.zeros(len(maps), height + 2, width + 2)
    wide[:, 1:-1, 1:-1] = maps
    made = torch.zeros(len(weight), height, width)
    for y in range(3):
        for x in range(3):
            made += torch.einsum("oc,chw->ohw", weight[:, :, y, x], wide[:, y : y + height, x : x + width])
    return made


def log_mel(t: Tensors, samples: Tensor, hop: int) -> Tensor:
    """(F, M) frame by frame from the file's own matrices; the sound is reflected at both ends."""
    real, imaginary = (t[f"spectrogram_extractor.stft.conv_{part}.weight"][:, 0] for part in ("real", "imag"))
    side = real.shape[1] // 2
    wide = torch.cat([samples[1 : side + 1].flip(0), samples, samples[-side - 1 : -1].flip(0)])
    rows = []
    for start in range(0, len(wide) - 2 * side + 1, hop):
        frame = wide[start : start + 2 * side]
        power = (real @ frame) ** 2 + (imaginary @ frame) ** 2
        rows.append(10 * (power @ t["logmel_extractor.melW"]).clamp(min=1e-10).log10())
    return torch.stack(rows)
