"""AdverbCheck: does generated audio do what its adverb says? By measured attributes, not a learned judge (SPEC A1, E2).

Each direction compares two clips generated from one caption and one seed, with opposite adverbs. The pair is right when
both clips are audible and the first exceeds the second by a margin. The margins let pass all pairs of the built-in
corpus and of the augmentation, but for the distance of metal, whose long ring masks the room; and nothing that only
differs in a property the adverb does not name. So two unrelated clips are right in fewer than half of the pairs.
"""

from __future__ import annotations

import math
from typing import Final

from data_contracts.adverbs import DIMENSIONS
from tasks.evaluate.attributes import AUDIBLE_DB, Attributes

DIRECTIONS: Final = {name: dimension.sides for name, dimension in DIMENSIONS.items()}
"""Direction: the side with more of the measure, the side with less."""
MARGINS: Final = {
    "speed": 0.25,  # octaves of the event rate
    "volume": 3.0,  # dB of level
    "distance": 0.2,  # about 1.2 dB of late energy, or 7 % of the centroid; level does not count
    "dynamics": 1.0,  # dB/s of the level's trend
}
CRITERIA: Final = {
    "speed": f"event rate, margin {MARGINS['speed']:g} octaves",
    "volume": f"level, margin {MARGINS['volume']:g} dB",
    "distance": f"brightness and early energy without level, margin {MARGINS['distance']:g}",
    "dynamics": f"trend of the level, margin {MARGINS['dynamics']:g} dB/s",
}
BACKEND: Final = f"measured attributes v2, both clips above {AUDIBLE_DB:g} dBFS, no weights"
_LOWEST_HZ: Final = 50.0


def is_right(direction: str, more: Attributes, less: Attributes) -> bool:
    """Tells whether `more` (fast, loud, near, crescendo) exceeds `less` in the direction, and both are audible."""
    if min(more.level_db, less.level_db) <= AUDIBLE_DB:
        return False
    return difference(direction, more, less) >= MARGINS[direction]


def difference(direction: str, more: Attributes, less: Attributes) -> float:
    """Returns by how much `more` exceeds `less`, in the units of `MARGINS`; 0 for speed when one has no events."""
    if direction == "speed":
        return _octaves(more.onset_rate_hz, less.onset_rate_hz)
    if direction == "volume":
        return more.level_db - less.level_db
    if direction == "distance":
        has_events = more.onset_rate_hz > 0 and less.onset_rate_hz > 0
        late_db = less.late_db - more.late_db if has_events else 0.0  # late energy counts from the onsets
        centroids = (max(clip.centroid_hz, _LOWEST_HZ) for clip in (more, less))
        return 2 * _octaves(*centroids) + late_db / 6
    return more.slope_db_per_s - less.slope_db_per_s


def _octaves(above: float, below: float) -> float:
    return math.log2(above / below) if above > 0 and below > 0 else 0.0
