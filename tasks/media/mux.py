"""A new sound track under a picture that is copied packet by packet, never re-encoded (PyAV).

Legend: T samples, C channels. Time 0 is the start of the source's container, as in `tasks.media.video`: a picture that
starts late there starts late here, and a container whose clock starts elsewhere (MPEG-TS) is moved to 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

from data_contracts import ItemError, UsageError
from data_contracts.files import atomic_path
from tasks.media.audio import resample
from tasks.media.checks import require_file
from tasks.media.video import READ_OPTIONS, picture_stream

VIDEO_SUFFIXES: Final = {".mp4": "aac", ".mov": "aac", ".mkv": "flac"}
"""Containers and the codec of their sound; Matroska takes it without loss."""

_BITEXACT: Final = {"fflags": "+bitexact"}
_INDEX_FIRST: Final = {"movflags": "+faststart"}
_AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_BLOCK: Final = 1024


def mux_sound(video: Path, audio: npt.NDArray[np.float32], rate_hz: int, out: Path) -> None:
    """Writes `out` with the picture of `video` copied and `audio` (T,) or (T, C) as its only sound track.

    AAC in .mp4 and .mov, FLAC in .mkv. Raises ItemError (unreadable video), UsageError (a picture that the container
    of `out` cannot hold).
    """
    with (
        _source(video) as (source, stream),
        atomic_path(out) as temporary,
        _target(temporary, stream, out.suffix.lower()) as (target, picture),
    ):
        sound = _Sound.add(target, audio, rate_hz, VIDEO_SUFFIXES[out.suffix.lower()])
        origin = round(Fraction(source.start_time or 0, av.time_base) / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is None and packet.pts is None:
                continue  # the flushing packet at the end
            _shift(packet, origin)
            sound.write_until(float(_time(packet) * packet.time_base))
            packet.stream = picture
            target.mux(packet)
        sound.finish()


def require_picture_fits(video: Path, suffix: str) -> None:
    """Raises UsageError unless a container with this suffix can hold the video's picture as it is."""
    with _source(video) as (_, stream):
        name = stream.codec_context.codec.canonical_name
        supported = _names(suffix)
        if name not in supported:
            _refuse(name, suffix)


def _names(suffix: str) -> set[str]:
    """Returns the codecs that the container's muxer accepts."""
    kind = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}[suffix]
    with av.open("/dev/null", "w", format=kind) as target:
        return set(target.supported_codecs)


def _refuse(name: str, suffix: str) -> None:
    other = "write .mkv, which holds nearly all" if suffix != ".mkv" else "write .wav or .flac"
    raise UsageError(f"--out: a {suffix} file cannot hold the video's {name} picture as it is; {other}")


@contextmanager
def _source(video: Path) -> Iterator[tuple[Any, Any]]:
    require_file(video)
    try:
        with av.open(str(video), options={**READ_OPTIONS, "fflags": "+genpts"}) as container:
            yield container, picture_stream(container, video)
    except av.FFmpegError as error:
        reason = error.strerror or type(error).__name__
        raise ItemError("unreadable_video", f"{video.name}: its picture cannot be copied ({reason})") from error


@contextmanager
def _target(path: Path, stream: Any, suffix: str) -> Iterator[tuple[Any, Any]]:
    options = _BITEXACT if suffix == ".mkv" else {**_BITEXACT, **_INDEX_FIRST}
    with av.open(str(path), "w", options=options) as target:
        try:
            picture = target.add_stream_from_template(stream)
        except ValueError:
            _refuse(stream.codec_context.codec.canonical_name, suffix)
        yield target, picture


def _shift(packet: Any, origin: int) -> None:
    if packet.dts is not None:
        packet.dts -= origin
    if packet.pts is not None:
        packet.pts -= origin


def _time(packet: Any) -> int:
    return int(packet.dts if packet.dts is not None else packet.pts)


class _Sound:
    """The sound track, encoded in step with the picture so that the file plays while it loads."""

    def __init__(self, target: Any, track: Any, audio_CT: npt.NDArray[np.float32]) -> None:
        self.target, self.track, self.audio_CT = target, track, audio_CT
        self.layout = "mono" if len(audio_CT) == 1 else "stereo"
        self.format = track.codec_context.format.name
        self.position = 0

    @classmethod
    def add(cls, target: Any, audio: npt.NDArray[np.float32], rate_hz: int, codec: str) -> _Sound:
        audio_TC = np.clip(audio.reshape(len(audio), -1), -1.0, 1.0).astype(np.float32)
        channels = audio_TC.shape[1]
        if channels not in (1, 2):
            raise UsageError(f"a sound of {channels} channels cannot be written; 1 and 2 can")
        track_hz = rate_hz if codec == "flac" or rate_hz in _AAC_RATES else 48_000
        layout = "mono" if channels == 1 else "stereo"
        track = target.add_stream(codec, rate=track_hz, layout=layout)
        track.codec_context.thread_count = 1
        if codec == "aac":
            track.codec_context.bit_rate = 128_000 * channels
        else:
            track.codec_context.format = "s16"
        parts = [resample(np.ascontiguousarray(channel), rate_hz, track_hz) for channel in audio_TC.T]
        return cls(target, track, np.stack(parts))

    def write_until(self, time_s: float) -> None:
        """Encodes blocks up to a time of the picture."""
        while self.position < self.audio_CT.shape[1] and self.position / self.track.rate <= time_s:
            self._write()

    def finish(self) -> None:
        """Encodes the rest."""
        self.write_until(float("inf"))
        self.target.mux(self.track.encode(None))

    def _write(self) -> None:
        block_CT = self.audio_CT[:, self.position : self.position + _BLOCK]
        if self.format == "s16":
            scaled_CT = np.clip(np.round(block_CT * 32768.0), -32768, 32767).astype(np.int16)
            block = av.AudioFrame.from_ndarray(scaled_CT.T.reshape(1, -1), format="s16", layout=self.layout)
        else:
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(block_CT), format="fltp", layout=self.layout)
        block.sample_rate, block.pts, block.time_base = self.track.rate, self.position, Fraction(1, self.track.rate)
        self.target.mux(self.track.encode(block))
        self.position += block_CT.shape[1]
