"""Reads and writes audio files: libsndfile first, FFmpeg's libraries (PyAV) for what it does not read whole.

Legend: T samples, C channels. A broken file is an ItemError whose reason says how it is broken: `missing_file`,
`empty_file`, `not_audio`, `truncated`, `unreadable_audio`, `nan_samples`; `too_short` and `silent` come from
`require_audible`, for callers that need an audible clip. Times count from the start of the container, so
the audio and the video of one file stay together.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr
from scipy import signal

from data_contracts import ItemError
from data_contracts.files import atomic_path
from tasks.media.checks import is_cut_short, looks_like_mp3, require_file
from tasks.media.container import default_stream, open_container, origin_s
from tasks.media.errors import media_errors, words_of
from tasks.media.samples import Samples

SILENT_PEAK: Final = 1e-4  # -80 dBFS: a few steps of 16-bit dither are still silence
_LOWEST_HZ: Final = 20.0  # of hearing
_SETTLING_S: Final = 1.0
_AUDIBLE_BLOCK: Final = 1 << 19
_GAP_S: Final = 0.25  # what a decoder may fall short of the header's length without the file being truncated
_CANCELLED: Final = 0.01  # a mean 40 dB under the loudest channel
_FULL_SCALE: Final = 32768.0
_WITHOUT_TIMES: Final = ("mp3", "aac", "avi")  # FFmpeg derives the times of their packets from sizes or a mean rate
_JITTER_S: Final = 0.01  # containers round times, some to milliseconds
_LONGEST_GAP_S: Final = 60.0
_LONGEST_OVERLAP_S: Final = 1.0
_BARE_FRAMES: Final = "mp3"  # FFmpeg's name of a file of frames one after another, without a container

_audio_errors = partial(media_errors, damaged="truncated", foreign="not_audio", failed="unreadable_audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedAudio:
    """A decoded recording: mono samples (T,), its rate in Hz, and the channel count before the mean.

    `single_channel` is None for the mean of the channels; where they cancel each other, it is the one that was taken.
    """

    samples_T: Samples  # noqa: N815 (shape suffix)
    rate_hz: int
    channels: int
    single_channel: int | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples_T) / self.rate_hz


def read_audio(path: Path, *, rate_hz: int | None = None) -> tuple[Samples, int]:
    """Returns mono float32 samples (T,) (the mean of the channels) and their rate; resampled when `rate_hz` is given.

    Raises ItemError with reason missing_file, empty_file, not_audio, truncated, unreadable_audio or nan_samples.
    """
    decoded = decode_audio(path)
    if rate_hz is None or rate_hz == decoded.rate_hz:
        return decoded.samples_T, decoded.rate_hz
    return resample(decoded.samples_T, decoded.rate_hz, rate_hz), rate_hz


def decode_audio(path: Path) -> DecodedAudio:
    """Like `read_audio`, at the source's rate and with its channel count."""
    require_file(path)
    samples_TC, rate_hz = _read_sndfile(path) or _read_pyav(path)
    if not len(samples_TC):
        raise ItemError("not_audio", f"{path.name}: the audio track has no samples")
    if not np.isfinite(samples_TC).all():
        bad = int(samples_TC.size - np.isfinite(samples_TC).sum())
        raise ItemError("nan_samples", f"{path.name}: {bad} of {samples_TC.size} samples are NaN or infinite")
    mono_T, single_channel = _mixed(samples_TC)
    channels = samples_TC.shape[1]
    return DecodedAudio(samples_T=mono_T, rate_hz=rate_hz, channels=channels, single_channel=single_channel)


def probe_audio(source: Path | BinaryIO, name: str) -> tuple[float, int]:
    """Returns the duration in seconds and the rate in Hz that a file's header states, without decoding it.

    Raises ItemError as `require_file`, `not_audio`, `truncated` or `unreadable_audio`, with the file's name.
    """
    if isinstance(source, Path):
        require_file(source)
    try:
        info = sf.info(source if isinstance(source, io.IOBase) else str(source))
    except Exception as error:  # libsndfile does not know it; FFmpeg may
        if not isinstance(source, Path):
            raise ItemError("not_audio", f"{name}: cannot be decoded ({words_of(error)})") from error
        return _probe_container(source)
    return float(info.duration), int(info.samplerate)


def require_audible(samples_T: Samples, rate_hz: int, *, min_s: float, name: str) -> None:
    """Raises ItemError `too_short` (with both lengths) or `silent` (with the peak) unless it `is_audible`."""
    duration_s = len(samples_T) / rate_hz
    if duration_s < min_s:
        raise ItemError("too_short", f"{name}: {duration_s:.3f} s; at least {min_s:g} s are needed")
    if not is_audible(samples_T, rate_hz):
        peak = f"the peak is {peak_of(samples_T):.2e} of full scale"
        raise ItemError("silent", f"{name}: {peak}, above {_LOWEST_HZ:g} Hz at most {SILENT_PEAK:g}: that is silence")


