"""Clip scores to the score table: mean, n and a 95 % interval per task, system and metric (SPEC E3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_contracts import ClipScore, Generated, ManifestRow, Score
from data_contracts.generation import TASKS
from tasks.engine.workspace import seed_for
from tasks.evaluate.intervals import Bounds, mean_interval, share_interval
from tasks.evaluate.metrics import METRICS, MODEL


def clip_groups(generated: Iterable[Generated], manifest: Iterable[ManifestRow]) -> dict[str, str]:
    """Returns generated clip -> group (object or recording) of the row that it was made from."""
    groups = {row.item_id: row.group_id for row in manifest}
    return {row.item_id: groups[row.parent_id] for row in generated}


def aggregate(rows: Sequence[ClipScore], groups: Mapping[str, str]) -> list[Score]:
    """Returns one row per task, metric and system, the model first. `groups`: clip -> its group (`clip_groups`)."""
    found: dict[tuple[str, str, str], list[ClipScore]] = {}
    for row in rows:
        if row.metric in METRICS:
            found.setdefault((row.task, row.metric, row.system), []).append(row)
    metrics, tasks = list(METRICS), [*TASKS]
    keys = sorted(found, key=lambda key: (tasks.index(key[0]), metrics.index(key[1]), key[2] != MODEL))
    return [_score(key, found[key], groups) for key in keys]


def interval(metric: str, values: Sequence[float], groups: Sequence[str], seed: int) -> Bounds:
    """Returns the 95 % interval of a metric's mean: exact for shares, a bootstrap over groups otherwise."""
    return share_interval(values, groups) if METRICS[metric].is_share else mean_interval(values, groups, seed)


def _score(key: tuple[str, str, str], rows: Sequence[ClipScore], groups: Mapping[str, str]) -> Score:
    task, metric, system = key
    values, owners = [row.value for row in rows], [groups[row.parent_id] for row in rows]
    low, high = interval(metric, values, owners, seed_for("bootstrap", *key))
    return Score(
        item_id="/".join(key),
        task=task,
        system=system,
        metric=metric,
        value=float(np.mean(values)),
        ci_low=low,
        ci_high=high,
        n=len(values),
        n_groups=len(set(owners)),
        is_baseline=system != MODEL,
        backend=METRICS[metric].backend,
        higher_is_better=METRICS[metric].higher_is_better,
    )
