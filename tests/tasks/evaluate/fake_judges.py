"""Small judges for the tests of evaluation: fast, deterministic, of the interface that the real ones have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from data_contracts import ItemError
from model.frames import Fit, Frames
from model.judges.protocols import JudgeSpec, Kind, Outputs

SHORTEST_S = 0.2


@dataclass
class FakeJudge:
    """Hears 16 bands, whatever the gain; sees and reads the same width. `heard`: how many sounds it was asked about."""

    name: str = "corpus-cnn"
    kinds: frozenset[Kind] = frozenset({"audio"})
    rate_hz: int = 16_000
    weights_sha256: str = "a" * 64
    heard: list[int] = field(default_factory=list)
    size: int = 8
    fit: Fit = "crop"

    @property
    def spec(self) -> JudgeSpec:
        return JudgeSpec(
            name=self.name,
            weights_sha256=self.weights_sha256,
            embedded=True,
            kinds=self.kinds,
            licence="Apache-2.0",
            is_commercial=True,
            rate_hz=self.rate_hz,
            fps=4.0,
            classes=("speech", "music", "else", "other"),
        )

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        assert len(seeds) == len(sounds)
        if any(len(sound) < SHORTEST_S * self.rate_hz for sound in sounds):
            raise ItemError("too_short", f"judge {self.name}: a sound is shorter than {SHORTEST_S} s")
        self.heard.append(len(sounds))
        return [self._said(sound) for sound in sounds]

    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        return {"embedding": torch.full((16,), float(frames_FHWC.mean()) / 255 + 0.1)}

    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        return [{"embedding": torch.ones(16) * (1 + len(text))} for text in texts]

    def _said(self, sound: torch.Tensor) -> Outputs:
        spectrum = np.abs(np.fft.rfft(sound.numpy())) + 1e-4
        bands = np.log([part.mean() for part in np.array_split(spectrum, 16)])
        embedding = torch.tensor(bands - bands.mean() + 1.0, dtype=torch.float32)
        return {"embedding": embedding, "logits": embedding[:4] - embedding[4:8]}


__all__ = ["SHORTEST_S", "FakeJudge"]
