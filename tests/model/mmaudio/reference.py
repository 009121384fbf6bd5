"""MMAudio's velocity, written a second time from its description alone, straight from a state dict.

It shares no code with `model/`: attention is an explicit softmax, rotations are real 2 x 2 products, the nearest-exact
rule is its formula, convolutions of sequences are sums over shifted copies. Slow and plain on purpose.
B batch, N latent frames, V clip frames, S sync features, L text tokens, D width, C latent channels.
"""

from __future__ import annotations

import math

import numpy as np
import torch

Weights = dict[str, torch.Tensor]


def velocity(w: Weights, x, t, clip, sync, text, parts=None):
    """x (B, N, C); t (B,); clip (B, V, .), sync (B, S, .), text (B, L, .) or None for the learned empty feature.

    For an absent clip or sync, which have no fixed length, give (None, length). `parts`: (sync features, frames) of
    videos that follow one another; by default all features on all frames.
    """
    batch, frames, _ = x.shape
    clip = _or_empty(clip, w["empty_clip_feat"], batch)
    sync = _or_empty(sync, w["empty_sync_feat"], batch)
    text = w["empty_string_feat"].expand(batch, -1, -1) if text is None else text
    second = "clip_input_proj.2.w1.weight" in w
    conv_activation = _silu if second else _selu

    clip_tokens = _token_projection(w, "clip_input_proj", clip, second)
    text_tokens = _token_projection(w, "text_input_proj", text, second)
    positions = w["sync_pos_emb"][0, 0]
    sync = sync + positions.repeat(sync.shape[1] // len(positions), 1)
    sync = conv_activation(_affine(w, "sync_input_proj.0", sync))
    sync = _gated(w, "sync_input_proj.2", sync)
    parts, placed = parts or [(sync.shape[1], frames)], []
    for part, (length, count) in zip(torch.split(sync, [length for length, _ in parts], 1), parts, strict=True):
        ratio = np.float32(length) / np.float32(count)
        placed.append(part[:, np.floor((np.arange(count, dtype=np.float32) + np.float32(0.5)) * ratio).astype(int)])
    sync = torch.cat(placed, 1)

    pooled = _affine(w, "clip_cond_proj", clip_tokens.mean(1)) + _affine(w, "text_cond_proj", text_tokens.mean(1))
    everywhere = (_time(w, t, second) + _gated(w, "global_cond_mlp", pooled))[:, None]
    per_frame = everywhere + sync

    latent = _gated(w, "audio_input_proj.2", conv_activation(_affine(w, "audio_input_proj.0", x)))
    turn_latent = _rotations(w, frames, 1.0)
    turn_clip = _rotations(w, clip_tokens.shape[1], frames / clip_tokens.shape[1])
    for name in _blocks(w, "joint_blocks"):
        streams = {
            "latent_block": (latent, per_frame, turn_latent),
            "clip_block": (clip_tokens, everywhere, turn_clip),
            "text_block": (text_tokens, everywhere, None),
        }
        latent, clip_tokens, text_tokens = _joint(w, name, streams)
    for name in _blocks(w, "fused_blocks"):
        (latent,) = _attend_and_feed(w, [(name, latent, per_frame, turn_latent)])
    shift, scale = _affine(w, "final_layer.adaLN_modulation.1", _silu(everywhere)).chunk(2, -1)
    return _affine(w, "final_layer.conv", _layer_norm(latent) * (1 + scale) + shift)


def _joint(w, name, streams):
    return _attend_and_feed(w, [(f"{name}.{block}", *parts) for block, parts in streams.items()])


def _attend_and_feed(w, streams):
    queries, keys, values, rest = [], [], [], []
    for name, x, c, turn in streams:
        modulation = _affine(w, f"{name}.adaLN_modulation.1", _silu(c))
        parts = modulation.chunk(modulation.shape[-1] // x.shape[-1], -1)
        h = _layer_norm(x) * (1 + parts[1]) + parts[0]
        q, k, v = _heads(w, name, h)
        if turn is not None:
            q, k = _turn(q, turn), _turn(k, turn)
        queries.append(q), keys.append(k), values.append(v), rest.append(parts[2:])
    q, k, v = (torch.cat(parts, 1) for parts in (queries, keys, values))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
    weights = torch.exp(scores - scores.amax(-1, keepdim=True))
    weights = weights / weights.sum(-1, keepdim=True)
    mixed = torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2)
    results, start = [], 0
    for (name, x, _, _), parts in zip(streams, rest, strict=True):
        own = mixed[:, start : start + x.shape[1]]
        start += x.shape[1]
        results.append(_after(w, name, x, own, parts) if parts else x)
    return results


def _after(w, name, x, attended, parts):
    gate_attention, shift, scale, gate_feed = parts
    x = x + _affine(w, f"{name}.linear1", attended) * gate_attention
    return x + _gated(w, f"{name}.ffn", _layer_norm(x) * (1 + scale) + shift) * gate_feed


def _heads(w, name, h):
    """Row (head * channels + channel) * 3 + j of the joint projection is q, k, v for j = 0, 1, 2."""
    channels = w[f"{name}.attn.q_norm.weight"].shape[0]
    all_rows = _affine(w, f"{name}.attn.qkv", h)
    split = all_rows.view(*h.shape[:2], h.shape[2] // channels, channels, 3)
    q, k, v = split[..., 0], split[..., 1], split[..., 2]
    return _rms(q) * w[f"{name}.attn.q_norm.weight"], _rms(k) * w[f"{name}.attn.k_norm.weight"], v


def _rms(x):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + torch.finfo(torch.float32).eps)


def _rotations(w, length, scale):
    channels = w["joint_blocks.0.latent_block.attn.q_norm.weight"].shape[0]
    frequencies = 1.0 / (10000 ** (torch.arange(0, channels, 2).float() / channels))
    angle = torch.arange(length).float()[:, None] * (frequencies * scale)
    return torch.cos(angle)[:, None], torch.sin(angle)[:, None]


def _turn(x, turn):
    cos, sin = turn
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.empty_like(x)
    turned[..., 0::2] = even * cos - odd * sin
    turned[..., 1::2] = even * sin + odd * cos
    return turned


def _time(w, t, second):
    count = w["t_embed.mlp.0.weight"].shape[1]
    slowest = 1.0 if second else 10000.0
    frequencies = 1.0 / (10000 ** (torch.arange(0, count, 2).float() / count)) * (10000 / slowest)
    angle = t[:, None] * frequencies
    return _affine(w, "t_embed.mlp.2", _silu(_affine(w, "t_embed.mlp.0", torch.cat([angle.cos(), angle.sin()], -1))))


def _token_projection(w, name, x, second):
    x = _affine(w, f"{name}.0", x)
    return _gated(w, f"{name}.2", _silu(x)) if second else _gated(w, f"{name}.1", x)


def _gated(w, name, x):
    return _affine(w, f"{name}.w2", _silu(_affine(w, f"{name}.w1", x)) * _affine(w, f"{name}.w3", x))


def _affine(w, name, x):
    """A linear map, or a convolution over the sequence when the weight has a third axis."""
    weight, bias = w[f"{name}.weight"], w.get(f"{name}.bias")
    if weight.ndim == 2:
        y = x @ weight.T
    else:
        kernel, length = weight.shape[2], x.shape[1]
        padded = torch.cat(
            [x.new_zeros(len(x), kernel // 2, x.shape[2]), x, x.new_zeros(len(x), kernel // 2, x.shape[2])], 1
        )
        y = sum(padded[:, tap : tap + length] @ weight[:, :, tap].T for tap in range(kernel))
    return y if bias is None else y + bias


def _layer_norm(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + 1e-5)


def _silu(x):
    return x / (1 + torch.exp(-x))


def _selu(x):
    return 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (torch.exp(x) - 1))


def _or_empty(values, empty, batch):
    if isinstance(values, tuple):
        return empty.expand(batch, values[1], -1)
    return values


def _blocks(w, prefix):
    count = len({key.split(".")[1] for key in w if key.startswith(prefix)})
    return [f"{prefix}.{index}" for index in range(count)]


def state_dict(*, seed=0, **sizes) -> Weights:
    """Random weights, none of them zero, under exactly the names and shapes that MMAudio's files have."""
    generator = torch.Generator().manual_seed(seed)
    weights = {name: _drawn(name, shape, generator) for name, shape in layout(**sizes).items()}
    for name in weights:
        if name.endswith("_norm.weight") or name == "latent_std":
            weights[name] = 1 + 0.2 * weights[name].abs()
    return weights


def layout(
    *,
    width,
    depth,
    fused,
    hidden,
    second,
    head=16,
    channels=40,
    clip=24,
    sync=12,
    text=20,
    tokens=7,
    per_segment=8,
) -> dict[str, tuple[int, ...]]:
    """Every tensor of a file, by its name."""
    shapes: dict[str, tuple[int, ...]] = {
        "sync_pos_emb": (1, 1, per_segment, sync), "latent_mean": (1, 1, channels), "latent_std": (1, 1, channels),
        "empty_string_feat": (tokens, text), "empty_clip_feat": (1, clip), "empty_sync_feat": (1, sync),
    }  # fmt: skip

    def affine(name, out, into, kernel=1, bias=True):
        shapes[f"{name}.weight"] = (out, into) if kernel == 1 else (out, into, kernel)
        if bias:
            shapes[f"{name}.bias"] = (out,)

    def gated(name, kernel=1):
        for part, out, into in (("w1", hidden, width), ("w2", width, hidden), ("w3", hidden, width)):
            affine(f"{name}.{part}", out, into, kernel, bias=False)

    def block(name, kernel, *, ends=False):
        affine(f"{name}.attn.qkv", 3 * width, width)
        shapes[f"{name}.attn.q_norm.weight"] = shapes[f"{name}.attn.k_norm.weight"] = (head,)
        affine(f"{name}.adaLN_modulation.1", (2 if ends else 6) * width, width)
        if not ends:
            affine(f"{name}.linear1", width, width, kernel)
            gated(f"{name}.ffn", kernel)

    after = 2 if second else 1
    affine("audio_input_proj.0", width, channels, 7), gated("audio_input_proj.2", 7)
    affine("clip_input_proj.0", width, clip), gated(f"clip_input_proj.{after}", 3)
    affine("sync_input_proj.0", width, sync, 7), gated("sync_input_proj.2", 3)
    affine("text_input_proj.0", width, text), gated(f"text_input_proj.{after}")
    affine("clip_cond_proj", width, width), affine("text_cond_proj", width, width), gated("global_cond_mlp")
    affine("t_embed.mlp.0", width, width if second else 256), affine("t_embed.mlp.2", width, width)
    affine("final_layer.adaLN_modulation.1", 2 * width, width), affine("final_layer.conv", channels, width, 7)
    joint = depth - fused
    for index in range(joint):
        for name, kernel in (("latent_block", 3), ("clip_block", 3), ("text_block", 1)):
            block(f"joint_blocks.{index}.{name}", kernel, ends=index == joint - 1 and name != "latent_block")
    for index in range(fused):
        block(f"fused_blocks.{index}", 3)
    return shapes


def _drawn(name, shape, generator):
    """Weights that keep a signal's size, so that every path reaches the output."""
    scale = math.prod(shape[1:]) ** -0.5 if name.endswith(".weight") and len(shape) > 1 else 0.3
    return scale * torch.randn(shape, generator=generator)
