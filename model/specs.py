"""Names, sizes and rates of codecs and encoders; every sequence length is derived here.

Legend: N audio latent frames, F latent channels, V video frames, S sync positions, L text tokens, D feature width.
A feature file and a checkpoint both carry these specs; `require_same` refuses to mix them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from data_contracts import MismatchError


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSpec:
    """An audio codec with a Gaussian latent (SPEC M2). `std_form` says how the file stores the deviation."""

    name: str
    sample_rate_hz: int
    channels: int
    hop: int
    latent_dim: int
    std_form: Literal["exp_half_logvar", "softplus", "constant", "none"]
    weights_sha256: str
    placeholder: bool  # an embedded default, not one of the paper's components; labelled in every artifact

    @property
    def frame_rate_hz(self) -> float:
        """Latent frames per second."""
        return self.sample_rate_hz / self.hop

    def frames(self, duration_s: float) -> int:
        """Returns N for a duration, rounded up to whole frames."""
        return math.ceil(round(duration_s * self.sample_rate_hz) / self.hop)

    def samples(self, duration_s: float) -> int:
        """Returns the padded sample count that gives exactly `frames(duration_s)` frames."""
        return self.frames(duration_s) * self.hop


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """Token states of a text encoder (SPEC M6): `tokens` x `dim`, zero-padded."""

    name: str
    tokens: int
    dim: int
    weights_sha256: str
    placeholder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """Per-frame visual semantics (SPEC M7) at `rate_hz` frames per second."""

    name: str
    rate_hz: float
    dim: int
    weights_sha256: str
    placeholder: bool

    def length(self, duration_s: float) -> int:
        """Returns V."""
        return int(self.rate_hz * duration_s + 1e-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSpec:
    """Synchronisation features (SPEC M8) from video at `fps`.

    `segment`=1: one feature per frame. `segment`=16, `step`=8, `per_segment`=8: Synchformer's overlapping windows.
    """

    name: str
    dim: int
    weights_sha256: str
    placeholder: bool
    fps: float = 25.0
    segment: int = 1
    step: int = 1
    per_segment: int = 1

    def length(self, duration_s: float) -> int:
        """Returns S of a training clip: the segments that lie wholly inside, as in MMAudio."""
        frames = int(self.fps * duration_s + 1e-6)
        return self.per_segment * max(0, (frames - self.segment) // self.step + 1)

    def covering_frames(self, duration_s: float) -> int:
        """Returns the least number of video frames whose segments reach the end of a duration, to half a frame.

        Less than one step of them lies after the end: the video's next frames, or its last one repeated. Zero for a
        duration below one segment.
        """
        frames = math.floor(self.fps * duration_s + 0.5 + 1e-6)
        if frames < self.segment:
            return 0
        return self.segment + self.step * -(-(frames - self.segment) // self.step)

    def covering_length(self, duration_s: float) -> int:
        """Returns the positions of `covering_frames`; at most one segment more than `length`."""
        return self.length(self.covering_frames(duration_s) / self.fps)

    def covered_s(self, positions: int) -> float:
        """Returns the seconds of video that so many positions are made of."""
        return (self.segment + self.step * (positions // self.per_segment - 1)) / self.fps

    def fits(self, duration_s: float) -> bool:
        """Whether whole segments end where a duration does, to half a frame: Synchformer's at multiples of 0.32 s."""
        return abs(self.covering_frames(duration_s) / self.fps - duration_s) <= 0.5 / self.fps + 1e-6


class SyncPart(NamedTuple):
    """One video's positions among the sync features, and the audio frames that read them.

    `positions` are spread evenly over `covered` frames, of which the part has the first `frames`.
    """

    positions: int
    covered: int
    frames: int


ComponentSpec = CodecSpec | TextSpec | ClipSpec | SyncSpec


def same_component(a: ComponentSpec, b: ComponentSpec) -> bool:
    """Tells whether two specs name one component: equal in all, and in the weights' hash where both have one.

    A checkpoint from another project names its codec and encoders without their hashes ("").
    """
    if "" in (a.weights_sha256, b.weights_sha256):
        a, b = (dataclasses.replace(one, weights_sha256="") for one in (a, b))
    return a == b


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpecs:
    """The codec and the three encoders whose features a model is trained on."""

    codec: CodecSpec
    text: TextSpec
    clip: ClipSpec
    sync: SyncSpec

    def sync_part(self, positions: int, frames: int) -> SyncPart:
        """Returns where the sync features of one video lie on its `frames` audio frames. Source: SPEC M8.

        Features that reach past the end are cut there; those that end before it are spread over all frames (MMAudio).
        """
        return SyncPart(positions, max(frames, self.codec.frames(self.sync.covered_s(positions))), frames)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values, as stored in feature headers and checkpoints."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuilds the specs from `to_dict`'s values."""
        return cls(
            codec=CodecSpec(**values["codec"]),
            text=TextSpec(**values["text"]),
            clip=ClipSpec(**values["clip"]),
            sync=SyncSpec(**values["sync"]),
        )

    def require_same(self, other: FeatureSpecs, mine: str, theirs: str) -> None:
        """Raises MismatchError naming the first component that differs."""
        for name in ("codec", "text", "clip", "sync"):
            a, b = getattr(self, name), getattr(other, name)
            if not same_component(a, b):
                raise MismatchError(
                    f"{name}: {mine} uses {a.name} ({a.weights_sha256[:12]}), {theirs} uses {b.name} "
                    f"({b.weights_sha256[:12]}); precompute the features with the encoders the model was trained with"
                )

    def placeholders(self) -> list[str]:
        """Returns the names of the components that are embedded placeholders."""
        return [one.name for one in (self.codec, self.text, self.clip, self.sync) if one.placeholder]
