"""Files of every container with seeded damage: read, or refused with a reason; never another exception."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import ItemError
from tasks.media.audio import decode_audio
from tasks.media.frames import read_frames
from tasks.media.mux import mux_audio
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, tone

AUDIO_REASONS = {"empty_file", "not_audio", "truncated", "unreadable_audio", "nan_samples"}
VIDEO_REASONS = {"empty_file", "unreadable_video", "no_video_stream", "truncated"}
DAMAGES = 25  # of each file: 200 in all


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of audio in every format that can be written here, and videos in three containers."""
    folder = tmp_path_factory.mktemp("whole")
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
        sf.write(folder / f"a.{suffix}", tone(1.0), RATE)
    write_video(folder / "v.mp4", counting_frames(10), 10, tone(1.0), RATE)
    for suffix in ("mkv", "mov"):
        mux_audio(folder / "v.mp4", tone(1.0), RATE, folder / f"v.{suffix}")
    return folder


def damaged(content: bytes, seeds: range) -> Iterator[bytes]:
    """Yields copies with overwritten, removed, repeated or inserted bytes, more often near the beginning."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        changed = bytearray(content)
        for _ in range(rng.integers(1, 6)):
            place = int(len(changed) * rng.random() ** 3)
            length = int(rng.integers(1, 40))
            noise = rng.integers(0, 256, length, np.uint8).tobytes()
            kind = rng.integers(4)
            if kind == 0:
                changed[place : place + length] = noise
            elif kind == 1:
                del changed[place : place + length]
            elif kind == 2:
                changed[place:place] = changed[place : place + length]
            else:
                changed[place:place] = noise
        yield bytes(changed)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "v.mp4", "v.mkv", "v.mov"])
def test_damage_is_data_or_an_items_error(files: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in damaged((files / name).read_bytes(), range(DAMAGES)):
        path.write_bytes(content)
        try:
            decoded = decode_audio(path)
        except ItemError as error:
            assert error.reason in AUDIO_REASONS and name in error.message
        else:
            assert np.isfinite(decoded.samples_T).all() and decoded.rate_hz > 0
        if name.startswith("v"):
            try:
                probe_video(path)
                read_frames(path, fps=5, size=16, start_s=0.4, duration_s=0.5)
            except ItemError as error:
                assert error.reason in VIDEO_REASONS and name in error.message
