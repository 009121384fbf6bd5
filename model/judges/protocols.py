"""The judges' interfaces: frozen networks that give embeddings, logits or scores of audio, video and text.

Legend: T samples, F frames, H height, W width, C = 3 colours, D feature width, K classes, P patches, S segments.
Judges are deterministic: equal input gives equal bits on one device, whatever else is in the call. Where the original
crops at random, the crop follows from `seeds`. They return float32 tensors on the CPU, wherever they compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch

from data_contracts.errors import ContractError
from model.frames import Fit, Frames

Kind = Literal["audio", "video", "text"]
Loading = Literal["centred", "plain", "librosa", "whole"]
"""How a judge's original loads a file. centred: the file's mean is taken off before it is resampled, then it is cut to
the evaluated length; plain: it is only cut; librosa: likewise, but librosa resamples it in place of torchaudio;
whole: the original takes the whole file."""
Outputs = Mapping[str, torch.Tensor]
"""A judge's outputs for one input, by name: `embedding` (D) or (P, D), `logits` (K), `segments` (S, 8 or 6, D),
`axes` (K)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """What a judge is. `weights_sha256` names the weights; `embedded` ones come with this project or with a package
    that it installs, and never carry the name of a published judge. `classes`: the labels of `logits`. `loading`: how
    `model.judges.sounds.prepare` loads a file for it."""

    name: str
    weights_sha256: str
    embedded: bool
    kinds: frozenset[Kind]
    licence: str
    is_commercial: bool
    rate_hz: int | None = None
    fps: float | None = None
    classes: tuple[str, ...] = ()
    loading: Loading = "plain"

    def require(self, kind: Kind) -> None:
        """Raises ContractError when the judge does not take this kind of input."""
        if kind not in self.kinds:
            raise ContractError(f"judge {self.name}: takes {', '.join(sorted(self.kinds))}, not {kind}")


class Judge(Protocol):
    """Any judge."""

    @property
    def spec(self) -> JudgeSpec:
        """Name, weights, licence and what it takes."""


@runtime_checkable
class AudioJudge(Judge, Protocol):
    """Takes audio."""

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns the outputs for each sound (T) float32, mono, at `spec.rate_hz`, of any length.

        `seeds`: one per sound. Raises ItemError (`too_short`) for a sound shorter than the judge can take, and
        ContractError for another shape, type or a value that is not finite.
        """


@runtime_checkable
class VideoJudge(Judge, Protocol):
    """Takes videos."""

    @property
    def size(self) -> int:
        """Height and width of the frames it takes, in pixels."""

    @property
    def fit(self) -> Fit:
        """How a frame becomes `size` x `size` pixels."""

    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        """Returns the outputs for RGB frames, uint8, at `spec.fps`. Raises as `AudioJudge.judge_audio`."""


@runtime_checkable
class TextJudge(Judge, Protocol):
    """Takes texts."""

    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        """Returns the outputs for each text."""
