"""Sampling: codec latents for requests of all six tasks. Source: SPEC G1-G7.

Legend: B batch, N audio frames, F latent channels, t flow time (0 noise, 1 data). Masks: True = to be generated.
"""
# ruff: noqa: N815 - shape suffixes of record fields

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from data_contracts import UsageError
from model.checkpoint import CheckpointInfo, load_checkpoint
from model.config import Precision, SumReference
from model.flow import Velocity, euler, guided, rescaled, with_fresh_noise
from model.network import Conditions, Features, Network
from model.requests import Request, SamplingPlan, Shape, leading_task, plan_request, window_frames
from model.specs import FeatureSpecs

__all__ = [
    "Generator",
    "Request",
    "Sampling",
    "leading_task",
    "plan_request",
    "recorded_sampling",
    "window_frames",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Interpretations of the paper at inference (docs/model.md, Switches).

    `sum_reference` "path" keeps the reference at (1-t) noise + t data; a network without an InputEmbedding then gets
    that instead of the clean reference: MMAudio, which was never trained with clean frames (SPEC G8).
    """

    sum_reference: SumReference = "start"  # SPEC G4, G5: added to the initial noise; path: kept on its own path
    cfg_keep_reference: bool = False  # SPEC G7: the null branch has no reference either
    mask_surrogate: bool = True  # SPEC G4: the surrogate video is masked as in training
    edit_noise: float = 0.5  # SPEC G6: share of fresh noise in the window, 0 to 1 (`with_fresh_noise`)
    guidance_rescale: float = 0.0  # 0 = MMAudio's guidance; 1 = no larger than the conditional estimate (`rescaled`)

    def __post_init__(self) -> None:
        if not 0.0 <= self.guidance_rescale <= 1.0:
            raise UsageError(f"guidance_rescale {self.guidance_rescale} is outside 0..1")
        if not 0.0 <= self.edit_noise <= 1.0:
            raise UsageError(f"edit_noise {self.edit_noise} is outside 0..1")


def recorded_sampling(info: CheckpointInfo | None) -> dict[str, Any]:
    """Returns the sampling options that a training recorded in its checkpoint, as keywords of `Sampling`."""
    recorded = {} if info is None else info.training
    return {name: recorded[name] for name in ("guidance_rescale", "sum_reference") if name in recorded}


@dataclass(frozen=True, slots=True)
class Generator:
    """A trained network and how it is sampled. `specs` names the codec and encoders it was trained with.

    `precision` bf16: the network under autocast; the state and the sums over the steps stay in fp32.
    `on_step` is called after each step of the sampler; what it raises ends the sampling.
    """

    network: Network
    info: CheckpointInfo | None = None
    sampling: Sampling = Sampling()
    precision: Precision = "fp32"
    on_step: Callable[[], None] | None = None

    @classmethod
    def load(cls, path: Path, *, device: torch.device | None = None, sampling: Sampling | None = None) -> Self:
        """Loads a checkpoint. Raises WeightsError when it is missing, foreign or incomplete."""
        network, info = load_checkpoint(path)
        return cls(network.to(device or torch.device("cpu")), info, sampling or Sampling(**recorded_sampling(info)))

    @property
    def specs(self) -> FeatureSpecs:
        """The codec and encoders that the network was trained with."""
        return self.network.specs

    def generate(
        self, requests: Sequence[Request], *, steps: int = 25, cfg_scale: float = 4.5, batch_size: int = 16
    ) -> Tensor:
        """Returns (B, N, F) codec latents, ready for `Codec.decode`. Raises UsageError when lengths differ."""
        latents = self.generate_each(requests, steps=steps, cfg_scale=cfg_scale, batch_size=batch_size)
        lengths = sorted({len(latent) for latent in latents})
        if len(lengths) != 1:
            raise UsageError(f"requests give {lengths or 'no'} frames; generate one duration at a time")
        return torch.stack(latents)

    def generate_each(
        self, requests: Sequence[Request], *, steps: int = 25, cfg_scale: float = 4.5, batch_size: int = 16
    ) -> list[Tensor]:
        """Returns a codec latent (N, F) per request, whatever their durations; equal shapes are sampled together.

        Given frames (a continued segment, or outside an edit's window) are returned unchanged. Source: SPEC G1-G7.
        """
        if steps < 1 or cfg_scale < 1.0:
            raise UsageError(f"steps {steps} and cfg_scale {cfg_scale:g} must both be at least 1")
        if cfg_scale == 1.0 and any(request.negative_LD is not None for request in requests):
            raise UsageError("a negative prompt acts through guidance; cfg_scale must be above 1")
        plans = [plan_request(request, self.specs) for request in requests]
        groups: dict[Shape, list[int]] = {}
        for index, plan in enumerate(plans):
            groups.setdefault(plan.shape, []).append(index)
        results: dict[int, Tensor] = {}
        for members in groups.values():
            for start in range(0, len(members), batch_size):
                chosen = members[start : start + batch_size]
                latents_BNF = self._sample([plans[index] for index in chosen], steps, cfg_scale)
                results |= {i: latent[plans[i].cut :] for i, latent in zip(chosen, latents_BNF, strict=True)}
        return [results[index] for index in range(len(requests))]

    @torch.no_grad()
    def _sample(self, plans: Sequence[SamplingPlan], steps: int, cfg_scale: float) -> Tensor:
        """Returns (B, N, F) codec latents of plans of one shape."""
        batch = _Batch.collate(plans, self.network)
        with torch.autocast(batch.noise_BNF.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            guided_velocity = self._velocity(batch, cfg_scale)
            if plans[0].inverts:
                normalized = self._edit(batch, guided_velocity, steps)
            else:
                normalized = self._from_noise(batch, guided_velocity, steps)
        generated = self.network.unnormalize(normalized)
        return torch.where(batch.mask_BN[..., None], generated, batch.given_BNF).cpu()

    def _from_noise(self, batch: _Batch, velocity: Velocity, steps: int) -> Tensor:
        """Samples with the reference summed into the noise, as `sum_reference` says. Source: SPEC G4, G5, M12."""
        noise, reference = batch.noise_BNF, batch.reference_BNF
        if self.sampling.sum_reference == "path":
            constrain = _kept_on_path(noise, reference, batch.mask_BN)
            return euler(velocity, noise, steps=steps, constrain=constrain, on_step=self.on_step)
        summed = noise + reference if self.sampling.sum_reference == "start" else noise
        return euler(velocity, summed, steps=steps, on_step=self.on_step)

    def _edit(self, batch: _Batch, velocity: Velocity, steps: int) -> Tensor:
        """Inverts the original to noise, then generates the window while the rest stays on its path. Source: SPEC G6.

        The inversion runs without guidance, text and context: the prompt describes the new audio, not the original.
        """
        everything = torch.ones_like(batch.mask_BN)
        features = replace(batch.features, has_text_B=torch.zeros_like(batch.features.has_text_B))
        conditions = self.network.preprocess_conditions(features, everything)
        nothing = torch.zeros_like(batch.original_BNF)

        def unguided(x_BNF: Tensor, t_B: Tensor) -> Tensor:
            return self.network(x_BNF, t_B, nothing, everything, conditions)

        inverted = euler(unguided, batch.original_BNF, steps=steps, start=1.0, stop=0.0, on_step=self.on_step)
        mixed = with_fresh_noise(inverted, batch.noise_BNF, ~batch.fresh_BN, share=self.sampling.edit_noise)
        mixed = torch.where(batch.fresh_BN[..., None], batch.noise_BNF, mixed)
        start = torch.where(batch.mask_BN[..., None], mixed, inverted)
        constrain = _kept_on_path(inverted, batch.original_BNF, batch.mask_BN)
        return euler(velocity, start, steps=steps, constrain=constrain, on_step=self.on_step)

    def _velocity(self, batch: _Batch, cfg_scale: float) -> Velocity:
        """Returns the guided velocity; both branches are one batch of the network. Source: SPEC G7."""
        network, everything = self.network, torch.ones_like(batch.mask_BN)
        video_mask = batch.mask_BN if self.sampling.mask_surrogate else everything
        conditions = network.preprocess_conditions(batch.features, video_mask)
        nothing, mask_BN, reference = torch.zeros_like(batch.reference_BNF), batch.mask_BN, batch.reference_BNF
        if self.sampling.sum_reference == "path" and not network.config.input_embedding and not batch.inverts:
            mask_BN, reference = everything, nothing  # the network sees the reference in its state
        if cfg_scale == 1.0:
            return lambda x, t: network(x, t, reference, mask_BN, conditions)
        keep = self.sampling.cfg_keep_reference
        null_mask = mask_BN if keep else everything
        null_reference = reference if keep else nothing
        both = Conditions.stack(conditions, network.preprocess_conditions(batch.null, null_mask))
        references = torch.cat([reference, null_reference])
        masks = torch.cat([mask_BN, null_mask])

        def velocity(x_BNF: Tensor, t_B: Tensor) -> Tensor:
            pair = network(torch.cat([x_BNF, x_BNF]), torch.cat([t_B, t_B]), references, masks, both)
            conditional, null = pair.float().chunk(2)  # guidance takes their difference: not in bf16
            combined = guided(conditional, null, cfg_scale)
            share = self.sampling.guidance_rescale
            return rescaled(combined, conditional, x_BNF, t_B, batch.mask_BN, share=share) if share else combined

        return velocity


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sampling plans of one shape, stacked. `reference_BNF` (zero where masked) and `original_BNF` are normalised.

    `null`: the features of guidance's null branch, nothing but the negative prompts that there are.
    """

    features: Features
    null: Features
    mask_BN: Tensor
    given_BNF: Tensor
    reference_BNF: Tensor
    original_BNF: Tensor
    noise_BNF: Tensor
    fresh_BN: Tensor
    inverts: bool

    @staticmethod
    def collate(plans: Sequence[SamplingPlan], network: Network) -> _Batch:
        device = network.latent_mean.device
        mask_BN, given, noise, fresh_BN = (
            torch.stack([getattr(plan, name) for plan in plans]).to(device)
            for name in ("mask_N", "given_NF", "noise_NF", "fresh_N")
        )
        normalized = network.normalize(given)
        normalized = torch.where(fresh_BN[..., None], 0.0, normalized)  # unknown frames: the mean
        clip, sync, text, negative = (
            torch.stack([getattr(plan, name) for plan in plans]).to(device)
            for name in ("clip_VC", "sync_SC", "text_LC", "negative_LC")
        )
        has_clip, has_sync, has_text, has_negative = (
            torch.tensor([getattr(plan, name) for plan in plans], device=device)
            for name in ("has_clip", "has_sync", "has_text", "has_negative")
        )
        features = Features(clip, sync, text, has_clip, has_sync, has_text, plans[0].sync_parts)
        null = replace(features.absent(), text_BLC=negative, has_text_B=has_negative)
        reference = normalized * ~mask_BN[..., None]
        return _Batch(features, null, mask_BN, given, reference, normalized, noise, fresh_BN, plans[0].inverts)


def _kept_on_path(noise_BNF: Tensor, data_BNF: Tensor, mask_BN: Tensor) -> Callable[[Tensor, float], Tensor]:
    """Returns a constraint for `euler` that keeps given frames at (1 - t) noise + t data."""

    def constrain(x_BNF: Tensor, t: float) -> Tensor:
        return torch.where(mask_BN[..., None], x_BNF, (1 - t) * noise_BNF + t * data_BNF)

    return constrain
