"""Silence removal at both ends, as FFmpeg's silenceremove; pauses inside stay. Source: SPEC A2.

`silenceremove` is used with a window of no length: a sample is audible when it is over the threshold itself. (Its usual
window of 20 ms takes the mean level instead, and so takes the first milliseconds of each attack with it; what it calls
a peak also differs between FFmpeg's versions.) In process the same is two array look-ups, equal sample for sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from data_contracts import ItemError
from tasks.augment.config import AudioBackend
from tasks.augment.programs import run_ffmpeg
from tasks.media.samples import Samples
from tasks.media.silence import audible_span

# silenceremove ignores audio that starts at the very first sample, and cuts to the next pause.
_PAD_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What is left (T,), and where in the original it began, in seconds."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    start_s: float


def trim_silence(samples_T: Samples, rate_hz: int, threshold_db: float, backend: AudioBackend = "fast") -> Trimmed:
    """Returns the audio from the first to the last sample over `threshold_db` (dBFS).

    Raises ItemError `silent` when there is none.
    """
    if backend == "tool":
        left_T = _by_ffmpeg(samples_T, rate_hz, threshold_db)
        start = _offset(samples_T, left_T) if len(left_T) else 0
    else:
        start, end = audible_span(samples_T, threshold_db)
        left_T = samples_T[start:end]
    if not len(left_T):
        raise ItemError("silent", f"no sample is over {threshold_db:g} dBFS")
    return Trimmed(samples_T=left_T, start_s=start / rate_hz)


def _by_ffmpeg(samples_T: Samples, rate_hz: int, threshold_db: float) -> Samples:
    padded_T = np.pad(samples_T, round(_PAD_S * rate_hz))
    return run_ffmpeg(padded_T, rate_hz, lambda stream: _both_ends(stream, threshold_db))


def _both_ends(stream: Any, threshold_db: float) -> Any:
    for _ in range(2):
        stream = stream.filter(
            "silenceremove", start_periods=1, start_threshold=f"{threshold_db}dB", detection="peak", window=0
        ).filter("areverse")
    return stream


def _offset(samples_T: Samples, left_T: Samples) -> int:
    """Returns where `left_T`, a slice of `samples_T`, begins."""
    last = len(samples_T) - len(left_T)
    for start in np.flatnonzero(samples_T[: last + 1] == left_T[0]):
        if np.array_equal(samples_T[start : start + len(left_T)], left_T):
            return int(start)
    raise ItemError("tool_failed", "silenceremove returned samples that are not part of the audio")
