"""Specs of the published codecs and encoders, known without their files: for plans, checks and network sizes.

The names are those of a config (`precompute.codec`, `text_encoder`, `image_encoder`, `sync_encoder`). A spec here has
no weights' hash (`NOT_LOADED`); the loaded component's spec has it and equals this one in everything else.
Source: SPEC M1, M2, M6-M8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec

NOT_LOADED: Final = ""


def _codec(
    name: str, rate_hz: int, channels: int, hop: int, dim: int, std_form: Literal["exp_half_logvar", "softplus"]
) -> CodecSpec:
    return CodecSpec(
        name=name,
        sample_rate_hz=rate_hz,
        channels=channels,
        hop=hop,
        latent_dim=dim,
        std_form=std_form,
        weights_sha256=NOT_LOADED,
        placeholder=False,
    )


CODECS: Final[Mapping[str, CodecSpec]] = {
    spec.name: spec
    for spec in (
        _codec("moss-dacvae", 48_000, 1, 960, 128, "exp_half_logvar"),
        _codec("tencent-dacvae", 48_000, 1, 960, 128, "exp_half_logvar"),
        _codec("meta-dacvae", 48_000, 1, 1920, 128, "softplus"),
        _codec("mmaudio-44k", 44_100, 1, 1024, 40, "exp_half_logvar"),
        _codec("mmaudio-16k", 16_000, 1, 512, 20, "exp_half_logvar"),
        _codec("stable-audio-open", 44_100, 2, 2048, 64, "softplus"),
        _codec("ace-step", 48_000, 2, 1920, 64, "softplus"),
    )
}
CLIP_TEXT: Final = TextSpec(name="clip-dfn5b", tokens=77, dim=1024, weights_sha256=NOT_LOADED, placeholder=False)
CLIP_IMAGE: Final = ClipSpec(name="clip-dfn5b", rate_hz=8.0, dim=1024, weights_sha256=NOT_LOADED, placeholder=False)
SYNCHFORMER: Final = SyncSpec(
    name="synchformer",
    dim=768,
    weights_sha256=NOT_LOADED,
    placeholder=False,
    fps=25.0,
    segment=16,
    step=8,
    per_segment=8,
)


def paper_specs(codec: str = "mmaudio-44k") -> FeatureSpecs:
    """Returns the paper's encoders with a codec of CODECS: for 8 s 77 x 1024 text, 64 x 1024 clip, 192 x 768 sync."""
    return FeatureSpecs(codec=CODECS[codec], text=CLIP_TEXT, clip=CLIP_IMAGE, sync=SYNCHFORMER)
