"""Batches of labelled sounds. A step's batch depends on the settings and the step only, so a resumed run sees the same.

Legend: B sounds, T samples, E event frames of the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from model.judges.corpus_cnn_levels import HOP, RATE_HZ
from model.judges.corpus_cnn_network import EVENT_FRAME_S
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.commands.train_judge.sounds import (
    GENERAL,
    LabelledSound,
    changed,
    general_sound,
    object_pairs,
    scene_sound,
)
from tasks.corpus.scene import STRIKE, Scene
from tasks.corpus.scenes import make_scenes
from tasks.engine.workspace import seed_for

_STRIKE_SHARE: Final = 0.7  # of the objects; the rest are textures
_STEPS_HEARD: Final = 2  # steps in a row that an object is in, each time other crops of its scenes


class Batch(NamedTuple):
    """Audio and labels. Numbers that are unknown are NaN; an unknown event count makes its row of `events_BE` NaN."""

    audio_BT: Tensor  # noqa: N815 (shape suffix)
    label_B: Tensor  # noqa: N815
    identity_B: Tensor  # noqa: N815  equal for sounds of one object
    events_BE: Tensor  # noqa: N815  events per event frame, each shared between the two nearest frames
    log2_pitch_B: Tensor  # noqa: N815
    log2_distance_B: Tensor  # noqa: N815


@dataclass(frozen=True, slots=True)
class Batches:
    """The objects in the order in which they are heard, two scenes of each, and the settings of the draw."""

    order: Sequence[tuple[Scene, Scene]]
    config: JudgeTrainConfig

    @classmethod
    def draw(cls, config: JudgeTrainConfig) -> Self:
        """Draws the objects of the training split; renders nothing."""
        pairs = object_pairs([scene for scene in corpus(config) if scene.split == "train"])
        strikes = [pair for pair in pairs if pair[0].kind == STRIKE]
        textures = [pair for pair in pairs if pair[0].kind != STRIKE]
        rng = np.random.default_rng(seed_for("judge-order", str(config.seed)))
        kinds = [strikes if rng.random() < _STRIKE_SHARE else textures for _ in range(len(pairs))]
        return cls([kind[rng.integers(len(kind))] for kind in kinds], config)

    def batch(self, step: int) -> Batch:
        """Returns the batch of a step."""
        rng = np.random.default_rng(seed_for("judge-batch", str(self.config.seed), str(step)))
        lengths, count = self.config.lengths_s, self.config.object_pairs
        length = round(lengths[step % len(lengths)] * RATE_HZ)
        first = step * max(1, count // _STEPS_HEARD)
        pairs = [self.order[(first + place) % len(self.order)] for place in range(count)]
        sounds = [scene_sound(scene, length, rng) for pair in pairs for scene in pair]
        sounds += [
            general_sound(str(rng.choice(list(GENERAL))), length, rng) for _ in range(self.config.general_sounds)
        ]
        return collate(sounds, [changed(sound.audio_T, rng) for sound in sounds])


def corpus(config: JudgeTrainConfig) -> list[Scene]:
    """Returns the scenes that training and test are made of, half of them as in videos."""
    half = config.corpus_scenes // 2
    return [
        *make_scenes(half, has_video=True, seed=config.corpus_seed),
        *make_scenes(config.corpus_scenes - half, has_video=False, seed=config.corpus_seed),
    ]


def collate(sounds: Sequence[LabelledSound], audio: Sequence[np.ndarray]) -> Batch:
    """Returns the batch of sounds of one length; `audio` is what is heard in place of each sound's own."""
    frames = frame_count(len(audio[0]))
    identities = {identity: number for number, identity in enumerate(dict.fromkeys(s.identity for s in sounds))}
    return Batch(
        torch.from_numpy(np.stack(audio)),
        torch.tensor([sound.label for sound in sounds]),
        torch.tensor([identities[sound.identity] for sound in sounds]),
        torch.stack([event_map(sound.times_s, frames) for sound in sounds]),
        torch.tensor([_log2(sound.pitch_hz) for sound in sounds]),
        torch.tensor([_log2(sound.distance_m) for sound in sounds]),
    )


def frame_count(length: int) -> int:
    """Returns the network's event frames of so many samples."""
    frames = length // HOP
    for _ in range(2):
        frames = -(-frames // 2)
    return frames


def event_map(times_s: Sequence[float] | None, frames: int) -> Tensor:
    """Returns events per frame (E,), each shared between the two nearest frames; NaN where they are unknown."""
    if times_s is None:
        return torch.full((frames,), math.nan)
    events_E = torch.zeros(frames)
    for time_s in times_s:
        place = min(max(0.0, time_s / EVENT_FRAME_S), frames - 1)
        first = min(int(place), frames - 1)
        share = place - first
        events_E[first] += 1 - share
        events_E[min(first + 1, frames - 1)] += share
    return events_E


def _log2(value: float | None) -> float:
    return math.nan if value is None else math.log2(value)
