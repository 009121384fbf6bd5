"""Small replacements of MMAudio's codec and text encoder, under the published specs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.paper_specs import CLIP_TEXT, CODECS


@dataclass(frozen=True)
class PublishedCodec:
    """Decodes a frame to its first channel, held."""

    spec = CODECS["mmaudio-44k"]

    def to(self, _device: object) -> PublishedCodec:
        """Stays where it is."""
        return self

    def decode(self, latent_BNF: Tensor) -> Tensor:
        return 0.01 * latent_BNF[..., 0].repeat_interleave(self.spec.hop, dim=-1)


@dataclass(frozen=True)
class PublishedText:
    """Ones for every text."""

    spec = CLIP_TEXT

    def encode(self, texts: Sequence[str]) -> Tensor:
        return torch.ones(len(texts), self.spec.tokens, self.spec.dim)

    def token_count(self, text: str) -> int:
        return len(text.split())
