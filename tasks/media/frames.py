"""Reads frames of a video at fixed times, as images of a fixed size.

Legend: T frames, H height, W width, C = 3 colours; uint8. Times count from the start of the container.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from model.frames import Fit, Frames
from tasks.media.container import origin_s
from tasks.media.video import duration_of, moved_s, open_video

_EPSILON_S: Final = 1e-4  # timestamps are rounded to the container's clock


@dataclass(frozen=True, slots=True)
class View:
    """How a network takes a video: frames of `size` pixels at `fps`, made so by `fit`."""

    fps: float
    size: int
    fit: Fit = "crop"

    def count(self, duration_s: float) -> int:
        """Returns how many frames that is."""
        return max(0, round(duration_s * self.fps))

    def stack(self, squares: Sequence[Frames]) -> Frames:
        """Returns squares as one array (T, size, size, 3), also without any."""
        return np.stack(squares) if squares else np.zeros((0, self.size, self.size, 3), np.uint8)


def read_frames(
    path: Path, *, fps: float, size: int, start_s: float = 0.0, duration_s: float | None = None, fit: Fit = "crop"
) -> Frames:
    """Returns frames (T, size, size, 3) at `fps`: for each time the nearest earlier frame, resized (bicubic).

    `fit`: `crop` resizes the short side to `size` and cuts out the middle, `squash` resizes both sides; `short_side`
    resizes the short side to `size` and cuts nothing: (T, H, W, 3).

    T = round(duration_s * fps), by default to the end of the video. Past the end the last frame is repeated.
    Raises ItemError as `open_video`.
    """
    if duration_s is None:
        with open_video(path) as (container, stream):
            duration_s = duration_of(container, stream) - start_s
    view = View(fps, size, fit)
    squarer = _Squarer(view)
    times = [start_s + index / fps for index in range(view.count(duration_s))]
    return view.stack([squarer.square(frame) for frame in frames_at(path, times)])


def read_views(path: Path, views: Sequence[View], *, duration_s: float) -> list[Frames]:
    """Returns what `read_frames` gives for each view of the first `duration_s`, decoding the file once."""
    wanted = sorted(
        (index / view.fps, number) for number, view in enumerate(views) for index in range(view.count(duration_s))
    )
    shown: list[list[Frames]] = [[] for _ in views]
    squarers = [_Squarer(view) for view in views]
    for (_, number), frame in zip(wanted, frames_at(path, [time for time, _ in wanted]), strict=True):
        shown[number].append(squarers[number].square(frame))
    return [view.stack(squares) for view, squares in zip(views, shown, strict=True)]


def frames_at(path: Path, times: Sequence[float]) -> Iterator[Any]:
    """Yields, per time (rising), the nearest earlier frame; the first frame for times before it.

    Raises ItemError as `open_video`.
    """
    if not times:
        return
    current, position = None, 0
    for time_s, frame in _decoded_from(path, times[0]):
        while current is not None and position < len(times) and time_s > times[position] + _EPSILON_S:
            yield current
            position += 1
        if position == len(times):
            return
        current = frame
    for _ in range(position, len(times)):
        yield current


def frames_between(path: Path, start_s: float, end_s: float) -> Iterator[tuple[float, Any]]:
    """Yields (seconds after `start_s`, frame): at 0 the frame shown then, and every later frame before `end_s`.

    Raises ItemError as `open_video`.
    """
    decoded = _decoded_from(path, start_s)
    _, shown = next(decoded)
    later = []
    for time_s, frame in decoded:
        if time_s > start_s + _EPSILON_S:
            later.append((time_s, frame))
            break
        shown = frame
    yield 0.0, shown
    for time_s, frame in chain(later, decoded):
        if time_s >= end_s - _EPSILON_S:
            return
        yield time_s - start_s, frame


def upright(image_HWC: Frames, rotation: int) -> Frames:
    """Returns an image turned by a frame's rotation in degrees, a multiple of 90."""
    return np.ascontiguousarray(np.rot90(image_HWC, k=round(rotation / 90) % 4))


def _decoded_from(path: Path, time_s: float) -> Iterator[tuple[float, Any]]:
    """Yields (time, frame) from the last key frame before a time on, or from the first where it cannot be found.

    A container without an index cannot be sought. MPEG-TS is sought by decoding time, which lies before a frame's own
    time: there the seek may end behind it.
    """
    if time_s > 0:
        with open_video(path) as (container, stream):
            origin = origin_s(container) - moved_s(container, stream)
            first = _sought(container, stream, time_s + origin)
            if first is not None and _time(first, origin) <= time_s + _EPSILON_S:
                yield _time(first, origin), first
                yield from ((_time(frame, origin), frame) for frame in container.decode(stream))
                return
    with open_video(path) as (container, stream):
        origin, found = origin_s(container) - moved_s(container, stream), False
        for frame in container.decode(stream):
            found = True
            yield _time(frame, origin), frame
        if not found:
            raise av.InvalidDataError(0, "no frame can be decoded")


def _sought(container: Any, stream: Any, time_s: float) -> Any | None:
    """Returns the first frame after a jump to the key frame before a time, None where that fails."""
    try:
        container.seek(max(0, int(time_s / stream.time_base)), stream=stream, backward=True)
        return next(container.decode(stream), None)
    except av.FFmpegError:
        return None


def _time(frame: Any, origin: float) -> float:
    return float(frame.pts * frame.time_base) - origin if frame.pts is not None else 0.0


@dataclass(slots=True)
class _Squarer:
    """Converts frames; one that is shown several times in a row is converted once.

    One converter for all frames, on one thread: a new one per frame takes twenty times as long to set up as to use.
    """

    view: View
    converter: VideoReformatter = field(default_factory=VideoReformatter)
    last: Any = None
    made: Frames | None = None

    def square(self, frame: Any) -> Frames:
        if self.made is None or frame is not self.last:
            self.last, self.made = frame, self._converted(frame)
        return self.made

    def _converted(self, frame: Any) -> Frames:
        size, whole = self.view.size, self.view.fit == "short_side"
        scale, rounded = size / min(frame.width, frame.height), int if whole else round  # torchvision's Resize cuts off
        width, height = max(size, rounded(frame.width * scale)), max(size, rounded(frame.height * scale))
        if self.view.fit == "squash":
            width = height = size
        resized = self.converter.reformat(
            frame, width=width, height=height, format="rgb24", interpolation=Interpolation.BICUBIC, threads=1
        )
        image_HWC: Frames = np.asarray(resized.to_ndarray(), np.uint8)  # rgb24
        if not whole:
            top, left = (height - size) // 2, (width - size) // 2
            image_HWC = image_HWC[top : top + size, left : left + size]
        return upright(image_HWC, frame.rotation)
