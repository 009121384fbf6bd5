"""Silence removal at both ends, by FFmpeg's silenceremove; pauses inside stay. Source: SPEC A2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from data_contracts import ItemError
from tasks.audio_io import Samples
from tasks.augment.ffmpeg_filter import run_filters

# silenceremove takes a sound that starts at the very first sample for no start at all, and cuts to the next pause.
_PAD_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimSilence:
    """Recipe: everything before the first and after the last sample over `threshold_db` (dBFS) goes."""

    threshold_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What is left (T,), and where in the original it began, in seconds."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    offset_s: float


def trim_silence(samples_T: Samples, rate_hz: int, recipe: TrimSilence) -> Trimmed:
    """Returns the sound without leading and trailing silence. Raises ItemError `silent` when nothing is left."""
    padded_T = np.pad(samples_T, round(_PAD_S * rate_hz))
    left_T = run_filters(padded_T, rate_hz, lambda stream: _both_ends(stream, recipe.threshold_db))
    if not len(left_T):
        raise ItemError("silent", f"no sample is over {recipe.threshold_db:g} dBFS")
    return Trimmed(samples_T=left_T, offset_s=_offset(samples_T, left_T) / rate_hz)


def _both_ends(stream: Any, threshold_db: float) -> Any:
    for _ in range(2):
        stream = stream.filter(
            "silenceremove", start_periods=1, start_threshold=f"{threshold_db}dB", detection="peak"
        ).filter("areverse")
    return stream


def _offset(samples_T: Samples, left_T: Samples) -> int:
    """Returns where `left_T`, a slice of `samples_T`, begins."""
    last = len(samples_T) - len(left_T)
    for start in np.flatnonzero(samples_T[: last + 1] == left_T[0]):
        if np.array_equal(samples_T[start : start + len(left_T)], left_T):
            return int(start)
    raise ItemError("tool_failed", "silenceremove returned samples that are not a part of the sound")
