"""Pictures in and out through FFmpeg's libraries (PyAV): probing, frames at a fixed rate, cutting.

Legend: T frames, H height, W width, C = 3 colours; uint8. Times count from the start of the container, so picture and
sound of one file stay together. Encoding is single-threaded and bit-exact: equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from data_contracts import ItemError
from data_contracts.files import atomic_path
from tasks.media.audio import resample
from tasks.media.checks import looks_like_media, require_file

Frames = npt.NDArray[np.uint8]
ResultT = TypeVar("ResultT")
Fit = Literal["crop", "squash"]

# Without mbtree: libx264's macroblock tree (core 165) reads memory that it never wrote, so with it the same frames give
# other bytes, depending on what the process did before.
_X264: Final = {"preset": "veryfast", "crf": "18", "threads": "1", "mbtree": "0"}
_BITEXACT: Final = {"fflags": "+bitexact", "movflags": "+faststart"}
_AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
READ_OPTIONS: Final = {"protocol_whitelist": "file"}  # a playlist that is named like a video fetches nothing
_EPSILON_S: Final = 1e-4  # timestamps are rounded to the container's clock
_GAP_S: Final = 0.5  # what packets may fall short of the header's length without the file being truncated


@dataclass(frozen=True, slots=True)
class View:
    """How an encoder wants to see a video: square frames of `size` pixels at `fps`, cropped or squashed."""

    fps: float
    size: int
    fit: Fit = "crop"

    def count(self, duration_s: float) -> int:
        """Returns how many frames that is."""
        return max(0, round(duration_s * self.fps))


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a probe finds. `width` and `height` are as shown (after rotation); `duration_s` is the picture's."""

    duration_s: float
    fps: float
    has_audio: bool
    width: int
    height: int


def probe_video(path: Path) -> VideoInfo:
    """Reads a video's header and checks that its packets are all there and the first frame decodes.

    Raises ItemError: missing_file, empty_file, unreadable_video, no_video_stream, truncated.
    """
    return _guarded(path, lambda container, stream: _probe(container, stream, path))


def read_frames(
    path: Path, *, fps: float, size: int, start_s: float = 0.0, duration_s: float | None = None, fit: Fit = "crop"
) -> Frames:
    """Returns frames (T, size, size, 3) at `fps`: for each time the nearest earlier frame, resized (bicubic).

    `fit`: `crop` resizes the short side to `size` and cuts out the middle, `squash` resizes both sides.

    T = round(duration_s * fps), by default to the end of the picture. Past the end the last frame is repeated.
    Raises ItemError as `probe_video`.
    """

    def read(container: Any, stream: Any) -> Frames:
        length_s = _duration_s(container, stream) - start_s if duration_s is None else duration_s
        times = [start_s + index / fps for index in range(max(0, round(length_s * fps)))]
        frames = list(_squares(_frames_at(container, stream, times), View(fps, size, fit)))
        return np.stack(frames) if frames else np.zeros((0, size, size, 3), np.uint8)

    return _guarded(path, read)


def read_views(path: Path, views: Sequence[View], *, duration_s: float) -> list[Frames]:
    """Returns what `read_frames` gives for each view of the first `duration_s`, decoding the file once."""
    wanted = [
        (index / view.fps, number) for number, view in enumerate(views) for index in range(view.count(duration_s))
    ]

    def read(container: Any, stream: Any) -> list[Frames]:
        ordered = sorted(wanted)
        shown: list[list[Any]] = [[] for _ in views]
        makers = [_Squarer(view) for view in views]
        frames = _frames_at(container, stream, [time for time, _ in ordered])
        for (_, number), frame in zip(ordered, frames, strict=True):
            shown[number].append(makers[number].square(frame))
        empty = [np.zeros((0, view.size, view.size, 3), np.uint8) for view in views]
        return [np.stack(squares) if squares else none for squares, none in zip(shown, empty, strict=True)]

    return _guarded(path, read)


def write_video(
    path: Path,
    frames_THWC: Frames,
    fps: float,
    audio_T: npt.NDArray[np.float32] | None = None,
    rate_hz: int | None = None,
) -> None:
    """Writes H.264 (yuv420p) and, when given, mono AAC. An odd height or width loses its last row or column."""
    height, width = frames_THWC.shape[1] & ~1, frames_THWC.shape[2] & ~1
    even_THWC = np.ascontiguousarray(frames_THWC[:, :height, :width])
    pictures = (av.VideoFrame.from_ndarray(frame_HWC, format="rgb24") for frame_HWC in even_THWC)
    sound = None if audio_T is None else (audio_T, _require_rate(rate_hz))
    with atomic_path(path) as temporary:
        _encode(temporary, pictures, Fraction(fps).limit_denominator(1001), (width, height), sound)


