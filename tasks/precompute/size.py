"""What features take on disk and in time, from the chosen encoders' own sizes (SPEC T3); for `foleygenex plan`.

Bytes are exact: a record's shape follows from the specs and the clip's length, and the files have nothing else in them.
Hours are known only for components whose speed was measured on a named device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from data_contracts import UsageError, WeightsError
from data_contracts.quantities import duration_text, size_text
from model.features import field_shapes
from model.paper_specs import CLIP_IMAGE, CLIP_TEXT, CODECS, SYNCHFORMER
from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec
from model.storage import STORAGES
from tasks.precompute.config import PrecomputeConfig

# SPEC D1-D4: hours of video-to-audio and text-to-audio clips, and the augmented rows of the paper.
PAPER_VTA_HOURS: Final = 500
PAPER_TTA_HOURS: Final = 128 + 7_600
PAPER_AUGMENTED: Final = 88_370
_VGGSOUND_CLASSES: Final = 309


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Distinct audio files, videos and texts: each is stored once, however many rows use it."""

    audio: int
    videos: int
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many clips or texts per second a component encodes on one device, and where that was measured."""

    per_s: float
    device: str


@dataclass(frozen=True, slots=True)
class FeatureSize:
    """Bytes per record of each field."""

    record_bytes: Mapping[str, int]

    @classmethod
    def of(cls, specs: FeatureSpecs, clip_s: float, dtype: str) -> FeatureSize:
        """Returns the record sizes of encoders for clips of `clip_s` seconds, stored as `dtype`."""
        width = STORAGES[dtype].dtype.itemsize
        shapes = field_shapes(specs, clip_s)
        return cls(MappingProxyType({name: width * math.prod(shape) for name, shape in shapes.items()}))

    def by_field(self, counts: Counts) -> dict[str, int]:
        """Returns the bytes of latents (mean and deviation), visual semantics, sync features and texts."""
        one = self.record_bytes
        return {
            "latents": counts.audio * (one["latent_mean"] + one["latent_std"]),
            "clip": counts.videos * one["clip"],
            "sync": counts.videos * one["sync"],
            "text": counts.texts * one["text"],
        }

    def total(self, counts: Counts) -> int:
        """Returns all bytes."""
        return sum(self.by_field(counts).values())


def paper_counts(clip_s: float, *, paraphrases: int) -> Counts:
    """Returns the paper's data as clips of `clip_s`, at most: every hour used, all text-to-audio captions distinct."""
    vggsound = vggsound_counts(clip_s)
    audio = round(PAPER_TTA_HOURS * 3600 / clip_s) + PAPER_AUGMENTED
    texts = vggsound.texts + audio + PAPER_AUGMENTED * paraphrases
    return Counts(audio=vggsound.audio + audio, videos=vggsound.videos, texts=texts)


def vggsound_counts(clip_s: float) -> Counts:
    """Returns SPEC D1 as clips: 500 h with video, whose captions are 309 class labels."""
    clips = round(PAPER_VTA_HOURS * 3600 / clip_s)
    return Counts(audio=clips, videos=clips, texts=_VGGSOUND_CLASSES)


def planned_specs(config: PrecomputeConfig) -> FeatureSpecs:
    """Returns the specs of a config; published components need not be downloaded for it.

    Raises UsageError or WeightsError for a component that is neither published nor on this machine.
    """
    names = {name: _name(value) for name, value in config.model_dump().items() if isinstance(value, str)}
    return FeatureSpecs(
        codec=CODECS.get(names["codec"]) or _loaded_codec(config.codec),
        text=CLIP_TEXT if names["text_encoder"] == CLIP_TEXT.name else _loaded_text(config.text_encoder),
        clip=CLIP_IMAGE if names["image_encoder"] == CLIP_IMAGE.name else _loaded_clip(config.image_encoder),
        sync=SYNCHFORMER if names["sync_encoder"] == SYNCHFORMER.name else _loaded_sync(config.sync_encoder),
    )


def size_lines(
    config: PrecomputeConfig, counts: Counts, *, paraphrases: int, rates: Mapping[str, Rate] | None = None
) -> list[str]:
    """Returns the lines of `plan` on features: this corpus', the paper's at the same sizes, and the encoding time.

    When the sizes of a component are unknown, a line says so; nothing is guessed.
    """
    try:
        specs = planned_specs(config)
    except (UsageError, WeightsError) as error:
        return [f"features     size unknown: {error}"]
    size = FeatureSize.of(specs, config.clip_s, config.dtype)
    paper = paper_counts(config.clip_s, paraphrases=paraphrases)
    names = f"{specs.codec.name}, {specs.clip.name}, {specs.sync.name}, {specs.text.name}"
    return [
        f"features     at most {size_text(size.total(counts))} in {config.dtype}: {_split(size.by_field(counts))}",
        f"             by {names}; a clip with video {size.total(Counts(audio=1, videos=1, texts=1)):,} bytes",
        f"             the paper's data (SPEC D1-D4) at these sizes: at most {size_text(size.total(paper))} "
        f"({_split(size.by_field(paper))}); VGGSound alone {size_text(size.total(vggsound_counts(config.clip_s)))}",
        _time_line(counts, rates or {}),
    ]


def _time_line(counts: Counts, rates: Mapping[str, Rate]) -> str:
    work = {"latents": counts.audio, "clip": counts.videos, "sync": counts.videos, "text": counts.texts}
    parts = []
    for device in dict.fromkeys(rate.device for rate in rates.values()):
        times = [f"{n} {duration_text(work[n] / r.per_s)}" for n, r in rates.items() if r.device == device]
        parts.append(f"on one {device}: {', '.join(times)}")
    if unknown := [name for name in work if name not in rates]:
        parts.append(f"{', '.join(unknown)} unknown (no measured rate)")
    return f"encoding     {'; '.join(parts)}"


def _split(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size_text(size)}" for name, size in parts.items())


def _name(name: str) -> str:
    """Returns a component's name without the path that may follow it (`clip-dfn5b:PATH`)."""
    return name.partition(":")[0].replace("_", "-")


def _loaded_codec(name: str) -> CodecSpec:
    from model.codec import load_codec

    return load_codec(name).spec


def _loaded_text(name: str) -> TextSpec:
    from model.encoders import load_text_encoder

    return load_text_encoder(name).spec


def _loaded_clip(name: str) -> ClipSpec:
    from model.encoders import load_image_encoder

    return load_image_encoder(name).spec


def _loaded_sync(name: str) -> SyncSpec:
    from model.encoders import load_sync_encoder

    return load_sync_encoder(name).spec
