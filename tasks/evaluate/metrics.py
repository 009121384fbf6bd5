"""The metrics of the score tables: name, what computes it, and which way is better.

None carries a paper metric's name unless it is that metric: FD_VGG, IS, CLAP, IB-score, KL and DeSync need weights that
this release does not load, and are not computed (SPEC E1, E2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tasks.evaluate import adverbs, onset_sync_ap, timbre
from tasks.evaluate.onsets import DETECTOR

MODEL: Final = "FoleyGenEx"
_EVENTS: Final = f"matched with the true event times, onsets by {DETECTOR}, no weights"


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is to be read."""

    backend: str
    higher_is_better: bool


METRICS: Final[dict[str, Metric]] = {
    "EventF1@100ms": Metric(_EVENTS, True),
    "EventF1@50ms": Metric(_EVENTS, True),
    "EventOffset_s": Metric(f"mean |dt| of the events within 100 ms; {_EVENTS}", False),
    "OnsetSyncAP": Metric(onset_sync_ap.BACKEND, True),
    "OnsetSyncAcc": Metric(f"share of target onsets hit; {onset_sync_ap.BACKEND}", True),
    "MFCC-cos": Metric(timbre.BACKEND, True),
    "AdverbCheck direction right": Metric(adverbs.BACKEND, True),
    **{
        f"AdverbCheck direction right: {'/'.join(sides)}": Metric(
            f"{adverbs.MEASURES[direction]}; {adverbs.BACKEND}", True
        )
        for direction, sides in adverbs.DIRECTIONS.items()
    },
}
"""In the order of the tables."""
