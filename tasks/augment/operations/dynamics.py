"""Crescendo and decrescendo: a loudness trend as by FFmpeg's `volume` filter, with the peak kept. Source: SPEC A5.

FFmpeg evaluates the gain once per frame of 5 ms and multiplies in 32-bit float. In process the same arithmetic is one
product; the two agree within 1 LSB of the 16-bit file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self, get_args

import numpy as np

from data_contracts import ContractError, ItemError
from tasks.augment.config import Curve
from tasks.augment.measure import Measured, effect_missing, gain_span_db, loudness_trend, peak_db, rms_db
from tasks.augment.programs import run_ffmpeg
from tasks.augment.recipe import Applied, AugmentContext, Recipe
from tasks.media.samples import Samples

_MIN_S: Final = 1.0  # a shorter trend sounds like one event
_FRAME_S: Final = 0.005  # gain steps of 20 dB / 8 s x 5 ms = 0.01 dB
_PEAK_TOLERANCE_DB: Final = 0.1
_TREND_DB: Final = 3.0
_MIN_SHARE: Final = 2 / 3
_SLIGHT_DB: Final = 16.0  # under it the level changes a little
_STRONG_DB: Final = 24.0  # from here on it changes a lot
_GAIN_TOLERANCE_DB: Final = 1.0
_MARGIN_DB: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics(Recipe):
    """Recipe: the level rises or falls by `span_db` from start to end, in dB along `curve`."""

    direction: Literal["crescendo", "decrescendo"]
    span_db: float
    curve: Curve = "straight"
    outdated_attributes: ClassVar[tuple[str, ...]] = ("volume", "level_db")

    def __post_init__(self) -> None:
        if self.direction not in ("crescendo", "decrescendo"):
            raise ContractError(f"dynamics direction {self.direction!r} is neither crescendo nor decrescendo")
        if not 3 <= self.span_db <= 60:
            raise ContractError(f"dynamics span {self.span_db} dB is outside 3..60")
        if self.curve not in get_args(Curve):
            raise ContractError(f"dynamics curve {self.curve!r} is none of {', '.join(get_args(Curve))}")

    @classmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:  # noqa: ARG003
        """Yields the one recipe of `crescendo` or `decrescendo`: span and curve are drawn from the settings' ranges."""
        direction: Literal["crescendo", "decrescendo"] = "crescendo" if variant == "crescendo" else "decrescendo"
        rng, curves = np.random.default_rng(seed), context.config.dynamics_curves
        span_db = round(float(rng.uniform(*context.config.dynamics_db)), 2)
        yield cls(direction=direction, span_db=span_db, curve=curves[int(rng.integers(len(curves)))])

    def degree(self) -> str:
        """Returns the degree by the span: `slight` under 16 dB, `strong` from 24 dB on."""
        if self.span_db < _SLIGHT_DB:
            return "slight"
        return "strong" if self.span_db >= _STRONG_DB else "plain"

    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:
        """Returns the audio with the trend and its original peak: the gain shapes, then one factor restores the peak.

        Raises ItemError `too_short` under one second.
        """
        duration_s = len(samples_T) / rate_hz
        if duration_s < _MIN_S:
            raise ItemError("too_short", f"{duration_s:.2f} s of audio; a {self.direction} needs {_MIN_S:g} s")
        shape = self._by_ffmpeg if context.config.backend == "tool" else self._in_process
        shaped_T = shape(samples_T, rate_hz, float(f"{duration_s:.9f}"))
        return shaped_T * np.float32(10 ** ((peak_db(samples_T) - peak_db(shaped_T)) / 20))

    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:  # noqa: ARG002
        """Returns the trend before and after, over what share of the length the result follows it, the gain's, and
        both peaks.

        Raises ItemError effect_missing unless the result itself rises (falls) by 3 dB, does so over two thirds of its
        length, the gain follows the recipe's span within 1 dB, and the peak is kept within 0.1 dB.
        """
        before_T, sign = applied.source_T, 1 if self.direction == "crescendo" else -1
        trend = loudness_trend(before_T, after_T)
        if sign * trend.after_db < _TREND_DB:
            own = f"; its own is {trend.before_db:.4g}"
            raise effect_missing("loudness trend in dB", trend.after_db, f"{sign * _TREND_DB:+g} or beyond{own}")
        share = trend.rising if sign > 0 else trend.falling
        if share < _MIN_SHARE:
            raise effect_missing(f"share of the length with a {self.direction}", share, f"at least {_MIN_SHARE:.4g}")
        gain = gain_span_db(before_T, after_T, self._course)
        if gain is not None and abs(gain - sign * self.span_db) > _GAIN_TOLERANCE_DB:
            wanted = f"{sign * self.span_db:+g} within {_GAIN_TOLERANCE_DB:g}"
            raise effect_missing("trend of the gain in dB", gain, wanted)
        peaks = peak_db(before_T), peak_db(after_T)
        if abs(peaks[1] - peaks[0]) > _PEAK_TOLERANCE_DB:
            raise effect_missing("peak change in dB", peaks[1] - peaks[0], f"at most {_PEAK_TOLERANCE_DB}")
        return {
            "trend_before_db": round(trend.before_db, 3),
            "trend_after_db": round(trend.after_db, 3),
            "trend_share": round(share, 3),
            "gain_trend_db": None if gain is None else round(gain, 3),
            "peak_before_db": round(peaks[0], 3),
            "peak_after_db": round(peaks[1], 3),
            "level_change_db": round(rms_db(after_T) - rms_db(before_T), 3),
        }

    def quiet_db(self, silence_db: float, source_T: Samples, after_T: Samples) -> float:  # noqa: ARG002
        """Returns the threshold, lower by the whole span: one end is lowered by it."""
        return silence_db - self.span_db - _MARGIN_DB

    def describe(self) -> str:
        """Returns direction, span and curve."""
        course = {"straight": "evenly", "late": "most of it late", "early": "most of it early"}[self.curve]
        return f"A {self.direction} of {self.span_db:g} dB from start to end, {course}; the peak stays."

    def _course(self, position: np.ndarray) -> np.ndarray:
        """Returns which share of the change is reached at positions 0 to 1."""
        if self.curve == "straight":
            return position
        return position**2 if self.curve == "late" else position * (2 - position)

    def _in_process(self, samples_T: Samples, rate_hz: int, duration_s: float) -> Samples:
        frame = _frame(rate_hz)
        count = -(-len(samples_T) // frame)
        reached = self._course(np.arange(count) * frame / rate_hz / duration_s)
        exponent = self.span_db * (reached - 1) if self.direction == "crescendo" else -self.span_db * reached
        gain_T = np.repeat(np.power(10.0, exponent / 20).astype(np.float32), frame)[: len(samples_T)]
        return np.asarray(samples_T * gain_T, np.float32)

    def _by_ffmpeg(self, samples_T: Samples, rate_hz: int, duration_s: float) -> Samples:
        position = f"(t/{duration_s:.9f})"
        reached = {"straight": position, "late": f"({position}*{position})", "early": f"({position}*(2-{position}))"}
        exponent = f"({reached[self.curve]}-1)" if self.direction == "crescendo" else f"(-{reached[self.curve]})"
        gain = f"pow(10,{self.span_db}*{exponent}/20)"
        return run_ffmpeg(
            samples_T,
            rate_hz,
            lambda stream: stream.filter("asetnsamples", n=_frame(rate_hz), p=0).filter(
                "volume", volume=gain, eval="frame"
            ),
        )


def _frame(rate_hz: int) -> int:
    return max(16, round(_FRAME_S * rate_hz))
