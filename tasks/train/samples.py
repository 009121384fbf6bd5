"""Sample sounds while training: the averaged network on a few fixed validation rows, the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import soundfile as sf
from torch import Tensor

from data_contracts import FeatureRow, TrainMetric
from data_contracts.files import atomic_path
from model.codec import Codec, load_codec
from model.features import FeatureStore
from model.generate import Generator, Request
from model.training import Trainer
from tasks.engine.workspace import safe_name
from tasks.train.watch import Board

PER_KIND: Final = 2  # rows of VTA and of TTA
_STEPS, _CFG_SCALE = 25, 4.5  # SPEC G7


@dataclass(slots=True)
class Sampler:
    """Writes `FOLDER/step-STEP/ITEM-TASK.wav` and `ITEM-truth.wav`: the truth is the stored latent, decoded.

    Seeds are fixed, so that from one interval to the next only the weights differ.
    """

    store: FeatureStore
    codec: Codec
    folder: Path
    trainer: Trainer
    rows: list[FeatureRow]
    every: int
    board: Board | None
    last: int

    @classmethod
    def open(cls, store: FeatureStore, folder: Path, trainer: Trainer, *, every: int, board: Board | None) -> Self:
        """Loads the features' codec. Raises MismatchError when it is not the one that made them."""
        codec = load_codec(store.header["made_by"]["codec"])
        store.specs.require_same(replace(store.specs, codec=codec.spec), "the features", "their codec's name today")
        return cls(store, codec, folder, trainer, sample_rows(store.rows), every, board, trainer.step)

    def watch(self, row: TrainMetric) -> None:
        """Samples at the first logged row of every `every` steps, and at the last."""
        due = row.step // self.every > self.last // self.every or row.step == self.trainer.config.steps
        if due and self.rows:
            self.write(row.step)
        self.last = row.step

    def write(self, step: int) -> None:
        """Generates and writes the sounds of the weights as they are now."""
        assert self.trainer.averages is not None
        generator = Generator(self.trainer.averages.network(self.trainer.config.ema_sigma_rel))
        requests = [request_for(row, self.store, number) for number, row in enumerate(self.rows)]
        latents = generator.generate_each(requests, steps=_STEPS, cfg_scale=_CFG_SCALE, batch_size=len(requests))
        for row, request, latent_NF in zip(self.rows, requests, latents, strict=True):
            truth_NF = self.store.latents([row.latent_row])[0][0]
            self._write(row, step, request.task, latent_NF)
            self._write(row, step, "truth", truth_NF)

    def _write(self, row: FeatureRow, step: int, kind: str, latent_NF: Tensor) -> None:
        samples_T = self.codec.decode(latent_NF[None])[0].cpu()
        name, rate_hz = safe_name(row.item_id), self.codec.spec.sample_rate_hz
        with atomic_path(self.folder / f"step-{step:08d}" / f"{name}-{kind}.wav") as temporary:
            sf.write(temporary, samples_T.numpy(), rate_hz, subtype="PCM_16", format="WAV")
        if self.board is not None:
            self.board.add_sound(f"{name}/{kind}", samples_T, rate_hz, step)


def sample_rows(rows: Sequence[FeatureRow]) -> list[FeatureRow]:
    """Returns the first validation rows of each kind: those with a picture, then those without."""
    val = [row for row in rows if row.split == "val"]
    with_video = [row for row in val if row.video_row is not None]
    without = [row for row in val if row.video_row is None]
    return [*with_video[:PER_KIND], *without[:PER_KIND]]


def request_for(row: FeatureRow, store: FeatureStore, seed: int) -> Request:
    """Returns VTA with the caption for a row with a picture, TTA for one without. Source: SPEC G1, G2."""
    text_LD = store.text([row.text_rows[0]])[0]
    if row.video_row is None:
        return Request(task="tta", duration_s=store.clip_s, seed=seed, text_LD=text_LD)
    clip_VD, sync_SD = store.clip([row.video_row])[0], store.sync([row.video_row])[0]
    return Request(task="vta", duration_s=store.clip_s, seed=seed, text_LD=text_LD, clip_VD=clip_VD, sync_SD=sync_SD)
