"""Decodes an audio file block by block, so that memory does not grow with its length.

libsndfile is first; FFmpeg's libraries (PyAV) read what it does not read whole. A broken file is an ItemError, whose
reasons `tasks/media/audio.py` lists. Times count from the start of the container.

Legend: T samples, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import av
import numpy as np
import soundfile as sf

from data_contracts import ItemError
from tasks.media.checks import is_cut_short, looks_like_mp3, require_file
from tasks.media.container import default_stream, open_container, origin_s
from tasks.media.errors import media_errors, words_of
from tasks.media.samples import Samples

BLOCK: Final = 1 << 19  # samples
_GAP_S: Final = 0.25  # what a decoder may fall short of the header's length without the file being truncated
_WITHOUT_TIMES: Final = ("mp3", "aac", "avi")  # FFmpeg derives the times of their packets from sizes or a mean rate
_JITTER_S: Final = 0.01  # containers round times, some to milliseconds
_LONGEST_GAP_S: Final = 60.0
_LONGEST_OVERLAP_S: Final = 1.0
_BARE_FRAMES: Final = "mp3"  # FFmpeg's name of a file of frames one after another, without a container

audio_errors = partial(media_errors, damaged="truncated", foreign="not_audio", failed="unreadable_audio")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples (T, C) of a recording, and their rate."""

    samples_TC: Samples  # noqa: N815 (shape suffix)
    rate_hz: int


Decoder = Callable[[Path], Iterator[Block]]
"""Yields a file's blocks: all of `BLOCK` samples but the last."""


class _LeftToFFmpegError(Exception):
    """libsndfile does not read the file, or not to its end."""


def decoded(path: Path, use: Callable[[Iterator[Block]], ResultT]) -> tuple[ResultT, Decoder]:
    """Returns what `use` makes of a file's blocks, and the decoder that read them.

    `use` is called a second time with all blocks when libsndfile fails in the middle. Raises ItemError with reason
    missing_file, empty_file, not_audio, truncated, unreadable_audio or nan_samples.
    """
    require_file(path)
    try:
        return use(sndfile_blocks(path)), sndfile_blocks
    except _LeftToFFmpegError:
        return use(ffmpeg_blocks(path)), ffmpeg_blocks


def sndfile_blocks(path: Path) -> Iterator[Block]:
    """Decodes by libsndfile. Raises ItemError; _LeftToFFmpegError for what FFmpeg has to read.

    That is every format and file that libsndfile fails on, and MP3, which it cuts at an estimated length.
    """
    if looks_like_mp3(path):
        raise _LeftToFFmpegError
    return _finite(path, _sndfile_blocks(path))


def ffmpeg_blocks(path: Path) -> Iterator[Block]:
    """Decodes by FFmpeg's libraries. Raises ItemError."""
    return _finite(path, _ffmpeg_blocks(path))


def audio_stream(container: Any, path: Path) -> Any:
    """Returns the default audio track. Raises ItemError `not_audio` without one."""
    if not container.streams.audio:
        raise ItemError("not_audio", f"{path.name}: has no audio track")
    return default_stream(container.streams.audio)


