"""MFCC-cos: how alike two clips are in timbre. It is neither CLAP_A nor Resemblyzer (SPEC E2).

What fools it: quiet audio. `_FLOOR` is an absolute power, so the quieter a clip is, the more of its spectrum lies on
the floor and the more it resembles any other quiet clip, silence included; a trained model, the codec's round trip and
silence can score alike. Compare values only between clips of similar level, and always beside the baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import librosa
import numpy as np
import numpy.typing as npt

from tasks.media.audio import resample
from tasks.media.samples import Samples

BACKEND: Final = "mean and deviation of 20 MFCC, z-scored over the real test clips, no weights"
_RATE_HZ: Final = 16_000
_COUNT: Final = 20
_QUIET_DB: Final = 50.0
_FLOOR: Final = 1e-9

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timbre:
    """Mean and deviation of the MFCC vectors of a set of real clips; both sides are z-scored by them."""

    mean: Vector
    deviation: Vector

    @classmethod
    def fit(cls, vectors: Sequence[Vector]) -> Self:
        """Fits the z-score on real clips' vectors."""
        stacked = np.stack(list(vectors))
        return cls(stacked.mean(axis=0), stacked.std(axis=0) + 1e-6)

    def cosine(self, first: Vector, second: Vector) -> float:
        """Returns the cosine of two z-scored vectors, -1..1; about 0 for unrelated clips."""
        a, b = (first - self.mean) / self.deviation, (second - self.mean) / self.deviation
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def mfcc_vector(samples_T: Samples, rate_hz: int) -> Vector:
    """Returns (40,): mean and deviation of 20 MFCC over the audible frames, without the first (the level)."""
    audio_T = resample(samples_T, rate_hz, _RATE_HZ)
    power = librosa.feature.melspectrogram(y=audio_T, sr=_RATE_HZ, n_fft=1024, hop_length=320, n_mels=64)
    level_db = 10 * np.log10(power + _FLOOR)
    loudness = level_db.max(axis=0)
    audible = level_db[:, loudness > loudness.max() - _QUIET_DB]
    mfcc = librosa.feature.mfcc(S=audible, n_mfcc=_COUNT + 1)[1:]
    vector: Vector = np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1)]).astype(np.float64)
    return vector
