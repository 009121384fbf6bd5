"""Audio and frames in memory, written and read back without a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from data_contracts import UsageError
from tasks.media.arrays import write_exact_audio, write_exact_video
from tasks.media.audio import read_audio
from tasks.media.video import probe_video

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(500,), (500, 2), (1,)])
@pytest.mark.parametrize("rate_hz", [8000, 11_025, 48_000])
def test_audio_over_full_scale_comes_back_exact(tmp_path: Path, shape: tuple[int, ...], rate_hz: int) -> None:
    given = (2 * RNG.standard_normal(shape)).astype(np.float32)
    write_exact_audio(tmp_path / "a.wav", given, rate_hz)
    found, found_hz = read_audio(tmp_path / "a.wav")
    assert found_hz == rate_hz
    np.testing.assert_allclose(found, given if given.ndim == 1 else given.mean(axis=1), atol=1e-6)


def test_float64_is_taken_and_equal_samples_give_equal_bytes(tmp_path: Path) -> None:
    given = RNG.standard_normal(300)
    for name in ("a.wav", "b.wav"):
        write_exact_audio(tmp_path / name, given, 16_000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], given.astype(np.float32))


@pytest.mark.parametrize(
    ("samples", "rate_hz", "words"),
    [
        (np.zeros(10, np.int16), 16_000, "type int16; give floating-point samples"),
        (np.zeros((2, 500)), 16_000, r"shape \(2, 500\); expected \(T, C\): time comes first"),
        (np.zeros((2, 2, 2)), 16_000, r"shape \(2, 2, 2\); expected \(T,\) or \(T, C\)"),
        (np.zeros(0), 16_000, r"shape \(0,\)"),
        (np.zeros(9), 0, "rate_hz is 0; expected a whole number"),
        (np.zeros(9), 44_100.5, "rate_hz is 44100.5"),
    ],
)
def test_audio_that_cannot_be_meant_is_refused(tmp_path: Path, samples: Any, rate_hz: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_exact_audio(tmp_path / "a.wav", samples, rate_hz)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("height", "width", "fps"), [(31, 37, 12.5), (16, 16, 25), (20, 40, 30_000 / 1001)])
def test_frames_of_any_size_come_back_exact(tmp_path: Path, height: int, width: int, fps: float) -> None:
    given = RNG.integers(0, 256, (6, height, width, 3), np.uint8)
    for name in ("a.mkv", "b.mkv"):
        write_exact_video(tmp_path / name, given, fps)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    with av.open(str(tmp_path / "a.mkv")) as container:
        found = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    np.testing.assert_array_equal(found, given)
    info = probe_video(tmp_path / "a.mkv")
    assert (info.width, info.height, info.has_audio) == (width, height, False)
    assert info.fps == pytest.approx(fps, rel=1e-4) and info.duration_s == pytest.approx(6 / fps, abs=2e-3)


@pytest.mark.parametrize(
    ("frames", "fps", "words"),
    [
        (np.zeros((5, 8, 8, 3)), 25, r"type float64 and the shape \(5, 8, 8, 3\); expected uint8"),
        (np.zeros((5, 3, 8, 8), np.uint8), 25, r"shape \(5, 3, 8, 8\); expected uint8 \(T, H, W, 3\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), 25, "shape"),
        (np.zeros((5, 8, 8, 3), np.uint8), 0, "fps is 0"),
    ],
)
def test_frames_that_cannot_be_meant_are_refused(tmp_path: Path, frames: Any, fps: float, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_exact_video(tmp_path / "a.mkv", frames, fps)
    assert list(tmp_path.iterdir()) == []
