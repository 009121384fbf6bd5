"""Audio and video as this package takes and gives them: arrays, or files of any format that FFmpeg reads.

Legend: T samples or frames, C channels, H height, W width.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from data_contracts.errors import UsageError
from tasks.commands.generate.outputs import AUDIO_SUFFIXES, write_audio
from tasks.media.arrays import write_exact_audio, write_exact_video
from tasks.media.audio import read_audio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audio:
    """Audio in memory: floating-point samples (T,) or (T, C) with full scale 1, and their rate in Hz."""

    samples: npt.NDArray[np.floating]
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Reads the audio of a file, also of a video, as mono float32 (T,) at its own rate.

        Raises ItemError: `missing_file`, `empty_file`, `not_audio`, `truncated`, `unreadable_audio` or `nan_samples`.
        """
        samples_T, rate_hz = read_audio(Path(path))
        return cls(samples=samples_T, rate_hz=rate_hz)

    def write(self, path: str | Path) -> Path:
        """Writes a .wav or .flac file of 16 bits, clipped at full scale, and returns its path. Raises UsageError."""
        path = Path(path)
        if path.suffix.lower() not in AUDIO_SUFFIXES:
            raise UsageError(f"{path.name}: the name must end in {' or '.join(AUDIO_SUFFIXES)}")
        write_audio(path, None, np.asarray(self.samples, np.float32), self.rate_hz)
        return path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Video:
    """Video in memory: RGB frames (T, H, W, 3), uint8, and how many are shown per second."""

    frames: npt.NDArray[np.uint8]
    fps: float


AudioSource = str | os.PathLike[str] | Audio
"""A file with audio, a video included, or audio in memory."""
VideoSource = str | os.PathLike[str] | Video
"""A video file, or frames in memory."""


def source_file(source: AudioSource | VideoSource, folder: Path, name: str) -> Path:
    """Returns the file of a source; what is in memory is written to `folder`, lossless. Raises UsageError."""
    if isinstance(source, Audio):
        path = folder / f"{name}.wav"
        write_exact_audio(path, source.samples, source.rate_hz)
    elif isinstance(source, Video):
        path = folder / f"{name}.mkv"
        write_exact_video(path, source.frames, source.fps)
    else:
        path = Path(source)
    return path