def _finite(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    """Yields blocks. Raises ItemError `not_audio` at the end of none, `nan_samples` when some sample is not finite."""
    size = bad = 0
    for block in blocks:
        size += block.samples_TC.size
        bad += int(block.samples_TC.size - np.isfinite(block.samples_TC).sum())
        if not bad:
            yield block
    if not size:
        raise ItemError("not_audio", f"{path.name}: the audio track has no samples")
    if bad:
        raise ItemError("nan_samples", f"{path.name}: {bad} of {size} samples are NaN or infinite")


def _sndfile_blocks(path: Path) -> Iterator[Block]:
    count = 0
    try:
        with sf.SoundFile(path) as file:
            if file.format == "MP3":  # after other bytes
                raise _LeftToFFmpegError
            declared, rate_hz = file.frames, int(file.samplerate)
            while len(samples_TC := file.read(BLOCK, dtype="float32", always_2d=True)):
                count += len(samples_TC)
                yield Block(samples_TC, rate_hz)
    except _LeftToFFmpegError:
        raise
    except Exception as error:  # whatever it is, FFmpeg decides
        if is_cut_short(path):
            raise ItemError("truncated", f"{path.name}: the file ends early ({words_of(error)})") from error
        raise _LeftToFFmpegError from error
    if declared > count or is_cut_short(path):
        raise ItemError(
            "truncated",
            f"{path.name}: {count / rate_hz:.3f} s can be read, then the file ends before its header says",
        )


def _ffmpeg_blocks(path: Path) -> Iterator[Block]:
    with audio_errors(path), open_container(path) as container:
        stream = audio_stream(container, path)
        stream.codec_context.thread_count = 1
        frames = _resampled(_frames(container, stream))
        first = next(frames, None)
        timed = container.format.name not in _WITHOUT_TIMES
        rate_hz = int(stream.rate if first is None else first.sample_rate)
        declared_s = _declared_s(container, stream)
        if first is None:
            raise ItemError("truncated", f"{path.name}: no frame of the audio track can be decoded")
        count = 0
        for samples_TC in _joined(_placed(chain([first], frames), origin_s(container), timed=timed)):
            count += len(samples_TC)
            yield Block(samples_TC, rate_hz)
    if count / rate_hz < declared_s - _GAP_S:
        raise ItemError("truncated", f"{path.name}: {count / rate_hz:.2f} s of {declared_s:.2f} s can be decoded")


def _joined(parts: Iterator[Samples]) -> Iterator[Samples]:
    """Yields parts (T, C) of any lengths as blocks of `BLOCK` samples, the last one shorter."""
    waiting: list[Samples] = []
    length = 0
    for part_TC in parts:
        waiting.append(part_TC)
        length += len(part_TC)
        if length >= BLOCK:
            joined_TC = np.concatenate(waiting)
            whole = length - length % BLOCK
            yield from np.split(joined_TC[:whole], whole // BLOCK)
            waiting, length = [joined_TC[whole:].copy()], length - whole
    if length:
        yield np.concatenate(waiting)


def _placed(frames: Iterator[Any], origin: float, *, timed: bool) -> Iterator[Samples]:
    """Yields blocks (T, C) so that each frame is at its time: gaps are silence, the second of two that overlap is cut.

    A jump in time that is too long for either, as between two recordings that were joined, is passed over. Without
    `timed` only the first frame is placed.
    """
    position, shift = 0, 0
    for number, frame in enumerate(frames):
        block_TC = frame.to_ndarray().T.astype(np.float32)
        start = position if frame.time is None else round((frame.time - origin) * frame.sample_rate) + shift
        if number == 0:
            position = min(start, 0)
        late_s = (start - position) / frame.sample_rate if timed or number == 0 else 0.0
        if late_s > (_JITTER_S if number else 0.0) and late_s <= _LONGEST_GAP_S:
            yield np.zeros((start - position, block_TC.shape[1]), np.float32)
            position = start
        elif -_LONGEST_OVERLAP_S <= late_s < -_JITTER_S:
            block_TC = block_TC[position - start :]
        elif abs(late_s) > _JITTER_S:
            shift -= start - position
        position += len(block_TC)
        yield block_TC


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yields the decoded frames; in a file of bare frames skips what is none, as a tag between two joined files."""
    if container.format.name != _BARE_FRAMES:
        yield from container.decode(stream)
        return
    for packet in container.demux(stream):
        with suppress(av.InvalidDataError):
            yield from packet.decode()


def _resampled(frames: Iterator[Any]) -> Iterator[Any]:
    """Yields frames as planar floats, in the layout and rate of the first one: both may change within a recording."""
    first: dict[str, Any] = {}
    for _, run in groupby(frames, key=lambda frame: (frame.format.name, frame.layout.name, frame.sample_rate)):
        frame = next(run)
        first = first or {"layout": frame.layout, "rate": frame.sample_rate}
        resampler = av.AudioResampler(format="fltp", **first)
        for frame_or_end in chain([frame], run, [None]):
            yield from resampler.resample(frame_or_end)


def _declared_s(container: Any, stream: Any) -> float:
    """Returns the length the header states for the track, 0 when it states none or only an estimate."""
    if stream.duration is None or container.format.name == _BARE_FRAMES:
        return 0.0
    start_s = float((stream.start_time or 0) * (stream.time_base or Fraction(1)))
    return float(stream.duration * stream.time_base) + max(0.0, start_s - origin_s(container))
