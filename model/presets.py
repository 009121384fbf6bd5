"""Which codec and encoders a network preset is made for. Source: SPEC M1, M2.

`tiny`, `small` and `medium` fit any codec. A preset with a rate in its name is made for one: MMAudio's at 16 and
44.1 kHz, a public DAC-VAE at 48 kHz. Lengths always follow from the specs and the duration.
"""

from __future__ import annotations

from data_contracts import MismatchError
from model.config import PRESET_CODECS, preset
from model.paper_specs import CODECS, paper_specs
from model.specs import CodecSpec, FeatureSpecs


def preset_specs(name: str) -> FeatureSpecs | None:
    """Returns the specs a preset is made for, None when it fits any. Raises UsageError for an unknown name."""
    preset(name)
    codec = PRESET_CODECS.get(name)
    return None if codec is None else paper_specs(codec)


def require_preset_codec(name: str, codec: CodecSpec) -> None:
    """Raises MismatchError when the codec's latents have another width or rate than those of the preset's codec.

    A codec of equal form is accepted: there are several DAC-VAEs of 128 channels at 50 Hz.
    """
    specs = preset_specs(name)
    if specs is None or _form(specs.codec) == _form(codec):
        return
    fitting = ", ".join(one.name for one in CODECS.values() if _form(one) == _form(specs.codec))
    mine, theirs = (f"{one.latent_dim} channels at {one.frame_rate_hz:.2f} Hz" for one in (specs.codec, codec))
    raise MismatchError(
        f"preset {name} is made for latents of {mine} ({fitting}), the features have {theirs} ({codec.name}); "
        "choose a preset that fits any codec (tiny, small, medium) or precompute with that codec"
    )


def _form(codec: CodecSpec) -> tuple[int, float]:
    return codec.latent_dim, codec.frame_rate_hz
