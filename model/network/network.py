"""The velocity network: MMAudio's MMDiT with a reference-audio context and masked video. Source: SPEC M1-M9.

Read `preprocess_conditions` (once per generation) and `forward` (once per step) first; the rest serves these two.
Legend: B batch, N audio frames, V video frames, S sync positions, R distinct rows of the frame condition, L text
tokens, D width, F latent channels, C feature channels, t flow time (0 noise, 1 data). Masks are bool, True = to be
generated.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from data_contracts import MismatchError, UsageError
from model.config import NetworkConfig
from model.masks import mask_features, visible_mean
from model.network.blocks import FinalLayer, FrameCondition, FusedBlock, JointBlock, Rotary, Streams
from model.network.inputs import (
    InputEmbedding,
    audio_projection,
    sync_projection,
    time_embedding,
    token_projection,
)
from model.network.layers import GatedMLP, draw_weights, rotary_table
from model.network.placement import Parts, parts_or_whole, position_mask, read_positions
from model.specs import FeatureSpecs


@dataclass(frozen=True, slots=True)
class Features:
    """Raw encoder features of a batch, and per row whether each modality is present (bool, (B,)).

    `sync_parts`: where the sync features lie, equal for all rows; without any they are spread over all frames.
    """

    clip_BVC: Tensor
    sync_BSC: Tensor
    text_BLC: Tensor
    has_clip_B: Tensor
    has_sync_B: Tensor
    has_text_B: Tensor
    sync_parts: Parts = ()

    def absent(self) -> Features:
        """Returns the same shapes with every modality absent: the null condition of guidance."""
        none = torch.zeros_like(self.has_clip_B)
        return replace(self, has_clip_B=none, has_sync_B=none, has_text_B=none)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Projected conditions, computed once per generation. `pooled_B1D` is video + text; `sync` is masked."""

    clip_BVD: Tensor
    text_BLD: Tensor
    sync: FrameCondition
    pooled_B1D: Tensor
    rotary: Rotary

    @staticmethod
    def stack(first: Conditions, second: Conditions) -> Conditions:
        """Returns one batch [first; second] of equal lengths, for guidance in a single pass (SPEC G7)."""
        rows, others = first.sync.row_BN, second.sync.row_BN
        return Conditions(
            torch.cat([first.clip_BVD, second.clip_BVD]),
            torch.cat([first.text_BLD, second.text_BLD]),
            FrameCondition(
                torch.cat([first.sync.rows_BRD, second.sync.rows_BRD]),
                None if rows is None or others is None else torch.cat([rows, others]),
            ),
            torch.cat([first.pooled_B1D, second.pooled_B1D]),
            first.rotary,
        )


