"""Which frames are generated, which features are masked there, and what training drops. Pure functions.

Legend: B batch, N audio frames, V video frames, D channels. Masks are bool, **True = to be generated**; a False
frame is context (reference). All random numbers come from the caller's `torch.Generator`, on the CPU.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from model.config import MaskConfig, MaskKind, SpanPlacement


def rand_span_mask(
    batch: int, frames: int, generator: torch.Generator, *, share: tuple[float, float], placement: SpanPlacement
) -> Tensor:
    """Returns (B, N) bool with one contiguous masked span per row. Source: SPEC M3.

    The span is floor(U(share) * N) frames long and at least 1. `random` starts it at floor((N - length) * U), as in
    F5-TTS; `prefix` puts it at the end, so that the context is a prefix as in generation; `mixed` draws one of the two.
    """
    low, high = share
    lengths = ((low + (high - low) * torch.rand(batch, generator=generator)) * frames).long().clamp(1, frames)
    free = frames - lengths
    starts = (free * torch.rand(batch, generator=generator)).long()
    to_end = torch.rand(batch, generator=generator) < {"random": 0.0, "prefix": 1.0, "mixed": 0.5}[placement]
    starts = torch.where(to_end, free, starts)
    position = torch.arange(frames)
    return (position >= starts[:, None]) & (position < (starts + lengths)[:, None])


def resample_mask(mask_BN: Tensor, length: int, kind: MaskKind) -> Tensor:
    """Returns (B, length) float in 0..1: the mask read linearly at another rate, thresholded at 0.5 when hard.

    Source: SPEC M7 ("bilinearly", which on one axis is linear).
    """
    weights = F.interpolate(mask_BN[:, None].float(), size=length, mode="linear", align_corners=False)[:, 0]
    return weights if kind == "soft" else (weights >= 0.5).float()


def mask_features(features_BVD: Tensor, mask_BN: Tensor, kind: MaskKind) -> Tensor:
    """Returns the features kept where audio is generated and zero where it is given. Source: SPEC M7."""
    return features_BVD * resample_mask(mask_BN, features_BVD.shape[1], kind)[..., None].to(features_BVD.dtype)


def visible_mean(tokens_BVD: Tensor, mask_BN: Tensor, kind: MaskKind) -> Tensor:
    """Returns (B, D): the mean of video tokens weighted by how visible each is; zero where none is visible.

    Without masked tokens it is the plain mean, which is MMAudio's pooling.
    """
    weights = resample_mask(mask_BN, tokens_BVD.shape[1], kind)[..., None].to(tokens_BVD.dtype)
    return (tokens_BVD * weights).sum(1) / weights.sum(1).clamp(min=1e-6)


def masked_latent(latent_BNF: Tensor, mask_BN: Tensor, keep_B: Tensor) -> Tensor:
    """Returns the context: the latent on given frames, zero on masked ones and in rows whose reference is dropped.

    Source: SPEC M4, M5.
    """
    visible = ~mask_BN & keep_B[:, None]
    return latent_BNF * visible[..., None].to(latent_BNF.dtype)


@dataclass(frozen=True, slots=True)
class TrainingMasks:
    """One batch's draws: the frames to generate (B, N), and per row which conditions stay (B,), all bool."""

    mask_BN: Tensor
    keep_reference_B: Tensor
    keep_clip_B: Tensor
    keep_sync_B: Tensor
    keep_text_B: Tensor


def draw_masks(
    batch: int, frames: int, config: MaskConfig, generator: torch.Generator, has_video_B: Tensor | None = None
) -> TrainingMasks:
    """Returns a training batch's masks and drops. Source: SPEC M3, M5, T2.

    `has_video_B` (bool) marks the rows to which `vta_drop_text` and `drop_semantics` apply; None: all rows.
    A dropped reference masks all frames (`dropped_reference_mask="full"`), so those rows train plain VTA and TTA.
    """
    mask = rand_span_mask(
        batch, frames, generator, share=(config.span_low, config.span_high), placement=config.span_placement
    )
    draws = torch.rand(5, batch, generator=generator)
    keep_reference = draws[0] >= config.drop_reference
    if config.dropped_reference_mask == "full":
        mask = mask | ~keep_reference[:, None]
    keep_semantics = draws[4] >= config.drop_semantics
    if has_video_B is not None:
        keep_semantics = keep_semantics | ~has_video_B
    keep_clip = draws[1] >= config.drop_clip
    keep_sync = keep_clip if config.drop_video == "joint" else draws[2] >= config.drop_sync
    keep_text = draws[3] >= _drop_text(config, has_video_B)
    return TrainingMasks(mask, keep_reference, keep_clip & keep_semantics, keep_sync, keep_text & keep_semantics)


def _drop_text(config: MaskConfig, has_video_B: Tensor | None) -> Tensor:
    """Returns the probability of no text, per row (B,) or one for all ()."""
    with_video = config.drop_text if config.vta_drop_text is None else config.vta_drop_text
    return torch.tensor(with_video) if has_video_B is None else torch.where(has_video_B, with_video, config.drop_text)
