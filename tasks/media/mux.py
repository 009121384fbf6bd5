"""Puts a new audio track beside the frames of a video, which are copied packet by packet (PyAV).

They are encoded again in one case: a .mkv from a video that hides its first frames.

Legend: T samples, C channels. Time 0 is the start of the source's container, as in `tasks.media.video`: a video stream
that starts late there starts late here, and a container whose clock starts elsewhere (MPEG-TS) is moved to 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NoReturn

import av

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.media.audio_track import AUDIO_CODECS, AudioTrack
from tasks.media.samples import Audio
from tasks.media.video import moved_s, open_video
from tasks.media.video_writer import reencode_video

log = logging.getLogger(__name__)

VIDEO_SUFFIXES: Final = tuple(AUDIO_CODECS)
"""The containers that can be written."""

_MUXERS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_BITEXACT: Final = {"fflags": "+bitexact"}
_INDEX_FIRST: Final = {"movflags": "+faststart"}


def mux_audio(video: Path, audio: Audio, rate_hz: int, out: Path) -> None:
    """Writes `out` with the frames of `video` copied and `audio` (T,) or (T, C) as its only audio track.

    AAC in .mp4 and .mov, FLAC in .mkv. Where the video hides its first frames, as after a cut without encoding, a .mkv
    would show them: then the frames are encoded again, and the log says so. Raises ItemError as `open_video`, and
    UsageError for a video codec that the container of `out` does not support.
    """
    suffix = out.suffix.lower()
    if suffix == ".mkv" and _hides_frames(video):
        log.warning("%s hides its first frames, which .mkv cannot: its frames are encoded again", video.name)
        reencode_video(video, out, audio, rate_hz)
        return
    with (
        open_video(video, fflags="+genpts") as (source, stream),
        atomic_path(out) as temporary,
        _target(temporary, stream, suffix) as (target, copied),
    ):
        track = AudioTrack(target, audio, rate_hz, AUDIO_CODECS[suffix])
        moved = round(moved_s(source, stream) / stream.time_base)
        origin = round(Fraction(source.start_time or 0, av.time_base) / stream.time_base) - moved
        begun_pts = _last_hidden_pts(video) if moved else None
        for packet in source.demux(stream):
            if packet.dts is None and packet.pts is None:
                continue  # the flushing packet at the end
            begun = packet.pts is not None and packet.pts == begun_pts
            _shift(packet, origin)
            if begun:  # an edit list begins while this frame is shown; now it begins with it, as every player can do
                packet.pts = 0
            track.write_until(float(_time(packet) * packet.time_base))
            packet.stream = copied
            target.mux(packet)
        track.finish()


def require_copyable(video: Path, suffix: str) -> None:
    """Raises UsageError unless a container with this suffix supports the video's codec."""
    with open_video(video) as (_, stream), av.open("/dev/null", "w", format=_MUXERS[suffix]) as target:
        name = stream.codec_context.codec.canonical_name
        if name not in set(target.supported_codecs):
            _refuse(name, suffix)


def _hides_frames(video: Path) -> bool:
    """Whether the video has packets before the first one that is shown, which are there for decoding only."""
    with open_video(video) as (container, stream):
        return any(packet.is_discard for packet in container.demux(stream))


def _last_hidden_pts(video: Path) -> int | None:
    """Returns the time of the last frame that is hidden before the first one that is shown."""
    with open_video(video) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
    first = min((packet.pts for packet in packets if not packet.is_discard), default=0)
    return max((packet.pts for packet in packets if packet.is_discard and packet.pts < first), default=None)


def _refuse(name: str, suffix: str) -> NoReturn:
    other = "write .mkv, which takes nearly all" if suffix != ".mkv" else "write .wav or .flac"
    raise UsageError(f"--out: a {suffix} file cannot take the video's {name} stream as it is; {other}")


@contextmanager
def _target(path: Path, stream: Any, suffix: str) -> Iterator[tuple[Any, Any]]:
    options = _BITEXACT if suffix == ".mkv" else {**_BITEXACT, **_INDEX_FIRST}
    with av.open(str(path), "w", options=options) as target:
        try:
            copied = target.add_stream_from_template(stream)
        except ValueError:
            _refuse(stream.codec_context.codec.canonical_name, suffix)
        yield target, copied


def _shift(packet: Any, origin: int) -> None:
    if packet.dts is not None:
        packet.dts -= origin
    if packet.pts is not None:
        packet.pts -= origin


def _time(packet: Any) -> int:
    return int(packet.dts if packet.dts is not None else packet.pts)
