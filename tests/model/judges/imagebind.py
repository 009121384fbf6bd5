"""ImageBind's published file, written down apart from our network: names and shapes, and plain loops over tokens."""

from __future__ import annotations

import math

import numpy as np
import torch

from tests.model.codec.layouts import Shapes, random_tensors
from tests.model.judges.loops import Tensors, attention, layer_norm, linear, mlp

VISION, AUDIO, EMBED, PATCH, SIDE = 160, 128, 24, 4, 2  # two heads each (80 and 64 wide); frames of 8 x 8
DEPTH = 2
PRE, TRUNK, HEAD = "modality_preprocessors", "modality_trunks", "modality_heads"


def norm_shapes(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def trunk(modality: str, width: int, depth: int, *, extra_key: bool, norm_first: bool = False) -> Shapes:
    root = f"{TRUNK}.{modality}"
    shapes = norm_shapes(f"{root}.pre_transformer_layer.0", width) if norm_first else {}
    for layer in range(depth):
        name = f"{root}.blocks.{layer}"
        shapes |= {f"{name}.attn.in_proj_weight": (3 * width, width), f"{name}.attn.in_proj_bias": (3 * width,)}
        shapes |= {f"{name}.attn.out_proj.weight": (width, width), f"{name}.attn.out_proj.bias": (width,)}
        if extra_key:
            shapes |= {f"{name}.attn.bias_k": (1, 1, width), f"{name}.attn.bias_v": (1, 1, width)}
        shapes |= norm_shapes(f"{name}.norm_1", width) | norm_shapes(f"{name}.norm_2", width)
        shapes |= {f"{name}.mlp.fc1.weight": (4 * width, width), f"{name}.mlp.fc1.bias": (4 * width,)}
        shapes |= {f"{name}.mlp.fc2.weight": (width, 4 * width), f"{name}.mlp.fc2.bias": (width,)}
    return shapes


def tokens(modality: str, patches: int, width: int) -> Shapes:
    root = f"{PRE}.{modality}"
    return {
        f"{root}.cls_token": (1, 1, width),
        f"{root}.pos_embedding_helper.pos_embed": (1, 1 + patches, width),
    }


def head(modality: str, width: int, embed: int, last: str = "2") -> Shapes:
    root = f"{HEAD}.{modality}"
    return norm_shapes(f"{root}.0", width) | {f"{root}.{last}.weight": (embed, width)}


def towers(vision: int, deep: int, audio: int, deep_audio: int, embed: int, patch: int, places: int) -> Shapes:
    """The names that are built."""
    shapes = tokens("vision", places, vision) | {f"{PRE}.vision.rgbt_stem.proj.1.weight": (vision, 3, 2, patch, patch)}
    shapes |= trunk("vision", vision, deep, extra_key=False, norm_first=True) | head("vision", vision, embed)
    shapes |= tokens("audio", 12 * 19, audio) | {f"{PRE}.audio.rgbt_stem.proj.weight": (audio, 1, 16, 16)}
    shapes |= norm_shapes(f"{PRE}.audio.rgbt_stem.norm_layer", audio)
    shapes |= trunk("audio", audio, deep_audio, extra_key=True) | head("audio", audio, embed)
    return shapes | {"modality_postprocessors.audio.1.log_logit_scale": ()}


def others() -> Shapes:
    """The names of the published file that are passed over: text, depth, heat and motion, at full size."""
    shapes = {f"{PRE}.text.pos_embed": (1, 77, 1024), f"{PRE}.text.mask": (77, 77)}
    shapes |= {f"{PRE}.text.token_embedding.weight": (49_408, 1024)}
    shapes |= trunk("text", 1024, 24, extra_key=False)
    shapes |= norm_shapes(f"{HEAD}.text.proj.0", 1024) | {f"{HEAD}.text.proj.1.weight": (1024, 1024)}
    for modality, stem, width in (("depth", "depth_stem", 384), ("thermal", "rgbt_stem", 768)):
        shapes |= tokens(modality, 196, width) | {f"{PRE}.{modality}.{stem}.proj.weight": (width, 1, 16, 16)}
        shapes |= norm_shapes(f"{PRE}.{modality}.{stem}.norm_layer", width)
        shapes |= trunk(modality, width, 12, extra_key=True) | head(modality, width, 1024)
    shapes |= {f"{PRE}.imu.cls_token": (1, 1, 512), f"{PRE}.imu.pos_embed": (1, 251, 512)}
    shapes |= {f"{PRE}.imu.imu_stem.proj.weight": (512, 48)} | norm_shapes(f"{PRE}.imu.imu_stem.norm_layer", 512)
    shapes |= trunk("imu", 512, 6, extra_key=True) | head("imu", 512, 1024, last="3")
    return shapes | {
        f"modality_postprocessors.{name}.1.log_logit_scale": () for name in ("text", "depth", "thermal", "imu")
    }


def tiny() -> dict[str, torch.Tensor]:
    tensors = random_tensors(towers(VISION, DEPTH, AUDIO, DEPTH, EMBED, PATCH, SIDE * SIDE))
    return {**tensors, "modality_postprocessors.audio.1.log_logit_scale": torch.tensor(math.log(20.0))}


def slow_attention(t: Tensors, name: str, x_LD: torch.Tensor, heads: int) -> torch.Tensor:
    """All tokens to all tokens and, where there is one, to the extra key."""
    query, key, value = (x_LD @ t[f"{name}.in_proj_weight"].T + t[f"{name}.in_proj_bias"]).chunk(3, dim=1)
    if f"{name}.bias_k" in t:
        key, value = torch.cat([key, t[f"{name}.bias_k"][0]]), torch.cat([value, t[f"{name}.bias_v"][0]])
    return linear(t, f"{name}.out_proj", attention(query, key, value, x_LD.shape[1] // heads))


def slow_tower(t: Tensors, modality: str, patches: list[torch.Tensor]) -> torch.Tensor:
    """(E) of unit length, from patches that are already projected."""
    x = torch.stack([t[f"{PRE}.{modality}.cls_token"][0, 0], *patches])
    x = x + t[f"{PRE}.{modality}.pos_embedding_helper.pos_embed"][0]
    if modality == "vision":
        x = layer_norm(t, f"{TRUNK}.vision.pre_transformer_layer.0", x, 1e-6)
    for layer in range(DEPTH):
        name = f"{TRUNK}.{modality}.blocks.{layer}"
        x = x + slow_attention(t, f"{name}.attn", layer_norm(t, f"{name}.norm_1", x, 1e-6), 2)
        x = x + mlp(t, f"{name}.mlp.fc1", f"{name}.mlp.fc2", layer_norm(t, f"{name}.norm_2", x, 1e-6))
    x = layer_norm(t, f"{HEAD}.{modality}.0", x[0], 1e-6) @ t[f"{HEAD}.{modality}.2.weight"].T
    return x / x.norm()


def slow_audio(t: Tensors, mel_BM: torch.Tensor) -> torch.Tensor:
    root = f"{PRE}.audio.rgbt_stem"
    patches = []
    for band in range(0, 113, 10):
        for frame in range(0, 189, 10):
            patch = mel_BM[band : band + 16, frame : frame + 16]
            made = torch.einsum("bm,dbm->d", patch, t[f"{root}.proj.weight"][:, 0])
            patches.append(layer_norm(t, f"{root}.norm_layer", made, 1e-5))
    return 20 * slow_tower(t, "audio", patches)


def slow_vision(t: Tensors, first_HWC: np.ndarray, second_HWC: np.ndarray) -> torch.Tensor:
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    pair = (torch.from_numpy(np.stack([first_HWC, second_HWC])).float() / 255 - mean) / std
    kernel = t[f"{PRE}.vision.rgbt_stem.proj.1.weight"]
    patches = [
        torch.einsum("tyxc,dctyx->d", pair[:, y : y + PATCH, x : x + PATCH], kernel)
        for y in range(0, SIDE * PATCH, PATCH)
        for x in range(0, SIDE * PATCH, PATCH)
    ]
    return slow_tower(t, "vision", patches)
