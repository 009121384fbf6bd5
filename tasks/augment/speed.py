"""Playback-speed change, as `sox speed`: pitch and duration both move. Source: SPEC A3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import sox

from data_contracts import ContractError
from tasks.audio_io import Samples
from tasks.augment.errors import effect_missing
from tasks.augment.measure import pitch_ratio

FASTER: Final = 1.3
SLOWER: Final = 0.7
LEVELS: Final = {
    "fast": {"very_fast": FASTER, "fast": None, "medium": SLOWER},
    "slow": {"medium": FASTER, "slow": None, "very_slow": SLOWER},
}
"""Side of the caption -> level -> playback factor; None is the original."""

_HEADROOM: Final = 0.5  # SoX works in integers: the resampler's overshoot must not clip
_CEILING: Final = 0.999
_DURATION_LAW_S: Final = 1e-3
_PITCH_LAW: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Recipe: `factor` 1.3 plays in 1/1.3 of the time."""

    factor: float

    def __post_init__(self) -> None:
        if not 0.25 <= self.factor <= 4.0:
            raise ContractError(f"speed factor {self.factor} is outside 0.25..4.0; the paper uses 1.3 and 0.7")


def change_speed(samples_T: Samples, rate_hz: int, recipe: Speed) -> Samples:
    """Returns the sound at another playback rate, same sample rate; lowered where it would pass full scale."""
    quieter_T = np.ascontiguousarray(samples_T * np.float32(_HEADROOM))
    transformer = sox.Transformer().speed(recipe.factor)
    played_T = np.asarray(transformer.build_array(input_array=quieter_T, sample_rate_in=rate_hz), np.float32).reshape(
        -1
    )
    louder_T: Samples = played_T / np.float32(_HEADROOM)
    return louder_T * np.float32(min(1.0, _CEILING / max(float(np.max(np.abs(louder_T), initial=0.0)), 1e-9)))


def measure_speed(before_T: Samples, after_T: Samples, rate_hz: int, recipe: Speed) -> dict[str, float]:
    """Returns the durations, their ratio and the pitch ratio.

    Raises ItemError effect_missing unless duration x factor is the original's within 1 ms and pitch moved by factor.
    """
    before_s, after_s = len(before_T) / rate_hz, len(after_T) / rate_hz
    error_s = abs(after_s - before_s / recipe.factor)
    if error_s > _DURATION_LAW_S:
        raise effect_missing("duration error in s", error_s, f"at most {_DURATION_LAW_S}")
    pitch = pitch_ratio(before_T, after_T)
    if abs(pitch / recipe.factor - 1) > _PITCH_LAW:
        raise effect_missing("pitch ratio", pitch, f"{recipe.factor:g} within {_PITCH_LAW:.0%}")
    return {
        "duration_before_s": round(before_s, 6),
        "duration_after_s": round(after_s, 6),
        "duration_ratio": round(after_s / before_s, 6),
        "pitch_ratio": round(pitch, 4),
    }
