"""Reads and writes audio files. What is longer than a clip is better read block by block (`survey.py`).

Legend: T samples, C channels. A broken file is an ItemError whose reason says how it is broken: `missing_file`,
`empty_file`, `not_audio`, `truncated`, `unreadable_audio`, `nan_samples`. Times count from the start of the container,
so the audio and the video of one file stay together.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from data_contracts import ItemError
from data_contracts.files import atomic_path
from tasks.media.blocks import BLOCK, Block, audio_errors, audio_stream, decoded
from tasks.media.checks import require_file
from tasks.media.container import open_container
from tasks.media.errors import words_of
from tasks.media.samples import Samples

SILENT_PEAK: Final = 1e-4  # -80 dBFS: a few steps of 16-bit dither are still silence
LOWEST_HZ: Final = 20.0
"""The lowest frequency of hearing: what is below it is silence."""
_SETTLING_S: Final = 1.0
_CANCELLED: Final = 0.01  # a mean 40 dB under the loudest channel
_FULL_SCALE: Final = 32768.0


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


def read_audio(path: Path, *, rate_hz: int | None = None, most_s: float | None = None) -> tuple[Samples, int]:
    """Returns mono float32 samples (T,) (the mean of the channels) and their rate; resampled when `rate_hz` is given.

    With `most_s` the file's first seconds alone; what comes after them is not looked at. Raises ItemError with reason
    missing_file, empty_file, not_audio, truncated, unreadable_audio or nan_samples.
    """
    found = decode_audio(path, most_s=most_s)
    if rate_hz is None or rate_hz == found.rate_hz:
        return found.samples_T, found.rate_hz
    return resample(found.samples_T, found.rate_hz, rate_hz), rate_hz


def decode_audio(path: Path, *, most_s: float | None = None) -> DecodedAudio:
    """Like `read_audio`, at the source's rate and with its channel count."""
    (found, peaks), decoder = decoded(path, lambda blocks: _mixed(_beginning(blocks, most_s)))
    if (channel := channel_to_take(peak_of(found.samples_T), peaks)) is not None:
        found, _ = _mixed(_beginning(decoder(path), most_s), channel)
    return found


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


def is_audible(samples_T: Samples, rate_hz: int) -> bool:
    """Returns whether anything above 20 Hz is over `SILENT_PEAK`: a DC offset or a slow drift alone is silence."""
    if peak_of(samples_T) <= SILENT_PEAK:
        return False
    meter = AudibleMeter(rate_hz)
    return any(map(meter.add, np.split(samples_T, range(BLOCK, len(samples_T), BLOCK))))  # the first block decides most


class AudibleMeter:
    """Tells whether anything in a recording's blocks, given in order, is over `SILENT_PEAK` above 20 Hz."""

    def __init__(self, rate_hz: int) -> None:
        from scipy import signal  # takes a CPU second; listing a corpus and looking at headers need none of it

        self._lead = round(_SETTLING_S * rate_hz)
        self._highpass = signal.butter(4, min(LOWEST_HZ, 0.4 * rate_hz), "highpass", fs=rate_hz, output="sos")
        self._state: Any = None
        self.audible = False

    def add(self, samples_T: Samples) -> bool:
        """Adds a block, the first one of a second or all of a shorter recording. Returns whether it is audible."""
        if self.audible:
            return True  # what follows cannot change that
        from scipy import signal

        if self._state is None:  # the start mirrored, so that a drift which begins there is no step
            extended_T = np.pad(samples_T[: self._lead + 1], (self._lead, 0), mode="reflect", reflect_type="odd")
            initial = signal.sosfilt_zi(self._highpass) * extended_T[0]
            _, self._state = signal.sosfilt(self._highpass, extended_T[: self._lead], zi=initial)
        filtered_T, self._state = signal.sosfilt(self._highpass, samples_T, zi=self._state)
        self.audible = peak_of(filtered_T) > SILENT_PEAK
        return self.audible


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


def mono_of(samples_TC: Samples, channel: int | None = None) -> Samples:
    """Returns the mean of the channels (T,), or the one channel that is named."""
    if channel is not None:
        return np.ascontiguousarray(samples_TC[:, channel])
    mono_T: Samples = samples_TC.mean(axis=1, dtype=np.float64).astype(np.float32)
    return mono_T


def channel_to_take(mono_peak: float, peaks: list[float]) -> int | None:
    """Returns the loudest channel where the channels cancel each other in their mean, None where they do not."""
    cancelled = len(peaks) > 1 and mono_peak < _CANCELLED * max(peaks)
    return int(np.argmax(peaks)) if cancelled else None


def _beginning(blocks: Iterator[Block], most_s: float | None) -> Iterator[Block]:
    """Yields a recording's blocks up to `most_s` seconds, where that is given."""
    count = 0
    for block in blocks:
        most = None if most_s is None else round(most_s * block.rate_hz) - count
        yield Block(block.samples_TC[:most], block.rate_hz)
        count += len(block.samples_TC)
        if most is not None and most <= len(block.samples_TC):
            return


def _mixed(blocks: Iterator[Block], channel: int | None = None) -> tuple[DecodedAudio, list[float]]:
    """Returns blocks as mono, and the peak of each channel. Each is mixed at once: all channels take more memory."""
    parts: list[Samples] = []
    peaks: list[float] = []
    rate_hz = 0
    for block in blocks:
        rate_hz = block.rate_hz
        parts.append(mono_of(block.samples_TC, channel))
        found = [peak_of(channel_T) for channel_T in block.samples_TC.T]
        peaks = [max(pair) for pair in zip(peaks or found, found, strict=True)]
    mono_T = np.concatenate(parts)
    return DecodedAudio(samples_T=mono_T, rate_hz=rate_hz, channels=len(peaks), single_channel=channel), peaks


def _probe_container(path: Path) -> tuple[float, int]:
    with audio_errors(path), open_container(path) as container:
        stream = audio_stream(container, path)
        if container.duration is None:
            raise ItemError("unreadable_audio", f"{path.name}: its header states no length")
        return container.duration / av.time_base, int(stream.rate)