def is_audible(samples_T: Samples, rate_hz: int) -> bool:
    """Returns whether anything above 20 Hz is over `SILENT_PEAK`: a DC offset or a slow drift alone is silence."""
    if peak_of(samples_T) <= SILENT_PEAK:
        return False
    highpass = signal.butter(4, min(_LOWEST_HZ, 0.4 * rate_hz), "highpass", fs=rate_hz, output="sos")
    lead = round(_SETTLING_S * rate_hz)  # the start mirrored, so that a drift which begins there is no step
    extended_T = np.pad(samples_T[: lead + 1], (lead, 0), mode="reflect", reflect_type="odd")
    _, state = signal.sosfilt(highpass, extended_T[:lead], zi=signal.sosfilt_zi(highpass) * extended_T[0])
    for part_T in np.split(samples_T, range(_AUDIBLE_BLOCK, len(samples_T), _AUDIBLE_BLOCK)):
        filtered_T, state = signal.sosfilt(highpass, part_T, zi=state)
        if peak_of(filtered_T) > SILENT_PEAK:
            return True  # so most recordings are decided by their first block
    return False


def peak_of(samples_T: Samples) -> float:
    """Returns the largest magnitude, 0 without samples."""
    return float(np.max(np.abs(samples_T), initial=0.0))


def resample(samples_T: Samples, from_hz: int, to_hz: int) -> Samples:
    """Returns samples at another rate, by soxr's high-quality resampler; the input unchanged when the rates agree."""
    if from_hz == to_hz:
        return samples_T
    resampled: Samples = soxr.resample(samples_T, from_hz, to_hz, quality="HQ").astype(np.float32)
    return resampled


def write_flac(path: Path, samples_T: npt.NDArray[Any], rate_hz: int) -> None:
    """Writes `flac_bytes` under a temporary name, then renames; equal samples give equal bytes."""
    content = flac_bytes(samples_T, rate_hz)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def flac_bytes(samples_T: npt.NDArray[Any], rate_hz: int) -> bytes:
    """Returns samples (T,) or (T, C) as a 16-bit FLAC file.

    Samples outside [-1, 1) are clipped, which 16 bits cannot avoid. Raises ValueError on NaN.
    """
    if not np.isfinite(samples_T).all():
        raise ValueError("audio samples are not finite")
    rounded_T = np.clip(np.rint(samples_T * samples_T.dtype.type(_FULL_SCALE)), -32768, 32767).astype(np.int16)
    out = io.BytesIO()
    sf.write(out, rounded_T, rate_hz, subtype="PCM_16", format="FLAC")
    return out.getvalue()


def flac_samples(content: bytes) -> Samples:
    """Returns the samples (T,) that mono FLAC bytes decode to."""
    samples_T: Samples = sf.read(io.BytesIO(content), dtype="float32")[0]
    return samples_T


def _mixed(samples_TC: Samples) -> tuple[Samples, int | None]:
    """Returns the mean of the channels, or the loudest one and its number where they are in opposite phase."""
    mono_T = samples_TC.mean(axis=1, dtype=np.float64).astype(np.float32)
    peaks = [peak_of(channel_T) for channel_T in samples_TC.T]
    if len(peaks) > 1 and peak_of(mono_T) < _CANCELLED * max(peaks):
        loudest = int(np.argmax(peaks))
        return np.ascontiguousarray(samples_TC[:, loudest]), loudest
    return mono_T, None


def _read_sndfile(path: Path) -> tuple[Samples, int] | None:
    """Returns (T, C) samples and the rate; None for what FFmpeg has to read.

    That is every format and file that libsndfile fails on, and MP3, which it cuts at an estimated length.
    """
    if looks_like_mp3(path):
        return None
    try:
        with sf.SoundFile(path) as file:
            if file.format == "MP3":  # after other bytes
                return None
            declared, rate_hz = file.frames, int(file.samplerate)
            samples_TC = file.read(dtype="float32", always_2d=True)
    except Exception as error:  # whatever it is, FFmpeg decides
        if is_cut_short(path):
            raise ItemError("truncated", f"{path.name}: the file ends early ({words_of(error)})") from error
        return None
    if declared > len(samples_TC) or is_cut_short(path):
        raise ItemError(
            "truncated",
            f"{path.name}: {len(samples_TC) / rate_hz:.3f} s can be read, then the file ends before its header says",
        )
    return samples_TC, rate_hz


def _read_pyav(path: Path) -> tuple[Samples, int]:
    with _audio_errors(path), open_container(path) as container:
        stream = _audio_stream(container, path)
        stream.codec_context.thread_count = 1
        frames = _resampled(_frames(container, stream))
        first = next(frames, None)
        timed = container.format.name not in _WITHOUT_TIMES
        blocks = [] if first is None else list(_placed(chain([first], frames), origin_s(container), timed=timed))
        rate_hz = int(stream.rate if first is None else first.sample_rate)
        declared_s = _declared_s(container, stream)
    if not blocks:
        raise ItemError("truncated", f"{path.name}: no frame of the audio track can be decoded")
    samples_TC = np.concatenate(blocks)
    if len(samples_TC) / rate_hz < declared_s - _GAP_S:
        decoded_s = len(samples_TC) / rate_hz
        raise ItemError("truncated", f"{path.name}: {decoded_s:.2f} s of {declared_s:.2f} s can be decoded")
    return samples_TC, rate_hz


def _probe_container(path: Path) -> tuple[float, int]:
    with _audio_errors(path), open_container(path) as container:
        stream = _audio_stream(container, path)
        if container.duration is None:
            raise ItemError("unreadable_audio", f"{path.name}: its header states no length")
        return container.duration / av.time_base, int(stream.rate)


def _audio_stream(container: Any, path: Path) -> Any:
    if not container.streams.audio:
        raise ItemError("not_audio", f"{path.name}: has no audio track")
    return default_stream(container.streams.audio)


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