class Network(nn.Module):
    """Predicts the flow's velocity from x_t, the masked latent and the conditions. A fresh network returns zero.

    No weight depends on a duration; `latent_mean` and `latent_std` (1, 1, F) are set by `set_latent_stats`.
    `gradient_checkpointing`: training keeps only each block's input and computes the rest again, for the same result.
    `distinct_rows`: adaLN on the distinct rows of the frame condition, also for the same result.
    """

    gradient_checkpointing = False
    distinct_rows = True

    def __init__(self, config: NetworkConfig, specs: FeatureSpecs) -> None:
        super().__init__()
        self.config, self.specs = config, specs
        channels, width, hidden = specs.codec.latent_dim, config.width, config.mlp_width
        if config.input_embedding:
            self.input_embed = InputEmbedding(channels, width, config.position_kernel, config.position_groups)
        self.audio_input_proj = audio_projection(config, width if config.input_embedding else channels)
        self.clip_input_proj = token_projection(config, specs.clip.dim, config.block_kernel)
        self.sync_input_proj = sync_projection(config, specs.sync.dim)
        self.text_input_proj = token_projection(config, specs.text.dim, 1)
        self.clip_cond_proj = nn.Linear(width, width)
        self.text_cond_proj = nn.Linear(width, width)
        self.global_cond_mlp = GatedMLP(width, hidden)
        self.t_embed = time_embedding(config)
        self.sync_pos_emb = nn.Parameter(torch.zeros(1, 1, specs.sync.per_segment, specs.sync.dim))
        joint, kernel = config.joint_depth, config.block_kernel
        self.joint_blocks = nn.ModuleList(
            JointBlock(width, config.heads, hidden, kernel, last=i == joint - 1) for i in range(joint)
        )
        self.fused_blocks = nn.ModuleList(
            FusedBlock(width, config.heads, hidden, kernel) for _ in range(config.fused_depth)
        )
        self.final_layer = FinalLayer(width, channels, config.final_kernel)
        self._add_empty_features()
        self.register_buffer("latent_mean", torch.full((1, 1, channels), torch.nan))
        self.register_buffer("latent_std", torch.full((1, 1, channels), torch.nan))
        self.latent_mean: Tensor
        self.latent_std: Tensor

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draws all weights from `generator` (`draw_weights`); gates and output start at zero."""
        draw_weights(self, generator)
        for name, weight in self.named_parameters():
            if name.endswith("adaLN_modulation.1.weight") or name == "final_layer.conv.weight":
                nn.init.zeros_(weight)
            elif name.startswith("t_embed.") and name.endswith("weight"):
                nn.init.normal_(weight, std=0.02, generator=generator)

    def set_latent_stats(self, mean_F: Tensor, std_F: Tensor) -> None:
        """Sets the per-channel statistics of the training latents; deviations must be positive."""
        if not bool((std_F > 1e-5).all()):
            raise UsageError("a latent channel is constant in the training data; check the codec and precompute again")
        self.latent_mean.copy_(mean_F.reshape(1, 1, -1))
        self.latent_std.copy_(std_F.reshape(1, 1, -1))

    def set_empty_text(self, text_LD: Tensor) -> None:
        """Sets what absent text is replaced by: the text encoder's features of "". Source: SPEC T2.

        Raises UsageError for a network whose absent features are zero, MismatchError for another shape.
        """
        if self.config.absent != "learned":
            raise UsageError("absent text is all zeros in this network; its absent features are not learned")
        if text_LD.shape != self.empty_string_feat.shape:
            raise MismatchError(
                f"the features of the empty text are {tuple(text_LD.shape)}; "
                f"expected {tuple(self.empty_string_feat.shape)}"
            )
        with torch.no_grad():
            self.empty_string_feat.copy_(text_LD)

    def normalize(self, latent_BNF: Tensor) -> Tensor:
        """Returns the latent with zero mean and unit deviation per channel; a new tensor."""
        return (latent_BNF - self.latent_mean) / self.latent_std

    def unnormalize(self, latent_BNF: Tensor) -> Tensor:
        """Returns the codec's latent from a normalised one; a new tensor."""
        return latent_BNF * self.latent_std + self.latent_mean

    def preprocess_conditions(self, features: Features, mask_BN: Tensor) -> Conditions:
        """Returns what does not change during sampling. Video is visible only where audio is generated.

        Source: SPEC M6-M9. Raises MismatchError when a feature's width is not the one the network was built for.
        """
        self._check(features)
        clip, sync, text = self._fill_absent(features)
        clip = clip * self.config.clip_scale
        parts = parts_or_whole(features.sync_parts, sync.shape[1], mask_BN.shape[1])
        if self.config.mask_video:
            clip = mask_features(clip, mask_BN, self.config.mask_kind)
            if self.config.mask_sync in ("raw", "both"):
                sync = sync * position_mask(mask_BN, parts, self.config.mask_kind)[..., None].to(sync.dtype)
        clip_BVD = self.clip_input_proj(clip)
        text_BLD = self.text_input_proj(text)
        pooled = self.clip_cond_proj(self._pool(clip_BVD, mask_BN)) + self.text_cond_proj(text_BLD.mean(1))
        return Conditions(
            clip_BVD,
            text_BLD,
            self._frame_sync(sync, mask_BN, parts),
            self.global_cond_mlp(pooled)[:, None],
            self._rotary(mask_BN.shape[1], clip.shape[1], clip.device),
        )

    def forward(
        self, x_BNF: Tensor, t_B: Tensor, reference_BNF: Tensor, mask_BN: Tensor, conditions: Conditions
    ) -> Tensor:
        """Returns the velocity (B, N, F) at flow time t; `reference_BNF` is the masked latent. Source: SPEC M4, M9."""
        if self.config.input_embedding:
            x = self.audio_input_proj(self.input_embed(x_BNF, reference_BNF))
        else:
            x = self.audio_input_proj(torch.where(mask_BN[..., None], x_BNF, reference_BNF))
        global_B1D = self.t_embed(t_B)[:, None] + conditions.pooled_B1D
        extended = FrameCondition(global_B1D + conditions.sync.rows_BRD, conditions.sync.row_BN)
        streams = Streams(x, conditions.clip_BVD, conditions.text_BLD)
        for block in self.joint_blocks:
            streams = self._run(block, streams, global_B1D, extended, conditions.rotary)
        latent_BND = streams.latent
        for block in self.fused_blocks:
            latent_BND = self._run(block, latent_BND, extended, conditions.rotary.latent_NK2)
        velocity: Tensor = self.final_layer(latent_BND, global_B1D)
        return velocity

    def _pool(self, clip_BVD: Tensor, mask_BN: Tensor) -> Tensor:
        """Returns (B, D), the clip tokens' part in the global condition. Source: SPEC M9."""
        if self.config.mask_video and self.config.pool == "visible":
            return visible_mean(clip_BVD, mask_BN, self.config.mask_kind)
        return clip_BVD.mean(1)

    def _run(self, block: nn.Module, *args: Any) -> Any:
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return checkpoint(
                block, *args, use_reentrant=False, preserve_rng_state=False
            )  # blocks draw no random numbers
        return block(*args)

    def _frame_sync(self, sync_BSC: Tensor, mask_BN: Tensor, parts: Parts) -> FrameCondition:
        """Projects sync features, assigns them to the audio frames and masks the context's. Source: SPEC M8.

        Masked frames have only the global condition, so they share one additional row, of zeros.
        """
        batch, length, channels = sync_BSC.shape
        per_segment = self.specs.sync.per_segment
        placed = (sync_BSC.view(batch, -1, per_segment, channels) + self.sync_pos_emb).view(batch, length, channels)
        rows_BRD = self.sync_input_proj(placed)
        row_BN = read_positions(parts, mask_BN.device).expand(batch, -1)
        if self.config.mask_video and self.config.mask_sync in ("projected", "both"):
            rows_BRD = F.pad(rows_BRD, (0, 0, 0, 1))
            row_BN = row_BN.where(mask_BN, length)
        by_row = FrameCondition(rows_BRD, row_BN)
        fewer = rows_BRD.shape[1] < mask_BN.shape[1]
        return by_row if self.distinct_rows and fewer else FrameCondition(by_row.spread(rows_BRD))

    def _rotary(self, frames: int, video_frames: int, device: torch.device) -> Rotary:
        channels = self.config.width // self.config.heads
        return Rotary(
            rotary_table(frames, channels, 1.0, device),
            rotary_table(video_frames, channels, frames / video_frames, device),
        )

    def _fill_absent(self, features: Features) -> tuple[Tensor, Tensor, Tensor]:
        modalities = (
            (features.clip_BVC, features.has_clip_B, "empty_clip_feat"),
            (features.sync_BSC, features.has_sync_B, "empty_sync_feat"),
            (features.text_BLC, features.has_text_B, "empty_string_feat"),
        )
        learned = self.config.absent == "learned"
        clip, sync, text = (
            torch.where(has_B[:, None, None], values, getattr(self, name) if learned else 0.0)
            for values, has_B, name in modalities
        )
        return clip, sync, text

    def _add_empty_features(self) -> None:
        """Adds MMAudio's features of absent modalities; the text's are set once (`set_empty_text`), frozen."""
        if self.config.absent != "learned":
            return
        specs = self.specs
        self.empty_clip_feat = nn.Parameter(torch.zeros(1, specs.clip.dim))
        self.empty_sync_feat = nn.Parameter(torch.zeros(1, specs.sync.dim))
        self.empty_string_feat = nn.Parameter(torch.zeros(specs.text.tokens, specs.text.dim), requires_grad=False)

    def _check(self, features: Features) -> None:
        for name, values, spec in (
            ("clip", features.clip_BVC, self.specs.clip),
            ("sync", features.sync_BSC, self.specs.sync),
            ("text", features.text_BLC, self.specs.text),
        ):
            if values.shape[-1] != spec.dim:
                raise MismatchError(
                    f"{name} features are {values.shape[-1]} wide, the network was built for {spec.dim} ({spec.name})"
                )
            if values.shape[1] == 0:
                raise UsageError(f"{name} features are empty; the clip is too short for {spec.name}")


def build_network(config: NetworkConfig, specs: FeatureSpecs, seed: int) -> Network:
    """Returns a fresh network whose weights depend on `seed` alone."""
    network = Network(config, specs)
    network.reset_parameters(torch.Generator().manual_seed(seed))
    return network
