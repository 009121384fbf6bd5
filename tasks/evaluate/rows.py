"""Rows of the score tables: a cell, or one clip's value, with what it belongs to. All tables are made of these."""

from __future__ import annotations

from data_contracts import ClipScore, Score
from model.judges import JudgeSpec
from tasks.evaluate.cells import Cell
from tasks.evaluate.metrics.catalogue import Metric


def score_row(
    cell: Cell,
    *,
    task: str,
    name: str,
    metric: Metric,
    system: str,
    is_baseline: bool,
    checkpoint: str | None = None,
    judge: JudgeSpec | None = None,
    seconds: float | None = None,
) -> Score:
    """Returns the row of a cell. `name`: of the metric; `judge`: whose outputs it is computed from; `seconds`: how much
    audio of the system was scored."""
    return Score(
        item_id="/".join(part for part in (task, name, system, checkpoint) if part),
        task=task,
        system=system,
        checkpoint=checkpoint,
        metric=name,
        value=cell.value,
        ci_low=cell.bounds[0],
        ci_high=cell.bounds[1],
        n=cell.n,
        n_groups=cell.n_groups,
        is_baseline=is_baseline,
        backend=metric.backend,
        higher_is_better=metric.higher_is_better,
        weights_sha256=judge.weights_sha256 if judge else None,
        rate_hz=judge.rate_hz if judge else None,
        seconds=round(seconds, 3) if seconds is not None and cell.n else None,
        n_reference=cell.n_reference,
        why_empty=cell.why_empty,
        n_seeds=cell.n_seeds,
        seed_sd=cell.seed_sd,
    )


def clip_row(name: str, value: float, *, clip: str, task: str, system: str, checkpoint: str | None = None) -> ClipScore:
    """Returns the row of one clip's value of the metric `name`."""
    return ClipScore(
        item_id="/".join(part for part in (clip, system, checkpoint, name) if part),
        parent_id=clip,
        task=task,
        system=system,
        checkpoint=checkpoint,
        metric=name,
        value=value,
    )
