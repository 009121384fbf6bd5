"""PE-AV's frame encoder: a Perception Encoder vision transformer, in timm's key layout, without timm.

Legend: N frames, L = 1 + P tokens, P patches of a frame, D width, E width of the output, A heads, K = D / A = 64;
C = 3 colours, H = W pixels.
Norms first, a class token, learned positions for all tokens, and in each attention a rotation of the patches' queries
and keys: half of a head's width by the column (counted from 1), half by the row. A learned query with eight heads and
two linear layers summarise the tokens.
transformers takes this network from timm, which needs torchvision; that has no build for torch without CUDA here.
Source: Perception Encoder (Bolya et al. 2025), timm's `vit_pe_core_*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.judges.layout import shape
from model.weights.files import TensorFile
from model.weights.names import layer_count

_EPS: Final = 1e-5
_POOL_HEADS: Final = 8
_HEAD: Final = 64  # width of one head in the published sizes from tiny to large
_WAVELENGTH: Final = 10_000.0
_WHAT: Final = "a frame encoder of PE-AV"  # in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSizes:
    """Sizes of the encoder; the defaults are those of `vit_pe_core_large_patch14_336`, which PE-AV has."""

    width: int = 1024
    depth: int = 24
    image: int = 336
    patch: int = 14
    embed: int = 1024

    @property
    def side(self) -> int:
        """Patches along one side."""
        return self.image // self.patch


class FrameEncoder(nn.Module):
    """Pixels of frames to one vector each."""

    def __init__(self, sizes: FrameSizes) -> None:
        super().__init__()
        width = sizes.width
        self.image, self.side = sizes.image, sizes.side
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + sizes.side**2, width))
        projection = nn.Conv2d(3, width, sizes.patch, sizes.patch, bias=False)
        self.patch_embed = nn.ModuleDict({"proj": projection})
        self.norm_pre, self.norm = nn.LayerNorm(width, eps=_EPS), nn.LayerNorm(width, eps=_EPS)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(sizes.depth))
        self.attn_pool = _Pool(width)
        self.head = nn.Linear(width, sizes.embed)

    def forward(self, pixels_NCHW: Tensor) -> Tensor:
        """Returns (N, E)."""
        patches: Tensor = self.patch_embed["proj"](pixels_NCHW).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1) + self.pos_embed
        x, angles_PK = self.norm_pre(x), rotation_angles(self.side, x.device)
        for block in self.blocks:
            x = block(x, angles_PK)
        out: Tensor = self.head(self.attn_pool(self.norm(x)))
        return out


class _Mlp(nn.ModuleDict):
    def __init__(self, width: int) -> None:
        super().__init__({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self["fc2"](functional.gelu(self["fc1"](x)))
        return out


class _Block(nn.Module):
    """Attention and two linear layers; each after a norm and added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=_EPS), nn.LayerNorm(width, eps=_EPS)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = _Mlp(width)

    def forward(self, x: Tensor, angles_PK: Tensor) -> Tensor:
        query, key, value = self.attn["qkv"](self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key = (torch.cat([one[:, :, :1], rotated(one[:, :, 1:], angles_PK)], dim=2) for one in (query, key))
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = x + self.attn["proj"](mixed)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class _Pool(nn.Module):
    """One learned query to all tokens, and two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.latent = nn.Parameter(torch.zeros(1, 1, width))
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.mlp = _Mlp(width)

    def forward(self, tokens_NLD: Tensor) -> Tensor:
        """Returns (N, D)."""
        query = self.q(self.latent).unflatten(2, (_POOL_HEADS, -1)).transpose(1, 2).expand(len(tokens_NLD), -1, -1, -1)
        key, value = self.kv(tokens_NLD).unflatten(2, (2, _POOL_HEADS, -1)).permute(2, 0, 3, 1, 4)
        x = self.proj(functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        out: Tensor = (x + self.mlp(self.norm(x)))[:, 0]
        return out


def rotation_angles(side: int, device: torch.device) -> Tensor:
    """Returns (P, K): by how much each pair of a head's numbers is turned, in radians; both of a pair are listed."""
    rates = _WAVELENGTH ** -(torch.arange(_HEAD // 4, device=device, dtype=torch.float32) / (_HEAD // 4))
    along = (torch.arange(side, device=device, dtype=torch.float32) + 1)[:, None] * rates
    columns, rows = along.repeat(side, 1), along.repeat_interleave(side, 0)
    return torch.cat([columns, rows], dim=1).repeat_interleave(2, 1)


def rotated(x_NAPK: Tensor, angles_PK: Tensor) -> Tensor:
    """Returns the tensor with each two neighbouring numbers turned by their angle."""
    turned = torch.stack([-x_NAPK[..., 1::2], x_NAPK[..., ::2]], dim=-1).flatten(-2)
    return x_NAPK * angles_PK.cos() + turned * angles_PK.sin()


def frame_sizes(file: TensorFile, prefix: str = "") -> FrameSizes:
    """Returns the sizes, read from tensors whose names begin with `prefix`. Raises WeightsError for what is missing."""
    width, _, _, patch = shape(file, f"{prefix}patch_embed.proj.weight", 4, _WHAT)
    positions = shape(file, f"{prefix}pos_embed", 3, _WHAT)[1]
    embed = shape(file, f"{prefix}head.weight", 2, _WHAT)[0]
    depth = layer_count(file.tensors, f"{prefix}blocks.")
    return FrameSizes(width=width, depth=depth, image=round((positions - 1) ** 0.5) * patch, patch=patch, embed=embed)
