"""Clip scores to the score table: mean or median, n and a 95 % interval per case group, system and metric (SPEC E3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from data_contracts import ClipScore, Generated, ManifestRow, Score
from data_contracts.generation import CASE_GROUPS
from model.judges import JudgeSpec
from tasks.engine.workspace import seed_for
from tasks.evaluate.cells import clip_cell
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.catalogue import METRICS, MODEL, Metric
from tasks.evaluate.rows import score_row

Key = tuple[str, str, str, str | None]  # case group, metric, system, checkpoint


def clip_groups(generated: Iterable[Generated], manifest: Iterable[ManifestRow]) -> dict[str, str]:
    """Returns evaluation case -> group (object or recording) of the row that it was made from."""
    groups = {row.item_id: row.group_id for row in manifest}
    return {row.case_id: groups[row.parent_id] for row in generated}


def aggregate(
    rows: Sequence[ClipScore], groups: Mapping[str, str], judges: Mapping[str, JudgeSpec] = MappingProxyType({})
) -> list[Score]:
    """Returns one row per case group, metric, system and checkpoint, the model first. `groups`: as `clip_groups`.

    `judges`: what the judges are whose columns are among the metrics.
    """
    found: dict[Key, list[ClipScore]] = {}
    for row in rows:
        if row.metric in METRICS or row.metric in COLUMN_OF:
            found.setdefault((row.task, row.metric, row.system, row.checkpoint), []).append(row)
    metrics, tasks = [*METRICS, *COLUMN_OF], list(CASE_GROUPS)
    keys = sorted(found, key=lambda key: (tasks.index(key[0]), metrics.index(key[1]), key[2] != MODEL))
    return [_score(key, found[key], groups, judges) for key in keys]


def metric_named(name: str) -> Metric:
    """Returns the entry of a metric or of a judge's column."""
    column = COLUMN_OF.get(name)
    return METRICS[name] if column is None else column.metric


def _score(key: Key, rows: Sequence[ClipScore], groups: Mapping[str, str], judges: Mapping[str, JudgeSpec]) -> Score:
    task, metric, system, checkpoint = key
    values, owners = [row.value for row in rows], [groups[row.parent_id] for row in rows]
    names = [name for name in (task, metric, system, checkpoint) if name is not None]
    known, column = metric_named(metric), COLUMN_OF.get(metric)
    cell = clip_cell(known, values, owners, seed_for("bootstrap", *names))
    return score_row(
        cell,
        task=task,
        name=metric,
        metric=known,
        system=system,
        is_baseline=system != MODEL,
        checkpoint=checkpoint,
        judge=judges.get(column.judge) if column else None,
    )
