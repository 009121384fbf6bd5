"""Names, sizes and rates of codecs and encoders; every sequence length is derived here.

Legend: N audio latent frames, F latent channels, V video frames, S sync positions, L text tokens, D feature width.
A feature file and a checkpoint both carry these specs; `require_same` refuses to mix them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, Self

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
        """Returns S."""
        frames = int(self.fps * duration_s + 1e-6)
        return self.per_segment * max(0, (frames - self.segment) // self.step + 1)


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
