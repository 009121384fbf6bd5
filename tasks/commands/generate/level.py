"""How loud generated audio is, and what a person should know before using it.

Legend: T samples, C channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from tasks.media.samples import Audio

NEARLY_SILENT_DBFS: Final = -50.0  # at a usual volume only the device's own noise is heard
FLOOR_DBFS: Final = -120.0  # of digital silence, which has no logarithm
FAR_DB: Final = 12.0  # a part that was made this much louder or quieter than what was given beside it is said
_NEAR_S: Final = 1.0  # on either side of a window


@dataclass(frozen=True, slots=True)
class OutputLevel:
    """RMS and peak of the file in dBFS, so at most 0; `over_db`: by how much the audio was over full scale before."""

    rms_dbfs: float
    peak_dbfs: float
    over_db: float = 0.0

    @classmethod
    def of(cls, audio: Audio) -> Self:
        """Measures audio, (T,) or (T, C), as it is written: clipped at full scale."""
        peak_dbfs = dbfs(float(np.abs(audio).max(initial=0.0)))
        return cls(dbfs(rms(np.clip(audio, -1.0, 1.0))), min(0.0, peak_dbfs), max(0.0, peak_dbfs))

    @property
    def line(self) -> str:
        """The level in words, e.g. `level -23.4 dBFS, peak -6.0 dBFS`."""
        if self.peak_dbfs <= FLOOR_DBFS:
            return "silent"
        return f"level {self.rms_dbfs:.1f} dBFS, peak {self.peak_dbfs:.1f} dBFS"

    def warnings(self) -> list[str]:
        """Returns what is wrong with the level, in words; nothing for audio that can be heard and is not clipped."""
        found = []
        if self.peak_dbfs <= FLOOR_DBFS:
            found.append("the audio is silent: not one sample differs from zero")
        elif self.rms_dbfs < NEARLY_SILENT_DBFS:
            found.append(f"the audio is nearly silent: its level is {self.rms_dbfs:.1f} dBFS")
        if self.over_db > 1e-3:
            found.append(f"the audio is {self.over_db:.1f} dB over full scale and is clipped")
        return found


@dataclass(frozen=True, slots=True)
class WindowLevel:
    """How much louder a generated window is than the audio around it, in dB; None where one of the two is silent."""

    louder_db: float | None

    @classmethod
    def of(cls, audio: Audio, start: int, stop: int, rate_hz: int) -> Self:
        """Compares samples [start, stop) of audio, (T,) or (T, C), with up to one second on either side."""
        window, around = rms(audio[start:stop]), rms(audio[near(len(audio), start, stop, rate_hz)])
        return cls(20 * math.log10(window / around) if min(window, around) > 0.0 else None)

    def warnings(self) -> list[str]:
        """Returns what is wrong, in words."""
        if self.louder_db is None or abs(self.louder_db) <= FAR_DB:
            return []
        word = "louder" if self.louder_db > 0 else "quieter"
        return [f"the generated window is {abs(self.louder_db):.0f} dB {word} than the audio around it"]


def describe_level(audio: Audio, window: tuple[int, int] | None, rate_hz: int) -> dict[str, Any]:
    """Returns what the sidecar says of the level of audio, (T,) or (T, C), as it is written: clipped at full scale.

    `window`: the samples [start, stop) of an edit or extension, compared with what is around them.
    """
    level = OutputLevel.of(audio)
    compared = WindowLevel.of(np.clip(audio, -1.0, 1.0), *window, rate_hz) if window else WindowLevel(None)
    return {
        "level_dbfs": round(level.rms_dbfs, 2),
        "peak_dbfs": round(level.peak_dbfs, 2),
        "window_louder_db": None if compared.louder_db is None else round(compared.louder_db, 2),
        "warnings": [*level.warnings(), *compared.warnings()],
    }


def near(length: int, start: int, stop: int, rate_hz: int) -> npt.NDArray[np.intp]:
    """Returns the samples outside of a window [start, stop) that are at most one second away from it."""
    reach = round(_NEAR_S * rate_hz)
    return np.r_[max(0, start - reach) : min(start, length), min(stop, length) : min(stop + reach, length)]


def rms(audio: Audio) -> float:
    """Returns the root mean square over all samples and channels; 0 for no samples."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if audio.size else 0.0


def dbfs(amplitude: float) -> float:
    """Returns an amplitude in dB of full scale, at least FLOOR_DBFS."""
    return max(FLOOR_DBFS, 20 * math.log10(max(amplitude, 1e-9)))
