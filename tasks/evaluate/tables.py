"""Clip scores to the score table: mean or median, n and a 95 % interval per case group, system and metric (SPEC E3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from data_contracts import ClipScore, Generated, ManifestRow, Score
from data_contracts.generation import CASE_GROUPS
from model.judges import JudgeSpec
from tasks.engine.workspace import seed_for
from tasks.evaluate.cells import Cell
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.catalogue import METRICS, MODEL, Metric
from tasks.evaluate.rows import score_row
from tasks.evaluate.seeds import NO_SHARED_CLIP, clip_cell_over_seeds

Key = tuple[str, str, str, str | None]  # case group, metric, system, checkpoint


def clip_groups(generated: Iterable[Generated], manifest: Iterable[ManifestRow]) -> dict[str, str]:
    """Returns evaluation case -> group (object or recording) of the row that it was made from."""
    groups = {row.item_id: row.group_id for row in manifest}
    return {row.case_id: groups[row.parent_id] for row in generated}


def case_seeds(generated: Iterable[Generated]) -> dict[str, tuple[str, int]]:
    """Returns evaluation case -> the case of the first seed that it repeats, or itself, and the number of its seed."""
    return {row.case_id: (row.repeats or row.case_id, row.seed_number) for row in generated}


def case_seconds(generated: Iterable[Generated]) -> dict[str, float]:
    """Returns evaluation case -> seconds of its scored part."""
    return {row.case_id: row.scored_to_s - row.scored_from_s for row in generated}


def aggregate(
    rows: Sequence[ClipScore],
    groups: Mapping[str, str],
    judges: Mapping[str, JudgeSpec] = MappingProxyType({}),
    seeds: Mapping[str, tuple[str, int]] = MappingProxyType({}),
    seconds: Mapping[str, float] = MappingProxyType({}),
) -> list[Score]:
    """Returns one row per case group, metric, system and checkpoint, the model first. `groups`: as `clip_groups`.

    `judges`: what the judges are whose columns are among the metrics. `seeds`: as `case_seeds`; without them every case
    is of one seed. `seconds`: as `case_seconds`; without them the rows do not say how much audio was scored.
    """
    found: dict[Key, list[ClipScore]] = {}
    for row in rows:
        if row.metric in METRICS or row.metric in COLUMN_OF:
            found.setdefault((row.task, row.metric, row.system, row.checkpoint), []).append(row)
    metrics, tasks = [*METRICS, *COLUMN_OF], list(CASE_GROUPS)
    keys = sorted(found, key=lambda key: (tasks.index(key[0]), metrics.index(key[1]), key[2] != MODEL))
    return [_score(key, found[key], groups, judges, seeds, seconds) for key in keys]


def metric_named(name: str) -> Metric:
    """Returns the entry of a metric or of a judge's column."""
    column = COLUMN_OF.get(name)
    return METRICS[name] if column is None else column.metric


def _score(
    key: Key,
    rows: Sequence[ClipScore],
    groups: Mapping[str, str],
    judges: Mapping[str, JudgeSpec],
    seeds: Mapping[str, tuple[str, int]],
    seconds: Mapping[str, float],
) -> Score:
    task, metric, system, checkpoint = key
    runs: dict[int, dict[str, float]] = {}
    owners: dict[str, str] = {}
    for row in rows:
        case, number = seeds.get(row.parent_id, (row.parent_id, 0))
        runs.setdefault(number, {})[case] = row.value
        owners[case] = groups[row.parent_id]
    names = [name for name in (task, metric, system, checkpoint) if name is not None]
    known, column = metric_named(metric), COLUMN_OF.get(metric)
    cell = clip_cell_over_seeds(known, list(runs.values()), owners, seed_for("bootstrap", *names))
    lengths_s = [seconds[row.parent_id] for row in rows if row.parent_id in seconds]
    return score_row(
        cell or Cell(why_empty=NO_SHARED_CLIP),
        task=task,
        name=metric,
        metric=known,
        system=system,
        is_baseline=system != MODEL,
        checkpoint=checkpoint,
        judge=judges.get(column.judge) if column else None,
        seconds=fmean(lengths_s) * cell.n if cell and lengths_s else None,
    )
