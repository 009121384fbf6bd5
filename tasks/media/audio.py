"""Sound files in and out: libsndfile first, FFmpeg's libraries (PyAV) for what it does not read.

Legend: T samples. A broken file is an ItemError whose reason says how it is broken: `missing_file`, `empty_file`,
`not_audio`, `truncated`, `nan_samples`; `too_short` and `silent` come from `require_sound`, which callers that need
an audible clip use. Times count from the start of the container, so sound and picture of one file stay together.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from data_contracts import ItemError
from data_contracts.files import atomic_path
from tasks.media.checks import is_cut_short, looks_like_media, require_file
from tasks.media.samples import Samples

SILENT_PEAK: Final = 1e-4  # -80 dBFS: a few steps of 16-bit dither are still silence
_GAP_S: Final = 0.25  # what a decoder may fall short of the header's length without the file being truncated
_FULL_SCALE: Final = 32768.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A decoded recording: mono samples (T,), its rate in Hz, and the channel count before the mean."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    rate_hz: int
    channels: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples_T) / self.rate_hz


def read_audio(path: Path, *, rate_hz: int | None = None) -> tuple[Samples, int]:
    """Returns mono float32 samples (T,) (the mean of the channels) and their rate; resampled when `rate_hz` is given.

    Raises ItemError with reason missing_file, empty_file, not_audio, truncated or nan_samples.
    """
    sound = read_sound(path)
    if rate_hz is None or rate_hz == sound.rate_hz:
        return sound.samples_T, sound.rate_hz
    return resample(sound.samples_T, sound.rate_hz, rate_hz), rate_hz


def read_sound(path: Path) -> Sound:
    """Like `read_audio`, at the source rate and with the channel count."""
    require_file(path)
    samples_TC, rate_hz = _read_sndfile(path) or _read_pyav(path)
    if not len(samples_TC):
        raise ItemError("not_audio", f"{path.name}: the sound track holds no samples")
    if not np.isfinite(samples_TC).all():
        bad = int(samples_TC.size - np.isfinite(samples_TC).sum())
        raise ItemError("nan_samples", f"{path.name}: {bad} of {samples_TC.size} samples are NaN or infinite")
    mono_T = samples_TC.mean(axis=1, dtype=np.float64).astype(np.float32)
    return Sound(samples_T=mono_T, rate_hz=rate_hz, channels=samples_TC.shape[1])


def require_sound(samples_T: Samples, rate_hz: int, *, min_s: float, name: str) -> None:
    """Raises ItemError `too_short` (with both lengths) or `silent` (with the peak) unless the sound can be heard."""
    duration_s = len(samples_T) / rate_hz
    if duration_s < min_s:
        raise ItemError("too_short", f"{name}: {duration_s:.3f} s; at least {min_s:g} s are needed")
    peak = float(np.max(np.abs(samples_T), initial=0.0))
    if peak <= SILENT_PEAK:
        raise ItemError("silent", f"{name}: peak {peak:.2e} of full scale; at most {SILENT_PEAK:g} counts as silence")


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


def _read_sndfile(path: Path) -> tuple[Samples, int] | None:
    """Returns (T, C) samples and the rate; None when libsndfile does not know the format."""
    try:
        with sf.SoundFile(path) as file:
            declared = file.frames
            samples_TC = file.read(dtype="float32", always_2d=True)
            rate_hz = int(file.samplerate)
            lossy = file.format == "MP3"  # its frame count is an estimate
    except (sf.LibsndfileError, RuntimeError) as error:
        if is_cut_short(path):
            raise ItemError("truncated", f"{path.name}: the file ends early ({error})") from error
        return None
    short_s = 0.0 if lossy else (declared - len(samples_TC)) / rate_hz
    if short_s > 0 or is_cut_short(path):
        raise ItemError(
            "truncated",
            f"{path.name}: {len(samples_TC) / rate_hz:.3f} s can be read, then the file ends before its header says",
        )
    return samples_TC, rate_hz


def _read_pyav(path: Path) -> tuple[Samples, int]:
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:  # a playlist fetches nothing
            if not container.streams.audio:
                raise ItemError("not_audio", f"{path.name}: has no sound track")
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            blocks, rate_hz, end_s = _decode(container, stream)
            declared_s = _declared_s(container, stream)
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = "truncated" if looks_like_media(path) else "not_audio"
        raise ItemError(reason, f"{path.name}: cannot be decoded ({_short(error)})") from error
    if not blocks:
        raise ItemError("truncated", f"{path.name}: the sound track has no decodable frame")
    if declared_s and end_s < declared_s - _GAP_S:
        raise ItemError("truncated", f"{path.name}: {end_s:.2f} s of {declared_s:.2f} s can be decoded")
    return np.concatenate(blocks), rate_hz


def _decode(container: Any, stream: Any) -> tuple[list[Samples], int, float]:
    """Returns blocks (T, C), the rate, and the end time; a track that starts late is padded to the start."""
    resampler = av.AudioResampler(format="fltp")
    origin_s = (container.start_time or 0) / av.time_base
    blocks: list[Samples] = []
    rate_hz = int(stream.rate)
    lead_s: float | None = None
    for decoded in container.decode(stream):
        if lead_s is None:
            lead_s = (decoded.time or 0.0) - origin_s
        for frame in resampler.resample(decoded):
            blocks.append(frame.to_ndarray().T.astype(np.float32))
            rate_hz = int(frame.sample_rate)
    lead = round((lead_s or 0.0) * rate_hz)
    if blocks and lead > 0:
        blocks.insert(0, np.zeros((lead, blocks[0].shape[1]), np.float32))
    return blocks, rate_hz, sum(len(block) for block in blocks) / rate_hz if blocks else 0.0


def _declared_s(container: Any, stream: Any) -> float:
    """Returns the length the header states for the track, 0 when it states none."""
    if stream.duration is None:
        return 0.0
    start_s = float((stream.start_time or 0) * (stream.time_base or Fraction(1)))
    return float(stream.duration * stream.time_base) + max(0.0, start_s - (container.start_time or 0) / av.time_base)


def _short(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return str(reason).split(":")[0].strip() or type(error).__name__
