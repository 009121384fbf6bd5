"""A step's random draws, and the network's errors under them. Source: SPEC M3-M5, M10, M11, T2.

Legend: B batch, N audio frames, F latent channels, t flow time. Masks: True = to be generated.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from model.config import TrainingConfig
from model.flow import frame_errors, interpolate, sample_timesteps
from model.masks import TrainingMasks, draw_masks, masked_latent
from model.network import Features, Network
from model.training.batches import Batch

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class Draws:
    """A step's random draws: flow times (B,), noise (B, N, F) and masks."""

    t_B: Tensor
    noise_BNF: Tensor
    masks: TrainingMasks


def each_tensor(record: RecordT, change: Callable[[Tensor], Tensor]) -> RecordT:
    """Returns a record of tensors (or of such records) with every tensor changed and all else kept."""

    def changed(value: Any) -> Any:
        if isinstance(value, Tensor):
            return change(value)
        return each_tensor(value, change) if is_dataclass(value) else value

    return type(record)(*(changed(getattr(record, field.name)) for field in fields(record)))  # type: ignore[arg-type]


def draw_step(
    shape_BNF: torch.Size, config: TrainingConfig, generator: torch.Generator, has_video_B: Tensor | None = None
) -> Draws:
    """Returns the draws for one batch, made on the CPU in a fixed order (time, noise, masks).

    `has_video_B` (bool) tells the rows' kinds, for settings that differ between them; None: all rows have video.
    """
    batch, frames = shape_BNF[:2]
    has_video_B = torch.ones(batch, dtype=torch.bool) if has_video_B is None else has_video_B
    location_B = _by_kind(has_video_B, config.time_location, config.tta_time_location)
    spread_B = _by_kind(has_video_B, config.time_spread, config.tta_time_spread)
    t_B = sample_timesteps(batch, generator, location=location_B, spread=spread_B)
    noise_BNF = torch.randn(shape_BNF, generator=generator)
    return Draws(t_B, noise_BNF, draw_masks(batch, frames, config.masks, generator, has_video_B))


def _by_kind(has_video_B: Tensor, vta: float, tta: float | None) -> Tensor:
    """Returns (B,) a setting's value per row; `tta` None: that of rows with video."""
    return torch.where(has_video_B, vta, vta if tta is None else tta)


def with_drops(features: Features, masks: TrainingMasks) -> Features:
    """Returns the features with this step's modality drops. Source: SPEC T2."""
    return replace(
        features,
        has_clip_B=features.has_clip_B & masks.keep_clip_B,
        has_sync_B=features.has_sync_B & masks.keep_sync_B,
        has_text_B=features.has_text_B & masks.keep_text_B,
    )


def batch_errors(network: Network, batch: Batch, draws: Draws) -> Tensor:
    """Returns (B, N): each frame's velocity error, zero on given frames. Source: SPEC M3-M5, M10, M11."""
    masks, x1 = draws.masks, batch.latent_BNF
    conditions = network.preprocess_conditions(with_drops(batch.features, masks), masks.mask_BN)
    reference = masked_latent(x1, masks.mask_BN, masks.keep_reference_B)
    x_t = interpolate(draws.noise_BNF, x1, draws.t_B)
    velocity = network(x_t, draws.t_B, reference, masks.mask_BN, conditions)
    return frame_errors(velocity, draws.noise_BNF, x1) * masks.mask_BN
