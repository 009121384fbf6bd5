"""Playback-speed change, as `sox speed`: pitch and duration both move. Source: SPEC A3.

`sox speed f` is resampling by SoX's rate effect. In process the same author's libsoxr does it: the same length, and the
difference at most two steps of the 16-bit file for what lies under 0.8 of the Nyquist rate before and after, at most 8
steps and 75 dB below the sound on recordings (most: one step), the first and last 8 samples aside, and 60 dB below
white noise up to Nyquist, the worst case. Tests hold it to that.

The paper's other reading, `tempo`, keeps the pitch; it always runs SoX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import sox
import soxr

from data_contracts import ContractError, ItemError, UsageError
from tasks.augment.config import Backend
from tasks.augment.errors import effect_missing
from tasks.augment.pitch import pitch_ratio, time_ratio
from tasks.media.samples import Samples

FACTORS: Final = {"faster": 1.3, "slower": 0.7}
"""Playback factor by the variant that `data_contracts.adverbs` names."""

_HEADROOM: Final = 0.5  # SoX works in integers: the resampler's overshoot must not clip
_CEILING: Final = 0.999
_DURATION_LAW_S: Final = 1e-3
_PITCH_LAW: Final = 0.02
_TIME_LAW: Final = 0.03
_MARGIN_S: Final = 0.05  # what the resampler looks ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Recipe: `factor` 1.3 plays in 1/1.3 of the time; `keeps_pitch` is SoX's tempo instead of its speed."""

    factor: float
    keeps_pitch: bool = False

    def __post_init__(self) -> None:
        if not 0.25 <= self.factor <= 4.0:
            raise ContractError(f"speed factor {self.factor} is outside 0.25..4.0; the paper uses 1.3 and 0.7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A sound at another speed (T,): the samples of the source that went in, and that came out before the cut."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    source_length: int
    played_length: int


def play(samples_T: Samples, rate_hz: int, recipe: Speed, *, max_s: float, backend: Backend = "fast") -> Played:
    """Returns the first `max_s` seconds of the sound at another speed; no more of the source is played than that."""
    longest = round(max_s * rate_hz)
    source_T = samples_T[: int(np.ceil((max_s + _MARGIN_S) * recipe.factor * rate_hz))]
    played_T = change_speed(source_T, rate_hz, recipe, backend)
    return Played(samples_T=played_T[:longest], source_length=len(source_T), played_length=len(played_T))


def change_speed(samples_T: Samples, rate_hz: int, recipe: Speed, backend: Backend = "fast") -> Samples:
    """Returns the sound at another playback rate, same sample rate; lowered where it would pass full scale."""
    if backend == "tool" or recipe.keeps_pitch:
        played_T = _by_sox(samples_T, rate_hz, recipe)
    else:
        played_T = soxr.resample(samples_T, rate_hz * recipe.factor, rate_hz, quality="HQ").astype(np.float32)
    peak = float(max(played_T.max(initial=0.0), -played_T.min(initial=0.0)))
    return played_T if peak <= _CEILING else played_T * np.float32(_CEILING / peak)


def measure_speed(
    before_T: Samples, after_T: Samples, rate_hz: int, recipe: Speed, played: Played
) -> dict[str, float | None]:
    """Returns durations, their ratio, and the ratios of pitch and time that the samples show (None: they do not say).

    `before_T` is the whole source, `after_T` what was written of `played`. Raises ItemError effect_missing unless
    duration x factor is the source's within 1 ms, and pitch and time, where the sound shows them, moved by the factor.
    """
    before_s, after_s = played.source_length / rate_hz, played.played_length / rate_hz
    error_s = abs(after_s - before_s / recipe.factor)
    if error_s > _DURATION_LAW_S:
        raise effect_missing("duration error in s", error_s, f"at most {_DURATION_LAW_S}")
    used_T = before_T[: round(len(after_T) * recipe.factor)]
    wanted_pitch = 1.0 if recipe.keeps_pitch else recipe.factor
    pitch = pitch_ratio(used_T, after_T, rate_hz)
    if pitch is not None and abs(pitch / wanted_pitch - 1) > _PITCH_LAW:
        raise effect_missing("pitch ratio", pitch, f"{wanted_pitch:g} within {_PITCH_LAW:.0%}")
    time = time_ratio(used_T, after_T, rate_hz)
    if time is not None and abs(time / recipe.factor - 1) > _TIME_LAW:
        raise effect_missing("time ratio", time, f"{recipe.factor:g} within {_TIME_LAW:.0%}")
    return {
        "duration_before_s": round(before_s, 6),
        "duration_after_s": round(after_s, 6),
        "duration_ratio": round(after_s / before_s, 6),
        "pitch_ratio": None if pitch is None else round(pitch, 4),
        "time_ratio": None if time is None else round(time, 4),
    }


def _by_sox(samples_T: Samples, rate_hz: int, recipe: Speed) -> Samples:
    quieter_T = np.ascontiguousarray(samples_T * np.float32(_HEADROOM))
    transformer = sox.Transformer()
    transformer = transformer.tempo(recipe.factor) if recipe.keeps_pitch else transformer.speed(recipe.factor)
    try:
        played_T = transformer.build_array(input_array=quieter_T, sample_rate_in=rate_hz)
    except FileNotFoundError as error:
        raise UsageError("sox is not installed; `apt-get install sox` (or your system's package)") from error
    except sox.SoxError as error:
        raise ItemError("tool_failed", f"sox: {str(error).strip().splitlines()[-1]}") from error
    return np.asarray(played_T, np.float32).reshape(-1) / np.float32(_HEADROOM)
