"""Settings of the precompute stage (SPEC T3): which codec and encoders."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tasks.engine.quality import AcceptedShare
from tasks.engine.settings import Device, StageConfig


class PrecomputeConfig(StageConfig):
    """The codec and encoders are chosen by the names in `model.codec` and `model.encoders`."""

    NOT_IN_RESULTS: ClassVar[frozenset[str]] = frozenset({"device", "accept_quarantined"})  # how fast, and how many

    codec: str = Field("embedded_16k", description="codec name (docs/parts.md), NAME:PATH, or a codec's file")
    text_encoder: str = Field("minilm", description="text encoder: minilm, clip-dfn5b, clip-dfn5b:FOLDER")
    image_encoder: str = Field("efficientnet_lite0", description="visual semantics: efficientnet_lite0, clip-dfn5b")
    sync_encoder: str = Field("motion", description="synchronisation: motion, synchformer, synchformer:FILE")
    device: Device = Field("auto", description="where published components compute: auto, cpu, cuda, cuda:1")
    accept_quarantined: AcceptedShare = Field(
        0.1, description="largest share of manifest rows that may be quarantined; past it the stage fails"
    )
    dtype: Literal["fp16", "bf16"] = Field("fp16", description="how features are stored; bf16: a wider range")
    clip_s: float = Field(8.0, gt=0.5, le=30, description="every clip is padded or cut to this length")
