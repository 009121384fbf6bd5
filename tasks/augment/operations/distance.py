"""Distance: near audio moved away, through the response of a simulated room. Source: SPEC A4.

The audio is convolved with the far source's response, on the scale on which the near source's direct sound is the
recording itself: so its level, its direct-to-reverberant ratio and its high frequencies all fall. The direct sound
keeps its time, so event times stay true.

As `tool` the convolution is scipy's in 64-bit float, the one pyroomacoustics uses; in process it is one 32-bit FFT,
equal within 1 LSB of the 16-bit file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import scipy.fft
from scipy import signal

from tasks.augment.config import AudioBackend
from tasks.augment.measure import Measured, effect_missing, octave_slope_db, peak_db, rms_db
from tasks.augment.recipe import Applied, AugmentContext, Recipe
from tasks.augment.room import Response, Room
from tasks.engine.workspace import seed_for
from tasks.media.samples import Samples
from tasks.media.silence import audible_span

_ROOMS: Final = 6  # at most this many are tried for one item
_TAIL_DB: Final = -60.0
_HALF_STEP_DB: Final = -96.3  # of 16 bits: below it samples are rounded to zero
_DROP_DB: Final = 6.0
_DARKER_DB: Final = -0.3
_SLIGHT_M: Final = 4.5  # up to here a source is a little further away
_STRONG_M: Final = 8.0  # from here on it is far in the distance
_REVERBERANT_DB: Final = 20.0  # by how much a lone sample at an end is darkened and spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(Recipe):
    """Recipe: a room with a microphone and a far source. Its JSON values are the room's."""

    room: Room
    outdated_attributes: ClassVar[tuple[str, ...]] = ("distance", "distance_m", "volume", "level_db")

    @classmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:  # noqa: ARG003
        """Yields up to six rooms: the tones of a bell, say, can fall on the resonances of one room, and then the bell
        is not darker there."""
        for number in range(_ROOMS):
            yield cls(room=context.rooms.draw(seed_for(str(seed), f"room-{number}"), rate_hz))

    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:
        """Returns the audio as it reaches the microphone from the far source, with its tail."""
        return move_away(samples_T, context.rooms.response(self.room, rate_hz), context.config.backend)

    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:
        """Returns level and spectral slope of the change, and the room's direct-to-reverberant ratios and T60.

        Raises ItemError effect_missing unless the level fell by 6 dB and the audio is darker by 0.3 dB per octave
        (where it has three octaves to judge by). Ratios and T60 were checked when the room was drawn.
        """
        before_T, response = applied.source_T, context.rooms.response(self.room, rate_hz)
        levels = rms_db(before_T), rms_db(after_T[: len(before_T)])
        if levels[1] > levels[0] - _DROP_DB:
            raise effect_missing("level change in dB", levels[1] - levels[0], f"at most -{_DROP_DB:g}")
        slope = octave_slope_db(before_T, after_T, rate_hz)
        if slope is not None and slope > _DARKER_DB:
            raise effect_missing("spectral change in dB per octave", slope, f"at most {_DARKER_DB:g}")
        return {
            "level_before_db": round(levels[0], 3),
            "level_after_db": round(levels[1], 3),
            "direct_to_reverberant_before_db": response.near_ratio_db,
            "direct_to_reverberant_after_db": response.far_ratio_db,
            "spectral_slope_per_octave_db": None if slope is None else round(slope, 3),
            "t60_s": response.t60_s,
        }

    def degree(self) -> str:
        """Returns the degree by the far source's distance: `slight` under 4.5 m, `strong` from 8 m on."""
        if self.room.far_m < _SLIGHT_M:
            return "slight"
        return "strong" if self.room.far_m >= _STRONG_M else "plain"

    def quiet_db(self, silence_db: float, source_T: Samples, after_T: Samples) -> float:
        """Returns the threshold, lower by what the peak lost and by what reverberation takes from a lone sample."""
        return silence_db + peak_db(after_T) - peak_db(source_T) - _REVERBERANT_DB

    def to_values(self) -> dict[str, Any]:
        """Returns the room's values."""
        return self.room.to_values()

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Rebuilds the recipe from a row's values. Raises ContractError when they describe no room."""
        return cls(room=Room.from_values(values))

    def record(self, measured: Measured) -> dict[str, Any]:
        """Returns the room's values with its measured T60 and ratio: the measured T60 is not exactly the drawn one."""
        found = {"room_t60_s": measured["t60_s"], "room_ratio_db": measured["direct_to_reverberant_after_db"]}
        return {**self.to_values(), **found}

    def describe(self) -> str:
        """Returns both distances and the size of the room."""
        size = " × ".join(f"{metres:.1f}" for metres in self.room.room_m)
        return f"Moved from {self.room.near_m:g} m to {self.room.far_m:g} m in a simulated room of {size} m."


def move_away(samples_T: Samples, response: Response, backend: AudioBackend = "fast") -> Samples:
    """Returns the audio as it reaches the microphone, with its tail; the direct sound stays where it was in time."""
    if backend == "tool":
        far_T = signal.fftconvolve(samples_T.astype(np.float64), response.far_T.astype(np.float64))
    else:
        far_T = _convolve(samples_T, response.far_T)
    return _without_silent_tail(far_T[response.lead :].astype(np.float32), len(samples_T))


def _convolve(samples_T: Samples, response_T: Samples) -> Samples:
    length = len(samples_T) + len(response_T) - 1
    count = scipy.fft.next_fast_len(length, real=True)
    spectrum = scipy.fft.rfft(np.asarray(samples_T, np.float32), count)
    spectrum *= scipy.fft.rfft(response_T, count)
    convolved_T: Samples = scipy.fft.irfft(spectrum, count)[:length]
    return convolved_T


def _without_silent_tail(far_T: Samples, least: int) -> Samples:
    """Cuts the tail where it has fallen 60 dB below the peak, or to nothing in 16 bits.

    Only the latter cuts into the source's own length, `least`.
    """
    tail = audible_span(far_T, peak_db(far_T) + _TAIL_DB)[1]
    audible = audible_span(far_T, _HALF_STEP_DB)[1] or least
    return far_T[: min(audible, max(least, tail))]
