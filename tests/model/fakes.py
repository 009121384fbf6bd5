"""A feature source in memory, for tests of the model: sounds are impulses where the sync feature fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from data_contracts import FeatureRow
from model.config import NetworkConfig
from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec

TOY = NetworkConfig(
    width=32, depth=2, fused_depth=1, heads=2, mlp_ratio=2.0, mlp_multiple=16, block_kernel=1, audio_kernel=3,
    sync_kernel=3, final_kernel=3,
)  # fmt: skip


def toy_specs(*, channels: int = 4, per_segment: int = 1) -> FeatureSpecs:
    return FeatureSpecs(
        codec=CodecSpec(
            name="toy", sample_rate_hz=1000, channels=1, hop=40, latent_dim=channels, std_form="softplus",
            weights_sha256="c" * 64, placeholder=True,
        ),
        text=TextSpec(name="toy-text", tokens=5, dim=12, weights_sha256="t" * 64, placeholder=True),
        clip=ClipSpec(name="toy-clip", rate_hz=4.0, dim=10, weights_sha256="v" * 64, placeholder=True),
        sync=SyncSpec(name="toy-sync", dim=6, weights_sha256="s" * 64, placeholder=True, per_segment=per_segment),
    )  # fmt: skip


@dataclass(frozen=True)
class FakeStore:
    """Same methods as `model.features.FeatureStore`."""

    specs: FeatureSpecs
    clip_s: float
    rows: list[FeatureRow]
    mean_RNF: Tensor
    clip_RVD: Tensor
    sync_RSD: Tensor
    text_RLD: Tensor

    def latent_stats(self) -> tuple[Tensor, Tensor]:
        return self.mean_RNF.mean((0, 1)), self.mean_RNF.std((0, 1)) + 0.01

    def latents(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        mean = self.mean_RNF[list(rows)]
        return mean, torch.full_like(mean, 0.02)

    def clip(self, rows: Sequence[int]) -> Tensor:
        return self.clip_RVD[list(rows)]

    def sync(self, rows: Sequence[int]) -> Tensor:
        return self.sync_RSD[list(rows)]

    def text(self, rows: Sequence[int]) -> Tensor:
        return self.text_RLD[list(rows)]


def fake_store(
    *, videos: int = 12, sounds: int = 12, clip_s: float = 2.0, channels: int = 4, seed: int = 0, val: int = 4,
    specs: FeatureSpecs | None = None, events_per_s: float = 1.5,
) -> FakeStore:  # fmt: skip
    """Rows 0..videos-1 have video; every text record r belongs to row r, and r + total is its paraphrase.

    Latents: a decaying impulse at each event, its channel profile set by the row's text feature. Sync: 1 at events.
    """
    specs = specs or toy_specs(channels=channels)
    generator = torch.Generator().manual_seed(seed)
    total = videos + sounds
    frames = specs.codec.frames(clip_s)
    events = torch.rand(total, frames, generator=generator) < events_per_s * clip_s / frames
    kernel = 0.6 ** torch.arange(frames)
    envelope = torch.stack([_decay(row, kernel) for row in events.float()])
    kind = torch.randint(0, 2, (total,), generator=generator)
    profile = torch.stack(
        [torch.linspace(1, -0.2, specs.codec.latent_dim), torch.linspace(-0.4, 1, specs.codec.latent_dim)]
    )
    text = torch.zeros(2 * total, specs.text.tokens, specs.text.dim)
    text[:, 0] = torch.eye(2, specs.text.dim)[kind.repeat(2)]
    text[total:, 1, -1] = 1.0
    length = specs.sync.length(clip_s)
    sync = torch.zeros(videos, length, specs.sync.dim)
    position = (torch.arange(length) * frames / length).long()
    sync[:, :, 0] = events[:videos][:, position].float()
    clip = torch.zeros(videos, specs.clip.length(clip_s), specs.clip.dim)
    clip[:, :, :2] = torch.eye(2)[kind[:videos]][:, None]
    rows = [
        FeatureRow(
            item_id=f"row-{index:03d}", subset="vta" if index < videos else ("aa" if index % 2 else "tta"),
            split="val" if val and index % max(1, total // val) == 0 else "train", latent_row=index,
            video_row=index if index < videos else None, text_rows=(index, index + total), duration_s=clip_s,
            truth_peak=1.0,
        )
        for index in range(total)
    ]  # fmt: skip
    return FakeStore(specs, clip_s, rows, envelope[..., None] * profile[kind][:, None], clip, sync, text)


def _decay(events_N: Tensor, kernel_N: Tensor) -> Tensor:
    full = torch.nn.functional.conv1d(events_N[None, None], kernel_N.flip(0)[None, None], padding=len(kernel_N) - 1)
    return full[0, 0, : len(events_N)]
