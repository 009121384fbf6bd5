"""Writes videos: frames as H.264, with audio or without. Single-threaded and bit-exact: equal input, equal bytes.

Legend: T frames, H height, W width, C = 3 colours; uint8.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from data_contracts.files import atomic_path
from model.frames import Frames
from tasks.media.audio_track import AUDIO_CODECS, AudioTrack
from tasks.media.frames import frames_between, upright
from tasks.media.samples import Audio, Samples
from tasks.media.video import open_video, upright_size

# Without mbtree: libx264's macroblock tree (core 165) reads memory that it never wrote, so with it the same frames give
# other bytes, depending on what the process did before.
_X264: Final = {"preset": "veryfast", "crf": "18", "threads": "1", "mbtree": "0"}
# With frames of any length: reordered ones would make a container state a length that is too short.
_X264_TIMED: Final = {**_X264, "bf": "0"}
_CLOCK: Final = Fraction(1, 90_000)  # seconds; every usual frame rate is a whole number of these apart
_AudioAtRate = tuple[Audio, int]
_BITEXACT: Final = {"fflags": "+bitexact", "movflags": "+faststart"}


def write_video(
    path: Path,
    frames_THWC: Frames,
    fps: float,
    audio_T: Samples | None = None,
    rate_hz: int | None = None,
) -> None:
    """Writes H.264 (yuv420p) and, when given, mono AAC. An odd height or width loses its last row or column."""
    if audio_T is not None and rate_hz is None:
        raise ValueError("rate_hz is needed with audio_T")
    height, width = frames_THWC.shape[1] & ~1, frames_THWC.shape[2] & ~1
    even_THWC = np.ascontiguousarray(frames_THWC[:, :height, :width])
    frames = (av.VideoFrame.from_ndarray(frame_HWC, format="rgb24") for frame_HWC in even_THWC)
    rate = Fraction(fps).limit_denominator(1001)
    audio = None if audio_T is None or rate_hz is None else (audio_T, rate_hz)
    with atomic_path(path) as temporary:
        _encode(temporary, enumerate(frames), rate, 1 / rate, (width, height), audio)


def cut_video(source: Path, out: Path, *, start_s: float, duration_s: float, max_side: int = 480) -> None:
    """Writes `duration_s` of a video from `start_s` on, re-encoded, without audio; its frames keep their times.

    Past the end of the source its last frame stays. The short side becomes at most `max_side` pixels: more than any
    encoder takes, and many times faster to encode. Raises ItemError as `open_video`.
    """
    rate, shape = _rate_and_shape_of(source)
    frames = _filled(frames_between(source, start_s, start_s + duration_s), duration_s, float(1 / rate))
    with atomic_path(out) as temporary:
        _encode_timed(temporary, frames, rate, shape, max_side, None)


def reencode_video(source: Path, out: Path, audio: Audio, rate_hz: int) -> None:
    """Writes the whole video that `source` shows, re-encoded in its own size, with `audio` as its track.

    Raises ItemError as `open_video`.
    """
    rate, shape = _rate_and_shape_of(source)
    with atomic_path(out) as temporary:
        _encode_timed(temporary, frames_between(source, 0.0, math.inf), rate, shape, None, (audio, rate_hz))


def _rate_and_shape_of(source: Path) -> tuple[Fraction, Fraction]:
    """Returns the mean frame rate in Hz, and the width of a pixel by its height."""
    with open_video(source) as (_, stream):
        return Fraction(stream.average_rate or 25).limit_denominator(1001), stream.sample_aspect_ratio or Fraction(1)


def _encode_timed(
    path: Path,
    frames: Iterator[tuple[float, Any]],
    rate: Fraction,
    shape: Fraction,
    max_side: int | None,
    audio: _AudioAtRate | None,
) -> None:
    """Encodes (seconds, frame) in the size of the first frame, or smaller so that its short side is `max_side`.

    `shape` is that of the source's pixels, as stored: of a frame that is turned it is turned, too.
    """
    first = next(frames)
    width, height = upright_size(first[1])
    scale = min(1.0, max_side / min(width, height)) if max_side else 1.0
    size = (round(width * scale) & ~1, round(height * scale) & ~1)
    converter = VideoReformatter()  # one for all frames: a new one takes many times as long to set up as to use
    resized = ((round(time_s / _CLOCK), _resized(frame, size, converter)) for time_s, frame in chain([first], frames))
    turned = 1 / shape if first[1].rotation % 180 else shape
    _encode(path, resized, rate, _CLOCK, size, audio, turned)


def _filled(frames: Iterator[tuple[float, Any]], duration_s: float, frame_s: float) -> Iterator[tuple[float, Any]]:
    """Yields frames, and once more the last one where it is shown for longer than two frames: a file ends with it."""
    time_s, frame = 0.0, None
    for time_s, frame in frames:
        yield time_s, frame
    if time_s < duration_s - 2 * frame_s:
        yield duration_s - frame_s, frame


def _resized(frame: Any, size: tuple[int, int], converter: VideoReformatter) -> Any:
    """Returns an upright yuv420p frame of `size`; its own object, as a repeated frame gets a time of its own."""
    if round(frame.rotation / 90) % 4:
        image_HWC = upright(frame.to_ndarray(format="rgb24"), frame.rotation)
        frame = av.VideoFrame.from_ndarray(image_HWC, format="rgb24")
    elif (frame.width, frame.height, frame.format.name) == (*size, "yuv420p"):
        return av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
    width, height = size
    return converter.reformat(
        frame, width=width, height=height, format="yuv420p", interpolation=Interpolation.BICUBIC, threads=1
    )


def _encode(
    path: Path,
    frames: Iterable[tuple[int, Any]],
    rate: Fraction,
    clock: Fraction,
    size: tuple[int, int],
    audio: _AudioAtRate | None,
    shape: Fraction = Fraction(1),
) -> None:
    """Encodes frames at times in units of `clock`, of two at one time the first; `shape` is that of a pixel."""
    with av.open(str(path), "w", options=_BITEXACT) as target:
        stream = target.add_stream("libx264", rate=rate, options=_X264 if clock == 1 / rate else _X264_TIMED)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = clock
        if shape != 1:
            stream.codec_context.sample_aspect_ratio = shape
        codec = AUDIO_CODECS.get(path.suffix.lower(), "aac")
        track = AudioTrack(target, *audio, codec) if audio is not None else None
        last = -1
        for time, frame in frames:
            if time > last:
                frame.pts, frame.time_base = time, clock
                target.mux(stream.encode(frame))
                last = time
        target.mux(stream.encode(None))
        if track is not None:
            track.finish()
