"""Scores generated clips and adverb pairs, and beside them the baselines and the codec upper bound (SPEC E2).

Legend: T samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch

from data_contracts import ClipScore, ManifestRow
from data_contracts.generation import TASKS
from model.codec import Codec
from model.devices import choose_device
from tasks.engine.workspace import Workspace, seed_for
from tasks.evaluate import baselines
from tasks.evaluate.adverbs import DIRECTIONS, is_right
from tasks.evaluate.attributes import Attributes, measure
from tasks.evaluate.clip_metrics import Target, score_clip, window
from tasks.evaluate.components import codec_of, featured_rows, open_store, reference_audio
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.metrics import MODEL
from tasks.evaluate.onset_sync_ap import onset_track
from tasks.evaluate.plan import Case, sides_of
from tasks.evaluate.timbre import Timbre, mfcc_vector
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

_SALT: Final = "chance"  # of the baselines' seeds; another word gives other baselines
_TIMBRE_CLIPS: Final = 64  # real clips that the z-score of the timbre vectors is fitted on


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Turns generated audio into `ClipScore` rows."""

    config: EvaluateConfig
    workspace: Workspace
    manifest: dict[str, ManifestRow]
    codec: Codec
    clip_s: float
    timbre: Timbre

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace) -> Scorer:
        """Loads the codec and fits the timbre z-score on the first real test clips."""
        store = open_store(workspace.path("precompute"))
        rows = featured_rows(workspace, store)
        codec = codec_of(store, choose_device(config.device))
        rate_hz = codec.spec.sample_rate_hz
        paths = [workspace.path(row.audio_path) for row in _real_test_rows(rows)[:_TIMBRE_CLIPS]]
        return cls(
            config=config,
            workspace=workspace,
            manifest={row.item_id: row for row in rows},
            codec=codec,
            clip_s=store.clip_s,
            timbre=Timbre.fit([mfcc_vector(read_audio(path, rate_hz=rate_hz)[0], rate_hz) for path in paths]),
        )

    def score(self, cases: Sequence[Case], paths: Sequence[str]) -> list[ClipScore]:
        """Scores all cases of one clip, or the two of an adverb pair; `paths` are their audio in the workspace."""
        generated = [read_audio(self.workspace.path(path), rate_hz=self._rate_hz)[0] for path in paths]
        if cases[0].direction is None:
            return self._score_clip(cases, generated)
        # A pair with one clip in quarantine cannot be judged.
        return self._score_pair(cases[0].direction, cases, generated) if len(cases) == 2 else []

    @property
    def _rate_hz(self) -> int:
        return self.codec.spec.sample_rate_hz

    def _score_clip(self, cases: Sequence[Case], generated: Sequence[Samples]) -> list[ClipScore]:
        truth_T = self._audio(cases[0].parent_id)
        upper_bound_T = self._round_trip(truth_T)
        rows = []
        for case, generated_T in zip(cases, generated, strict=True):
            target = self._target(case, truth_T)
            systems = {MODEL: generated_T, baselines.CODEC_UPPER_BOUND: upper_bound_T}
            systems |= self._baselines(case, target.events_s)
            length = round(case.duration_s * self._rate_hz)
            rows += [
                _row(case.item_id, case.task, system, metric, value)
                for system, audio_T in systems.items()
                for metric, value in score_clip(target, audio_T[:length]).items()
            ]
        return rows

    def _target(self, case: Case, truth_T: Samples) -> Target:
        return Target(
            truth=onset_track(window(truth_T, self._rate_hz, case.scored_from_s, case.duration_s), self._rate_hz),
            rate_hz=self._rate_hz,
            events_s=self.manifest[case.parent_id].event_times_s,
            from_s=case.scored_from_s,
            to_s=case.duration_s,
            timbre=self.timbre,
            reference=mfcc_vector(self._reference(case), self._rate_hz),
        )

    def _baselines(self, case: Case, events_s: tuple[float, ...] | None) -> dict[str, Samples]:
        """Returns the baselines' audio by name."""
        length = round(case.duration_s * self._rate_hz)
        rng = np.random.default_rng(seed_for(_SALT, str(self.config.seed), case.item_id))
        audio: dict[str, Samples] = {}
        if case.shuffled_id is not None:
            audio[baselines.SHUFFLED] = self._audio(case.shuffled_id)
        if events_s is not None:
            count = sum(time < case.duration_s for time in events_s)
            audio[baselines.RANDOM_EVENTS] = baselines.random_events(length, self._rate_hz, count, rng)
        audio[baselines.CLICKS] = baselines.clicks(length, self._rate_hz)
        if TASKS[case.task].uses("reference"):
            audio[baselines.PASTED] = baselines.pasted(self._reference(case), length)
        audio[baselines.NOISE] = baselines.white_noise(length, rng)
        audio[baselines.SILENCE] = baselines.silence(length)
        return audio

    def _score_pair(self, direction: str, cases: Sequence[Case], generated: Sequence[Samples]) -> list[ClipScore]:
        """Judges the generated pair, a random pair of real clips, and a real pair that is known to differ."""
        measured = [measure(audio_T, self._rate_hz) for audio_T in generated]
        rows = [
            _row(case.item_id, "tta", MODEL, name, value)
            for case, attributes in zip(cases, measured, strict=True)
            for name, value in asdict(attributes).items()
        ]
        rng = np.random.default_rng(seed_for(_SALT, str(self.config.seed), str(cases[0].pair)))
        pairs = {MODEL: measured, baselines.SHUFFLED: self._random_pair(rng)}
        pairs[baselines.TRUTH] = self._true_pair(direction, rng)
        for system, attributes in pairs.items():
            if attributes:
                value = float(is_right(direction, *attributes))
                sides = "/".join(DIRECTIONS[direction])
                for metric in ("AdverbCheck direction right", f"AdverbCheck direction right: {sides}"):
                    rows.append(_row(cases[0].item_id, "tta", system, metric, value))
        return rows

    def _random_pair(self, rng: np.random.Generator) -> list[Attributes]:
        """Returns the attributes of two random test clips; nothing when there are fewer."""
        names = [row.item_id for row in _real_test_rows(self.manifest.values())]
        if len(names) < 2:
            return []
        chosen = rng.choice(len(names), size=2, replace=False)
        return [measure(self._audio(names[int(index)]), self._rate_hz) for index in chosen]

    def _true_pair(self, direction: str, rng: np.random.Generator) -> list[Attributes]:
        """Returns the attributes of a random real test clip of each side; nothing when a side has none."""
        found = []
        for side in DIRECTIONS[direction]:
            names = [row.item_id for row in self.manifest.values() if row.split == "test" and side in sides_of(row)]
            if not names:
                return []
            found.append(measure(self._audio(names[int(rng.integers(len(names)))]), self._rate_hz))
        return found

    def _audio(self, item_id: str) -> Samples:
        """Returns a manifest row's audio, padded or cut to the clip length."""
        samples_T, _ = read_audio(self.workspace.path(self.manifest[item_id].audio_path), rate_hz=self._rate_hz)
        return window(samples_T, self._rate_hz, 0.0, self.clip_s)

    def _reference(self, case: Case) -> Samples:
        """Returns the audio whose timbre the result should match: the given part, or a whole clip."""
        if case.reference_s > 0:
            return reference_audio(self.workspace, self.manifest[str(case.reference_id)], case, self._rate_hz)
        return self._audio(str(case.reference_id))

    def _round_trip(self, samples_T: Samples) -> Samples:
        """Returns what the codec makes of audio: no model that ends in this codec can do better."""
        padded_T = np.pad(samples_T, (0, -len(samples_T) % self.codec.spec.hop))
        mean_1NF, _ = self.codec.encode(torch.from_numpy(padded_T)[None])
        decoded_T: Samples = self.codec.decode(mean_1NF)[0].cpu().numpy()[: len(samples_T)]
        return decoded_T


def _real_test_rows(rows: Iterable[ManifestRow]) -> list[ManifestRow]:
    return [row for row in rows if row.split == "test" and row.subset != "aa"]


def _row(parent_id: str, task: str, system: str, metric: str, value: float) -> ClipScore:
    return ClipScore(
        item_id=f"{parent_id}/{system}/{metric}",
        parent_id=parent_id,
        task=task,
        system=system,
        metric=metric,
        value=value,
    )
