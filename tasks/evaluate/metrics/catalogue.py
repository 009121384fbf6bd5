"""The metrics that need no judge: their names, how they are computed, and whether a higher value is better.

None needs pretrained networks; the metrics that do are the judges' columns (`tasks/evaluate/columns.py`). The paper's
names stand only for the paper's metrics (SPEC E1, E2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tasks.evaluate import adverbs, material, onset_sync_ap
from tasks.evaluate.metrics import quality
from tasks.evaluate.onsets import DETECTOR

MODEL: Final = "FoleyGenEx"
_EVENTS: Final = f"matched with the true event times, onsets by {DETECTOR}, no weights"

_SHARE: Final = (0.0, 1.0)
UNBOUNDED: Final = (-math.inf, math.inf)
"""The possible values of a metric that can be any number."""
_LEVEL: Final = "gated mean level (BS.1770's gates without its filter), no weights"


@dataclass(frozen=True, slots=True)
class Metric:
    """What computes a metric, and its better direction (None: best at the truth's value)."""

    backend: str
    higher_is_better: bool | None
    is_share: bool = False  # of clips for which something is true: values are 0 and 1
    is_median: bool = False  # of the clips, in place of their mean
    limits: tuple[float, float] | None = None  # the smallest and the largest value, where clips often have them
    possible: tuple[float, float] = UNBOUNDED  # of a metric without `limits`

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest possible value."""
        return _SHARE if self.is_share else self.limits or self.possible


QUALITY: Final[dict[str, Metric]] = {
    "lufs": Metric(
        "median of the integrated loudness (BS.1770-4), without silent clips; no weights", None, is_median=True
    ),
    "silent": Metric(f"{quality.SILENT}; no weights", False, is_share=True),
    "clipped": Metric(f"{quality.CLIPPED}; no weights", False, is_share=True),
    "duplicate": Metric(f"{quality.DUPLICATE}; no weights", False, is_share=True),
    "reference pasted": Metric(f"{quality.PASTED}; no weights", False, is_share=True),
}
"""What is wrong with the clips of a folder, whatever they should sound like."""

METRICS: Final[dict[str, Metric]] = {
    "EventF1@100ms": Metric(_EVENTS, True, limits=_SHARE),
    "EventF1@50ms": Metric(_EVENTS, True, limits=_SHARE),
    "EventOffset_s": Metric(f"mean |dt| of the events within 100 ms; {_EVENTS}", False, possible=(0.0, math.inf)),
    "OnsetSyncAP": Metric(onset_sync_ap.BACKEND, True, limits=_SHARE),
    "OnsetSyncAcc": Metric(f"share of target onsets hit; {onset_sync_ap.BACKEND}", True, limits=_SHARE),
    "Material right": Metric(material.BACKEND, True, is_share=True),
    "level_difference_db": Metric(f"median difference to the true audio; {_LEVEL}", None, is_median=True),
    "level_dbfs": Metric(f"median; {_LEVEL}", None, is_median=True),
    "AdverbCheck direction right": Metric(adverbs.BACKEND, True, is_share=True),
    **{
        f"AdverbCheck direction right: {'/'.join(sides)}": Metric(
            f"{adverbs.CRITERIA[direction]}; {adverbs.BACKEND}", True, is_share=True
        )
        for direction, sides in adverbs.DIRECTIONS.items()
    },
    **QUALITY,
}
"""In table order."""
