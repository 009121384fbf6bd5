"""Playback-speed change, as `sox speed`: pitch and duration both move. Source: SPEC A3.

`sox speed f` is resampling by SoX's rate effect. In process the same author's libsoxr does it: the same length, and the
difference at most two steps of the 16-bit file for what lies under 0.8 of the Nyquist rate before and after, at most 8
steps and 75 dB below the audio on recordings (most: one step), the first and last 8 samples aside, and 60 dB below
white noise up to Nyquist, the worst case. Tests check these limits.

The paper can also be read as `tempo`, which keeps the pitch; that always runs SoX.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
import soxr

from data_contracts import ContractError
from tasks.augment.measure import Measured, effect_missing
from tasks.augment.programs import run_sox
from tasks.augment.ratios import pitch_ratio, time_ratio
from tasks.augment.recipe import Applied, AugmentContext, Recipe
from tasks.media.samples import Samples

FACTORS: Final = {"faster": 1.3, "slower": 0.7}
"""Playback factor by the variant that `data_contracts.adverbs` names."""

_PEAK_LIMIT: Final = 0.999
_DURATION_TOLERANCE_S: Final = 1e-3
_PITCH_TOLERANCE: Final = 0.02
_TIME_TOLERANCE: Final = 0.03
_LOOK_AHEAD_S: Final = 0.05  # source that the resampler needs beyond the last sample it writes
_RESAMPLED_DB: Final = 6.0  # by how much band limiting may lower a lone sample at an end


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed(Recipe):
    """Recipe: `factor` 1.3 plays in 1/1.3 of the time; `keeps_pitch` is SoX's tempo instead of its speed."""

    factor: float
    keeps_pitch: bool = False
    outdated_attributes: ClassVar[tuple[str, ...]] = ("speed", "rate_hz")

    def __post_init__(self) -> None:
        if not 0.25 <= self.factor <= 4.0:
            raise ContractError(f"speed factor {self.factor} is outside 0.25..4.0; the paper uses 1.3 and 0.7")

    @classmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:  # noqa: ARG003
        """Yields the one recipe of `faster` or `slower`."""
        yield cls(factor=FACTORS[variant], keeps_pitch=context.config.speed_method == "tempo")

    def apply(self, source_T: Samples, rate_hz: int, context: AugmentContext) -> Applied:
        """Returns the first seconds at the new speed; no more of the source is played than they take.

        The end is as `AugmentContext.cut` makes it.
        """
        used_T = source_T[: int(np.ceil((context.longest_s + _LOOK_AHEAD_S) * self.factor * rate_hz))]
        played_T = self.change(used_T, rate_hz, context)
        return Applied(source_T=used_T, samples_T=context.cut(played_T, rate_hz), full_length=len(played_T))

    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:
        """Returns the audio at another playback rate, same sample rate; lowered where it would pass full scale."""
        if context.config.backend == "tool" or self.keeps_pitch:
            played_T = run_sox(samples_T, rate_hz, "tempo" if self.keeps_pitch else "speed", self.factor)
        else:
            played_T = soxr.resample(samples_T, rate_hz * self.factor, rate_hz, quality="HQ").astype(np.float32)
        peak = float(max(played_T.max(initial=0.0), -played_T.min(initial=0.0)))
        return played_T if peak <= _PEAK_LIMIT else played_T * np.float32(_PEAK_LIMIT / peak)

    def move_events(self, times_s: Sequence[float]) -> list[float]:
        """Returns the times divided by the factor."""
        return [time_s / self.factor for time_s in times_s]

    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:  # noqa: ARG002
        """Returns durations, their ratio, and the ratios of pitch and time that the samples show (None: they do not).

        Raises ItemError effect_missing unless duration x factor is the source's within 1 ms, and pitch and time, where
        the audio shows them, moved by the factor.
        """
        before_s, after_s = len(applied.source_T) / rate_hz, applied.full_length / rate_hz
        error_s = abs(after_s - before_s / self.factor)
        if error_s > _DURATION_TOLERANCE_S:
            raise effect_missing("duration error in s", error_s, f"at most {_DURATION_TOLERANCE_S}")
        before_T = applied.source_T[: round(len(after_T) * self.factor)]
        wanted_pitch = 1.0 if self.keeps_pitch else self.factor
        pitch = pitch_ratio(before_T, after_T, rate_hz)
        if pitch is not None and abs(pitch / wanted_pitch - 1) > _PITCH_TOLERANCE:
            raise effect_missing("pitch ratio", pitch, f"{wanted_pitch:g} within {_PITCH_TOLERANCE:.0%}")
        time = time_ratio(before_T, after_T, rate_hz)
        if time is not None and abs(time / self.factor - 1) > _TIME_TOLERANCE:
            raise effect_missing("time ratio", time, f"{self.factor:g} within {_TIME_TOLERANCE:.0%}")
        return {
            "duration_before_s": round(before_s, 6),
            "duration_after_s": round(after_s, 6),
            "duration_ratio": round(after_s / before_s, 6),
            "pitch_ratio": None if pitch is None else round(pitch, 4),
            "time_ratio": None if time is None else round(time, 4),
        }

    def quiet_db(self, silence_db: float, source_T: Samples, after_T: Samples) -> float:  # noqa: ARG002
        """Returns the threshold, lower by what resampling takes from a lone sample."""
        return silence_db - _RESAMPLED_DB

    def describe(self) -> str:
        """Returns the factor, and whether the pitch moved."""
        moves = "the length changes, the pitch stays" if self.keeps_pitch else "pitch and length change with it"
        return f"Played at {self.factor:g} times its speed: {moves}."
