"""CLIP DFN5B ViT-H/14: token states of text (SPEC M6), one vector per video frame (SPEC M7).

Legend: B texts or frames, L = 77 tokens, D = 1024, H height, W width, C = 3 colours.
As MMAudio uses them. Text: ids padded with 0, no attention mask but the causal one, states after the final layer norm,
each token of unit length. Video: 8 frames per second squashed to 384 x 384 (bicubic), of which the network uses the
upper left 378 x 378, a multiple of its patch size 14; the projected vector, of unit length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from model.codec.torchaudio_shim import prepare_torchaudio  # transformers imports torchaudio, too
from model.devices import half_precision
from model.encoders.checks import check_frames
from model.encoders.clip_files import read_clip_files
from model.encoders.clip_tokens import ClipTokens
from model.frames import Fit, Frames
from model.specs import ClipSpec, TextSpec
from model.weights.digests import digest
from model.weights.files import build

NAME: Final = "clip-dfn5b"
RATE_HZ: Final = 8.0
MARGIN: Final = 6  # MMAudio's frames are 384 wide, the network's input 378
_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_TEXTS_AT_ONCE: Final = 8  # a fixed number, so that a text's bits do not depend on the other texts
_FRAMES_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class ClipText:
    """Token states of CLIP's text tower; make one with `ClipText.load`."""

    network: Any
    tokens: ClipTokens
    spec: TextSpec
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu", name: str = NAME) -> Self:
        """Loads a folder in open_clip's or transformers' layout. Raises WeightsError as `read_clip_files`."""
        prepare_torchaudio()
        from transformers import CLIPTextConfig, CLIPTextModel

        files = read_clip_files(folder)
        network = build(lambda: CLIPTextModel(CLIPTextConfig(**files.text)), files.tower("text"), files.weights)
        length = int(files.text["max_position_embeddings"])
        tokens = ClipTokens.load(folder, length, int(files.text["vocab_size"]))
        spec = TextSpec(
            name=name,
            tokens=length,
            dim=int(files.text["hidden_size"]),
            weights_sha256=digest(files.weights),
            placeholder=not files.is_dfn5b,
        )
        return cls(_placed(network, device), tokens, spec, torch.device(device))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns (B, L, D) float32, each token of unit length, padding included: CLIP was trained without a mask."""
        if not texts:
            return torch.zeros(0, self.spec.tokens, self.spec.dim)
        at_once = _TEXTS_AT_ONCE if self.device.type == "cuda" else 1
        ids_BL = self.tokens([*texts, *[""] * (-len(texts) % at_once)]).to(self.device)
        states = [functional.normalize(self._states(part), dim=-1) for part in torch.split(ids_BL, at_once)]
        return torch.cat(states)[: len(texts)].cpu()

    def token_count(self, text: str) -> int:
        """Returns how many tokens a text has, marks of start and end included."""
        return self.tokens.count(text)

    def _states(self, ids_BL: torch.Tensor) -> torch.Tensor:
        with half_precision(self.device):
            states_BLD: torch.Tensor = self.network(input_ids=ids_BL).last_hidden_state
        return states_BLD.float()


@dataclass(frozen=True, slots=True)
class ClipImage:
    """One vector per frame from CLIP's vision tower; make one with `ClipImage.load`."""

    network: Any
    image_size: int
    spec: ClipSpec
    device: torch.device
    fit: ClassVar[Fit] = "squash"

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu", name: str = NAME) -> Self:
        """Loads a folder in open_clip's or transformers' layout. Raises WeightsError as `read_clip_files`."""
        prepare_torchaudio()
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        files = read_clip_files(folder)
        config = CLIPVisionConfig(**files.vision)
        network = build(lambda: CLIPVisionModelWithProjection(config), files.tower("vision"), files.weights)
        spec = ClipSpec(
            name=name,
            rate_hz=RATE_HZ,
            dim=files.embed,
            weights_sha256=digest(files.weights),
            placeholder=not files.is_dfn5b,
        )
        return cls(_placed(network, device), int(files.vision["image_size"]), spec, torch.device(device))

    @property
    def size(self) -> int:
        """Frames are `size` x `size` pixels: 384."""
        return self.image_size + MARGIN

    @torch.inference_mode()
    def encode(self, frames_BHWC: Frames) -> torch.Tensor:
        """Returns (B, D) float32 of unit length. Raises ContractError unless frames are uint8 (B, 384, 384, 3)."""
        check_frames(frames_BHWC, self.size, self.spec.name)
        starts = range(0, len(frames_BHWC), _FRAMES_AT_ONCE)
        vectors = [self._vectors(frames_BHWC[start : start + _FRAMES_AT_ONCE]) for start in starts]
        return functional.normalize(torch.cat(vectors), dim=-1).cpu()

    def _vectors(self, frames_BHWC: Frames) -> torch.Tensor:
        inner = np.ascontiguousarray(frames_BHWC[:, : self.image_size, : self.image_size])
        pixels = torch.from_numpy(inner).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(values, device=self.device)[:, None, None] for values in (_MEAN, _STD))
        with half_precision(self.device):
            vectors_BD: torch.Tensor = self.network(pixel_values=(pixels - mean) / std).image_embeds
        return vectors_BD.float()


def _placed(network: nn.Module, device: torch.device | str) -> nn.Module:
    """Fills the position buffers, which no file has, and moves the network."""
    for module in network.modules():
        numbers = getattr(module, "position_ids", None)
        if isinstance(numbers, torch.Tensor) and numbers.is_meta:
            module.position_ids = torch.arange(numbers.shape[-1])[None]
    return network.to(device)
