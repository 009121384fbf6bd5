"""The judges `labels-corpus-cnn` and `labels-mn04`: audio, video and text compared by the words for what is in them.

Legend: T samples, F frames, H = W pixels, C = 3 colours, K classes, D = 384 features.
Audio becomes the names of an audio judge's likeliest classes, video the names of EfficientNet-Lite0's (ImageNet), text
stays as it is; MiniLM makes an embedding of each. What has no name in the two lists is not
compared at all: neither ImageNet nor the audio judges' classes know how fast, loud or far something is. It is no CLAP
and no ImageBind; docs/evaluation.md has its measured accuracy. Source: SPEC E1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor
from torch.nn import functional

from model.encoders.efficientnet import SHA256 as IMAGE_SHA256
from model.encoders.efficientnet import load_network, pixels
from model.encoders.minilm import SHA256 as TEXT_SHA256
from model.encoders.minilm import MiniLM
from model.frames import Fit, Frames
from model.judges.checks import check_video
from model.judges.protocols import AudioJudge, JudgeSpec, Outputs
from model.judges.silence import is_silent

TOP: Final = 10
"""How many of an input's likeliest labels are used, weighted by their probabilities."""


@dataclass(frozen=True)
class LabelJudge:
    """Make one with `LabelJudge.load`. `exclusive`: whether the audio judge's classes exclude each other (softmax).

    The names' embeddings cost more than loading the judge, so each list is made when it is first asked for.
    """

    audio: AudioJudge
    text: MiniLM
    image: Any
    exclusive: bool
    spec: JudgeSpec
    size: ClassVar[int] = 224
    fit: ClassVar[Fit] = "crop"

    @classmethod
    def load(cls, audio: AudioJudge, *, exclusive: bool) -> Self:
        """Puts the judge together from an audio judge with named classes. Raises WeightsError without the others."""
        text = MiniLM.load()
        hashes = (audio.spec.weights_sha256, TEXT_SHA256, IMAGE_SHA256)
        spec = replace(
            audio.spec,
            name=f"labels-{audio.spec.name}",
            weights_sha256=hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
            kinds=frozenset({"audio", "video", "text"}),
            fps=1.0,
            classes=(),
        )
        return cls(audio, text, load_network(cls.size), exclusive, spec)

    @cached_property
    def audio_names_KD(self) -> Tensor:  # noqa: N802 (shape suffix)
        """The embeddings of the audio judge's classes."""
        return self.text.sentences(self.audio.spec.classes)

    @cached_property
    def image_names_KD(self) -> Tensor:  # noqa: N802
        """The embeddings of ImageNet's classes."""
        return self.text.sentences(imagenet_labels())

    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns the `embedding` (D) of what is heard, zero for silence. Raises as `AudioJudge.judge_audio`."""
        heard = self.audio.judge_audio(sounds, seeds=seeds)
        names = [named(self._shares(one["logits"]), self.audio_names_KD) for one in heard]
        return [
            {"embedding": torch.zeros_like(name_D) if is_silent(sound) else name_D}
            for sound, name_D in zip(sounds, names, strict=True)
        ]

    @torch.inference_mode()
    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        """Returns the `embedding` (D) of what is seen, at one frame per second. Raises as `VideoJudge.judge_video`."""
        check_video(self.spec, frames_FHWC, self.size, least=1)
        seen = [self.image(pixels(frame_HWC[None]))[0].softmax(0) for frame_HWC in frames_FHWC]
        return {"embedding": named(torch.stack(seen).mean(0), self.image_names_KD)}

    def judge_text(self, texts: Sequence[str]) -> list[Outputs]:
        """Returns the `embedding` (D) of each text."""
        return [{"embedding": embedding_D} for embedding_D in self.text.sentences(texts)]

    def _shares(self, logits_K: Tensor) -> Tensor:
        return logits_K.softmax(0) if self.exclusive else logits_K.sigmoid()


def named(share_K: Tensor, names_KD: Tensor) -> Tensor:
    """Returns the embedding (D), of unit length: the mean of the likeliest labels' names, weighted by their shares."""
    share, place = share_K.topk(min(TOP, len(share_K)))
    return functional.normalize(share @ names_KD[place], dim=0)


def imagenet_labels() -> tuple[str, ...]:
    """Returns the names of ImageNet's 1000 classes, by number."""
    lines = Path(__file__).with_name("imagenet_labels.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))
