"""AdverbCheck: does generated audio do what its adverb says? By measured attributes, not a learned judge (SPEC A1, E2).

Each direction compares two clips generated from one caption and one seed, with opposite adverbs.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from data_contracts.adverbs import DIMENSIONS
from tasks.evaluate.attributes import Attributes

DIRECTIONS: Final = {name: dimension.sides for name, dimension in DIMENSIONS.items()}
"""Direction: the side with more of the measure, the side with less."""
MEASURES: Final = {
    "speed": "onset_rate_hz",
    "volume": "level_db",
    "distance": "nearness",
    "dynamics": "slope_db_per_s",
}
BACKEND: Final = "measured attributes v1, no weights"


def nearness(attributes: Attributes) -> float:
    """Returns level, brightness and directness, each in steps that distance changes about equally."""
    octaves = float(np.log2(max(attributes.centroid_hz, 50.0)))
    return attributes.level_db / 6 + 2 * octaves - attributes.late_db / 6


def is_right(direction: str, more: Attributes, less: Attributes) -> bool:
    """Tells whether the clip of the first side (fast, loud, near, crescendo) measures more than that of the other."""
    if direction == "distance":
        return nearness(more) > nearness(less)
    return bool(getattr(more, MEASURES[direction]) > getattr(less, MEASURES[direction]))
