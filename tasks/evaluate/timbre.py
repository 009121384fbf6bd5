"""Timbre-cos: how alike two clips are in timbre, whatever their levels. It is neither CLAP_A nor Resemblyzer (SPEC E2).

Levels count from the clip's own loudest moment, so a change of gain changes nothing, and only frames near that moment
count, so that a recording's background does not. Silent audio resembles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import librosa
import numpy as np
import numpy.typing as npt

from tasks.evaluate.attributes import AUDIBLE_DB, level_db
from tasks.media.audio import resample
from tasks.media.samples import Samples

FEATURES: Final = "mean and deviation of 20 MFCC without the 0th, of frames within 25 dB of the loudest"
BACKEND: Final = f"cosine of {FEATURES}, z-scored over real clips; silent audio: -1; no weights"
UNLIKE: Final = -1.0
_RATE_HZ: Final = 16_000
_N_FFT: Final = 1024
_HOP: Final = 320
_BANDS: Final = 64
_COUNT: Final = 20
_FRAMES_DB: Final = 25.0
_FLOOR_DB: Final = 60.0

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timbre:
    """Mean and deviation of the timbre vectors of a set of real clips; both sides are z-scored by them."""

    mean: Vector
    deviation: Vector

    @classmethod
    def fit(cls, vectors: Sequence[Vector]) -> Self:
        """Fits the z-score on real clips' vectors."""
        stacked = np.stack(list(vectors))
        return cls(stacked.mean(axis=0), stacked.std(axis=0) + 1e-6)

    def cosine(self, first: Vector | None, second: Vector | None) -> float:
        """Returns the cosine of two z-scored vectors, -1..1; about 0 for unrelated clips, -1 where one is silent."""
        if first is None or second is None:
            return UNLIKE
        a, b = (first - self.mean) / self.deviation, (second - self.mean) / self.deviation
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def timbre_vector(samples_T: Samples, rate_hz: int) -> Vector | None:
    """Returns (40,): mean and deviation of 20 MFCC over the frames near the loudest one, without the 0th (the level).

    None for audio that is silent: at most `AUDIBLE_DB`.
    """
    if level_db(samples_T, rate_hz) <= AUDIBLE_DB:
        return None
    audio_T = resample(samples_T, rate_hz, _RATE_HZ)
    padded_T = np.pad(audio_T, (0, max(0, _N_FFT - len(audio_T))))
    spectrum = librosa.stft(padded_T, n_fft=_N_FFT, hop_length=_HOP)
    power = _mel_basis() @ (spectrum.real**2 + spectrum.imag**2)
    decibels = 10 * np.log10(np.maximum(power / power.max(), 10 ** (-_FLOOR_DB / 10)))
    near = decibels[:, decibels.max(axis=0) >= -_FRAMES_DB]
    mfcc = librosa.feature.mfcc(S=near, n_mfcc=_COUNT + 1)[1:]
    vector: Vector = np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)]).astype(np.float64)
    return vector


@cache
def _mel_basis() -> npt.NDArray[np.float32]:
    return np.asarray(librosa.filters.mel(sr=_RATE_HZ, n_fft=_N_FFT, n_mels=_BANDS), np.float32)
