"""Scores every generated sound, and beside it the chance rows and the codec's round trip of the truth (SPEC E2).

An item is one film with all that was generated for it, or one pair of TTA sounds that differ in an adverb.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from data_contracts import ClipScore, Generated, ManifestRow, Row, read_table
from data_contracts.generation import TASKS
from model.codec import Codec
from tasks.engine import Item, ItemResult, each, rows_from_dicts
from tasks.engine.workspace import Workspace, seed_for
from tasks.evaluate import chance
from tasks.evaluate.adverbs import DIRECTIONS, Attributes, is_right, measure
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import featured_rows, reference_sound
from tasks.evaluate.metrics import MODEL
from tasks.evaluate.onset_sync_ap import track
from tasks.evaluate.parts import codec_of, open_store
from tasks.evaluate.plan import Job, plan_jobs, sides_of
from tasks.evaluate.scorers import Target, score_sound, window
from tasks.evaluate.timbre import Timbre, mfcc_vector
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

_MEASURED = ("onset_rate_hz", "level_db", "centroid_hz", "late_db", "slope_db_per_s")


@dataclass(frozen=True, slots=True)
class ScoreStage:
    """One row per sound, system and metric."""

    config: EvaluateConfig

    @property
    def name(self) -> str:
        """Folder in the workspace."""
        return "score"

    @property
    def version(self) -> int:
        """Raised when a metric changes."""
        return 1

    @property
    def row_type(self) -> type[Row]:
        """One score."""
        return ClipScore

    def settings(self) -> dict[str, Any]:
        """The seed of the chance rows."""
        return self.config.model_dump(include={"seed"})

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per film and per TTA pair."""
        store = open_store(workspace.stage("precompute"))
        rows = featured_rows(workspace, store)
        hashes = {row.item_id: row.audio_sha256 for row in rows}
        generated = {row.item_id: row for row in read_table(workspace.table("generate", Generated.TABLE), Generated)}
        groups: dict[str, list[Job]] = {}
        for job in plan_jobs(rows, self.config, store.clip_s):
            if job.item_id in generated:
                groups.setdefault(f"tta-{job.pair}" if job.pair else f"film-{job.parent_id}", []).append(job)
        return [Item(name, _payload(jobs, generated, hashes)) for name, jobs in groups.items()]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Scores item by item."""
        if not items:
            return
        jury = Scorer.open(self.config, workspace)
        yield from each(items, jury.scores)

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """The rows, as journaled."""
        return rows_from_dicts(ClipScore, rows)


def _payload(jobs: list[Job], generated: dict[str, Generated], hashes: dict[str, str]) -> dict[str, Any]:
    """Holds the hash of every sound that is listened to."""
    heard = {name for job in jobs for name in (job.parent_id, job.reference_id, job.rival_id) if name}
    return {
        "jobs": [job.to_dict() for job in jobs],
        "audio": [generated[job.item_id].audio_path for job in jobs],
        "audio_sha256": [generated[job.item_id].audio_sha256 for job in jobs],
        "heard_sha256": {name: hashes[name] for name in sorted(heard)},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """What scoring needs beside the item."""

    config: EvaluateConfig
    workspace: Workspace
    manifest: dict[str, ManifestRow]
    codec: Codec
    clip_s: float
    timbre: Timbre

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace) -> Scorer:
        store = open_store(workspace.stage("precompute"))
        rows = featured_rows(workspace, store)
        codec = codec_of(store)
        real = [row for row in rows if row.split == "test" and row.subset != "aa"][:64]
        rate_hz = codec.spec.sample_rate_hz
        vectors = [mfcc_vector(read_audio(workspace.path(row.audio_path), rate_hz=rate_hz)[0], rate_hz) for row in real]
        return cls(
            config=config,
            workspace=workspace,
            manifest={row.item_id: row for row in rows},
            codec=codec,
            clip_s=store.clip_s,
            timbre=Timbre.fit(vectors),
        )

    @property
    def rate_hz(self) -> int:
        return self.codec.spec.sample_rate_hz

    def scores(self, item: Item) -> list[ClipScore]:
        jobs = [Job.from_dict(values) for values in item.payload["jobs"]]
        sounds = [read_audio(self.workspace.path(path), rate_hz=self.rate_hz)[0] for path in item.payload["audio"]]
        if jobs[0].direction is None:
            return self.film(jobs, sounds)
        # A pair of which one sound is missing cannot be judged; the sound itself is in the quarantine.
        return self.pair(jobs[0].direction, jobs, sounds) if len(jobs) == len(DIRECTIONS[jobs[0].direction]) else []

    def film(self, jobs: Sequence[Job], generated: Sequence[Samples]) -> list[ClipScore]:
        """Scores the sounds generated for one film, task by task, and their chance rows."""
        truth_T = self.sound(jobs[0].parent_id)
        ceiling_T = self.round_trip(truth_T)
        rows = []
        for job, generated_T in zip(jobs, generated, strict=True):
            target = self.target(job, truth_T)
            systems = {MODEL: generated_T, chance.CEILING: ceiling_T, **self.rivals(job, target.events_s)}
            length = round(job.duration_s * self.rate_hz)
            rows += [
                _row(job.item_id, job.task, system, metric, value)
                for system, sound_T in systems.items()
                for metric, value in score_sound(target, sound_T[:length]).items()
            ]
        return rows

    def target(self, job: Job, truth_T: Samples) -> Target:
        return Target(
            truth=track(window(truth_T, self.rate_hz, job.scored_from_s, job.duration_s), self.rate_hz),
            rate_hz=self.rate_hz,
            events_s=self.manifest[job.parent_id].event_times_s,
            from_s=job.scored_from_s,
            to_s=job.duration_s,
            timbre=self.timbre,
            reference=mfcc_vector(self.reference(job), self.rate_hz),
        )

    def rivals(self, job: Job, events_s: tuple[float, ...] | None) -> dict[str, Samples]:
        """Returns the sounds that know nothing of the film, by name."""
        length = round(job.duration_s * self.rate_hz)
        rng = np.random.default_rng(seed_for("chance", str(self.config.seed), job.item_id))
        sounds: dict[str, Samples] = {}
        if job.rival_id is not None:
            sounds[chance.SHUFFLED] = self.sound(job.rival_id)
        if events_s is not None:
            count = sum(time < job.duration_s for time in events_s)
            sounds[chance.RANDOM_EVENTS] = chance.random_events(length, self.rate_hz, count, rng)
        if TASKS[job.task].uses("reference"):
            sounds[chance.PASTED] = chance.pasted(self.reference(job), length)
        sounds[chance.NOISE] = chance.white_noise(length, rng)
        sounds[chance.SILENCE] = chance.silence(length)
        return sounds

    def pair(self, direction: str, jobs: Sequence[Job], sounds: Sequence[Samples]) -> list[ClipScore]:
        """Judges a pair of generated sounds, a random pair of real ones, and a real pair that has the two sides."""
        measured = [measure(sound_T, self.rate_hz) for sound_T in sounds]
        rows = [
            _row(job.item_id, "tta", MODEL, name, float(getattr(attributes, name)))
            for job, attributes in zip(jobs, measured, strict=True)
            for name in _MEASURED
        ]
        rng = np.random.default_rng(seed_for("chance", str(self.config.seed), str(jobs[0].pair)))
        pairs = {MODEL: measured, chance.SHUFFLED: self.any_pair(rng), chance.TRUTH: self.real_pair(direction, rng)}
        for system, attributes in pairs.items():
            if attributes is not None:
                value = float(is_right(direction, *attributes))
                sides = "/".join(DIRECTIONS[direction])
                for metric in ("AdverbCheck direction right", f"AdverbCheck direction right: {sides}"):
                    rows.append(_row(jobs[0].item_id, "tta", system, metric, value))
        return rows

    def any_pair(self, rng: np.random.Generator) -> list[Attributes] | None:
        """Returns the attributes of two test sounds that were drawn without looking."""
        names = [row.item_id for row in self.manifest.values() if row.split == "test" and row.subset != "aa"]
        if len(names) < 2:
            return None
        chosen = rng.choice(len(names), size=2, replace=False)
        return [measure(self.sound(names[int(index)]), self.rate_hz) for index in chosen]

    def real_pair(self, direction: str, rng: np.random.Generator) -> list[Attributes] | None:
        """Returns the attributes of a real test sound of each side; None when a side has none."""
        found = []
        for side in DIRECTIONS[direction]:
            having = [row for row in self.manifest.values() if row.split == "test" and side in sides_of(row)]
            if not having:
                return None
            row = having[int(rng.integers(len(having)))]
            found.append(measure(self.sound(row.item_id), self.rate_hz))
        return found

    def sound(self, item_id: str) -> Samples:
        """Returns a manifest row's sound, padded or cut to the clip length."""
        samples_T, _ = read_audio(self.workspace.path(self.manifest[item_id].audio_path), rate_hz=self.rate_hz)
        length = round(self.clip_s * self.rate_hz)
        return np.pad(samples_T[:length], (0, max(0, length - len(samples_T))))

    def reference(self, job: Job) -> Samples:
        """Returns the sound that the result should resemble: the given piece, or a whole clip."""
        if job.reference_s > 0:
            row = self.manifest[str(job.reference_id)]
            return reference_sound(self.workspace, row, job, self.rate_hz)
        return self.sound(str(job.reference_id))

    def round_trip(self, samples_T: Samples) -> Samples:
        """Returns what the codec makes of a sound: no model that ends in this codec can do better."""
        padded_T = np.pad(samples_T, (0, -len(samples_T) % self.codec.spec.hop))
        mean_1NF, _ = self.codec.encode(torch.from_numpy(padded_T)[None])
        decoded: Samples = self.codec.decode(mean_1NF)[0].numpy()[: len(samples_T)]
        return decoded


def _row(parent_id: str, task: str, system: str, metric: str, value: float) -> ClipScore:
    return ClipScore(
        item_id=f"{parent_id}/{system}/{metric}",
        parent_id=parent_id,
        task=task,
        system=system,
        metric=metric,
        value=value,
    )
