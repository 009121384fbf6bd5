"""Audio, images and video as `data:` URIs, within a size budget, so that the report is one file.

Small FLAC files are embedded unchanged; larger audio becomes AAC at 64 kbit/s in MP4, which every browser plays. Large
videos are scaled down, and their audio track is replaced. Media that exceed the budget or cannot be read raise
ItemError; the report shows its message in their place.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import av
import numpy as np

from data_contracts import ItemError, UsageError
from tasks.engine.workspace import Workspace
from tasks.media.audio import read_audio
from tasks.media.audio_track import AudioTrack
from tasks.media.frames import read_frames
from tasks.media.mux import mux_audio
from tasks.media.samples import Samples
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video

SMALL_AUDIO: Final = 150_000  # bytes that are embedded as they are
SMALL_VIDEO: Final = 250_000
_VIDEO_SIDE: Final = 256  # pixels of a scaled-down video
_VIDEO_FPS: Final = 25.0
_AAC_BITS: Final = 64_000


@dataclass(slots=True)
class MediaEmbedder:
    """Encodes a workspace's files as `data:` URIs of at most `budget` characters in all; `refused` counts the rest."""

    workspace: Workspace
    budget: int
    used: int = 0
    refused: int = 0
    _decoded: dict[str, tuple[Samples, int]] = field(default_factory=dict)

    def samples(self, relative: str) -> tuple[Samples, int]:
        """Returns mono samples (T,) and the rate of an audio file, by its path in the workspace. Raises ItemError."""
        if relative not in self._decoded:
            self._decoded[relative] = read_audio(self._file(relative))
        return self._decoded[relative]

    def audio_uri(self, relative: str) -> str:
        """Returns the URI of an audio file, playable by browsers. Raises ItemError (unreadable, `report_full`)."""
        path = self._file(relative)
        samples_T, rate_hz = self.samples(relative)
        if path.suffix.lower() == ".flac" and path.stat().st_size <= SMALL_AUDIO:
            return self._uri("audio/flac", path.read_bytes())
        with _scratch("audio.m4a") as temporary:
            _write_aac(temporary, samples_T, rate_hz)
            return self._uri("audio/mp4", temporary.read_bytes())

    def video_uri(self, video: str, audio: str) -> str:
        """Returns the URI of an MP4 with the frames of `video` and the file `audio` as its track. Raises ItemError."""
        path = self._file(video)
        samples_T, rate_hz = self.samples(audio)
        with _scratch("scaled.mp4") as scaled, _scratch("muxed.mp4") as muxed:
            source = path
            if path.stat().st_size > SMALL_VIDEO or path.suffix.lower() != ".mp4":
                probe_video(path)
                write_video(scaled, read_frames(path, fps=_VIDEO_FPS, size=_VIDEO_SIDE), _VIDEO_FPS)
                source = scaled
            mux_audio(source, _not_empty(samples_T), rate_hz, muxed)
            return self._uri("video/mp4", muxed.read_bytes())

    def png_uri(self, png: bytes) -> str:
        """Returns the URI of a PNG image. Images are small and never refused."""
        return self._encode("image/png", png)

    def _file(self, relative: str) -> Path:
        try:
            path = self.workspace.path(relative)
        except UsageError as error:
            raise ItemError("outside_workspace", str(error)) from error
        if not path.is_file():
            raise ItemError("missing_file", f"{relative} is not there")
        return path

    def _uri(self, kind: str, data: bytes) -> str:
        if self.used + len(data) * 4 // 3 > self.budget:
            self.refused += 1
            raise ItemError("report_full", "left out to keep this file small")
        return self._encode(kind, data)

    def _encode(self, kind: str, data: bytes) -> str:
        uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        self.used += len(uri)
        return uri


@contextmanager
def _scratch(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="foleygenex-report-") as folder:
        yield Path(folder) / name


def _not_empty(samples_T: Samples) -> Samples:
    """Returns one silent block for an empty track, which cannot be muxed."""
    return samples_T if len(samples_T) else np.zeros(1024, np.float32)


def _write_aac(path: Path, samples_T: Samples, rate_hz: int) -> None:
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as target:
        AudioTrack(target, _not_empty(samples_T), rate_hz, "aac", bits_per_s=_AAC_BITS).finish()
