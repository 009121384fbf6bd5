"""Held-out clips to generated sound: TTA adverb pairs, VTA, TC-VTA, AC-VTA and extension (SPEC G1-G5, G7).

Legend: B batch, N latent frames, F channels, S sync positions, L tokens, D width, T samples.
An item is one batch of one task: what a batch holds is fixed by the plan, so a resumed run gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from data_contracts import Generated, ItemError, ManifestRow, MismatchError, Row, read_table, to_json
from data_contracts.files import hash_file
from data_contracts.generation import TASKS
from model.codec import Codec
from model.encoders import TextEncoder
from model.features import FeatureStore
from model.generate import Generator, Request, Sampling
from model.variants import Variant, variant
from tasks.engine import Item, ItemResult, each, rows_from_dicts
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.parts import codec_of, open_store, text_encoder_of
from tasks.evaluate.plan import Job, plan_jobs
from tasks.evaluate.surrogates import Surrogates
from tasks.media.audio import read_audio, write_flac
from tasks.media.samples import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GenerateStage:
    """Generates every planned sound with the trained model. Levels are left as the model made them.

    `variant`: a named configuration (SPEC M12, G8), whose weights must be those of the workspace; `tasks`: these
    alone, all where empty.
    """

    config: EvaluateConfig
    variant: str = "full"
    tasks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Folder in the workspace."""
        return "generate"

    @property
    def version(self) -> int:
        """Raised when the same checkpoint and plan give another sound."""
        return 1

    @property
    def row_type(self) -> type[Row]:
        """One row per sound."""
        return Generated

    def settings(self) -> dict[str, Any]:
        """Sampling settings; the plan is in the items."""
        settings = self.config.model_dump(include={"steps", "cfg_scale"})
        if changed := self.config.sampling.over({}):
            settings["sampling"] = changed
        return settings if self.variant == "full" else {**settings, "variant": self.variant}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per batch."""
        store = open_store(workspace.stage("precompute"))
        checkpoint = hash_file(workspace.path("train", "checkpoint.safetensors"))
        jobs = plan_jobs(featured_rows(workspace, store), self.config, store.clip_s)
        items = []
        for task in dict.fromkeys(job.task for job in jobs if not self.tasks or job.task in self.tasks):
            mine = [job.to_dict() for job in jobs if job.task == task]
            for number, start in enumerate(range(0, len(mine), self.config.batch_size)):
                payload = {"jobs": mine[start : start + self.config.batch_size], "checkpoint": checkpoint}
                items.append(Item(f"{task}-batch-{number:03d}", payload))
        return items

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Generates batch by batch."""
        session = _Studio.open(self.config, workspace, variant(self.variant))
        yield from each(items, session.run)

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """The rows, as journaled."""
        return rows_from_dicts(Generated, rows)


