"""One clip's features: audio padded or cut to whole frames, video decoded once, values as they are stored (SPEC T3)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ItemError, UsageError
from model.storage import BF16
from tasks.media.audio import write_flac
from tasks.media.frames import View, read_frames
from tasks.media.video_writer import write_video
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.encoders import encode_audio, encode_texts, encode_video, load_encoders, read_clip
from tests.tasks.precompute.fakes import CLIP_S, FAKES, RATE_HZ
from tests.tasks.sounds import tone


@pytest.mark.parametrize("seconds", [0.3, 2.0, 3.7])
def test_audio_is_padded_with_silence_or_cut_to_whole_frames(tmp_path: Path, seconds: float) -> None:
    write_flac(tmp_path / "a.flac", tone(seconds), RATE_HZ)
    clip_T = read_clip(FAKES, tmp_path / "a.flac", CLIP_S)
    assert clip_T.shape == (FAKES.codec.spec.samples(CLIP_S),) and clip_T.dtype == np.float32
    known = min(len(clip_T), round(seconds * RATE_HZ))
    np.testing.assert_allclose(clip_T[:known], tone(seconds)[:known], atol=1e-4)
    assert not clip_T[known:].any()


def test_audio_of_another_rate_is_resampled_to_the_codecs(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", tone(2.0, rate_hz=8_000), 8_000)
    clip_T = read_clip(FAKES, tmp_path / "a.flac", CLIP_S)
    inner = slice(1000, -1000)
    np.testing.assert_allclose(clip_T[inner], tone(2.0)[inner], atol=0.02)


def test_values_are_rounded_as_they_are_stored() -> None:
    brain = dataclasses.replace(FAKES, storage=BF16)
    texts = ["a dog barks", "rain"]
    for encoders, dtype in ((FAKES, torch.float16), (brain, torch.bfloat16)):
        found = encode_texts(encoders, texts)
        exact = encoders.text.encode(texts)
        assert [values.dtype for values in found] == [np.float32, np.float32]
        assert np.array_equal(np.stack(found), exact.to(dtype).float().numpy())
    assert encode_texts(FAKES, []) == []


def test_latents_are_mean_and_deviation_of_each_frame() -> None:
    clip_T = np.zeros(FAKES.codec.spec.samples(CLIP_S), np.float32)
    clip_T[:640] = 0.5
    mean_NF, std_NF = encode_audio(FAKES, clip_T)
    assert mean_NF.shape == std_NF.shape == (FAKES.codec.spec.frames(CLIP_S), 2)
    assert mean_NF[0].tolist() == [0.5, 0.5] and not mean_NF[1:].any()


def test_both_encoders_see_the_frames_that_reading_alone_gives(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, np.random.default_rng(0).integers(0, 256, (50, 48, 64, 3), np.uint8), 25.0)
    seen: dict[str, np.ndarray] = {}

    @dataclasses.dataclass(frozen=True)
    class Watched:
        encoder: object
        name: str

        def __getattr__(self, attribute: str) -> object:
            return getattr(self.encoder, attribute)

        def encode(self, frames: np.ndarray) -> torch.Tensor:
            seen[self.name] = frames
            return self.encoder.encode(frames)

    watched = dataclasses.replace(FAKES, image=Watched(FAKES.image, "clip"), sync=Watched(FAKES.sync, "sync"))
    clip_VD, sync_SD = encode_video(watched, path, CLIP_S)
    assert clip_VD.shape == (FAKES.image.spec.length(CLIP_S), 3) and sync_SD.shape == (50, 3)
    for name, view in (("clip", View(2.0, 32)), ("sync", View(25.0, 32))):
        alone = read_frames(path, fps=view.fps, size=view.size, duration_s=CLIP_S, fit=view.fit)
        assert np.array_equal(seen[name], alone)


def test_encoding_a_video_again_gives_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, np.random.default_rng(1).integers(0, 256, (50, 32, 32, 3), np.uint8), 25.0)
    first = encode_video(FAKES, path, CLIP_S)
    junk = [np.random.default_rng(n).integers(0, 256, 5_000 * n, np.uint8) for n in range(1, 6)]
    for again in (encode_video(FAKES, path, CLIP_S) for _ in junk):
        assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))


@pytest.mark.parametrize("read", [read_clip, encode_video])
def test_an_unreadable_file_is_the_items_error(tmp_path: Path, read) -> None:
    with pytest.raises(ItemError, match="missing"):
        read(FAKES, tmp_path / "missing.bin", CLIP_S)
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(ItemError) as refused:
        read(FAKES, tmp_path / "empty.bin", CLIP_S)
    assert refused.value.reason == "empty_file"


def test_a_configs_names_are_loaded_and_unknown_ones_refused() -> None:
    config = PrecomputeConfig(device="cpu", dtype="bf16")
    loaded = load_encoders(config)
    specs = loaded.specs
    assert [specs.codec.name, specs.text.name, specs.clip.name, specs.sync.name] == [
        "embedded_16k", "minilm", "efficientnet_lite0", "motion",
    ]  # fmt: skip
    assert loaded.storage is BF16
    with pytest.raises(UsageError, match="sync_encoder 'none' is unknown"):
        load_encoders(config.model_copy(update={"sync_encoder": "none"}))
