"""ImageBind's audio tower and its image and video tower, in the key layout of `imagebind_huge.pth`.

Legend: N clips, L tokens, D width of a tower, E = 1024 width of the joint embedding; B = 128 mel bands, M = 204 mel
frames; C = 3 colours, H height, W width of two frames.
Both towers are vision transformers (norms first) with a class token. Video: a patch is 14 x 14 over two frames, and a
norm comes before the blocks. Audio: patches of 16 x 16 every 10, and each attention has one learned key and value more;
the embedding is scaled by a factor in the file (20). The towers of text, depth, thermal and IMU data are
not built.
Source: ImageBind (Girdhar et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

BANDS, MEL_FRAMES = 128, 204

_PATCH, _PATCH_STEP = 16, 10
_EPS: Final = 1e-6
_MAX_SCALE: Final = 100.0
_STEM_EPS: Final = 1e-5

Modality = Literal["audio", "vision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerSizes:
    """Sizes of one transformer."""

    width: int
    depth: int
    heads: int


VISION: Final = TowerSizes(width=1280, depth=32, heads=16)
AUDIO: Final = TowerSizes(width=768, depth=12, heads=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBindSizes:
    """Sizes of both towers; the defaults are the published ones."""

    vision: TowerSizes = VISION
    audio: TowerSizes = AUDIO
    embed: int = 1024
    image: int = 224
    patch: int = 14


class ImageBindNetwork(nn.Module):
    """Both towers, under the names that the published file has."""

    def __init__(self, sizes: ImageBindSizes) -> None:
        super().__init__()
        self.image = sizes.image
        towers = {"vision": sizes.vision, "audio": sizes.audio}
        self.modality_preprocessors = nn.ModuleDict(
            {
                "vision": _VideoTokens(sizes.vision.width, sizes.image, sizes.patch),
                "audio": _AudioTokens(sizes.audio.width),
            }
        )
        self.modality_trunks = nn.ModuleDict(
            {"vision": _Trunk(sizes.vision, norm_first=True), "audio": _Trunk(sizes.audio, extra_key=True)}
        )
        self.modality_heads = nn.ModuleDict({name: _Head(tower.width, sizes.embed) for name, tower in towers.items()})
        self.modality_postprocessors = nn.ModuleDict({"audio": nn.Sequential(_UnitLength(), _Scale())})

    def audio(self, mel_NBM: Tensor) -> Tensor:
        """Returns (N, E), each of length 20 with the published weights."""
        embedding: Tensor = self.modality_postprocessors["audio"](self._projected("audio", mel_NBM[:, None]))
        return embedding

    def vision(self, pixels_NC2HW: Tensor) -> Tensor:
        """Returns (N, E) of unit length."""
        return functional.normalize(self._projected("vision", pixels_NC2HW), dim=-1)

    def _projected(self, modality: Modality, x: Tensor) -> Tensor:
        tokens = self.modality_trunks[modality](self.modality_preprocessors[modality](x))
        out: Tensor = self.modality_heads[modality](tokens)
        return out


class _UnitLength(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(x, dim=-1)


class _Scale(nn.Module):
    """A factor, whose logarithm is in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.log_logit_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.log_logit_scale.exp().clip(max=_MAX_SCALE)


class _Tokens(nn.Module):
    """Patches and a class token before them, each with its place's embedding."""

    def __init__(self, stem: nn.Module, patches: int, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.rgbt_stem = stem
        self.pos_embedding_helper = nn.ParameterDict({"pos_embed": nn.Parameter(torch.zeros(1, 1 + patches, width))})

    def forward(self, x: Tensor) -> Tensor:
        """Returns (N, L, D)."""
        patches = self.rgbt_stem(x)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        return tokens + self.pos_embedding_helper["pos_embed"]


class _VideoStem(nn.Module):
    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        cube = (2, patch, patch)
        self.proj = nn.ModuleDict({"1": nn.Conv3d(3, width, cube, cube, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.proj["1"](x)
        return patches.flatten(2).transpose(1, 2)


class _AudioStem(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, _PATCH, _PATCH_STEP, bias=False)
        self.norm_layer = nn.LayerNorm(width, eps=_STEM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm_layer(self.proj(x).flatten(2).transpose(1, 2))
        return normed


class _VideoTokens(_Tokens):
    def __init__(self, width: int, image: int, patch: int) -> None:
        super().__init__(_VideoStem(width, patch), (image // patch) ** 2, width)


class _AudioTokens(_Tokens):
    def __init__(self, width: int) -> None:
        super().__init__(_AudioStem(width), _patches(BANDS) * _patches(MEL_FRAMES), width)


class _Trunk(nn.Module):
    """The transformer's blocks, and what comes before them."""

    def __init__(self, sizes: TowerSizes, *, norm_first: bool = False, extra_key: bool = False) -> None:
        super().__init__()
        norm = nn.LayerNorm(sizes.width, eps=_EPS) if norm_first else nn.Identity()
        self.pre_transformer_layer = nn.ModuleDict({"0": norm})
        self.blocks = nn.ModuleList(_Block(sizes.width, sizes.heads, extra_key=extra_key) for _ in range(sizes.depth))

    def forward(self, tokens_NLD: Tensor) -> Tensor:
        """Returns (N, L, D)."""
        x: Tensor = self.pre_transformer_layer["0"](tokens_NLD).transpose(0, 1)
        for block in self.blocks:
            x = block(x)
        return x.transpose(0, 1)


class _Block(nn.Module):
    """Attention and two linear layers; each after a norm and added to its input (L, N, D).

    With the batch first, MultiheadAttention computes its first layer as a batched product, at half the speed.
    """

    def __init__(self, width: int, heads: int, *, extra_key: bool) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, add_bias_kv=extra_key)
        self.norm_1, self.norm_2 = nn.LayerNorm(width, eps=_EPS), nn.LayerNorm(width, eps=_EPS)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        seen = self.norm_1(x)
        x = x + self.attn(seen, seen, seen, need_weights=False)[0]
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm_2(x))))


class _Head(nn.ModuleDict):
    """The class token's norm and projection."""

    def __init__(self, width: int, embed: int) -> None:
        super().__init__({"0": nn.LayerNorm(width, eps=_EPS), "2": nn.Linear(width, embed, bias=False)})

    def forward(self, tokens_NLD: Tensor) -> Tensor:
        """Returns (N, E)."""
        out: Tensor = self["2"](self["0"](tokens_NLD[:, 0]))
        return out


def _patches(length: int) -> int:
    return (length - _PATCH) // _PATCH_STEP + 1
