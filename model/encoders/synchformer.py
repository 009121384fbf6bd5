"""Synchformer's visual encoder: Motionformer ViT-B/16 with divided space-time attention (SPEC M8), in its key layout.

Legend: T frames, W windows of 16 frames (one every 8), F = 8 frame pairs of a window, P = 14 x 14 patches of a pair,
H height, X width, C = 3 colours, D = 768 features, A heads, K = D / A.
Frames at 25 per second, short side 224, centre crop, to -1..1. A token is a patch of 16 x 16 over two frames. Each
block attends over time (the same place in all pairs), then over space (the same pair), both with the class token; one
more encoder layer with its own class token summarises each pair's places. A window gives F x D; windows overlap by
half.
Sources: Synchformer (Iashin et al. 2024), Motionformer (Patrick et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import ContractError, WeightsError
from model.devices import half_precision
from model.encoders.checks import check_frames
from model.frames import Fit, Frames
from model.specs import SyncSpec
from model.weights.catalogue import COMPONENTS
from model.weights.digests import digest
from model.weights.files import build, read_tensors
from model.weights.names import layer_count

NAME: Final = "synchformer"
FPS: Final = 25.0
SEGMENT, STEP, PAIR = 16, 8, 2
PREFIX: Final = "vfeat_extractor."
_OTHERS: Final = ("afeat_extractor.", "transformer.", "vproj.", "aproj.")
_EPS: Final = 1e-6
_WINDOWS_AT_ONCE: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchformerSizes:
    """Sizes of the visual encoder; the defaults are the published one's."""

    width: int = 768
    depth: int = 12
    heads: int = 12
    image: int = 224
    patch: int = 16

    @property
    def patches(self) -> int:
        """Patches of one frame pair, P."""
        return (self.image // self.patch) ** 2


class VideoTransformer(nn.Module):
    """Pixels of windows to one feature per frame pair."""

    def __init__(self, sizes: SynchformerSizes) -> None:
        super().__init__()
        width, pairs = sizes.width, SEGMENT // PAIR
        self.patches = sizes.patches
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + sizes.patches, width))
        self.temp_embed = nn.Parameter(torch.zeros(1, pairs, width))
        cube = (PAIR, sizes.patch, sizes.patch)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, sizes.patch, sizes.patch)})  # in the file, unused
        self.patch_embed_3d = nn.ModuleDict({"proj": nn.Conv3d(3, width, cube, cube)})
        self.blocks = nn.ModuleList(_Block(width, sizes.heads, sizes.patches) for _ in range(sizes.depth))
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.spatial_attn_agg = ClassTokenLayer(width, sizes.heads)

    def forward(self, pixels_WCTHX: Tensor) -> Tensor:
        """Returns (W, F, D)."""
        tokens: Tensor = self.patch_embed_3d["proj"](pixels_WCTHX).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self._positions()
        for block in self.blocks:
            x = block(x)
        places: Tensor = self.norm(x[:, 1:]).reshape(-1, self.patches, x.shape[2])
        summary: Tensor = self.spatial_attn_agg(places)
        return summary.reshape(len(x), -1, x.shape[2])

    def _positions(self) -> Tensor:
        """Returns (1, 1 + F * P, D): the place's embedding plus the pair's; the class token has only its place's."""
        place, pair = self.pos_embed[:, None, 1:], self.temp_embed[:, :, None]
        return torch.cat([self.pos_embed[:, :1], (place + pair).flatten(1, 2)], dim=1)


class _Block(nn.Module):
    """Attention over time, over space, and two linear layers; each after a norm and added to its input."""

    def __init__(self, width: int, heads: int, patches: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, eps=_EPS) for _ in range(3))
        self.attn = _DividedAttention(width, heads, patches, over_time=False)
        self.timeattn = _DividedAttention(width, heads, patches, over_time=True)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.timeattn(self.norm3(x))
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))


class _DividedAttention(nn.Module):
    """A token attends to the class token and its own place in all pairs, or to all places of its own pair.

    The class token attends to everything.
    """

    def __init__(self, width: int, heads: int, patches: int, *, over_time: bool) -> None:
        super().__init__()
        self.heads, self.patches, self.over_time = heads, patches, over_time
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # each (W, A, 1 + FP, K)
        first = functional.scaled_dot_product_attention(query[:, :, :1], key, value)
        groups = self._grouped(query[:, :, 1:])
        rest = functional.scaled_dot_product_attention(groups, self._with_class(key), self._with_class(value))
        if self.over_time:
            rest = rest.transpose(2, 3)
        mixed = torch.cat([first, rest.flatten(2, 3)], dim=2)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _grouped(self, tokens: Tensor) -> Tensor:
        """Returns (W, A, F, P, K), or (W, A, P, F, K) over time."""
        pairs = tokens.reshape(*tokens.shape[:2], -1, self.patches, tokens.shape[3])
        return pairs.transpose(2, 3) if self.over_time else pairs

    def _with_class(self, tokens: Tensor) -> Tensor:
        groups = self._grouped(tokens[:, :, 1:])
        first = tokens[:, :, None, :1].expand(-1, -1, groups.shape[2], -1, -1)
        return torch.cat([first, groups], dim=3)


