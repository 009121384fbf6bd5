"""Encoders by name (DESIGN section 5). The ones here are embedded stand-ins and say so in their spec.

A name is never replaced by another in silence: an unknown one is a UsageError, a production one that this release
cannot load is a WeightsError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from data_contracts import UsageError, WeightsError
from model.encoders.efficientnet import EfficientNetLite0
from model.encoders.minilm import MiniLM
from model.encoders.motion import Motion
from model.encoders.protocols import ImageEncoder, SyncEncoder, TextEncoder

EncoderT = TypeVar("EncoderT")

TEXT_ENCODERS: Final[Mapping[str, Callable[[], TextEncoder]]] = {"minilm": MiniLM.load}
IMAGE_ENCODERS: Final[Mapping[str, Callable[[], ImageEncoder]]] = {"efficientnet_lite0": EfficientNetLite0.load}
SYNC_ENCODERS: Final[Mapping[str, Callable[[], SyncEncoder]]] = {"motion": Motion}

PRODUCTION: Final[Mapping[str, str]] = {
    "clip_dfn5b": "apple/DFN5B-CLIP-ViT-H-14-384",
    "synchformer": "Synchformer 24-01-04T16-39-21",
}


def load_text_encoder(name: str) -> TextEncoder:
    """Returns a text encoder. Raises UsageError (unknown name) or WeightsError (not loadable). Source: SPEC M6."""
    return _load("text_encoder", name, TEXT_ENCODERS)


def load_image_encoder(name: str) -> ImageEncoder:
    """Returns a visual semantics encoder. Raises as `load_text_encoder`. Source: SPEC M7."""
    return _load("image_encoder", name, IMAGE_ENCODERS)


def load_sync_encoder(name: str) -> SyncEncoder:
    """Returns a synchronisation encoder. Raises as `load_text_encoder`. Source: SPEC M8."""
    return _load("sync_encoder", name, SYNC_ENCODERS)


def _load(kind: str, name: str, known: Mapping[str, Callable[[], EncoderT]]) -> EncoderT:
    if name in known:
        return known[name]()
    names = ", ".join(sorted(known))
    if name in PRODUCTION:
        raise WeightsError(
            f"{kind} {name!r} ({PRODUCTION[name]}) cannot be loaded by this release; set {kind} to one of: {names}"
        )
    raise UsageError(f"{kind} {name!r} is unknown; known names: {names}")


__all__ = [
    "ImageEncoder",
    "SyncEncoder",
    "TextEncoder",
    "load_image_encoder",
    "load_sync_encoder",
    "load_text_encoder",
]
