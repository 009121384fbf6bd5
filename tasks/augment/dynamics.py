"""Crescendo and decrescendo: a loudness trend as by FFmpeg's `volume` filter, with the peak kept. Source: SPEC A5.

FFmpeg evaluates the gain once per frame of 5 ms and multiplies in 32-bit float. In process the same arithmetic is one
product; the two agree within 1 LSB of the 16-bit file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from data_contracts import ContractError, ItemError
from tasks.augment.config import Backend
from tasks.augment.errors import effect_missing
from tasks.augment.ffmpeg_filter import run_filters
from tasks.augment.measure import gain_trend_db, loudness_trend_db, peak_db, rms_db
from tasks.media.samples import Samples

_MIN_S: Final = 1.0  # over less, a trend is heard as one event
_FRAME_S: Final = 0.005  # gain steps of 20 dB / 8 s x 5 ms = 0.01 dB
_PEAK_LAW_DB: Final = 0.1
_TREND_DB: Final = 3.0
_GAIN_LAW_DB: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """Recipe: the level rises or falls by `span_db` from start to end, a straight line in dB."""

    direction: Literal["crescendo", "decrescendo"]
    span_db: float

    def __post_init__(self) -> None:
        if not 3 <= self.span_db <= 60:
            raise ContractError(f"dynamics span {self.span_db} dB is outside 3..60")


def change_dynamics(samples_T: Samples, rate_hz: int, recipe: Dynamics, backend: Backend = "fast") -> Samples:
    """Returns the sound with the trend and its original peak: the gain shapes, then one factor restores the peak.

    Raises ItemError `too_short` under one second.
    """
    duration_s = len(samples_T) / rate_hz
    if duration_s < _MIN_S:
        raise ItemError("too_short", f"{duration_s:.2f} s of sound; a {recipe.direction} needs {_MIN_S:g} s")
    shape = _by_ffmpeg if backend == "tool" else _in_process
    shaped_T = shape(samples_T, rate_hz, recipe, float(f"{duration_s:.9f}"))
    return shaped_T * np.float32(10 ** ((peak_db(samples_T) - peak_db(shaped_T)) / 20))


def measure_dynamics(before_T: Samples, after_T: Samples, recipe: Dynamics) -> dict[str, float | None]:
    """Returns the trend of both sounds, of the gain between them, and both peaks.

    Raises ItemError effect_missing unless the result itself rises (falls) by 3 dB, the gain follows the recipe's span
    within 1 dB, and the peak is kept within 0.1 dB.
    """
    trend = loudness_trend_db(after_T)
    sign = 1 if recipe.direction == "crescendo" else -1
    if sign * trend < _TREND_DB:
        raise effect_missing("loudness trend in dB", trend, f"{sign * _TREND_DB:+g} or beyond")
    gain = gain_trend_db(before_T, after_T)
    if gain is not None and abs(gain - sign * recipe.span_db) > _GAIN_LAW_DB:
        raise effect_missing("trend of the gain in dB", gain, f"{sign * recipe.span_db:+g} within {_GAIN_LAW_DB:g}")
    peaks = peak_db(before_T), peak_db(after_T)
    if abs(peaks[1] - peaks[0]) > _PEAK_LAW_DB:
        raise effect_missing("peak change in dB", peaks[1] - peaks[0], f"at most {_PEAK_LAW_DB}")
    return {
        "trend_before_db": round(loudness_trend_db(before_T), 3),
        "trend_after_db": round(trend, 3),
        "gain_trend_db": None if gain is None else round(gain, 3),
        "peak_before_db": round(peaks[0], 3),
        "peak_after_db": round(peaks[1], 3),
        "level_change_db": round(rms_db(after_T) - rms_db(before_T), 3),
    }


def _frame(rate_hz: int) -> int:
    return max(16, round(_FRAME_S * rate_hz))


def _in_process(samples_T: Samples, rate_hz: int, recipe: Dynamics, duration_s: float) -> Samples:
    frame = _frame(rate_hz)
    count = -(-len(samples_T) // frame)
    position = np.arange(count) * frame / rate_hz / duration_s
    exponent = recipe.span_db * (position - 1) if recipe.direction == "crescendo" else -recipe.span_db * position
    gain_T = np.repeat(np.power(10.0, exponent / 20).astype(np.float32), frame)[: len(samples_T)]
    return np.asarray(samples_T * gain_T, np.float32)


def _by_ffmpeg(samples_T: Samples, rate_hz: int, recipe: Dynamics, duration_s: float) -> Samples:
    rising = recipe.direction == "crescendo"
    position = f"(t/{duration_s:.9f}{'-1' if rising else ''})"
    shape = f"pow(10,{'' if rising else '-'}{recipe.span_db}*{position}/20)"
    return run_filters(
        samples_T,
        rate_hz,
        lambda stream: stream.filter("asetnsamples", n=_frame(rate_hz), p=0).filter(
            "volume", volume=shape, eval="frame"
        ),
    )
