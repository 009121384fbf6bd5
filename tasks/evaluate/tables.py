"""Clip scores to the score table: mean or median, n and a 95 % interval per case group, system and metric (SPEC E3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_contracts import ClipScore, Generated, ManifestRow, Score
from data_contracts.generation import CASE_GROUPS
from tasks.engine.workspace import seed_for
from tasks.evaluate.intervals import Bounds, mean_interval, median_interval, share_interval
from tasks.evaluate.metrics.catalogue import METRICS, MODEL

Key = tuple[str, str, str, str | None]  # case group, metric, system, checkpoint


def clip_groups(generated: Iterable[Generated], manifest: Iterable[ManifestRow]) -> dict[str, str]:
    """Returns evaluation case -> group (object or recording) of the row that it was made from."""
    groups = {row.item_id: row.group_id for row in manifest}
    return {row.case_id: groups[row.parent_id] for row in generated}


def aggregate(rows: Sequence[ClipScore], groups: Mapping[str, str]) -> list[Score]:
    """Returns one row per case group, metric, system and checkpoint, the model first. `groups`: as `clip_groups`."""
    found: dict[Key, list[ClipScore]] = {}
    for row in rows:
        if row.metric in METRICS:
            found.setdefault((row.task, row.metric, row.system, row.checkpoint), []).append(row)
    metrics, tasks = list(METRICS), list(CASE_GROUPS)
    keys = sorted(found, key=lambda key: (tasks.index(key[0]), metrics.index(key[1]), key[2] != MODEL))
    return [_score(key, found[key], groups) for key in keys]


def interval(metric: str, values: Sequence[float], groups: Sequence[str], seed: int) -> Bounds:
    """Returns the 95 % interval of a metric: exact for shares, a bootstrap over groups otherwise."""
    if METRICS[metric].is_share:
        return share_interval(values, groups)
    if METRICS[metric].is_median:
        return median_interval(values, groups, seed)
    return mean_interval(values, groups, seed, METRICS[metric].limits)


def _score(key: Key, rows: Sequence[ClipScore], groups: Mapping[str, str]) -> Score:
    task, metric, system, checkpoint = key
    values, owners = [row.value for row in rows], [groups[row.parent_id] for row in rows]
    names = [name for name in (task, metric, system, checkpoint) if name is not None]
    low, high = interval(metric, values, owners, seed_for("bootstrap", *names))
    return Score(
        item_id="/".join(names),
        task=task,
        system=system,
        checkpoint=checkpoint,
        metric=metric,
        value=float(np.median(values) if METRICS[metric].is_median else np.mean(values)),
        ci_low=low,
        ci_high=high,
        n=len(values),
        n_groups=len(set(owners)),
        is_baseline=system != MODEL,
        backend=METRICS[metric].backend,
        higher_is_better=METRICS[metric].higher_is_better,
    )
