"""Which table each stage of the pipeline writes. For code that reads tables and is below the stages' own modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data_contracts.contract import Row
from data_contracts.results import (
    ClipScore,
    Generated,
    Judgement,
    Score,
    TrainMetric,
)
from data_contracts.tables import (
    Augmented,
    Caption,
    Clip,
    FeatureRow,
    ManifestRow,
    Mined,
    Paraphrase,
)

STAGE_TABLES: Final[Mapping[str, type[Row]]] = {
    "ingest": Clip,
    "mine": Mined,
    "augment": Augmented,
    "recaption": Caption,
    "paraphrase": Paraphrase,
    "manifest": ManifestRow,
    "precompute": FeatureRow,
    "train": TrainMetric,
    "generate": Generated,
    "judge": Judgement,
    "score": ClipScore,
    "evaluate": Score,
}
"""Stage name -> row type of its table, in the pipeline's order. The report, which is last, writes no table."""


def stages_through(last: str) -> tuple[str, ...]:
    """Returns the names of the stages up to and including one. Raises ValueError for a stage without a table."""
    names = tuple(STAGE_TABLES)
    return names[: names.index(last) + 1]
