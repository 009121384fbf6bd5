"""Which rows make up a batch, and the batch itself.

Legend: B batch, N audio frames, F latent channels. The first half of a batch is VTA, the second TTA (SPEC T4).
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from data_contracts import FeatureRow, UsageError
from model.config import LatentStd
from model.network import Features
from model.specs import FeatureSpecs
from model.training.randomness import generator_for


class FeatureSource(Protocol):
    """What training reads: `model.features.FeatureStore`, or synthetic features in benchmarks and tests.

    Batches are float32 or 16 bits wide; a training step casts them to float32 on its device.
    """

    @property
    def specs(self) -> FeatureSpecs:
        """The codec and encoders that made the features."""

    @property
    def clip_s(self) -> float:
        """Every clip's length."""

    @property
    def rows(self) -> list[FeatureRow]:
        """One row per training or test item."""

    def latent_stats(self) -> tuple[Tensor, Tensor]:
        """Returns (mean_F, std_F) of the training latents."""

    def latents(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Returns (mean_BNF, std_BNF)."""

    def clip(self, rows: Sequence[int]) -> Tensor:
        """Returns (B, V, D)."""

    def sync(self, rows: Sequence[int]) -> Tensor:
        """Returns (B, S, D)."""

    def text(self, rows: Sequence[int]) -> Tensor:
        """Returns (B, L, D)."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Chooses the rows of each step: strictly half VTA, half TTA (with AA). Source: SPEC T4, D4.

    Each half walks through its own endless sequence of shuffled epochs. A row's place depends on the seed alone, never
    on earlier steps or on the number of processes and micro-batches (`split`).
    """

    vta: tuple[FeatureRow, ...]
    tta: tuple[FeatureRow, ...]
    batch_size: int
    seed: int
    _orders: dict[str, tuple[int, Tensor]] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def from_rows(rows: Sequence[FeatureRow], batch_size: int, seed: int, *, augmented: bool = True) -> BatchPlan:
        """Returns the plan for the rows of split train, with or without the `augmented` ones (SPEC A8).

        Rows of a corpus without video (or without anything else) fill both halves. Raises UsageError without any rows.
        """
        train = [row for row in rows if row.split == "train" and (augmented or row.subset != "aa")]
        vta = tuple(row for row in train if row.subset == "vta")
        tta = tuple(row for row in train if row.subset != "vta")
        if batch_size % 2:
            raise UsageError(f"batch_size {batch_size} must be even: half VTA, half TTA")
        if not train:
            raise UsageError("the features have no row of split train; add training clips to the corpus")
        return BatchPlan(vta, tta, batch_size, seed)

    @property
    def balanced(self) -> bool:
        """Whether there are rows of both kinds, so that every batch is 1:1."""
        return bool(self.vta and self.tta)

    def rows(self, step: int) -> list[FeatureRow]:
        """Returns the rows of a step (0, 1, ...): VTA first, then TTA."""
        if not self.balanced:
            return self._take(self.vta or self.tta, "only", step * self.batch_size, self.batch_size)
        half = self.batch_size // 2
        return self._take(self.vta, "vta", step * half, half) + self._take(self.tta, "tta", step * half, half)

    def split(self, parts: int) -> list[list[int]]:
        """Returns, for each of `parts` equal micro-batches, its places in `rows(step)`: half VTA, half TTA each.

        Raises UsageError when the batch cannot be divided so.
        """
        halves = 2 if self.balanced else 1
        if self.batch_size % (halves * parts):
            raise UsageError(
                f"batch_size {self.batch_size} does not split into {parts} equal shares of half VTA, half TTA; "
                f"make it a multiple of {halves * parts}"
            )
        size = self.batch_size // halves
        each = size // parts
        return [
            [half * size + part * each + place for half in range(halves) for place in range(each)]
            for part in range(parts)
        ]

    def _take(self, pool: tuple[FeatureRow, ...], name: str, start: int, count: int) -> list[FeatureRow]:
        taken: list[FeatureRow] = []
        position = start
        while len(taken) < count:
            epoch, offset = divmod(position, len(pool))
            part = self._order(name, epoch, len(pool))[offset : offset + count - len(taken)].tolist()
            taken.extend(pool[index] for index in part)
            position += len(part)
        return taken

    def _order(self, name: str, epoch: int, size: int) -> Tensor:
        """Returns an epoch's order, kept for its duration: shuffling millions of rows costs more than a step."""
        kept = self._orders.get(name)
        if kept is None or kept[0] != epoch:
            kept = (epoch, torch.randperm(size, generator=generator_for(self.seed, f"order-{name}", epoch)))
            self._orders[name] = kept
        return kept[1]


def training_stats(
    source: FeatureSource, *, form: LatentStd = "channel", scale: float = 1.0, rows: int = 256
) -> tuple[Tensor, Tensor]:
    """Returns (mean_F, std_F) that give *sampled* latents the deviation `scale`, each channel or all in common.

    MMAudio takes the deviation of the posterior means alone. A channel that a codec does not use has a constant mean
    and a posterior as wide as its prior; divided by the means' deviation it would dominate all others, so the
    posterior's variance (over up to `rows` training rows) is added. Where posteriors are narrow the two agree.
    """
    mean_F, std_F = source.latent_stats()
    train = [row.latent_row for row in source.rows if row.split == "train"]
    chosen = train[:: max(1, len(train) // rows)][:rows]
    variance_F = std_F.square()
    if chosen:
        variance_F += torch.stack([source.latents([row])[1].float().square().mean((0, 1)) for row in chosen]).mean(0)
    if form == "common":
        variance_F = variance_F.mean().expand_as(variance_F)
    return mean_F, variance_F.sqrt() / scale


@dataclass(frozen=True, slots=True)
class Batch:
    """Normalised latents (float32) and their features as read, before any modality is dropped (`with_drops`)."""

    latent_BNF: Tensor
    features: Features


def load_batch(
    source: FeatureSource,
    rows: Sequence[FeatureRow],
    generator: torch.Generator,
    stats: tuple[Tensor, Tensor],
    places: Sequence[int] | None = None,
) -> Batch:
    """Reads rows: latents sampled as mean + std * eps and normalised, one caption drawn per row. Source: SPEC T3, A7.

    Random numbers are drawn for all `rows`; `places` names those that are read (all by default), so that a row of a
    batch is the same in every process. Rows without video have zero features, False in `has_clip_B` and `has_sync_B`.
    """
    spec, (mean_F, std_F) = source.specs.codec, stats
    noise_RNF = torch.randn(len(rows), spec.frames(source.clip_s), spec.latent_dim, generator=generator)
    draws = torch.rand(len(rows), generator=generator).tolist()
    places = range(len(rows)) if places is None else places
    chosen = [rows[place] for place in places]
    mean_BNF, std_BNF = source.latents([row.latent_row for row in chosen])
    latent_BNF = mean_BNF.float() + std_BNF.float() * noise_RNF[list(places)]
    texts = [row.text_rows[int(draws[place] * len(row.text_rows))] for row, place in zip(chosen, places, strict=True)]
    has_video_B = torch.tensor([row.video_row is not None for row in chosen])
    text_BLC = source.text(texts)
    clip_BVC, sync_BSC = _video(source, chosen, text_BLC.dtype)
    features = Features(clip_BVC, sync_BSC, text_BLC, has_video_B, has_video_B, torch.ones_like(has_video_B))
    return Batch((latent_BNF - mean_F) / std_F, features)


def _video(source: FeatureSource, rows: Sequence[FeatureRow], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    specs, duration_s = source.specs, source.clip_s
    clip_BVC = torch.zeros(len(rows), specs.clip.length(duration_s), specs.clip.dim, dtype=dtype)
    sync_BSC = torch.zeros(len(rows), specs.sync.length(duration_s), specs.sync.dim, dtype=dtype)
    with_video = [index for index, row in enumerate(rows) if row.video_row is not None]
    records = [row.video_row for row in rows if row.video_row is not None]
    if with_video:
        clip_BVC[with_video] = source.clip(records)
        sync_BSC[with_video] = source.sync(records)
    return clip_BVC, sync_BSC
