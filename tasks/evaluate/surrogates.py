"""Synchronisation features of the surrogate video: what is placed before the target's video when a reference is given.

Source: SPEC G4 (cropped target), G8 (blank, repeated, true). Made from stored features; no video is decoded again.
Legend: S sync positions, D width.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from data_contracts import ItemError, UsageError
from model.encoders import load_sync_encoder
from model.features import FeatureStore
from model.variants import Surrogate
from tasks.evaluate.components import made_by

_REPEATED_S: Final = 2.0  # SPEC G8: the first two seconds of the target


class Surrogates:
    """Makes surrogates of one kind from a feature store; a blank video is encoded on `device`."""

    def __init__(self, kind: Surrogate, store: FeatureStore, device: torch.device) -> None:
        self.kind, self.store, self.device = kind, store, device

    def sync(self, target: int, reference: int | None, *, from_s: float, duration_s: float) -> torch.Tensor:
        """Returns (S, D) for `duration_s`. `target`, `reference`: rows of the store's videos; `from_s`: where the
        reference starts in its own video.

        Raises ItemError for `true` without a reference video, UsageError for features that cannot be cut.
        """
        length = self.store.specs.sync.covering_length(duration_s)
        if self.kind == "blank":
            return self._blank(duration_s)
        if self.kind == "true":
            if reference is None:
                raise ItemError("no_video", "the reference has no video, which the surrogate `true` needs")
            return self._slice(reference, from_s, length)
        features_SD = self.store.sync([target])[0]
        if self.kind == "repeat":
            self._require_frames()
            beginning = features_SD[: self.store.specs.sync.length(_REPEATED_S)]
            return beginning.repeat(-(-length // len(beginning)), 1)[:length]
        return features_SD[:length]

    def _slice(self, video: int, from_s: float, length: int) -> torch.Tensor:
        features_SD = self.store.sync([video])[0]
        start = 0
        if from_s > 0:
            self._require_frames()
            start = min(round(from_s * self.store.specs.sync.fps), max(0, len(features_SD) - length))
        return features_SD[start : start + length]

    def _require_frames(self) -> None:
        spec = self.store.specs.sync
        if spec.segment != 1:
            raise UsageError(
                f"surrogate {self.kind}: features of {spec.name} cover {spec.segment} frames each and cannot be cut; "
                "use variant full or mmaudio-s1, or `foleygenex generate`, which encodes the video itself"
            )

    def _blank(self, duration_s: float) -> torch.Tensor:
        encoder = load_sync_encoder(made_by(self.store).sync_encoder, self.device)
        frames = encoder.spec.covering_frames(duration_s)
        return encoder.encode(np.zeros((frames, encoder.size, encoder.size, 3), np.uint8))
