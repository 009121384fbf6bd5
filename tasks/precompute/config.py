"""Settings of the precompute stage (SPEC T3): which codec and encoders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.settings import StageConfig


class PrecomputeConfig(StageConfig):
    """Names are looked up in `model.codec` and `model.encoders`."""

    codec: str = Field("embedded_16k", description="codec name, or the path of a codec's safetensors")
    text_encoder: str = Field("minilm", description="text encoder name")
    image_encoder: str = Field("efficientnet_lite0", description="visual semantics encoder name")
    sync_encoder: str = Field("motion", description="synchronisation encoder name")
    dtype: Literal["fp16", "bf16"] = Field("fp16", description="how features are stored; bf16: range before precision")
    clip_s: float = Field(8.0, gt=0.5, le=30, description="every clip is padded or cut to this length")
