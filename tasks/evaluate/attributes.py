"""Attributes of a clip that adverbs are judged by: event rate, level, brightness, reverberation, level trend.

Legend: T samples. Measured on the waveform, without a learned model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.evaluate.onsets import detect_onsets
from tasks.media.samples import Samples

AUDIBLE_DB: Final = -70.0  # the absolute gate of BS.1770
_BLOCK_S: Final = 0.4
_STEP_S: Final = 0.1
_TOP_S: Final = 2.0
_SILENT_DB: Final = -80.0
_DEPTH_DB: Final = 45.0
_ENOUGH: Final = 3  # events for a rate or a trend
_EARLY_S: Final = 0.1
_LATE_S: Final = 0.4
_FRAME: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is measured of one clip; the fields are named as in the `clip_scores` table."""

    onset_rate_hz: float
    level_db: float
    centroid_hz: float
    late_db: float
    slope_db_per_s: float


def measure(samples_T: Samples, rate_hz: int) -> Attributes:
    """Returns the attributes of a clip; silence has rate 0, level -80 dB and slope 0."""
    onsets = detect_onsets(samples_T, rate_hz)
    return Attributes(
        onset_rate_hz=onset_rate_hz(onsets, len(samples_T) / rate_hz),
        level_db=level_db(samples_T, rate_hz),
        centroid_hz=centroid_hz(samples_T, rate_hz),
        late_db=late_db(samples_T, rate_hz, onsets),
        slope_db_per_s=slope_db_per_s(samples_T, rate_hz, onsets),
    )


def onset_rate_hz(onsets_s: list[float], duration_s: float) -> float:
    """Returns events per second: one over the median gap, so that a pause does not count; with fewer than three events,
    their number over the duration."""
    if len(onsets_s) < _ENOUGH:
        return len(onsets_s) / duration_s
    return float(1 / np.median(np.diff(onsets_s)))


def level_db(samples_T: Samples, rate_hz: int) -> float:
    """Returns the mean level in dBFS of 0.4 s blocks, without those more than 10 dB below the mean of the audible ones
    (the gates of BS.1770, without its weighting filter)."""
    power = block_power(samples_T, rate_hz)
    audible = power[power > 10 ** (_SILENT_DB / 10)]
    if not len(audible):
        return _SILENT_DB
    return float(10 * np.log10(audible[audible > 0.1 * audible.mean()].mean()))


def centroid_hz(samples_T: Samples, rate_hz: int) -> float:
    """Returns the power-weighted mean frequency; 0 for silence."""
    power_F = np.abs(np.fft.rfft(_frames(samples_T) * np.hanning(_FRAME), axis=1)) ** 2
    total_F = power_F.sum(axis=0)
    if total_F.sum() <= 0:
        return 0.0
    return float(np.fft.rfftfreq(_FRAME, 1 / rate_hz) @ total_F / total_F.sum())


def late_db(samples_T: Samples, rate_hz: int, onsets_s: list[float]) -> float:
    """Returns the energy 100-400 ms after the onsets over that of the first 100 ms, in dB; 0 without onsets.

    More reverberation gives a higher value, as a lower direct-to-reverberant ratio would.
    """
    early = late = 0.0
    for onset_s in onsets_s:
        start, middle, end = (round((onset_s + s) * rate_hz) for s in (-0.01, _EARLY_S, _LATE_S))
        early += float(np.square(samples_T[max(0, start) : middle], dtype=np.float64).sum())
        late += float(np.square(samples_T[middle:end], dtype=np.float64).sum())
    return float(10 * np.log10((late + 1e-12) / (early + 1e-12))) if onsets_s else 0.0


def slope_db_per_s(samples_T: Samples, rate_hz: int, onsets_s: list[float]) -> float:
    """Returns the slope of a line through the events' levels; with fewer than three events, through the maxima over 2 s
    of the level in blocks."""
    if len(onsets_s) >= _ENOUGH:
        times, levels = np.asarray(onsets_s), _event_levels(samples_T, rate_hz, onsets_s)
    else:
        blocks = 10 * np.log10(block_power(samples_T, rate_hz) + 1e-12)
        width = min(len(blocks), round(_TOP_S / _STEP_S))
        levels = np.lib.stride_tricks.sliding_window_view(blocks, width).max(axis=1)
        times = np.arange(len(levels)) * _STEP_S
    keep = levels > max(_SILENT_DB, levels.max(initial=_SILENT_DB) - _DEPTH_DB)
    if keep.sum() < 2:
        return 0.0
    return float(np.polyfit(times[keep], levels[keep], 1)[0])


def _event_levels(samples_T: Samples, rate_hz: int, onsets_s: list[float]) -> npt.NDArray[np.float64]:
    """Returns the level in dB of the 100 ms that follow each onset."""
    starts = [max(0, round((onset_s - 0.01) * rate_hz)) for onset_s in onsets_s]
    length = round(0.1 * rate_hz)
    power = [float(np.square(samples_T[start : start + length], dtype=np.float64).sum()) / length for start in starts]
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.asarray(power) + 1e-12)
    return levels


def block_power(samples_T: npt.NDArray[np.floating], rate_hz: int) -> npt.NDArray[np.float64]:
    """Returns the mean power of blocks of 0.4 s, every 0.1 s; of a shorter clip that of one block, the rest silent."""
    block, step = round(_BLOCK_S * rate_hz), round(_STEP_S * rate_hz)
    total = np.concatenate([[0.0], np.cumsum(np.square(samples_T, dtype=np.float64))])
    starts = np.arange(0, max(1, len(samples_T) - block + 1), step)
    ends = np.minimum(starts + block, len(samples_T))
    power: npt.NDArray[np.float64] = np.maximum(total[ends] - total[starts], 0) / block
    return power


def _frames(samples_T: Samples) -> npt.NDArray[np.float64]:
    padded_T = np.pad(samples_T.astype(np.float64), (0, max(0, _FRAME - len(samples_T))))
    return np.lib.stride_tricks.sliding_window_view(padded_T, _FRAME)[:: _FRAME // 2]