class ClassTokenLayer(nn.Module):
    """One encoder layer (norms first) over a class token and the tokens of a group; only the class token is kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.self_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=_EPS), nn.LayerNorm(width, eps=_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        first = self.cls_token.expand(len(tokens), -1, -1)
        seen = self.norm1(torch.cat([first, tokens], dim=1))
        x = first + self.self_attn(seen[:, :1], seen, seen, need_weights=False)[0]
        x = x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))
        return x[:, 0]


@dataclass(frozen=True, slots=True)
class Synchformer:
    """Synchronisation features of consecutive frames; make one with `Synchformer.load`."""

    network: VideoTransformer
    size: int
    spec: SyncSpec
    device: torch.device
    fit: ClassVar[Fit] = "crop"

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu", name: str = NAME) -> Self:
        """Loads `synchformer_state_dict.pth` (513 tensors) or its visual part alone (238), strictly.

        Raises WeightsError when the file is missing, damaged, refused, or does not fit.
        """
        file = read_tensors(path)
        tensors = visual_part(file.tensors, path)
        sizes = visual_sizes(tensors, path)
        network = build(lambda: VideoTransformer(sizes), tensors, path)
        published, found = COMPONENTS[NAME].files[0].sha256, digest(path)
        spec = SyncSpec(
            name=name,
            dim=sizes.width,
            weights_sha256=found,
            placeholder=file.random or found != published,
            fps=FPS,
            segment=SEGMENT,
            step=STEP,
            per_segment=SEGMENT // PAIR,
        )
        return cls(network.to(device), sizes.image, spec, torch.device(device))

    @torch.inference_mode()
    def encode(self, frames_THXC: Frames) -> Tensor:
        """Returns (8 W, D) float32 of T frames at 25 per second, W = (T - 16) // 8 + 1.

        Raises ContractError unless frames are uint8 (T, 224, 224, 3) with T >= 16.
        """
        check_frames(frames_THXC, self.size, self.spec.name)
        if len(frames_THXC) < SEGMENT:
            raise ContractError(
                f"encoder {self.spec.name}: got {len(frames_THXC)} frames; expected at least {SEGMENT} (0.64 s)"
            )
        with half_precision(self.device):
            return segment_features(self.network, frames_THXC, self.device).flatten(0, 1)


def segment_features(network: VideoTransformer, frames_THXC: Frames, device: torch.device) -> Tensor:
    """Returns (W, F, D) float32 on the CPU: the features of each window of at least 16 frames."""
    frames = torch.from_numpy(frames_THXC).to(device)
    windows = frames.unfold(0, SEGMENT, STEP).permute(0, 3, 4, 1, 2)  # (W, C, T, H, X), a view
    parts = torch.split(windows, _WINDOWS_AT_ONCE)
    return torch.cat([network(part.float() / 127.5 - 1).float() for part in parts]).cpu()


def visual_part(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Returns the visual encoder's tensors of a whole Synchformer, or of a file with only them.

    Raises WeightsError when the file has other tensors than Synchformer's.
    """
    own = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    if not own:
        return dict(tensors)
    strangers = [name for name in tensors if not name.startswith((PREFIX, *_OTHERS))]
    if strangers:
        raise WeightsError(f"{path} is not a Synchformer: unexpected tensor {strangers[0]}")
    return own


def visual_sizes(tensors: Mapping[str, Tensor], path: Path) -> SynchformerSizes:
    """Returns the sizes of the visual encoder, read from its tensors; heads are 64 wide as in the published file.

    Raises WeightsError when it is not a Synchformer's.
    """
    try:
        _, positions, width = tensors["pos_embed"].shape
        patch = tensors["patch_embed_3d.proj.weight"].shape[-1]
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} is not a Synchformer: pos_embed or patch_embed_3d.proj is missing") from error
    side, depth = round((positions - 1) ** 0.5), layer_count(tensors, "blocks.")
    return SynchformerSizes(width=width, depth=depth, heads=max(1, width // 64), image=side * patch, patch=patch)
