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
from model.network import Features
from model.specs import FeatureSpecs
from model.training.chance import generator_for


class FeatureSource(Protocol):
    """What training reads: `model.features.FeatureStore`, or a placeholder in tests."""

    @property
    def specs(self) -> FeatureSpecs:
        """The parts that made the features."""

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
    """Says which rows a step trains on: strictly half VTA, half TTA (with AA), without state. Source: SPEC T4, D4.

    Each half walks through its own endless sequence of shuffled epochs; where a row stands depends on the seed alone,
    never on the number of processes or micro-batches (`shares`).
    """

    vta: tuple[FeatureRow, ...]
    tta: tuple[FeatureRow, ...]
    batch_size: int
    seed: int
    _orders: dict[str, tuple[int, Tensor]] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def from_rows(rows: Sequence[FeatureRow], batch_size: int, seed: int) -> BatchPlan:
        """Returns the plan for the rows of split train. Raises UsageError without any.

        A corpus of one kind alone (no videos at all, say) fills both halves with it; there is nothing to balance.
        """
        train = [row for row in rows if row.split == "train"]
        vta = tuple(row for row in train if row.subset == "vta")
        tta = tuple(row for row in train if row.subset != "vta")
        if batch_size % 2:
            raise UsageError(f"batch_size {batch_size} must be even: half VTA, half TTA")
        if not train:
            raise UsageError("the features hold no row of split train; add training clips to the corpus")
        return BatchPlan(vta, tta, batch_size, seed)

    @property
    def balanced(self) -> bool:
        """Whether both kinds are there, so that every batch is 1:1."""
        return bool(self.vta and self.tta)

    def rows(self, step: int) -> list[FeatureRow]:
        """Returns the rows of a step (0, 1, ...): VTA first, then TTA."""
        if not self.balanced:
            return self._take(self.vta or self.tta, "only", step * self.batch_size, self.batch_size)
        half = self.batch_size // 2
        return self._take(self.vta, "vta", step * half, half) + self._take(self.tta, "tta", step * half, half)

    def shares(self, parts: int) -> list[list[int]]:
        """Returns the places in `rows(step)` of equal shares, each 1:1 in itself: for processes and micro-batches.

        Raises UsageError when the batch cannot be shared so.
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
        """An epoch's order, kept while it lasts: shuffling millions of rows in every step would cost more than it."""
        kept = self._orders.get(name)
        if kept is None or kept[0] != epoch:
            kept = (epoch, torch.randperm(size, generator=generator_for(self.seed, f"order-{name}", epoch)))
            self._orders[name] = kept
        return kept[1]


def training_stats(source: FeatureSource, *, rows: int = 256) -> tuple[Tensor, Tensor]:
    """Returns (mean_F, std_F) that give *sampled* latents unit deviation.

    MMAudio takes the deviation of the posterior means alone. A channel that a codec does not use has a constant mean
    and a posterior as wide as its prior; divided by the means' deviation it would drown all others, so the posterior's
    variance (over up to `rows` training rows) is added. Where posteriors are narrow the two agree.
    """
    mean_F, std_F = source.latent_stats()
    train = [row.latent_row for row in source.rows if row.split == "train"]
    chosen = train[:: max(1, len(train) // rows)][:rows]
    if not chosen:
        return mean_F, std_F
    variance_F = torch.stack([source.latents([row])[1].square().mean((0, 1)) for row in chosen]).mean(0)
    return mean_F, (std_F.square() + variance_F).sqrt()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of normalised latents and their features. Drops are applied to `features` by `with_drops`."""

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

    Chance is drawn for all `rows`; `places` names those that are read (all by default), so that a share of a batch is
    the same whoever reads it. Rows without video carry zero features and say so in `has_clip_B` and `has_sync_B`.
    """
    spec, (mean_F, std_F) = source.specs.codec, stats
    noise_RNF = torch.randn(len(rows), spec.frames(source.clip_s), spec.latent_dim, generator=generator)
    draws = torch.rand(len(rows), generator=generator).tolist()
    places = range(len(rows)) if places is None else places
    chosen = [rows[place] for place in places]
    mean_BNF, std_BNF = source.latents([row.latent_row for row in chosen])
    latent_BNF = mean_BNF + std_BNF * noise_RNF[list(places)]
    texts = [row.text_rows[int(draws[place] * len(row.text_rows))] for row, place in zip(chosen, places, strict=True)]
    has_video_B = torch.tensor([row.video_row is not None for row in chosen])
    clip_BVC, sync_BSC = _video(source, chosen)
    features = Features(clip_BVC, sync_BSC, source.text(texts), has_video_B, has_video_B, torch.ones_like(has_video_B))
    return Batch((latent_BNF - mean_F) / std_F, features)


def _video(source: FeatureSource, rows: Sequence[FeatureRow]) -> tuple[Tensor, Tensor]:
    specs, duration_s = source.specs, source.clip_s
    clip_BVC = torch.zeros(len(rows), specs.clip.length(duration_s), specs.clip.dim)
    sync_BSC = torch.zeros(len(rows), specs.sync.length(duration_s), specs.sync.dim)
    here = [index for index, row in enumerate(rows) if row.video_row is not None]
    records = [row.video_row for row in rows if row.video_row is not None]
    if here:
        clip_BVC[here] = source.clip(records)
        sync_BSC[here] = source.sync(records)
    return clip_BVC, sync_BSC
