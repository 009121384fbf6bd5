"""The published codecs' and encoders' lengths for a clip of eight seconds (SPEC M1, M2, M6-M8)."""

from __future__ import annotations

import dataclasses

import pytest

from model.paper_specs import CLIP_IMAGE, CLIP_TEXT, CODECS, NOT_LOADED, SYNCHFORMER, paper_specs


@pytest.mark.parametrize(
    ("name", "rate_hz", "frames"),
    [
        ("moss-dacvae", 50.0, 400), ("tencent-dacvae", 50.0, 400), ("meta-dacvae", 25.0, 200),
        ("mmaudio-44k", 43.07, 345), ("mmaudio-16k", 31.25, 250), ("stable-audio-open", 21.53, 173),
        ("ace-step", 25.0, 200),
    ],
)  # fmt: skip
def test_m2_a_codecs_rate_gives_its_frames(name: str, rate_hz: float, frames: int) -> None:
    spec = CODECS[name]
    assert spec.frame_rate_hz == pytest.approx(rate_hz, abs=0.01)
    assert spec.frames(8.0) == frames


def test_m7_m8_eight_seconds_are_64_clip_and_192_sync_features() -> None:
    assert CLIP_IMAGE.length(8.0) == 64
    assert SYNCHFORMER.length(8.0) == 24 * 8
    assert (CLIP_TEXT.tokens, CLIP_TEXT.dim, CLIP_IMAGE.dim, SYNCHFORMER.dim) == (77, 1024, 1024, 768)


@pytest.mark.parametrize("codec", CODECS)
def test_specs_of_unloaded_components_have_no_hash_and_are_no_placeholders(codec: str) -> None:
    specs = paper_specs(codec)
    assert specs.codec.name == codec
    assert specs.placeholders() == []
    for field in dataclasses.fields(specs):
        assert getattr(specs, field.name).weights_sha256 == NOT_LOADED
