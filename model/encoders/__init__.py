"""Encoders by name: the published ones, and small embedded placeholders, marked as such in their specs.

No encoder is replaced by another: an unknown name is a UsageError, a published one without its files is a WeightsError
that says where they come from. `NAME:PATH` reads a published encoder from your own files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import torch

from data_contracts import UsageError
from model.encoders.efficientnet import EfficientNetLite0
from model.encoders.minilm import MiniLM
from model.encoders.motion import Motion
from model.encoders.protocols import ImageEncoder, SyncEncoder, TextEncoder
from model.weights.locate import require

EncoderT = TypeVar("EncoderT")
Device = torch.device | str
Load = Callable[[str, Device], EncoderT]
"""Takes the path (empty: the downloaded files) and the device."""


def load_text_encoder(name: str, device: Device = "cpu") -> TextEncoder:
    """Returns a text encoder. Raises UsageError (unknown name) or WeightsError (not loadable). Source: SPEC M6."""
    return _load("text_encoder", name, device, TEXT_ENCODERS)


def load_image_encoder(name: str, device: Device = "cpu") -> ImageEncoder:
    """Returns a visual semantics encoder. Raises as `load_text_encoder`. Source: SPEC M7."""
    return _load("image_encoder", name, device, IMAGE_ENCODERS)


def load_sync_encoder(name: str, device: Device = "cpu") -> SyncEncoder:
    """Returns a synchronisation encoder. Raises as `load_text_encoder`. Source: SPEC M8."""
    return _load("sync_encoder", name, device, SYNC_ENCODERS)


def _clip_text(path: str, device: Device) -> TextEncoder:
    from model.encoders.clip import ClipText

    return ClipText.load(_clip_folder(path), device)


def _clip_image(path: str, device: Device) -> ImageEncoder:
    from model.encoders.clip import ClipImage

    return ClipImage.load(_clip_folder(path), device)


def _synchformer(path: str, device: Device) -> SyncEncoder:
    from model.encoders.synchformer import Synchformer

    return Synchformer.load(Path(path) if path else require("synchformer")[0], device)


def _clip_folder(path: str) -> Path:
    return Path(path) if path else require("clip-dfn5b")[0].parent


TEXT_ENCODERS: Final[Mapping[str, Load[TextEncoder]]] = {
    "minilm": lambda _path, _device: MiniLM.load(),
    "clip-dfn5b": _clip_text,
}
IMAGE_ENCODERS: Final[Mapping[str, Load[ImageEncoder]]] = {
    "efficientnet_lite0": lambda _path, _device: EfficientNetLite0.load(),
    "clip-dfn5b": _clip_image,
}
SYNC_ENCODERS: Final[Mapping[str, Load[SyncEncoder]]] = {
    "motion": lambda _path, _device: Motion(),
    "synchformer": _synchformer,
}
EMBEDDED: Final = ("minilm", "efficientnet_lite0", "motion")


def _load(kind: str, name: str, device: Device, known: Mapping[str, Load[EncoderT]]) -> EncoderT:
    asked, _, path = name.partition(":")
    asked = asked if asked in known else asked.replace("_", "-")
    if asked not in known or (path and asked in EMBEDDED):
        names = ", ".join(sorted(known))
        raise UsageError(f"{kind} {name!r} is unknown; known names: {names}; or clip-dfn5b:PATH, synchformer:PATH")
    return known[asked](path, device)


__all__ = [
    "ImageEncoder",
    "SyncEncoder",
    "TextEncoder",
    "load_image_encoder",
    "load_sync_encoder",
    "load_text_encoder",
]
