"""How often the judge `corpus-cnn` is right about objects that it was not trained on, per head, with exact intervals.

Whole scenes of 8 s of the test split are judged, and general sounds of 4 s from a seed that training does not use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from data_contracts.adverbs import DIMENSIONS
from model.judges.corpus_cnn import CorpusCNNJudge
from model.judges.corpus_cnn_levels import RATE_HZ
from model.judges.protocols import Outputs
from tasks.commands.train_judge.batches import corpus
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.commands.train_judge.losses import ALLOWED_COUNT, ALLOWED_COUNT_SHARE
from tasks.commands.train_judge.sounds import GENERAL, general_sound, label_of, object_pairs
from tasks.corpus.builtin import scene_audio
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import STRIKE, Scene
from tasks.engine.workspace import seed_for
from tasks.evaluate.intervals import share_interval

GENERAL_SOUNDS: Final = 120
_GENERAL_S: Final = 4.0
_BETWEEN_HZ: Final = 1.8  # a rate above it is fast: the middle of the corpus's fast and slow, as a ratio
_BETWEEN_M: Final = 2.5  # a distance above it is far, likewise
_SEMITONE: Final = 1 / 12

Row = tuple[str, bool, str]
"""What is asked, whether the judge was right, and the object that it was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often something was right: a share of `n`, of `objects` different objects, and its 95 % interval."""

    name: str
    share: float
    low: float | None
    high: float | None
    n: int
    objects: int

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values without the name, rounded to four digits."""
        bounds = [None if bound is None else round(bound, 4) for bound in (self.low, self.high)]
        return {"share": round(self.share, 4), "interval": bounds, "n": self.n, "objects": self.objects}


def held_out_accuracy(judge: CorpusCNNJudge, config: JudgeTrainConfig) -> list[Share]:
    """Returns the shares of each head on `config.test_scenes` scenes of the test split; none for 0 scenes."""
    pairs = object_pairs([scene for scene in corpus(config) if scene.split == "test"])
    rng = np.random.default_rng(seed_for("judge-test", str(config.seed)))
    order = rng.permutation(len(pairs))[: config.test_scenes // 2]
    heard = [tuple((scene, _said(judge, scene_audio(scene))) for scene in pairs[number]) for number in order]
    rows = [row for pair in heard for scene, said in pair for row in scene_rows(judge, scene, said)]
    rows += likeness_rows([(pair[0][0], pair[0][1], pair[1][1]) for pair in heard])
    if heard:
        numbers = range(GENERAL_SOUNDS // len(GENERAL))
        rows += [_general_row(judge, kind, number) for kind in GENERAL for number in numbers]
    return summary(rows)


def scene_rows(judge: CorpusCNNJudge, scene: Scene, said: Outputs) -> Iterator[Row]:
    """Yields what the judge was right and wrong about in a scene."""
    is_strike = scene.kind == STRIKE

    def row(asked: str, right: bool) -> Row:
        return asked, right, scene.group_id

    yield row("class", int(said["logits"].argmax()) == label_of(scene.kind, scene.material))
    yield row("kind", judge.kinds[int(said["kind"].argmax())] == scene.kind)
    if scene.event_times_s:
        allowed = max(ALLOWED_COUNT, ALLOWED_COUNT_SHARE * len(scene.event_times_s))
        yield row("count within 1 or 10 %", abs(float(said["count"]) - len(scene.event_times_s)) <= allowed)
    if scene.speed in DIMENSIONS["speed"].sides:
        yield row("fast or slow", (float(said["rate_hz"]) > _BETWEEN_HZ) == (scene.speed == "fast"))
    if is_strike:
        yield row("material", judge.materials[int(said["material"].argmax())] == scene.material)
        octaves = abs(float(torch.log2(said["pitch_hz"])) - np.log2(MATERIALS[scene.material].pitch_hz(scene.size)))
        yield row("pitch within a semitone", octaves <= _SEMITONE)
    if is_strike and scene.distance in DIMENSIONS["distance"].sides:
        distance_m = float(said["distance_m"])
        right = distance_m > _BETWEEN_M if scene.distance == "far" else distance_m <= _BETWEEN_M  # NaN is never right
        yield row("near or far", right)


def likeness_rows(pairs: Sequence[tuple[Scene, Outputs, Outputs]]) -> Iterator[Row]:
    """Yields, for each object, whether its two scenes are more alike than it and the next other object of the set.

    Rain and wind are left out: their objects differ in nothing. `of its kind`: of the same material or texture.
    """
    objects = [pair for pair in pairs if pair[0].kind not in ("rain", "wind")]
    for place, (scene, first, second) in enumerate(objects):
        others = [*objects[place + 1 :], *objects[:place]]
        same = _cosine(first, second)
        alike = [other for other in others if _alike(other[0], scene)]
        for asked, rivals in (("its object, not another", others), ("its object, not another of its kind", alike)):
            if rivals:
                yield asked, same > _cosine(first, rivals[0][1]), scene.group_id


def summary(rows: Sequence[Row]) -> list[Share]:
    """Returns the share of right answers to each question, in the order in which they were first asked."""
    shares = []
    for asked in dict.fromkeys(name for name, _, _ in rows):
        values = [float(right) for name, right, _ in rows if name == asked]
        groups = [group for name, _, group in rows if name == asked]
        low, high = share_interval(values, groups)
        shares.append(
            Share(name=asked, share=float(np.mean(values)), low=low, high=high, n=len(values), objects=len(set(groups)))
        )
    return shares


def _general_row(judge: CorpusCNNJudge, kind: str, number: int) -> Row:
    rng = np.random.default_rng(seed_for("judge-test-general", kind, str(number)))
    said = _said(judge, general_sound(kind, round(_GENERAL_S * RATE_HZ), rng).audio_T)
    return "kind of a general sound", judge.kinds[int(said["kind"].argmax())] == kind, f"{kind} {number}"


def _said(judge: CorpusCNNJudge, audio_T: np.ndarray) -> Outputs:
    return judge.judge_audio([torch.from_numpy(audio_T)], seeds=[0])[0]


def _cosine(first: Outputs, second: Outputs) -> float:
    return float(cosine_similarity(first["embedding"], second["embedding"], dim=0))


def _alike(one: Scene, two: Scene) -> bool:
    return (one.kind, one.material) == (two.kind, two.material)
