"""Losses of the mel-VAE, all L1 of log-mel levels in decades.

Legend: B segments, M mel frames, K mel bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_LOUD_RANGE: Final = 2.0  # decades below the frame's loudest band
_PATCH: Final = (4, 8)  # frames, bands
_ATTACK_REACH: Final = 2  # frames to either side
_ATTACK_RISE: Final = (0.15, 0.45)  # mean rise in decades from one frame to the next: none, full weight
_HIGHEST: Final = 0.5  # decades; keeps the power of an untrained network's levels finite


@dataclass(frozen=True, slots=True)
class LevelLosses:
    """The terms, scalars in decades."""

    level: Tensor
    loud: Tensor
    power: Tensor
    attack: Tensor


def level_losses(real_BMK: Tensor, made_BMK: Tensor) -> LevelLosses:
    """Returns the L1 over all levels, over each frame's loud ones, over the power in patches, and at attacks.

    The L1 of levels alone is least at the median of a noise's levels, which is 1.6 dB below its power: the third term
    holds the power of each patch, so that noise keeps its loudness. The fourth keeps strikes where they are.
    """
    error_BMK = (made_BMK - real_BMK).abs()
    loudness_BMK = (real_BMK - real_BMK.amax(-1, keepdim=True) + _LOUD_RANGE).clamp(0, 1)
    loud = (error_BMK * loudness_BMK).sum() / loudness_BMK.sum()
    power = (_patch_level(made_BMK) - _patch_level(real_BMK)).abs().mean()
    attack_BM = attacks(real_BMK)
    attack = (error_BMK.mean(-1) * attack_BM).sum() / attack_BM.sum().clamp(min=1)
    return LevelLosses(error_BMK.mean(), loud, power, attack)


def attacks(level_BMK: Tensor) -> Tensor:
    """Returns weights (B, M), 0..1: how near a frame is to one where most bands' levels rise at once."""
    rise_BM = functional.pad(level_BMK.diff(dim=1).clamp(min=0).mean(-1), (1, 0))
    near_BM = functional.max_pool1d(rise_BM[:, None], 2 * _ATTACK_REACH + 1, stride=1, padding=_ATTACK_REACH)[:, 0]
    return ((near_BM - _ATTACK_RISE[0]) / (_ATTACK_RISE[1] - _ATTACK_RISE[0])).clamp(0, 1)


def _patch_level(level_BMK: Tensor) -> Tensor:
    """Returns the level of the mean power in each patch of frames and bands."""
    power_B1MK = torch.pow(10.0, 2 * level_BMK.clamp(max=_HIGHEST))[:, None]
    return 0.5 * functional.avg_pool2d(power_B1MK, _PATCH).clamp(min=1e-12).log10()
