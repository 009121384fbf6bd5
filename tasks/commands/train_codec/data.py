"""Training segments of the codec: the built-in corpus (with another seed than the demo's) and general audio.

Legend: B segments, T samples. A step's batch depends on (seed, step) only, so a resumed run trains on the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.general_sounds import general_sound
from tasks.corpus.builtin import scene_audio
from tasks.corpus.scenes import make_scenes
from tasks.engine.workspace import seed_for


@dataclass(frozen=True, slots=True)
class Segments:
    """Rendered scenes (16 bit, to save memory) and the settings of the draw."""

    scenes: npt.NDArray[np.int16]
    config: CodecTrainConfig
    length: int  # samples per segment

    @classmethod
    def render(cls, config: CodecTrainConfig, hop: int) -> Self:
        """Renders the corpus scenes: half of the scenes as in videos (irregular), half as in text-audio clips."""
        half = config.corpus_scenes // 2
        scenes = [
            *make_scenes(half, has_video=True, seed=config.corpus_seed),
            *make_scenes(config.corpus_scenes - half, has_video=False, seed=config.corpus_seed),
        ]
        audio = [np.round(scene_audio(scene) * 32767).astype(np.int16) for scene in scenes]
        return cls(np.stack(audio), config, config.optimiser.segment_frames * hop)

    def batch(self, step: int) -> Tensor:
        """Returns the segments (B, T) of a step, float32 in -1..1."""
        rng = np.random.default_rng(seed_for("codec-batch", str(self.config.seed), str(step)))
        segments = [self._segment(rng) for _ in range(self.config.optimiser.batch_size)]
        return torch.from_numpy(np.stack(segments))

    def _segment(self, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        if rng.random() >= self.config.corpus_share:
            return general_sound(self.length, rng)
        rate = float(rng.uniform(0.65, 1.4)) if rng.random() < 0.3 else 1.0  # as the speed augmentation plays it
        scene_T = self.scenes[rng.integers(len(self.scenes))]
        need = int(self.length * rate) + 2
        start = int(rng.integers(0, len(scene_T) - need))
        crop_T = scene_T[start : start + need].astype(np.float32) / 32767
        if rate != 1.0:
            crop_T = np.interp(np.arange(self.length) * rate, np.arange(need), crop_T).astype(np.float32)
        factor = 10 ** (rng.uniform(-8, 8) / 20) * rng.choice((-1.0, 1.0))
        loud_T = crop_T[: self.length] * np.float32(factor)
        return loud_T / np.float32(max(1.0, float(np.max(np.abs(loud_T)))))
