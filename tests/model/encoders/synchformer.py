"""Synchformer's visual encoder, written down apart from our network: its names and shapes, and loops over tokens."""

from __future__ import annotations

import math

import numpy as np
import torch

from tests.model.codec.layouts import Shapes

WIDTH, DEPTH, PATCH, SIDE = 128, 2, 8, 2  # two heads of 64; frames of 16 x 16
PREFIX = "vfeat_extractor."


def visual(width: int, depth: int, places: int, patch: int) -> Shapes:
    """The visual part's names as the checkpoint has them, 238 at full size; the 2-D `patch_embed` goes unused."""

    def linear(name: str, out: int, fan: int) -> Shapes:
        return {f"{name}.weight": (out, fan), f"{name}.bias": (out,)}

    def norm(name: str) -> Shapes:
        return {f"{name}.weight": (width,), f"{name}.bias": (width,)}

    shapes: Shapes = {"cls_token": (1, 1, width), "pos_embed": (1, 1 + places, width), "temp_embed": (1, 8, width)}
    shapes |= {"patch_embed.proj.weight": (width, 3, patch, patch), "patch_embed.proj.bias": (width,)}
    shapes |= {"patch_embed_3d.proj.weight": (width, 3, 2, patch, patch), "patch_embed_3d.proj.bias": (width,)}
    for layer in range(depth):
        name = f"blocks.{layer}"
        for attention in ("attn", "timeattn"):
            shapes |= linear(f"{name}.{attention}.qkv", 3 * width, width) | linear(
                f"{name}.{attention}.proj", width, width
            )
        shapes |= linear(f"{name}.mlp.fc1", 4 * width, width) | linear(f"{name}.mlp.fc2", width, 4 * width)
        for number in (1, 2, 3):
            shapes |= norm(f"{name}.norm{number}")
    root = "spatial_attn_agg"
    shapes |= norm("norm") | {f"{root}.cls_token": (1, 1, width)}
    shapes |= {f"{root}.self_attn.in_proj_weight": (3 * width, width), f"{root}.self_attn.in_proj_bias": (3 * width,)}
    shapes |= linear(f"{root}.self_attn.out_proj", width, width)
    shapes |= linear(f"{root}.linear1", 4 * width, width) | linear(f"{root}.linear2", width, 4 * width)
    return shapes | norm(f"{root}.norm1") | norm(f"{root}.norm2")


def norm(t: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    return torch.layer_norm(x, (WIDTH,), t[f"{name}.weight"], t[f"{name}.bias"], 1e-6)


def linear(t: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def look(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One query (D) at some keys (n, D), head by head of 64."""
    heads = []
    for start in range(0, WIDTH, 64):
        part = slice(start, start + 64)
        heads.append((keys[:, part] @ query[part] / 8.0).softmax(0) @ values[:, part])
    return torch.cat(heads)


def slow_attention(t: dict, name: str, x: torch.Tensor, *, over_time: bool) -> torch.Tensor:
    """Token by token: number 1 + f * P + p is place p of pair f."""
    places = SIDE * SIDE
    query, key, value = linear(t, f"{name}.qkv", x).chunk(3, dim=1)
    rows = []
    for index in range(len(x)):
        pair, place = divmod(index - 1, places)
        if index == 0:
            seen = list(range(len(x)))
        elif over_time:
            seen = [0, *(1 + other * places + place for other in range(8))]
        else:
            seen = [0, *(1 + pair * places + other for other in range(places))]
        rows.append(look(query[index], key[seen], value[seen]))
    return linear(t, f"{name}.proj", torch.stack(rows))


def slow_window(t: dict, window_THWC: np.ndarray) -> torch.Tensor:
    """Returns (8, D) of one window, by loops over tokens."""
    pixels = (torch.from_numpy(window_THWC).float() / 255 - 0.5) / 0.5
    tokens = []
    for pair in range(8):
        for y in range(0, SIDE * PATCH, PATCH):
            for x in range(0, SIDE * PATCH, PATCH):
                cube = pixels[2 * pair : 2 * pair + 2, y : y + PATCH, x : x + PATCH]
                made = (
                    torch.einsum("tyxc,dctyx->d", cube, t["patch_embed_3d.proj.weight"]) + t["patch_embed_3d.proj.bias"]
                )
                place = 1 + (y // PATCH) * SIDE + x // PATCH
                tokens.append(made + t["pos_embed"][0, place] + t["temp_embed"][0, pair])
    x = torch.stack([t["cls_token"][0, 0] + t["pos_embed"][0, 0], *tokens])
    for layer in range(DEPTH):
        name = f"blocks.{layer}"
        x = x + slow_attention(t, f"{name}.timeattn", norm(t, f"{name}.norm3", x), over_time=True)
        x = x + slow_attention(t, f"{name}.attn", norm(t, f"{name}.norm1", x), over_time=False)
        inner = linear(t, f"{name}.mlp.fc1", norm(t, f"{name}.norm2", x))
        x = x + linear(t, f"{name}.mlp.fc2", inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2))))
    x = norm(t, "norm", x[1:])
    return torch.stack([slow_sum(t, x[4 * pair : 4 * pair + 4]) for pair in range(8)])


def slow_sum(t: dict, places: torch.Tensor) -> torch.Tensor:
    """torch's own encoder layer over a class token and the places; the class token's row."""
    root = "spatial_attn_agg."
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH, 2, 4 * WIDTH, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    own = {name.removeprefix(root): value for name, value in t.items() if name.startswith(root)}
    first = own.pop("cls_token")[0]
    layer.load_state_dict(own)
    with torch.no_grad():
        return layer.train(mode=True)(torch.cat([first, places])[None])[0, 0]