def featured_rows(workspace: Workspace, store: FeatureStore) -> list[ManifestRow]:
    """Returns the manifest rows that have features, in the manifest's order."""
    featured = {row.item_id for row in store.rows}
    rows = read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
    return [row for row in rows if row.item_id in featured]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Studio:
    """The loaded model with all that requests are built from."""

    config: EvaluateConfig
    workspace: Workspace
    store: FeatureStore
    manifest: dict[str, ManifestRow]
    videos: dict[str, int | None]
    generator: Generator
    codec: Codec
    text: TextEncoder
    surrogate: Surrogates

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace, one: Variant) -> _Studio:
        store = open_store(workspace.stage("precompute"))
        generator = Generator.load(workspace.path("train", "checkpoint.safetensors"))
        readings = Sampling(**config.sampling.over(dict(one.sampling)))
        generator = dataclasses.replace(generator, sampling=readings)
        generator.specs.require_same(store.specs, "the checkpoint", "the features")
        return cls(
            config=config,
            workspace=workspace,
            store=store,
            manifest={row.item_id: row for row in featured_rows(workspace, store)},
            videos={row.item_id: row.video_row for row in store.rows},
            generator=generator,
            codec=codec_of(store),
            text=text_encoder_of(store),
            surrogate=Surrogates(one.surrogate, store),
        )

    def run(self, item: Item) -> list[Generated]:
        jobs = [Job.from_dict(values) for values in item.payload["jobs"]]
        log.info("generate: %s, %d sounds", item.item_id, len(jobs))
        requests = [self.request(job) for job in jobs]
        latent_BNF = self.generator.generate(requests, steps=self.config.steps, cfg_scale=self.config.cfg_scale)
        spec = self.codec.spec
        if latent_BNF.shape[1] != spec.frames(jobs[0].duration_s):
            raise MismatchError(
                f"{item.item_id}: the model returned {latent_BNF.shape[1]} frames for {jobs[0].duration_s} s; expected "
                f"{spec.frames(jobs[0].duration_s)}"
            )
        audio_BT = self.codec.decode(latent_BNF).numpy()
        if not np.isfinite(audio_BT).all():
            raise ItemError("nan_samples", f"{item.item_id}: the generated sound is not finite; train again")
        return [self.write(job, audio_T, item) for job, audio_T in zip(jobs, audio_BT, strict=True)]

    def request(self, job: Job) -> Request:
        """Builds the conditions of SPEC G1-G5; what a task has not is None, which the model reads as all zeros."""
        task = TASKS[job.task]
        sync_SD = self.sync(job.parent_id, job.duration_s) if task.uses("sync") else None
        return Request(
            task=job.task,
            text_LD=self.text.encode([job.prompt])[0] if job.prompt else None,
            clip_VD=self.store.clip([self.video(job.parent_id)])[0] if task.uses("clip") else None,
            sync_SD=sync_SD,
            reference_NF=self.reference(job) if task.uses("reference") else None,
            reference_sync_SD=self.reference_sync(job) if task.uses("reference_sync") else None,
            window_s=None,
            original_NF=None,
            duration_s=job.duration_s,
            seed=job.seed,
        )

    def sync(self, item_id: str, duration_s: float) -> torch.Tensor:
        return self.store.sync([self.video(item_id)])[0, : self.store.specs.sync.length(duration_s)]

    def reference_sync(self, job: Job) -> torch.Tensor:
        theirs = self.videos.get(str(job.reference_id))
        return self.surrogate.sync(
            self.video(job.parent_id), theirs, from_s=job.reference_from_s, duration_s=job.reference_s
        )

    def video(self, item_id: str) -> int:
        row = self.videos[item_id]
        if row is None:
            raise ItemError("no_video", f"{item_id} has no video features")
        return row

    def reference(self, job: Job) -> torch.Tensor:
        """Returns the reference's latent (N, F), encoded alone: a slice of the whole clip's would know what follows."""
        row = self.manifest[str(job.reference_id)]
        spec = self.codec.spec
        clip_T = reference_sound(self.workspace, row, job, spec.sample_rate_hz)
        clip_T = np.pad(clip_T, (0, spec.samples(job.reference_s) - len(clip_T)))
        mean_1NF, _ = self.codec.encode(torch.from_numpy(clip_T)[None])
        latent_NF: torch.Tensor = mean_1NF[0]
        return latent_NF

    def write(self, job: Job, audio_T: Samples, item: Item) -> Generated:
        rate_hz = self.codec.spec.sample_rate_hz
        path = self.workspace.stage("generate") / "audio" / f"{job.item_id}.flac"
        write_flac(path, audio_T[: round(job.duration_s * rate_hz)], rate_hz)
        return Generated(
            item_id=job.item_id,
            parent_id=job.parent_id,
            task=job.task,
            prompt=job.prompt,
            reference_id=job.reference_id if TASKS[job.task].uses("reference") else None,
            audio_path=self.workspace.relative(path),
            audio_sha256=hash_file(path),
            sample_rate_hz=rate_hz,
            duration_s=job.duration_s,
            scored_from_s=job.scored_from_s,
            scored_to_s=job.duration_s,
            cfg_scale=self.config.cfg_scale,
            steps=self.config.steps,
            seed=job.seed,
            checkpoint_sha256=item.payload["checkpoint"],
            weights_json=_weights(self.store),
        )


def reference_sound(workspace: Workspace, row: ManifestRow, job: Job, rate_hz: int) -> Samples:
    """Returns the reference's samples (T,) of exactly `job.reference_s`, padded with silence past the sound's end."""
    samples_T, _ = read_audio(workspace.path(row.audio_path), rate_hz=rate_hz)
    start, length = round(job.reference_from_s * rate_hz), round(job.reference_s * rate_hz)
    piece_T = samples_T[start : start + length]
    return np.pad(piece_T, (0, length - len(piece_T)))


def _weights(store: FeatureStore) -> str:
    parts = store.specs.to_dict()
    wanted = {"name": "name", "sha256": "weights_sha256", "placeholder": "placeholder"}
    return to_json({part: {key: spec[field] for key, field in wanted.items()} for part, spec in parts.items()})
