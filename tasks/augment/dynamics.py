"""Crescendo and decrescendo: a loudness trend by FFmpeg's `volume` filter, with the peak kept. Source: SPEC A5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from data_contracts import ContractError, ItemError
from tasks.audio_io import Samples
from tasks.augment.errors import effect_missing
from tasks.augment.ffmpeg_filter import run_filters
from tasks.augment.measure import loudness_trend_db, peak_db

_MIN_S: Final = 1.0  # over less, a trend is heard as one event
_FRAME_S: Final = 0.005  # gain steps of 20 dB / 8 s x 5 ms = 0.01 dB
_PEAK_LAW_DB: Final = 0.1
_TREND_DB: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """Recipe: the level rises or falls by `span_db` from start to end, a straight line in dB."""

    direction: Literal["crescendo", "decrescendo"]
    span_db: float

    def __post_init__(self) -> None:
        if not 3 <= self.span_db <= 60:
            raise ContractError(f"dynamics span {self.span_db} dB is outside 3..60")


def change_dynamics(samples_T: Samples, rate_hz: int, recipe: Dynamics) -> Samples:
    """Returns the sound with the trend and its original peak: FFmpeg shapes, then one factor restores the peak.

    Raises ItemError `too_short` under one second.
    """
    duration_s = len(samples_T) / rate_hz
    if duration_s < _MIN_S:
        raise ItemError("too_short", f"{duration_s:.2f} s of sound; a {recipe.direction} needs {_MIN_S:g} s")
    rising = recipe.direction == "crescendo"
    position = f"(t/{duration_s:.9f}{'-1' if rising else ''})"
    shape = f"pow(10,{'' if rising else '-'}{recipe.span_db}*{position}/20)"
    frame = max(16, round(_FRAME_S * rate_hz))
    shaped_T = run_filters(
        samples_T,
        rate_hz,
        lambda stream: stream.filter("asetnsamples", n=frame, p=0).filter("volume", volume=shape, eval="frame"),
    )
    return shaped_T * np.float32(10 ** ((peak_db(samples_T) - peak_db(shaped_T)) / 20))


def measure_dynamics(before_T: Samples, after_T: Samples, recipe: Dynamics) -> dict[str, float]:
    """Returns trend and peak, before and after.

    Raises ItemError effect_missing unless the result itself rises (falls) by 3 dB and the peak is kept within 0.1 dB.
    """
    trend = loudness_trend_db(after_T)
    sign = 1 if recipe.direction == "crescendo" else -1
    if sign * trend < _TREND_DB:
        raise effect_missing("loudness trend in dB", trend, f"{sign * _TREND_DB:+g} or beyond")
    peaks = peak_db(before_T), peak_db(after_T)
    if abs(peaks[1] - peaks[0]) > _PEAK_LAW_DB:
        raise effect_missing("peak change in dB", peaks[1] - peaks[0], f"at most {_PEAK_LAW_DB}")
    return {
        "trend_before_db": round(loudness_trend_db(before_T), 3),
        "trend_after_db": round(trend, 3),
        "peak_before_db": round(peaks[0], 3),
        "peak_after_db": round(peaks[1], 3),
        "level_change_db": round(float(10 * np.log10(_power(after_T) / _power(before_T))), 3),
    }


def _power(samples_T: Samples) -> float:
    return float(np.mean(np.square(samples_T, dtype=np.float64))) + 1e-12
