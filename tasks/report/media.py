"""Sound, pictures and video as `data:` URIs, within a budget, so that one file holds the whole report.

FLAC is embedded as it is while it is small; larger sound becomes AAC at 64 kbit/s in MP4, which every browser plays.
A video keeps its picture when that is small, else it is scaled down; the sound it gets is muxed in. What does not fit
the budget, or cannot be read, raises ItemError: the card then says so.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from data_contracts import ItemError, UsageError
from tasks.engine.workspace import Workspace
from tasks.media.audio import read_audio
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
class MediaBox:
    """Hands out `data:` URIs of a workspace's files and counts their characters against `budget`."""

    workspace: Workspace
    budget: int
    used: int = 0
    refused: int = 0
    _decoded: dict[str, tuple[Samples, int]] = field(default_factory=dict)

    def sound(self, relative: str) -> tuple[Samples, int]:
        """Returns the decoded mono samples (T,) and rate of a table's path. Raises ItemError."""
        if relative not in self._decoded:
            self._decoded[relative] = read_audio(self._file(relative))
        return self._decoded[relative]

    def audio_uri(self, relative: str) -> str:
        """Returns a playable URI of a sound file. Raises ItemError (unreadable, or `report_full`)."""
        path = self._file(relative)
        samples_T, rate_hz = self.sound(relative)
        if path.suffix.lower() == ".flac" and path.stat().st_size <= SMALL_AUDIO:
            return self._uri("audio/flac", path.read_bytes())
        with _scratch("sound.m4a") as temporary:
            _write_aac(temporary, samples_T, rate_hz)
            return self._uri("audio/mp4", temporary.read_bytes())

    def video_uri(self, video: str, sound: str) -> str:
        """Returns an MP4 URI with the picture of `video` and the sound file `sound` as its track. Raises ItemError."""
        path = self._file(video)
        samples_T, rate_hz = self.sound(sound)
        with _scratch("picture.mp4") as picture, _scratch("muxed.mp4") as muxed:
            source = path
            if path.stat().st_size > SMALL_VIDEO or path.suffix.lower() != ".mp4":
                probe_video(path)
                write_video(picture, read_frames(path, fps=_VIDEO_FPS, size=_VIDEO_SIDE), _VIDEO_FPS)
                source = picture
            mux_audio(source, _even_length(samples_T), rate_hz, muxed)
            return self._uri("video/mp4", muxed.read_bytes())

    def png_uri(self, png: bytes) -> str:
        """Returns the URI of a picture; always granted, pictures are small."""
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


def _even_length(samples_T: Samples) -> Samples:
    """An empty track cannot be muxed; one silent block can."""
    return samples_T if len(samples_T) else np.zeros(1024, np.float32)


def _write_aac(path: Path, samples_T: Samples, rate_hz: int) -> None:
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as target:
        track: Any = target.add_stream("aac", rate=rate_hz, layout="mono")
        track.codec_context.thread_count = 1
        track.codec_context.bit_rate = _AAC_BITS
        data = np.ascontiguousarray(_even_length(samples_T), np.float32)[None]
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        fifo = av.AudioFifo()
        fifo.write(frame)
        while block := fifo.read(1024, partial=True):
            target.mux(track.encode(block))
        target.mux(track.encode(None))
