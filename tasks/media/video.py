"""Opens and probes videos through FFmpeg's libraries (PyAV).

Times count from the start of the container, so the frames and the audio of one file stay together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av

from data_contracts import ItemError
from tasks.media.checks import require_file
from tasks.media.container import default_stream, open_container, origin_s
from tasks.media.errors import media_errors

_UNREADABLE: Final = "unreadable_video"
_GAP_S: Final = 0.5  # what packets may fall short of the header's length without the file being truncated


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a probe finds. `width` and `height` are as shown (after rotation); `duration_s` is the video stream's."""

    duration_s: float
    fps: float
    has_audio: bool
    width: int
    height: int


@contextmanager
def open_video(path: Path, **options: str) -> Iterator[tuple[Any, Any]]:
    """Yields the container and its video stream; options are FFmpeg's.

    Raises ItemError: missing_file, empty_file, no_video_stream, and unreadable_video for whatever the library raises in
    the block.
    """
    require_file(path)
    with (
        media_errors(path, damaged=_UNREADABLE, foreign=_UNREADABLE, failed=_UNREADABLE),
        open_container(path, **options) as container,
    ):
        stream = _video_stream(container, path)
        stream.codec_context.thread_count = 1
        yield container, stream


def probe_video(path: Path) -> VideoInfo:
    """Reads a video's header and checks that its first frame decodes and its packets are all there.

    Raises ItemError as `open_video`, and truncated.
    """
    with open_video(path) as (container, stream):
        declared_s, end_s, first = duration_of(container, stream), 0.0, None
        for packet in container.demux(stream):
            end_s = max(end_s, _end_s(packet) - origin_s(container))
            first = first or next(iter(packet.decode()), None)
        if first is None:
            raise av.InvalidDataError(0, "no frame can be decoded")
        if end_s < declared_s - _GAP_S:
            raise ItemError("truncated", f"{path.name}: {end_s:.2f} s of {declared_s:.2f} s of video are there")
        width, height = upright_size(first)
        return VideoInfo(
            duration_s=end_s if declared_s < end_s - _GAP_S else declared_s,
            fps=float(stream.average_rate or stream.guessed_rate or 0),
            has_audio=bool(container.streams.audio),
            width=width,
            height=height,
        )


def duration_of(container: Any, stream: Any) -> float:
    """Returns the end of the video stream as the header states it, in seconds from the container's start."""
    if stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base) - origin_s(container)
    end_s = float(container.duration or 0) / av.time_base
    return max(0.0, end_s - origin_s(container)) if "matroska" in container.format.name else end_s  # it counts from 0


def moved_s(container: Any, stream: Any) -> float:
    """Returns by how much FFmpeg shows the frames of an MP4 or QuickTime file too early: less than one frame's time.

    An edit list may begin between two frames, as after `ffmpeg -ss 0.5 ... -c copy`. FFmpeg moves the first frame after
    that to the beginning and all others with it, but not the audio. Read without hiding frames, the same packet has
    its own time. 0 for a file that hides no frames.
    """
    if "mp4" not in container.format.name:
        return 0.0
    path, number = Path(container.name), stream.index
    with open_container(path) as hiding:
        packets = list(_up_to_first_shown(hiding.demux(hiding.streams[number])))
    if len(packets) < 2 or packets[-1].pts is None:
        return 0.0
    shown = packets[-1]
    with open_container(path, advanced_editlist="0") as whole:
        own = next((packet for packet in whole.demux(whole.streams[number]) if packet.pos == shown.pos), None)
        return 0.0 if own is None or own.pts is None else max(0.0, float((own.pts - shown.pts) * stream.time_base))


def upright_size(frame: Any) -> tuple[int, int]:
    """Returns a frame's (width, height) as shown, after its rotation."""
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def _video_stream(container: Any, path: Path) -> Any:
    """Returns the default video stream. Raises ItemError `no_video_stream`; cover art is not one."""
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise ItemError("no_video_stream", f"{path.name}: has no video stream")
    return default_stream(streams)


def _up_to_first_shown(packets: Iterator[Any]) -> Iterator[Any]:
    """Yields the hidden packets at the beginning, and the first one that is shown."""
    for packet in packets:
        yield packet
        if not packet.is_discard:
            return


def _end_s(packet: Any) -> float:
    return 0.0 if packet.pts is None else float((packet.pts + (packet.duration or 0)) * packet.time_base)
