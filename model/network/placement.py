"""Which sync position each audio frame reads, one part of the sequence after another. Source: SPEC M8, G4.

A reference's sync features stand before the target's. Each is placed on its own frames: spread over all frames as one,
the target's would move whenever the two differ in length.
Legend: B batch, N audio frames, S sync positions. Masks are bool, True = to be generated.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from data_contracts import MismatchError
from model.config import MaskKind
from model.masks import resample_mask
from model.specs import SyncPart

Parts = tuple[SyncPart, ...]


def parts_or_whole(parts: Parts, positions: int, frames: int) -> Parts:
    """Returns the parts; without any, all positions spread over all frames, as in MMAudio.

    Raises MismatchError when the parts have other lengths than the features.
    """
    if not parts:
        return (SyncPart(positions, frames, frames),)
    found = sum(part.positions for part in parts), sum(part.frames for part in parts)
    if found != (positions, frames):
        raise MismatchError(
            f"the sync parts have {found[0]} positions and {found[1]} audio frames; the features have {positions} "
            f"and {frames}"
        )
    return parts


def read_positions(parts: Sequence[SyncPart], device: torch.device) -> Tensor:
    """Returns (N,) int64: the sync position that each audio frame reads."""
    rows, first = [], 0
    for part in parts:
        rows.append(first + nearest_exact(part.positions, part.covered, device)[: part.frames])
        first += part.positions
    return torch.cat(rows)


def position_mask(mask_BN: Tensor, parts: Sequence[SyncPart], kind: MaskKind) -> Tensor:
    """Returns (B, S) float in 0..1: the mask read at each position, within its own part's frames."""
    weights, first = [], 0
    for part in parts:
        frames = first + torch.arange(part.covered, device=mask_BN.device).clamp(max=part.frames - 1)
        weights.append(resample_mask(mask_BN[:, frames], part.positions, kind))
        first += part.frames
    return torch.cat(weights, dim=1)


def nearest_exact(length: int, frames: int, device: torch.device) -> Tensor:
    """Returns (N,) int64: the source position of each frame, floor((i + 0.5) * fp32(length / frames)) as in torch."""
    position = torch.arange(length, device=device, dtype=torch.float32)[None, None]
    return F.interpolate(position, size=frames, mode="nearest-exact")[0, 0].long()
