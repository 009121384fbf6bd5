"""The true audio of a manifest's rows and the codec's round trip of it, each made once while it is in use.

Legend: T samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import torch

from data_contracts import ManifestRow
from model.codec import Codec
from tasks.engine.workspace import Workspace
from tasks.evaluate.attributes import Attributes, measure
from tasks.evaluate.clip_metrics import window
from tasks.evaluate.material import Vector, mfcc_statistics
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

_KEPT: Final = 64  # clips in memory


class Recordings:
    """Audio (T,) at the codec's rate, padded or cut to the clip length."""

    def __init__(self, workspace: Workspace, manifest: Mapping[str, ManifestRow], codec: Codec, clip_s: float) -> None:
        self.rate_hz = codec.spec.sample_rate_hz
        self._workspace, self._manifest, self._codec, self._clip_s = workspace, manifest, codec, clip_s
        self.audio = lru_cache(_KEPT)(self._audio)
        self.round_trip = lru_cache(_KEPT)(self._round_trip)
        self.mfcc = lru_cache(None)(self._mfcc)
        self.attributes = lru_cache(None)(self._attributes)

    def _audio(self, item_id: str) -> Samples:
        """Returns a row's true audio."""
        path = self._workspace.path(self._manifest[item_id].audio_path)
        samples_T, _ = read_audio(path, rate_hz=self.rate_hz)
        return window(samples_T, self.rate_hz, 0.0, self._clip_s)

    def _round_trip(self, item_id: str) -> Samples:
        """Returns what the codec makes of a row's audio: no model that ends in this codec can do better."""
        samples_T = self.audio(item_id)
        padded_T = np.pad(samples_T, (0, -len(samples_T) % self._codec.spec.hop))
        mean_1NF, _ = self._codec.encode(torch.from_numpy(padded_T)[None])
        decoded_T: Samples = self._codec.decode(mean_1NF)[0].cpu().numpy()[: len(samples_T)]
        return decoded_T

    def _mfcc(self, item_id: str, by_codec: bool = False) -> Vector | None:
        """Returns the MFCC statistics of a row's audio, or of its round trip; None of silent audio."""
        return mfcc_statistics(self.round_trip(item_id) if by_codec else self.audio(item_id), self.rate_hz)

    def _attributes(self, item_id: str) -> Attributes:
        """Returns the attributes that adverbs are judged by."""
        return measure(self.audio(item_id), self.rate_hz)
