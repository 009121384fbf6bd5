"""Material right: is a clip recognised as made of the right material, by a classifier of real clips' timbre?

The classifier has no weights of its own: it is fitted on the run's training clips, with their true audio. How often it
is right on true audio that it has not heard is the score of the system `truth`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from tasks.evaluate.timbre import FEATURES, Timbre, Vector

BACKEND: Final = (
    f"multinomial logistic regression (L2, scikit-learn {version('scikit-learn')}) on {FEATURES}, "
    "fitted on the training clips' true audio; silent audio is wrong; no weights"
)
_FEWEST: Final = 3  # training clips of a material
_ITERATIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class MaterialClassifier:
    """Names the material of a timbre vector."""

    timbre: Timbre
    model: LogisticRegression

    @classmethod
    def fit(cls, vectors: Sequence[Vector], materials: Sequence[str | None]) -> Self | None:
        """Fits on real clips and their materials, None where unknown. Returns None with fewer than two materials.

        A material with fewer than three clips is left out.
        """
        counts = Counter(name for name in materials if name is not None)
        known = [(v, m) for v, m in zip(vectors, materials, strict=True) if m is not None and counts[m] >= _FEWEST]
        if len({name for _, name in known}) < 2:
            return None
        timbre = Timbre.fit([vector for vector, _ in known])
        scaled = (np.stack([vector for vector, _ in known]) - timbre.mean) / timbre.deviation
        model = LogisticRegression(C=1.0, max_iter=_ITERATIONS)
        return cls(timbre, model.fit(scaled, [name for _, name in known]))

    def knows(self, material: str | None) -> bool:
        """Whether the classifier can name the material."""
        return material in self.model.classes_

    def material(self, vector: Vector | None) -> str | None:
        """Returns the most likely material; None for silent audio."""
        if vector is None:
            return None
        scaled = (vector - self.timbre.mean) / self.timbre.deviation
        return str(self.model.predict(scaled[None])[0])
