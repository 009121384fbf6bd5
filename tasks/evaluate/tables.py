"""Clip scores to the score table: mean, n and a bootstrap interval per task, system and metric (SPEC E3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from data_contracts import ClipScore, Score
from data_contracts.generation import TASKS
from tasks.engine.workspace import seed_for
from tasks.evaluate.metrics import METRICS, MODEL

_RESAMPLES: Final = 2000


def aggregate(rows: Sequence[ClipScore]) -> list[Score]:
    """Returns one row per task, metric and system; the model first. `is_baseline`: every system but the model."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if row.metric in METRICS:
            values.setdefault((row.task, row.metric, row.system), []).append(row.value)
    metrics, tasks = list(METRICS), [*TASKS]
    keys = sorted(values, key=lambda key: (tasks.index(key[0]), metrics.index(key[1]), key[2] != MODEL))
    return [_score(key, values[key]) for key in keys]


def bootstrap(values: Sequence[float], seed: int) -> tuple[float, float] | tuple[None, None]:
    """Returns the 95 % interval of the mean over resampled clips; (None, None) for fewer than two clips."""
    if len(values) < 2:
        return None, None
    rng = np.random.default_rng(seed)
    samples = np.asarray(values)[rng.integers(0, len(values), (_RESAMPLES, len(values)))]
    low, high = np.quantile(samples.mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _score(key: tuple[str, str, str], values: Sequence[float]) -> Score:
    task, metric, system = key
    low, high = bootstrap(values, seed_for("bootstrap", *key))
    return Score(
        item_id="/".join(key),
        task=task,
        system=system,
        metric=metric,
        value=float(np.mean(values)),
        ci_low=low,
        ci_high=high,
        n=len(values),
        is_baseline=system != MODEL,
        backend=METRICS[metric].backend,
        higher_is_better=METRICS[metric].higher_is_better,
    )
