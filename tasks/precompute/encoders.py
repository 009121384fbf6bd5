"""The codec and the three encoders of a run, loaded once per process, and the features of one clip (SPEC T3).

Legend: N audio latent frames, F latent channels, V video frames, S sync positions, L text tokens, D width, T samples.
Clips are encoded one by one: a batch would be a little faster, but its size changes the last bits, and a resumed run
must end with the same bytes. All frames of a clip are one batch. Embedded components compute on the CPU, published ones
on `precompute.device`. Threads share one copy; one decodes a video while another computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from model.codec import EMBEDDED, Codec, load_codec
from model.devices import choose_device
from model.encoders import (
    ImageEncoder,
    SyncEncoder,
    TextEncoder,
    load_image_encoder,
    load_sync_encoder,
    load_text_encoder,
)
from model.specs import FeatureSpecs
from model.storage import FP16, STORAGES, Storage, Values
from tasks.media.audio import read_audio
from tasks.media.frames import View, read_views
from tasks.media.samples import Samples
from tasks.precompute.config import PrecomputeConfig


@dataclass(frozen=True, slots=True)
class Encoders:
    """The codec and the three encoders that a config names, and how their features are stored."""

    codec: Codec
    text: TextEncoder
    image: ImageEncoder
    sync: SyncEncoder
    storage: Storage = FP16

    @property
    def specs(self) -> FeatureSpecs:
        """The specs that are stored with the features."""
        return FeatureSpecs(codec=self.codec.spec, text=self.text.spec, clip=self.image.spec, sync=self.sync.spec)


def load_encoders(config: PrecomputeConfig) -> Encoders:
    """Loads codec and encoders by name. Raises UsageError (unknown name) or WeightsError (missing or wrong weights)."""
    device = choose_device(config.device)
    codec = load_codec(config.codec)
    return Encoders(
        codec=codec if config.codec in EMBEDDED else codec.to(device),
        text=load_text_encoder(config.text_encoder, device),
        image=load_image_encoder(config.image_encoder, device),
        sync=load_sync_encoder(config.sync_encoder, device),
        storage=STORAGES[config.dtype],
    )


def read_clip(encoders: Encoders, path: Path, clip_s: float) -> Samples:
    """Returns the audio (T,) at the codec's rate, padded with silence or cut to `clip_s` in whole latent frames.

    Raises ItemError when the file cannot be read.
    """
    spec = encoders.codec.spec
    samples_T, _ = read_audio(path, rate_hz=spec.sample_rate_hz)
    length = spec.samples(clip_s)
    padded_T = np.zeros(length, np.float32)
    padded_T[: min(length, len(samples_T))] = samples_T[:length]
    return padded_T


def encode_audio(encoders: Encoders, samples_T: Samples) -> list[Values]:
    """Returns the latent's [mean (N, F), std (N, F)] as stored, of a clip from `read_clip`. Source: SPEC M2."""
    mean_1NF, std_1NF = encoders.codec.encode(torch.from_numpy(samples_T)[None])
    return [_stored(encoders, mean_1NF[0]), _stored(encoders, std_1NF[0])]


def encode_video(encoders: Encoders, path: Path, clip_s: float) -> list[Values]:
    """Returns [visual semantics (V, D), sync features (S, D)] as stored, of the first `clip_s`.

    Raises ItemError when the file cannot be read. Source: SPEC M7, M8.
    """
    image, sync = encoders.image, encoders.sync
    views = (View(image.spec.rate_hz, image.size, image.fit), View(sync.spec.fps, sync.size, sync.fit))
    images, frames = read_views(path, views, duration_s=clip_s)
    clip_VD = image.encode(images[: image.spec.length(clip_s)])
    return [_stored(encoders, clip_VD), _stored(encoders, sync.encode(frames))]


def encode_texts(encoders: Encoders, texts: Sequence[str]) -> list[Values]:
    """Returns token states (L, D) as stored, one array per text. Source: SPEC M6."""
    return [_stored(encoders, text_LD) for text_LD in encoders.text.encode(texts)]


def _stored(encoders: Encoders, values: torch.Tensor) -> Values:
    """Rounds to the values that the files store, so that a record file and a packed record are equal."""
    return encoders.storage.rounded(values.detach().cpu().float().numpy())