def cut_video(source: Path, out: Path, *, start_s: float, duration_s: float, max_side: int = 480) -> None:
    """Writes `duration_s` of the picture from `start_s` on, re-encoded, without sound, at the source's mean rate.

    The short side becomes at most `max_side` pixels: more than any encoder looks at, and many times faster.
    """

    def cut(container: Any, stream: Any) -> None:
        rate = Fraction(stream.average_rate or 25).limit_denominator(1001)
        times = [start_s + index / float(rate) for index in range(max(1, round(duration_s * float(rate))))]
        width, height = _upright_size(container, stream)
        scale = min(1.0, max_side / min(width, height))
        size = (round(width * scale) & ~1, round(height * scale) & ~1)
        pictures = (_resized(frame, size) for frame in _frames_at(container, stream, times))
        with atomic_path(out) as temporary:
            _encode(temporary, pictures, rate, size, None)

    _guarded(source, cut)


def picture_stream(container: Any, path: Path) -> Any:
    """Returns the first stream with moving pictures. Raises ItemError `no_video_stream`; cover art is not one."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise ItemError("no_video_stream", f"{path.name}: has no picture")


def _guarded(path: Path, function: Callable[[Any, Any], ResultT]) -> ResultT:
    """Opens a video and calls function(container, stream); FFmpeg's errors become the item's error."""
    require_file(path)
    try:
        with av.open(str(path), options=READ_OPTIONS) as container:
            stream = picture_stream(container, path)
            stream.codec_context.thread_count = 1
            return function(container, stream)
    except av.FFmpegError as error:
        kind = "is cut short or damaged" if looks_like_media(path) else "is not a video"
        raise ItemError("unreadable_video", f"{path.name} {kind} ({_short(error)})") from error


def _probe(container: Any, stream: Any, path: Path) -> VideoInfo:
    declared_s = _duration_s(container, stream)
    origin_s = (container.start_time or 0) / av.time_base
    end_s = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base) - origin_s)
    if end_s < declared_s - _GAP_S:
        raise ItemError("truncated", f"{path.name}: {end_s:.2f} s of {declared_s:.2f} s of picture are there")
    width, height = _upright_size(container, stream)
    return VideoInfo(
        duration_s=declared_s or end_s,
        fps=float(stream.average_rate or stream.guessed_rate or 0),
        has_audio=bool(container.streams.audio),
        width=width,
        height=height,
    )


def _duration_s(container: Any, stream: Any) -> float:
    """Returns the end of the picture on the container's clock."""
    origin_s = (container.start_time or 0) / av.time_base
    if stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base) - origin_s
    return float(container.duration or 0) / av.time_base


def _upright_size(container: Any, stream: Any) -> tuple[int, int]:
    """Returns (width, height) as shown; decodes one frame, so a picture that cannot be decoded raises here."""
    container.seek(0)
    for frame in container.decode(stream):
        turned = frame.rotation % 180 != 0
        return (frame.height, frame.width) if turned else (frame.width, frame.height)
    raise av.InvalidDataError(0, "no decodable frame")


def _frames_at(container: Any, stream: Any, times: list[float]) -> Iterator[Any]:
    """Yields, per time (rising), the nearest earlier frame; the first frame for times before it."""
    if not times:
        return
    origin_s = (container.start_time or 0) / av.time_base
    current = None
    position = 0
    for frame in _decoded_from(container, stream, times[0] + origin_s):
        while current is not None and position < len(times) and _time(frame, origin_s) > times[position] + _EPSILON_S:
            yield current
            position += 1
        if position == len(times):
            return
        current = frame
    if current is None:
        raise av.InvalidDataError(0, "no decodable frame")
    for _ in range(position, len(times)):
        yield current


