"""Scores generated clips and adverb pairs, and beside them the baselines and the codec upper bound (SPEC E2).

Legend: T samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import numpy as np

from data_contracts import ClipScore, ManifestRow
from data_contracts.generation import TASKS
from model.devices import choose_device
from tasks.engine.workspace import Workspace, seed_for
from tasks.evaluate import baselines
from tasks.evaluate.adverbs import DIRECTIONS, is_right
from tasks.evaluate.attributes import Attributes, measure
from tasks.evaluate.clip_metrics import ScoredPart, Target, inside, measure_part, score_by_itself, score_clip
from tasks.evaluate.components import codec_of, featured_rows, open_store, reference_audio
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judged_cases import JudgedCases
from tasks.evaluate.material import MaterialClassifier
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.plan import Case, material_of, material_rows, sides_of
from tasks.evaluate.recordings import Recordings
from tasks.evaluate.rows import clip_row
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

_SALT: Final = "chance"  # of the baselines' seeds; another word gives other baselines

Parts = dict[tuple[str, str | None, float, float], ScoredPart]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Turns generated audio into `ClipScore` rows."""

    config: EvaluateConfig
    workspace: Workspace
    manifest: dict[str, ManifestRow]
    recordings: Recordings
    clip_s: float
    classifier: MaterialClassifier | None
    judged: JudgedCases
    constant: Parts = field(default_factory=dict)
    """Silence and clicks, which are the same for every clip."""

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace) -> Scorer:
        """Loads the codec; fits the material classifier on real clips."""
        store = open_store(workspace.path("precompute"))
        rows = featured_rows(workspace, store)
        manifest = {row.item_id: row for row in rows}
        recordings = Recordings(workspace, manifest, codec_of(store, choose_device(config.device)), store.clip_s)
        known = material_rows(rows)
        vectors = [recordings.mfcc(row.item_id) for row in known]
        return cls(
            config=config,
            workspace=workspace,
            manifest=manifest,
            recordings=recordings,
            clip_s=store.clip_s,
            classifier=MaterialClassifier.fit(vectors, [str(material_of(row)) for row in known]),
            judged=JudgedCases.open(config, workspace),
        )

    def score(self, cases: Sequence[Case], audio: Sequence[Mapping[str, str]]) -> list[ClipScore]:
        """Scores all cases of one clip, or the two of an adverb pair. `audio`: checkpoint -> path, one per case."""
        generated = [
            {name: read_audio(self.workspace.path(path), rate_hz=self._rate_hz)[0] for name, path in paths.items()}
            for paths in audio
        ]
        if cases[0].direction is None:
            return self._score_clip(cases, generated)
        # A pair with one clip in quarantine cannot be judged.
        return self._score_pair(cases[0].direction, cases, generated) if len(cases) == 2 else []

    @property
    def _rate_hz(self) -> int:
        return self.recordings.rate_hz

    def _score_clip(self, cases: Sequence[Case], generated: Sequence[Mapping[str, Samples]]) -> list[ClipScore]:
        clip, parts = cases[0].parent_id, Parts()
        rows = []
        for case, made in zip(cases, generated, strict=True):
            truth = self._part(baselines.TRUTH, self.recordings.audio(clip), case, parts)
            target = self._target(case, truth)
            for checkpoint, audio_T in made.items():
                part = self._measured(audio_T, case)
                rows += _rows(case, MODEL, score_clip(target, part), checkpoint)
                rows += _rows(case, MODEL, self._by_itself(audio_T, case), checkpoint)
            if case.repeats is None:
                rows += _rows(case, baselines.TRUTH, self._by_itself(self.recordings.audio(clip), case))
            compared = self._compared(case, truth, parts) if case.repeats is None else {}
            for system, part in compared.items():
                rows += _rows(case, system, score_clip(target, part))
            for (system, by), values in self.judged.values(case).items():
                rows += _rows(case, system, values, by)
        return rows

    def _target(self, case: Case, truth: ScoredPart) -> Target:
        events_s = self.manifest[case.parent_id].event_times_s
        material = material_of(self.manifest[str(case.reference_id)])
        return Target(
            truth=truth,
            events_s=None if events_s is None else inside(events_s, case.scored_from_s, case.duration_s),
            material=material if self.classifier and self.classifier.knows(material) else None,
        )

    def _measured(self, audio_T: Samples, case: Case) -> ScoredPart:
        return measure_part(audio_T, self._rate_hz, case.scored_from_s, case.duration_s, self.classifier)

    def _by_itself(self, audio_T: Samples, case: Case) -> dict[str, float]:
        return score_by_itself(audio_T, self._rate_hz, case.scored_from_s, case.duration_s)

    def _material(self, item_id: str, *, by_codec: bool = False) -> str | None:
        """Returns what the classifier hears in a row's whole audio, or in its round trip."""
        return self.classifier.material(self.recordings.mfcc(item_id, by_codec)) if self.classifier else None

    def _part(self, name: str, audio_T: Samples, case: Case, parts: Parts) -> ScoredPart:
        """Returns the scored part of named audio, from `parts` where it was measured for an earlier case."""
        source = {baselines.SHUFFLED: case.shuffled_id, baselines.PASTED: case.reference_id}.get(name)
        key = (name, source, case.scored_from_s, case.duration_s)
        if key not in parts:
            parts[key] = self._measured(audio_T, case)
        return parts[key]

    def _compared(self, case: Case, truth: ScoredPart, parts: Parts) -> dict[str, ScoredPart]:
        """Returns the systems that the model is compared with: the truth, the codec's round trip, the baselines.

        Truth and round trip are the video's own audio; where another clip gives the material, that clip's material
        counts.
        """
        codec = self._part(baselines.CODEC_UPPER_BOUND, self.recordings.round_trip(case.parent_id), case, parts)
        if case.reference_id not in (None, case.parent_id):
            truth = replace(truth, material=self._material(case.reference_id))
            codec = replace(codec, material=self._material(case.reference_id, by_codec=True))
        found = {baselines.CODEC_UPPER_BOUND: codec, baselines.TRUTH: truth}
        for name, audio_T in self._baselines(case).items():
            found[name] = self._part(name, audio_T, case, self.constant if name in baselines.CONSTANT else parts)
        return found

    def _baselines(self, case: Case) -> dict[str, Samples]:
        """Returns the baselines' audio by name; noise and random events are the same for all cases of a clip."""
        length = round(self.clip_s * self._rate_hz)
        rng = np.random.default_rng(seed_for(_SALT, str(self.config.seed), case.parent_id))
        audio = {baselines.NOISE: baselines.white_noise(length, rng)}
        events_s = self.manifest[case.parent_id].event_times_s
        if events_s is not None:
            audio[baselines.RANDOM_EVENTS] = baselines.random_events(length, self._rate_hz, len(events_s), rng)
        if case.shuffled_id is not None:
            audio[baselines.SHUFFLED] = self.recordings.audio(case.shuffled_id)
        if TASKS[case.task].uses("reference"):
            row = self.manifest[str(case.reference_id)]
            reference_T = reference_audio(self.workspace, row, case, self._rate_hz)
            audio[baselines.PASTED] = baselines.pasted(reference_T, length)
        audio[baselines.CLICKS] = baselines.clicks(length, self._rate_hz)
        audio[baselines.SILENCE] = baselines.silence(length)
        return audio

    def _score_pair(
        self, direction: str, cases: Sequence[Case], generated: Sequence[Mapping[str, Samples]]
    ) -> list[ClipScore]:
        """Judges each checkpoint's pair, a random pair of real clips, and a real pair that is known to differ.

        Of a further seed the generated pair alone.
        """
        rows, sides = [], "/".join(DIRECTIONS[direction])
        metrics = ("AdverbCheck direction right", f"AdverbCheck direction right: {sides}")
        for checkpoint in (name for name in generated[0] if name in generated[1]):
            measured = [measure(made[checkpoint], self._rate_hz) for made in generated]
            for case, attributes in zip(cases, measured, strict=True):
                rows += _rows(case, MODEL, asdict(attributes), checkpoint)
            value = float(is_right(direction, *measured))
            rows += _rows(cases[0], MODEL, dict.fromkeys(metrics, value), checkpoint)
        if cases[0].repeats is not None:
            return rows
        rng = np.random.default_rng(seed_for(_SALT, str(self.config.seed), str(cases[0].pair)))
        pairs = {baselines.SHUFFLED: self._random_pair(rng), baselines.TRUTH: self._true_pair(direction, rng)}
        for system, pair in pairs.items():
            if pair:
                rows += _rows(cases[0], system, dict.fromkeys(metrics, float(is_right(direction, *pair))))
        return rows

    def _random_pair(self, rng: np.random.Generator) -> list[Attributes]:
        """Returns the attributes of two random test clips; nothing when there are fewer."""
        names = [row.item_id for row in self.manifest.values() if row.split == "test" and row.subset != "aa"]
        if len(names) < 2:
            return []
        chosen = rng.choice(len(names), size=2, replace=False)
        return [self.recordings.attributes(names[int(index)]) for index in chosen]

    def _true_pair(self, direction: str, rng: np.random.Generator) -> list[Attributes]:
        """Returns the attributes of a random real test clip of each side; nothing when a side has none."""
        found = []
        for side in DIRECTIONS[direction]:
            names = [row.item_id for row in self.manifest.values() if row.split == "test" and side in sides_of(row)]
            if not names:
                return []
            found.append(self.recordings.attributes(names[int(rng.integers(len(names)))]))
        return found


def _rows(case: Case, system: str, scores: Mapping[str, float], checkpoint: str | None = None) -> list[ClipScore]:
    return [
        clip_row(metric, value, clip=case.item_id, task=case.group, system=system, checkpoint=checkpoint)
        for metric, value in scores.items()
    ]
