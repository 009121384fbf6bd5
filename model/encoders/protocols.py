"""The encoders' interfaces: a `spec` that names the encoder and its weights, and one `encode`.

Legend: B batch, T frames, H height, W width, C = 3 colours, L text tokens, S sync positions, D feature width.
Encoders are frozen and deterministic: equal input gives equal bits, whatever else is in the batch. They return float32
tensors on the CPU, whichever device they compute on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from model.frames import Fit, Frames
from model.specs import ClipSpec, SyncSpec, TextSpec


class TextEncoder(Protocol):
    """Token states of texts (SPEC M6)."""

    @property
    def spec(self) -> TextSpec:
        """Name, sizes and the hash of the weights."""

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns (B, L, D) float32 of texts cut to L tokens. Rows after the last token are zeros, or states of the
        padding for CLIP, which was trained without a mask."""

    def token_count(self, text: str) -> int:
        """Returns how many tokens a text has, marks of start and end included; what is past L is not encoded."""


class ImageEncoder(Protocol):
    """Per-frame visual semantics (SPEC M7)."""

    @property
    def spec(self) -> ClipSpec:
        """Name, rate, width and the hash of the weights."""

    @property
    def size(self) -> int:
        """Height and width of the frames it takes, in pixels."""

    @property
    def fit(self) -> Fit:
        """How a frame becomes `size` x `size` pixels."""

    def encode(self, frames_BHWC: Frames) -> torch.Tensor:
        """Returns (B, D) float32 of RGB frames, uint8. Raises ContractError on another shape or type."""


class SyncEncoder(Protocol):
    """Synchronisation features of consecutive frames (SPEC M8)."""

    @property
    def spec(self) -> SyncSpec:
        """Name, frame rate, segmenting, width and the hash of the weights (or of the definition)."""

    @property
    def size(self) -> int:
        """Height and width of the frames it takes, in pixels."""

    @property
    def fit(self) -> Fit:
        """How a frame becomes `size` x `size` pixels."""

    def encode(self, frames_THWC: Frames) -> torch.Tensor:
        """Returns (S, D) float32 of RGB frames, uint8, at `spec.fps`. Raises ContractError on another shape or type."""