def _decoded_from(container: Any, stream: Any, time_s: float) -> Iterator[Any]:
    """Yields frames from the nearest key frame before a time, from the first where that is not found.

    MPEG-TS is sought by decoding time, which lies before a frame's own time: there the seek may land behind it.
    """
    container.seek(max(0, int(time_s / stream.time_base)), stream=stream, backward=True)
    first = next(container.decode(stream), None)
    late = first is None or (first.pts is not None and float(first.pts * first.time_base) > time_s + _EPSILON_S)
    if late or first is None:
        container.seek(0)
    else:
        yield first
    yield from container.decode(stream)


def _time(frame: Any, origin_s: float) -> float:
    return float(frame.pts * frame.time_base) - origin_s if frame.pts is not None else 0.0


def _squares(frames: Iterator[Any], view: View) -> Iterator[Frames]:
    """Converts frames; one that is shown several times in a row is converted once."""
    squarer = _Squarer(view)
    for frame in frames:
        yield squarer.square(frame)


@dataclass(slots=True)
class _Squarer:
    """Remembers the last frame it converted."""

    view: View
    last: Any = None
    made: Frames | None = None

    def square(self, frame: Any) -> Frames:
        if self.made is None or frame is not self.last:
            self.last, self.made = frame, _square(frame, self.view.size, self.view.fit)
        return self.made


def _square(frame: Any, size: int, fit: Fit) -> Frames:
    scale = size / min(frame.width, frame.height)
    width, height = max(size, round(frame.width * scale)), max(size, round(frame.height * scale))
    if fit == "squash":
        width = height = size
    image_HWC = frame.to_ndarray(width=width, height=height, format="rgb24", interpolation=Interpolation.BICUBIC)
    top, left = (height - size) // 2, (width - size) // 2
    return _upright(image_HWC[top : top + size, left : left + size], frame.rotation)


def _upright(image_HWC: Frames, rotation: int) -> Frames:
    return np.ascontiguousarray(np.rot90(image_HWC, k=round(rotation / 90) % 4))


def _resized(frame: Any, size: tuple[int, int]) -> Any:
    """Returns an upright yuv420p frame of `size`; its own object, as a repeated frame gets a time of its own."""
    if round(frame.rotation / 90) % 4:
        image_HWC = _upright(frame.to_ndarray(format="rgb24"), frame.rotation)
        frame = av.VideoFrame.from_ndarray(image_HWC, format="rgb24")
    elif (frame.width, frame.height, frame.format.name) == (*size, "yuv420p"):
        return av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
    return frame.reformat(width=size[0], height=size[1], format="yuv420p", interpolation=Interpolation.BICUBIC)


def _encode(
    path: Path,
    pictures: Iterator[Any],
    rate: Fraction,
    size: tuple[int, int],
    sound: tuple[npt.NDArray[np.float32], int] | None,
) -> None:
    with av.open(str(path), "w", options=_BITEXACT) as target:
        picture = target.add_stream("libx264", rate=rate, options=_X264)
        picture.width, picture.height = size
        picture.pix_fmt = "yuv420p"
        track = _sound_track(target, *sound) if sound is not None else None
        for index, frame in enumerate(pictures):
            frame.pts, frame.time_base = index, 1 / rate
            target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
        if track is not None:
            _encode_sound(target, *track)


def _sound_track(target: Any, audio_T: npt.NDArray[np.float32], rate_hz: int) -> tuple[Any, npt.NDArray[np.float32]]:
    """Adds a mono AAC track; a rate that AAC does not have (11,000 Hz, say) is resampled to 48 kHz."""
    track_hz = rate_hz if rate_hz in _AAC_RATES else 48_000
    track = target.add_stream("aac", rate=track_hz, layout="mono")
    track.codec_context.thread_count = 1
    track.codec_context.bit_rate = 128_000
    return track, resample(np.ascontiguousarray(audio_T, np.float32), rate_hz, track_hz)


def _encode_sound(target: Any, track: Any, audio_T: npt.NDArray[np.float32]) -> None:
    frame = av.AudioFrame.from_ndarray(audio_T[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = track.rate, 0, Fraction(1, track.rate)
    fifo = av.AudioFifo()
    fifo.write(frame)
    while block := fifo.read(1024, partial=True):
        target.mux(track.encode(block))
    target.mux(track.encode(None))


def _require_rate(rate_hz: int | None) -> int:
    if rate_hz is None:
        raise ValueError("rate_hz is needed with audio_T")
    return rate_hz


def _short(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return str(reason).split(":")[0].strip() or type(error).__name__
