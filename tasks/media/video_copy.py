"""Cuts a video without encoding it: its packets are copied from a key frame on, and an edit list hides the first ones.

What is shown begins with the frame that the source shows at the start asked for, so the cut is at that frame's time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import av

from data_contracts.files import atomic_path
from tasks.media.container import origin_s
from tasks.media.video import open_video

_CODECS: Final = ("h264", "hevc")
_EPSILON_S: Final = 1e-4  # timestamps are rounded to the container's clock
_LONGEST_LEAD_S: Final = 10.0  # of hidden frames, which every reader decodes
_MP4: Final = {"fflags": "+bitexact", "movflags": "+faststart", "use_editlist": "1"}


def copy_start(source: Path, start_s: float, *, max_side: int) -> float | None:
    """Returns the time of the frame that is shown at `start_s`, where `copy_video` can begin; None where it cannot.

    That is a video of another codec than H.264 and HEVC, one whose short side has more than `max_side` pixels, that
    hides frames already or whose packets lack times, and one without a key frame in the 10 s before. Raises ItemError
    as `open_video`.
    """
    with open_video(source) as (container, stream):
        if stream.codec_context.codec.canonical_name not in _CODECS or min(stream.width, stream.height) > max_side:
            return None
        start = _ticks(container, stream, start_s + _EPSILON_S)
        shown, key = None, None
        for packet in container.demux(stream):
            if packet.pts is None and packet.dts is None:
                continue  # the flushing packet at the end
            if packet.pts is None or packet.dts is None or packet.is_discard:
                return None
            if packet.pts <= start:
                shown = packet.pts if shown is None else max(shown, packet.pts)
                key = packet.pts if packet.is_keyframe else key
        if shown is None or key is None or float((shown - key) * stream.time_base) > _LONGEST_LEAD_S:
            return None
        return float(shown * stream.time_base) - origin_s(container)


def copy_video(source: Path, out: Path, *, start_s: float, duration_s: float) -> None:
    """Writes `duration_s` of a video from `start_s`, a time that `copy_start` returned, as .mp4 without audio.

    A frame that is decoded before the end but shown after it stays. Raises ItemError as `open_video`.
    """
    with open_video(source) as (container, stream):
        start = round((start_s + origin_s(container)) / stream.time_base)
        end = start + round(duration_s / stream.time_base)
        key = max(packet.pts for packet in _packets(container, stream) if packet.is_keyframe and packet.pts <= start)
    with (
        open_video(source) as (container, stream),  # from its beginning: MPEG-TS cannot be sought exactly
        atomic_path(out) as temporary,
        av.open(str(temporary), "w", format="mp4", options=_MP4) as target,
    ):
        copied = target.add_stream_from_template(stream)
        begun = False
        for packet in _packets(container, stream):
            begun = begun or (packet.is_keyframe and packet.pts == key)
            if packet.dts >= end:
                break
            if begun:
                packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, copied
                target.mux(packet)


def _packets(container: Any, stream: Any) -> Any:
    return (packet for packet in container.demux(stream) if packet.pts is not None)


def _ticks(container: Any, stream: Any, time_s: float) -> int:
    return int((time_s + origin_s(container)) / stream.time_base)
