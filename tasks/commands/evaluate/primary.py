"""The metrics that decide which of two systems is better, as the user names them before looking at the results."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from data_contracts import UsageError
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.catalogue import METRICS

TESTED: Final = ("frechet", "kernel")
"""The measures of sets by which two systems are compared."""


def primary_metrics(asked: Sequence[str]) -> tuple[str, ...]:
    """Returns the metrics that decide, each once. Raises UsageError for one that no two systems are compared on."""
    directions = {name: metric.higher_is_better for name, metric in METRICS.items()}
    compared = [name for name, better in directions.items() if better is not None]
    compared += [name for name, column in COLUMN_OF.items() if column.is_per_clip or column.measure in TESTED]
    for name in asked:
        if name not in compared:
            near = get_close_matches(name, compared, 3, 0.4)
            known = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UsageError(f"--primary {name}: is no metric that two systems are compared on{known}")
    return tuple(dict.fromkeys(asked))
