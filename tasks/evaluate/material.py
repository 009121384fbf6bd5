"""Material right: is a clip recognised as made of the right material, by a classifier of real clips' MFCC?

The classifier has no weights of its own: it is fitted on the run's training clips, with their true audio. How often it
is right on true audio that it has not heard is the score of the system `truth`. Levels count from the clip's own
loudest moment, so a gain changes nothing, and only frames near that moment count, so that a recording's background does
not. Silent audio has no material.

Legend: T samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Self

import librosa
import numpy as np
import numpy.typing as npt

from tasks.evaluate.attributes import AUDIBLE_DB, level_db
from tasks.media.audio import resample
from tasks.media.samples import Samples

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

BACKEND: Final = (
    f"multinomial logistic regression (L2, scikit-learn {version('scikit-learn')}) on mean and deviation of 20 MFCC "
    "without the 0th, of frames within 25 dB of the loudest, fitted on the training clips' true audio; silent audio is "
    "wrong; no weights"
)
_FEWEST: Final = 3  # training clips of a material
_ITERATIONS: Final = 1000
_RATE_HZ: Final = 16_000
_N_FFT: Final = 1024
_HOP: Final = 320
_BANDS: Final = 64
_COUNT: Final = 20
_FRAMES_DB: Final = 25.0
_FLOOR_DB: Final = 60.0

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MaterialClassifier:
    """Names the material of a vector of MFCC statistics."""

    model: Pipeline

    @classmethod
    def fit(cls, vectors: Sequence[Vector | None], materials: Sequence[str]) -> Self | None:
        """Fits on real clips (`mfcc_statistics`) and their materials. Returns None with fewer than two materials.

        Silent clips are left out, then the materials with fewer than three clips.
        """
        from sklearn.linear_model import LogisticRegression  # scikit-learn takes a second to import
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        heard = [(vector, name) for vector, name in zip(vectors, materials, strict=True) if vector is not None]
        counts = Counter(name for _, name in heard)
        known = [(vector, name) for vector, name in heard if counts[name] >= _FEWEST]
        if len({name for _, name in known}) < 2:
            return None
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=_ITERATIONS))
        return cls(model.fit(np.stack([vector for vector, _ in known]), [name for _, name in known]))

    def knows(self, material: str | None) -> bool:
        """Whether the classifier can name the material."""
        return material in self.model.classes_

    def material(self, vector: Vector | None) -> str | None:
        """Returns the most likely material; None for silent audio."""
        return None if vector is None else str(self.model.predict(vector[None])[0])


def mfcc_statistics(samples_T: Samples, rate_hz: int) -> Vector | None:
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
